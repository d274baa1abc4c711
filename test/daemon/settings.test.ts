import { expect, test } from "vitest";
import { bridgeRows, memberRows, portRows } from "../../src/config/bridge-rows.ts";
import type { Config, PortConfig, TunnelConfig } from "../../src/config/config.ts";
import { localText, remoteText } from "../../src/config/ends.ts";
import { httpRows } from "../../src/config/http-rows.ts";
import { lcceRows, logRows, metricsRows, topRows } from "../../src/config/node-rows.ts";
import { circuitRows, pseudowireRows, staticRows } from "../../src/config/pseudowire-rows.ts";
import { tunnelRows } from "../../src/config/tunnel-rows.ts";
import { limitsOf } from "../../src/daemon/bridge-storms.ts";
import {
  portPresets,
  wantedBridgeValues,
  wantedPortValues,
  wantedPortVlans,
} from "../../src/daemon/bridge-values.ts";
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
import { readSources, type SourceFile, strip } from "../support/architecture.ts";
import { hasEffect, leavesOfSchema } from "../support/configuration-keys.ts";

/**
 * Everything that the daemon takes from a configuration: settings of other layers, and what it reads itself.
 */
function takenFrom(config: Config): unknown {
  const { lcce, log, http, metrics, plane } = config;
  return {
    identity: identityOf(config),
    controlSocket: lcce.controlSocket,
    log: { level: log.level, format: log.format },
    http: { listen: http.listen, token: http.token, hosts: http.hosts },
    metrics: { sessions: metrics.sessions },
    plane,
    bridges: config.bridges.map((bridge) => ({
      values: [true, false].map((isOurs) => wantedBridgeValues(bridge, isOurs)),
      ...{ create: bridge.create, mtu: bridge.mtu, loops: bridge.loops },
      interfaces: bridge.interfaces.map((port) => [port.allowHostUse, portTaken(port)]),
    })),
    tunnels: config.tunnels.map(takenFromTunnel),
  };
}

function portTaken(port: PortConfig): unknown {
  return [wantedPortValues(port, portPresets.pseudowire), wantedPortVlans(port, true), limitsOf(port)];
}

function takenFromTunnel(tunnel: TunnelConfig): unknown {
  const ends = {
    localAddress: localText(tunnel.local) ?? "",
    localPort: tunnel.localPort,
    remoteAddress: remoteText(tunnel.remote),
  };
  const path = pathOf(tunnel, ends);
  const { control } = tunnel;
  return {
    endpoint: endpointOf(tunnel, ends.localAddress),
    path,
    follow: tunnel.follow,
    peer: control && peerSettings(tunnel, control, path, []),
    secrets: control?.authentication.secrets,
    pseudowires: tunnel.pseudowires.map((pseudowire) => ({
      settings: pseudowireSettings(pseudowire),
      device: deviceOf(pseudowire),
      bridge: pseudowire.circuit.bridge,
      port: pseudowire.circuit.port && portTaken(pseudowire.circuit.port),
      allowHostUse: pseudowire.circuit.allowHostUse,
      followPeer: pseudowire.circuit.followPeer,
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

const tables = [
  ...[lcceRows, logRows, httpRows, metricsRows, topRows, bridgeRows, portRows, memberRows],
  ...[tunnelRows, pseudowireRows, circuitRows, staticRows],
];
const allRows = tables.flatMap((rows) => Object.values(rows));

/** TABLE: where the fields of a consumer are read, as prefixes of paths. */
const readers: Readonly<Record<(typeof allRows)[number]["consumer"], readonly string[]>> = {
  identity: ["control/"],
  daemon: ["daemon/"],
  path: ["forwarding/psn/", "forwarding/userspace/", "forwarding/ebpf/plane/", "daemon/"],
  endpoint: ["forwarding/psn/", "forwarding/userspace/", "forwarding/ebpf/plane/"],
  peer: ["control/"],
  "path MTU": ["control/", "daemon/"],
  authentication: ["control/"],
  delivery: ["control/"],
  session: ["control/", "forwarding/"],
  attachment: ["forwarding/"],
  "sequence rule": ["forwarding/"],
  circuit: ["daemon/"],
  bridge: ["daemon/"],
  port: ["daemon/"],
  presence: ["config/"],
};

/** Words of a file's code, but for names of fields where types declare them. */
function wordsOf({ text }: SourceFile): readonly string[] {
  return strip(text).match(/(?<!\breadonly )\b[A-Za-z]\w*/g) ?? [];
}

function wordsIn(prefixes: readonly string[]): ReadonlySet<string> {
  const files = readSources().filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix)));
  return new Set(files.flatMap(wordsOf));
}

test.each(Object.entries(readers))("the consumer %s reads every field of its keys", (consumer, prefixes) => {
  const fields = allRows.filter((row) => row.consumer === consumer).map(({ name }) => name);
  expect(fields.length).toBeGreaterThan(0);
  const words = wordsIn(prefixes);
  expect(fields.filter((name) => !words.has(name))).toEqual([]);
});

test("a field that only another part reads, or that is only declared, would fail", () => {
  expect(wordsIn(["control/"])).toContain("priority");
  expect(wordsIn(["forwarding/"])).not.toContain("priority");
  const text = "interface Settings {\n  readonly absentMs: number;\n}\nconst pauseMs = settings.presentMs;";
  expect(wordsOf({ path: "control/a.ts", text })).toContain("presentMs");
  expect(wordsOf({ path: "control/a.ts", text })).not.toContain("absentMs");
});
