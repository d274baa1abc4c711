import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Log } from "../../src/daemon/log.ts";
import { ServiceManager, serviceManager } from "../../src/daemon/service-manager.ts";
import { SystemError } from "../../src/os/errors.ts";

const warnings: string[] = [];
const log = { warn: (_: object, text: string) => warnings.push(text) } as unknown as Log;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A manager, what it was told, and how many pseudowires are up. */
function made(watchdogUs?: number) {
  const told: string[] = [];
  const state = { up: 0, all: 3, problem: "" };
  const manager = new ServiceManager({
    send: (text) => {
      if (state.problem !== "")
        throw new SystemError("tell", { errno: state.problem, target: "/run/notify" });
      told.push(text);
    },
    watchdogUs,
    monotonicUs: () => 1_234_567n,
    log,
  });
  /** What it was told since the last call. */
  const news = () => told.splice(0);
  return { manager, state, news, count: () => state };
}

describe("a service manager is told", () => {
  test("that the daemon is ready, how many pseudowires are up when that changes, and that it stops", () => {
    const { manager, state, news, count } = made();
    manager.changed();
    vi.runAllTimers();
    expect(news()).toEqual([]);
    manager.ready(count);
    expect(news()).toEqual(["READY=1\nSTATUS=0 of 3 pseudowires up"]);
    state.up = 2;
    for (let events = 0; events < 100; events += 1) manager.changed();
    vi.runAllTimers();
    manager.changed();
    vi.runAllTimers();
    expect(news()).toEqual(["STATUS=2 of 3 pseudowires up"]);
    manager.stopping();
    manager.changed();
    vi.runAllTimers();
    manager.ready(count);
    expect(news()).toEqual(["STOPPING=1\nSTATUS=closing control connections"]);
  });

  test("of a reload with the time of its beginning, and of its end, also where it fails", async () => {
    const { manager, state, news, count } = made();
    manager.ready(count);
    news();
    const work = async () => {
      expect(news()).toEqual(["RELOADING=1\nMONOTONIC_USEC=1234567\nSTATUS=reloading"]);
      manager.changed();
      vi.runAllTimers();
      expect(news()).toEqual([]);
      state.all = 1;
      throw new TypeError("of the work");
    };
    await expect(manager.reloading(work)).rejects.toThrow("of the work");
    expect(news()).toEqual(["READY=1\nSTATUS=0 of 1 pseudowire up"]);
  });

  test("that it is alive, twice in the time of the watchdog, from when it is ready", () => {
    const { manager, news, count } = made(10_000_000);
    vi.advanceTimersByTime(20_000);
    expect(news()).toEqual([]);
    manager.ready(count);
    news();
    vi.advanceTimersByTime(20_000);
    expect(news()).toEqual(["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
    manager[Symbol.dispose]();
    vi.advanceTimersByTime(20_000);
    expect(news()).toEqual([]);
  });

  test("once more what it could not be told", () => {
    const { manager, state, news, count } = made();
    warnings.length = 0;
    state.problem = "EAGAIN";
    manager.ready(count);
    vi.advanceTimersByTime(5000);
    expect(warnings).toEqual([]);
    state.problem = "ENOENT";
    vi.advanceTimersByTime(5000);
    expect(warnings).toEqual(["tell: ENOENT (/run/notify)"]);
    state.problem = "";
    state.up = 3;
    vi.advanceTimersByTime(1000);
    vi.runAllTimers();
    expect(news()).toEqual(["READY=1\nSTATUS=3 of 3 pseudowires up"]);
  });
});

test.each([
  {},
  { NOTIFY_SOCKET: "" },
  { NOTIFY_SOCKET: "vsock:2:1" },
  { NOTIFY_SOCKET: `/${"x".repeat(108)}` },
])("%j names none, and nothing happens", async (environment) => {
  const manager = serviceManager(environment, log);
  manager.ready(() => ({ up: 0, all: 0 }));
  manager.changed();
  expect(await manager.reloading(async () => 1)).toBe(1);
  manager.stopping();
  expect(vi.getTimerCount()).toBe(0);
});
