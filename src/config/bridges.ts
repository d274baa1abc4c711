import { bridgeRows, memberRows, portRows } from "./bridge-rows.ts";
import type { BridgeConfig, PortConfig, TunnelConfig } from "./config.ts";
import type { RawBridge, RawConfig, RawPort } from "./fields.ts";
import { buildFields } from "./rows.ts";

/** The bridges of a configuration: those of `bridges:`, and others that circuits name. */
export function bridgesOf(
  declared: RawConfig["bridges"],
  tunnels: readonly TunnelConfig[],
): readonly BridgeConfig[] {
  const own = Object.entries(declared).map(([name, raw]) => bridgeOf(name, raw));
  return [...own, ...impliedBridges(own, tunnels)];
}

/** Bridges that circuits name and the file does not describe: they exist, and stay as they are. */
export function impliedBridges(
  declared: readonly BridgeConfig[],
  tunnels: readonly TunnelConfig[],
): readonly BridgeConfig[] {
  const known = new Set(declared.map(({ name }) => name));
  const named = tunnels.flatMap(({ pseudowires }) => pseudowires.map(({ circuit }) => circuit.bridge));
  return [...new Set(named)].flatMap((name) =>
    name === undefined || known.has(name)
      ? []
      : [
          {
            name,
            isDeclared: false,
            interfaces: [],
            ...buildFields(bridgeRows, "bridge", { create: false }),
          },
        ],
  );
}

function bridgeOf(name: string, raw: RawBridge): BridgeConfig {
  return {
    name,
    isDeclared: true,
    ...buildFields(bridgeRows, "bridge", raw),
    interfaces: Object.entries(raw.interfaces).map(([device, member]) => ({
      device,
      ...portOf(member),
      ...buildFields(memberRows, "port", member),
    })),
  };
}

export function portOf(raw: RawPort): PortConfig {
  return buildFields(portRows, "port", raw);
}
