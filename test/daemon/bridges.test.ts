import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { BridgeRecords } from "../../src/daemon/bridge-records.ts";
import { Bridges } from "../../src/daemon/bridges.ts";
import type { Log } from "../../src/daemon/log.ts";
import { LogLimiter } from "../../src/daemon/log-limiter.ts";
import type { Links } from "../../src/os/links.ts";

/** Waited for, as it is not to be made. No other test or daemon has a bridge of this name. */
const BRIDGE = `wsb${process.pid}`;
const TUNNELS = "tunnels: { t: { local: 192.0.2.1, remote: 192.0.2.2, pseudowires: {} } }\n";

test("a configuration is compared with the kernel once, and so at each later reading", async () => {
  const text = `lcce: { host_name: west }\nbridges: { ${BRIDGE}: { create: false } }\n${TUNNELS}`;
  const { config, problems } = parseConfig(text, "test.yaml", { hostName: "west" });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const readings: (() => void)[] = [];
  let lookUps = 0;
  const links = {
    get: () => {
      lookUps += 1;
    },
    all: () => [],
    watchReadings: (listener: () => void) => void readings.push(listener),
    reread: async () => {
      for (const listener of readings) listener();
    },
  };
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (_: unknown, line: string) => void warnings.push(line) };
  const folder = mkdtempSync(join(tmpdir(), "wirespan-bridges-"));
  const bridges = new Bridges({
    ...{ links: links as unknown as Links, log: log as unknown as Log, limiter: new LogLimiter() },
    ...{
      owner: "test",
      records: BridgeRecords.open(join(folder, "sock"), (problem) => warnings.push(problem)),
    },
    hostUse: async () => undefined,
  });
  // What is queued is done before what comes after it.
  const settled = () => bridges.settle();
  try {
    const lookUpsOf = async (act: () => Promise<void>) => {
      lookUps = 0;
      await act();
      await settled();
      return lookUps;
    };
    const first = await lookUpsOf(() => bridges.configure(config));
    const once = await lookUpsOf(() => bridges.reconcile());
    expect(once).toBeGreaterThan(0);
    expect(first).toBe(once);
    expect(await lookUpsOf(() => bridges.configure(config))).toBe(once);
    expect(await lookUpsOf(links.reread)).toBe(once);
    expect(warnings).toEqual([expect.stringContaining(`bridge ${BRIDGE}`)]);
  } finally {
    bridges.abandon();
    rmSync(folder, { recursive: true });
  }
});
