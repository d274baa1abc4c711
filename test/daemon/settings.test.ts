import { expect, test } from "vitest";
import type { Config, TunnelConfig } from "../../src/config/config.ts";
import { lcceRows, logRows, topRows } from "../../src/config/node-rows.ts";
import { circuitRows, pseudowireRows, staticRows } from "../../src/config/pseudowire-rows.ts";
import { tunnelRows } from "../../src/config/tunnel-rows.ts";
import {
  attachmentOf,
  deviceOf,
  endpointOf,
  identityOf,
  pathOf,
  peerSettings,
  pseudowireSettings,
  staticSessionOf,
} from "../../src/daemon/settings.ts";
import { readSources, strip } from "../support/architecture.ts";
import { hasEffect, leavesOfSchema } from "../support/configuration-keys.ts";

/**
 * Everything that the daemon takes from a configuration: settings of other layers, and what it reads itself.
 */
function takenFrom(config: Config): unknown {
  const { lcce, log, plane } = config;
  return {
    identity: identityOf(config),
    controlSocket: lcce.controlSocket,
    log: { level: log.level, format: log.format },
    plane,
    tunnels: config.tunnels.map(takenFromTunnel),
  };
}

function takenFromTunnel(tunnel: TunnelConfig): unknown {
  const path = pathOf(tunnel, tunnel.localPort);
  const { control } = tunnel;
  return {
    endpoint: endpointOf(tunnel),
    path,
    peer: control && peerSettings(tunnel, control, path, []),
    secrets: control?.authentication.secrets,
    pseudowires: tunnel.pseudowires.map((pseudowire) => ({
      settings: pseudowireSettings(pseudowire),
      device: deviceOf(pseudowire),
      bridge: pseudowire.circuit.bridge,
      allowHostUse: pseudowire.circuit.allowHostUse,
      attachment: attachmentOf(pseudowire),
      staticSession: staticSessionOf(pseudowire, path),
    })),
  };
}

test.each(leavesOfSchema().map((leaf) => ({ name: leaf.path.join("."), leaf })))(
  "$name: the daemon takes it from the configuration",
  ({ leaf }) => {
    expect(hasEffect(leaf, takenFrom)).toBe(true);
  },
);

/**
 * Words of the program's code outside of the configuration, but for names of fields where types declare them.
 */
const wordsOfProgram = new Set(
  readSources()
    .filter(({ path }) => !path.startsWith("config/"))
    .flatMap(({ text }) => strip(text).match(/(?<!\breadonly )\b[A-Za-z]\w*/g) ?? []),
);

const fields = [lcceRows, logRows, topRows, tunnelRows, pseudowireRows, circuitRows, staticRows].flatMap(
  (rows) => Object.values(rows).map(({ name }) => name),
);

test("every field that a row makes is read outside of the configuration, not only declared", () => {
  expect(fields.filter((name) => !wordsOfProgram.has(name))).toEqual([]);
  expect(wordsOfProgram.has("absentMs")).toBe(false);
});
