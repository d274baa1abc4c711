import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lockCircuit, lockDaemon, lockEnds } from "../../src/daemon/locks.ts";
import { SystemError } from "../../src/os/errors.ts";
import { lockFile, type NameLocks } from "../../src/os/locks.ts";

const full = () => new SystemError("open a socket", { errno: "EMFILE", target: "a name" });

/** Names of one process, which fails at the given call, counted from 1 over all of them. */
class FakeNames implements NameLocks {
  readonly held = new Set<string>();
  readonly #failsAt: number;
  #calls = 0;

  constructor(failsAt = Number.POSITIVE_INFINITY) {
    this.#failsAt = failsAt;
  }

  lockName = (name: string): ReturnType<NameLocks["lockName"]> => {
    this.#count();
    if (this.held.has(name)) return { holder: { pid: process.pid } };
    this.held.add(name);
    return { lock: { [Symbol.dispose]: () => void this.held.delete(name) } };
  };

  nameHolder = (name: string) => {
    this.#count();
    return this.held.has(name) ? { pid: process.pid } : undefined;
  };

  namesTaken = (prefix: string) => {
    this.#count();
    return [...this.held].filter((name) => name.startsWith(prefix));
  };

  get calls(): number {
    return this.#calls;
  }

  #count(): void {
    this.#calls += 1;
    if (this.#calls === this.#failsAt) throw full();
  }
}

const ends = { encapsulation: "udp", local: "192.0.2.1", localPort: 1701 } as const;
const folder = mkdtempSync(join(tmpdir(), "wirespan-locks-"));

/** TABLE: what takes locks, by names. */
const taking: Readonly<Record<string, (names: NameLocks) => unknown>> = {
  "the circuit of a port": (names) => lockCircuit({ device: "eth1" }, names),
  "the circuit of a VLAN": (names) =>
    lockCircuit({ device: "eth1", vlan: { id: 7, idOnPseudowire: 7, protocol: 0x8100 } }, names),
  "the ends of a tunnel": (names) => lockEnds({ ...ends, remote: "192.0.2.2", remotePort: 1701 }, names),
};

describe("tunnels at the same ends, to peers with names of their own", () => {
  const at = (remote: string, hostName?: string) => ({
    ...ends,
    remote,
    remotePort: 1701,
    peer: [hostName, undefined] as const,
  });

  test.each(["192.0.2.2", "0.0.0.0"])("to %s are locked one by one", (remote) => {
    const names = new FakeNames();
    for (const hostName of [undefined, "left", "right", "a/b".repeat(90)])
      expect(lockEnds(at(remote, hostName), names).claim.problem).toBeUndefined();
    expect(names.held.size).toBe(4);
    for (const name of names.held) expect(name.length).toBeLessThan(100);
    const { problem } = lockEnds(at(remote, "left"), names).claim;
    expect(problem).toMatch(/^another tunnel of this configuration has the same addresses.*peer_host_name/);
  });

  test("are locked without a question for each that is there, and again once all are released", () => {
    const names = new FakeNames();
    const locks = Array.from(
      { length: 200 },
      (_, index) => lockEnds(at("0.0.0.0", `b${index}`), names).claim,
    );
    expect(names.calls).toBeLessThan(300);
    for (const { problem, ...claim } of locks) {
      expect(problem).toBeUndefined();
      if ("lock" in claim) claim.lock?.[Symbol.dispose]();
    }
    expect(names.held.size).toBe(0);
    const before = names.calls;
    lockEnds(at("0.0.0.0", "one"), names);
    expect(names.calls).toBe(before + 2);
  });

  test("are of one daemon alone, which tells the peers apart", () => {
    const names = new FakeNames();
    lockEnds(at("192.0.2.2", "left"), names);
    const other = { ...names, nameHolder: () => ({ pid: 4242 }) };
    const { claim, neighbour } = lockEnds(at("192.0.2.2", "right"), {
      ...other,
      lockName: (name) => names.lockName(name),
    });
    expect([claim.problem, neighbour]).toEqual([
      expect.stringMatching(/pid 4242.*same addresses/),
      undefined,
    ]);
    expect(names.held.size).toBe(1);
  });
});

describe.each(Object.entries(taking))("%s", (_, take) => {
  test("is locked once", () => {
    const names = new FakeNames();
    take(names);
    expect(names.held.size).toBe(1);
  });

  test("without a descriptor at any of its calls nothing stays locked", () => {
    const whole = new FakeNames();
    take(whole);
    expect(whole.calls).toBeGreaterThan(1);
    for (let call = 1; call <= whole.calls; call += 1) {
      const names = new FakeNames(call);
      expect(() => take(names), `call ${call}`).toThrow(SystemError);
      expect([...names.held], `call ${call}`).toEqual([]);
    }
  });
});

test("a daemon that gets no name gives its lock file back", () => {
  const socket = join(folder, "control.sock");
  expect(() => lockDaemon(socket, new FakeNames(1))).toThrow(SystemError);
  const free = lockFile(`${socket}.lock`);
  if (free.holder !== undefined) throw new Error("it is still locked");
  free.lock[Symbol.dispose]();
  const names = new FakeNames();
  const lock = lockDaemon(socket, names);
  expect(() => lockDaemon(socket, names)).toThrow("EADDRINUSE");
  lock[Symbol.dispose]();
  expect(names.held.size).toBe(0);
  lockDaemon(socket, names)[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});
