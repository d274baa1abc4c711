import { ETHERNET_HEADER_OCTETS, TAG_OCTETS } from "../wire/ethernet.ts";
import { bridgesOf, portOf } from "./bridges.ts";
import { circuitParts } from "./circuits.ts";
import type { CircuitConfig, Config, ControlConfig, PseudowireConfig, TunnelConfig } from "./config.ts";
import { routerIdOfLocal } from "./ends.ts";
import type { RawCircuit, RawConfig, RawPseudowire, RawTunnel } from "./fields.ts";
import { forwardersOf } from "./forwarders.ts";
import { httpRows } from "./http-rows.ts";
import { lcceRows, logRows, metricsRows, topRows } from "./node-rows.ts";
import { circuitRows, pseudowireRows, staticRows } from "./pseudowire-rows.ts";
import { buildFields, type PartNames } from "./rows.ts";
import { secretSourceOf } from "./secret-source.ts";
import { type TunnelRowContext, tunnelRows } from "./tunnel-rows.ts";

/** Tags that a frame may have on top of the MTU. */
const MOST_TAGS = 2;

/** The configuration of checked keys: defaults filled in, in the units and forms of the program, frozen. */
export function buildConfig(raw: RawConfig, machineHostName: string): Config {
  const all = Object.entries(raw.tunnels).map(([name, tunnel]) => tunnelOf(name, tunnel));
  const { tunnels, disabled } = apart(all, raw.tunnels);
  // Of disabled ones too: enabling a tunnel must not give this node another router id.
  const firstV4 = all.map(({ local }) => routerIdOfLocal(local)).find((id) => id !== undefined);
  const context = { hostName: raw.lcce.host_name ?? machineHostName, firstV4 };
  return freeze({
    lcce: {
      ...buildFields(lcceRows, "identity", raw.lcce, context),
      ...buildFields(lcceRows, "daemon", raw.lcce, context),
    },
    log: buildFields(logRows, "daemon", raw.log, context),
    http: buildFields(httpRows, "daemon", raw.http),
    metrics: buildFields(metricsRows, "daemon", raw.metrics),
    ...buildFields(topRows, "daemon", raw, context),
    bridges: bridgesOf(raw.bridges, tunnels),
    tunnels,
    disabled,
    forwarders: forwardersOf(tunnels),
  });
}

/** Tunnels and pseudowires that are enabled, and the others. */
function apart(
  all: readonly TunnelConfig[],
  raw: Readonly<Record<string, RawTunnel>>,
): Pick<Config, "tunnels" | "disabled"> {
  const isEnabled = ({ name }: TunnelConfig) => raw[name]?.enabled !== false;
  const isOff = (tunnel: string, { name }: PseudowireConfig) =>
    raw[tunnel]?.pseudowires[name]?.enabled === false;
  const enabled = all.filter(isEnabled);
  return {
    tunnels: enabled.map((tunnel) => ({
      ...tunnel,
      pseudowires: tunnel.pseudowires.filter((pseudowire) => !isOff(tunnel.name, pseudowire)),
    })),
    disabled: {
      tunnels: all.filter((tunnel) => !isEnabled(tunnel)),
      pseudowires: enabled.flatMap(({ name, pseudowires }) =>
        pseudowires
          .filter((pseudowire) => isOff(name, pseudowire))
          .map((pseudowire) => ({ tunnel: name, pseudowire })),
      ),
    },
  };
}

/** The fields of a tunnel that take several keys. */
const tunnelParts = {
  control: (raw, context) => (raw.control === "static" ? undefined : controlOf(raw, context)),
  secrets: (raw) =>
    [raw.secret, raw.next_secret].filter((secret) => secret !== undefined).map(secretSourceOf),
} as const satisfies Record<
  PartNames<typeof tunnelRows>,
  (raw: RawTunnel, context: TunnelRowContext) => unknown
>;

/** One tunnel of checked keys. */
export function tunnelOf(name: string, raw: RawTunnel): TunnelConfig {
  const context = { isUdp: raw.encapsulation === "udp", hasSecret: raw.secret !== undefined };
  const control = tunnelParts.control(raw, context);
  return {
    name,
    ...buildFields(tunnelRows, "path", raw, context),
    ...buildFields(tunnelRows, "path MTU", raw, context),
    ...buildFields(tunnelRows, "endpoint", raw, context),
    ...(control === undefined ? {} : { control }),
    pseudowires: Object.entries(raw.pseudowires).map(([key, pseudowire]) =>
      pseudowireOf(key, pseudowire, raw.fragmentation === "pseudowire"),
    ),
  };
}

function controlOf(raw: RawTunnel, context: TunnelRowContext): ControlConfig {
  return {
    ...buildFields(tunnelRows, "peer", raw, context),
    authentication: {
      ...buildFields(tunnelRows, "authentication", raw, context),
      secrets: tunnelParts.secrets(raw),
    },
    delivery: buildFields(tunnelRows, "delivery", raw, context),
  };
}

function pseudowireOf(name: string, raw: RawPseudowire, isFragmented: boolean): PseudowireConfig {
  const context = {
    name,
    hasVlan: raw.circuit.vlan !== undefined,
    staticCookieDigits: raw.static?.receive_cookie.length,
    isFragmented,
    hasSublayer: (raw.sublayer ?? (isFragmented ? "default" : "none")) === "default",
  };
  const session = buildFields(pseudowireRows, "session", raw, context);
  return {
    name,
    circuit: circuitOf(raw.circuit),
    ...session,
    ...(isFragmented ? { mrru: longestFrameOf(raw) } : {}),
    ...buildFields(pseudowireRows, "attachment", raw, context),
    sequenceRule: buildFields(pseudowireRows, "sequence rule", raw, context),
    ...(raw.static === undefined
      ? {}
      : { staticSession: buildFields(staticRows, "session", raw.static, session) }),
  };
}

/** Octets of the longest frame of a pseudowire. */
function longestFrameOf({ mtu }: RawPseudowire): number {
  return mtu + ETHERNET_HEADER_OCTETS + MOST_TAGS * TAG_OCTETS;
}

function circuitOf(raw: RawCircuit): CircuitConfig {
  const vlan = circuitParts.vlan(raw);
  const kind = raw.tap === undefined ? "interface" : "tap";
  return {
    kind,
    device: circuitParts.device(raw),
    ...buildFields(circuitRows, "circuit", raw, { kind }),
    ...(raw.bridge === undefined ? {} : { port: portOf(raw.port ?? {}) }),
    ...(vlan === undefined ? {} : { vlan }),
    ...buildFields(circuitRows, "attachment", raw),
  };
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
