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
import { readSources, type SourceFile, strip } from "../support/architecture.ts";
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

const allRows = [lcceRows, logRows, topRows, tunnelRows, pseudowireRows, circuitRows, staticRows].flatMap(
  (rows) => Object.values(rows),
);

/** TABLE: where the fields of a consumer are read, as prefixes of paths. */
const readers: Readonly<Record<(typeof allRows)[number]["consumer"], readonly string[]>> = {
  identity: ["control/"],
  daemon: ["daemon/"],
  path: ["forwarding/psn/", "forwarding/userspace/", "forwarding/ebpf/plane/", "daemon/"],
  endpoint: ["forwarding/psn/", "forwarding/userspace/", "forwarding/ebpf/plane/"],
  peer: ["control/"],
  authentication: ["control/"],
  delivery: ["control/"],
  session: ["control/", "forwarding/"],
  attachment: ["forwarding/"],
  "sequence rule": ["forwarding/"],
  circuit: ["daemon/"],
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
