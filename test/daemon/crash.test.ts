import { describe, expect, test } from "vitest";
import { InvariantError, OperationalError } from "../../src/bytes/errors.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { logFatal } from "../../src/daemon/crash.ts";
import type { Log } from "../../src/daemon/log.ts";
import { planReload } from "../../src/daemon/reload.ts";
import type { StatusReport } from "../../src/daemon/status.ts";
import { SystemError, UnsupportedError } from "../../src/os/errors.ts";

/** TABLE: kinds of errors, and whether each is a fault of the machine or the file, and not of our code. */
const kinds: readonly (readonly [string, unknown, boolean])[] = [
  ["OperationalError", new OperationalError("the daemon is stopping"), true],
  ["SystemError", new SystemError("read a secret", { errno: "ENOENT", target: "/a" }), true],
  ["UnsupportedError", new UnsupportedError("eBPF", "Linux 6.1"), true],
  ["TypeError", new TypeError("x is not a function"), false],
  ["RangeError", new RangeError("out of it"), false],
  ["InvariantError", new InvariantError("no row"), false],
  ["Error", new Error("of no class"), false],
];

const text =
  "lcce: { host_name: west }\ntunnels: { t: { local: 192.0.2.1, remote: 192.0.2.2, secret: { env: S } } }\n";

function configuration() {
  const { config } = parseConfig(text, "test.yaml", { hostName: "west" });
  if (config === undefined) throw new Error("the configuration is refused");
  return config;
}

describe.each(kinds)("%s", (_, error, isOperational) => {
  test("from a secret at a reload: a line of the report, or thrown on", () => {
    const config = configuration();
    const read = () => {
      throw error;
    };
    const plan = () => planReload(config, config, { secrets: () => [] }, { read });
    if (isOperational) expect(plan().problems.length).toBe(1);
    else expect(plan).toThrow(error as Error);
  });

  test("in the log: one line, or a stack, the state and that it is a bug", () => {
    const lines: (readonly [Record<string, unknown>, string])[] = [];
    const log = { fatal: (fields: Record<string, unknown>, line: string) => lines.push([fields, line]) };
    const down = { name: "lan", state: "idle", tunnel: "t", receiveCookie: "never" };
    const report = {
      ...{ version: "1", uptimeMs: 5, plane: { name: "ebpf", reason: "why" }, discards: {}, control: {} },
      controlConnections: [{ tunnel: "t", state: "established" }],
      pseudowires: Array.from({ length: 100 }, () => down),
    } as unknown as StatusReport;
    logFatal(log as unknown as Log, error, () => report);
    const [[fields, line] = [{}, ""]] = lines;
    expect(line.includes("this is a bug in wirespan")).toBe(!isOperational);
    if (isOperational) return expect(fields).toEqual({ event: "fatal", problem: (error as Error).message });
    expect(fields).toMatchObject({
      stack: expect.stringContaining("crash.test.ts"),
      state: {
        tunnels: { states: { established: 1 }, notEstablished: [] },
        pseudowires: { states: { idle: 100 }, notEstablished: Array(20).fill("lan") },
      },
    });
    expect(JSON.stringify(fields)).not.toContain("never");
  });
});

test("a state that cannot be read keeps no crash from being logged", () => {
  const lines: Record<string, unknown>[] = [];
  const log = { fatal: (fields: Record<string, unknown>) => lines.push(fields) } as unknown as Log;
  logFatal(log, new TypeError("bug"), () => {
    throw new Error("broken too");
  });
  expect(lines[0]).toMatchObject({ problem: "bug", state: { unreadable: "broken too" } });
});
