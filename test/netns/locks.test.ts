import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { addressOf, bind, close, linux, socket } from "../../src/os/libc.ts";
import {
  holding,
  kernelNames,
  type Lock,
  type LockAttempt,
  lockFile,
  lockName,
  nameHolder,
  namesTaken,
} from "../../src/os/locks.ts";
import { eventually } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";

const LOCKS = new URL("../../dist/os/locks.js", import.meta.url).href;
const LIBC = new URL("../../dist/os/libc.js", import.meta.url).href;
const NAME = "wirespan/test/name";
const NOBODY = 65534;
const folder = mkdtempSync(join(tmpdir(), "wirespan-locks-"));
const children: ChildProcess[] = [];

let namespace: TestNamespace;
let entered: Disposable;

beforeAll(async () => {
  namespace = await TestNamespace.make("wst-locks");
  entered = namespace.enter();
});

afterEach(async () => {
  for (const child of children.splice(0)) await end(child);
});

afterAll(async () => {
  entered[Symbol.dispose]();
  await namespace[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** The lock of an attempt that is to succeed. */
function taken(attempt: LockAttempt): Lock {
  if (attempt.holder !== undefined) throw new Error(`it is held by process ${attempt.holder.pid}`);
  return attempt.lock;
}

/** Another process, which does something and stays; resolves when that is done. */
async function other(act: string, told: (line: string) => void = () => {}): Promise<ChildProcess> {
  const script = `
    import { lockFile, lockName } from "${LOCKS}";
    import { addressOf, capset, prctl } from "${LIBC}";
    ${act}
    setInterval(() => {}, 60_000);
    console.log(globalThis.said ?? "done");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await new Promise<void>((ready, failed) => {
    child.stdout?.once("data", (line) => {
      told(String(line));
      ready();
    });
    child.once("exit", (code) => failed(new Error(`the other process ended with ${code}`)));
  });
  return child;
}

/** Ends it as a crash would. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

const taking = (name: string) => `globalThis.held = lockName(${JSON.stringify(name)});`;
const asNobody = `process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY});`;

/** Keeps a capability of the network across the change of the user (capabilities(7), PR_SET_KEEPCAPS). */
const asNobodyWith = (capability: number) => `
  prctl(8, 1, 0, 0, 0);
  ${asNobody}
  const set = Uint32Array.of(1 << ${capability}, 1 << ${capability}, 0, 0, 0, 0);
  const header = Uint32Array.of(0x20080522, 0);
  if (capset(addressOf(new Uint8Array(header.buffer)), addressOf(new Uint8Array(set.buffer))) < 0)
    throw new Error("set capabilities");`;

describe("a name", () => {
  test("has one holder, until that lets it go", () => {
    using lock = taken(lockName(NAME));
    expect(lockName(NAME)).toEqual({ holder: { pid: process.pid } });
    expect(kernelNames.nameHolder(NAME)).toEqual({ pid: process.pid });
    taken(lockName(`${NAME}2`))[Symbol.dispose]();
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
    expect(nameHolder(NAME)).toBeUndefined();
  });

  test("of another process is told with its pid, and free when that is killed", async () => {
    const child = await other(taking(NAME));
    expect(lockName(NAME)).toEqual({ holder: { pid: child.pid } });
    expect(nameHolder(NAME)).toEqual({ pid: child.pid });
    await end(child);
    expect(nameHolder(NAME)).toBeUndefined();
    using lock = taken(lockName(NAME));
    expect(nameHolder(NAME)).toEqual({ pid: process.pid });
    lock[Symbol.dispose]();
  });

  test("of another network namespace is another name", async () => {
    using lock = taken(lockName(NAME));
    await using elsewhere = await TestNamespace.make("wst-locks-other");
    elsewhere.inside(() => {
      expect([nameHolder(NAME), namesTaken(NAME)]).toEqual([undefined, []]);
    });
    expect(namesTaken(NAME)).toEqual([NAME]);
    lock[Symbol.dispose]();
  });

  test.each([
    ["without rights does not count", asNobody, false],
    ["with CAP_NET_ADMIN counts", asNobodyWith(12), true],
    ["with CAP_NET_RAW counts", asNobodyWith(13), true],
    ["with another capability does not count", asNobodyWith(10), false],
  ])("held by another user %s", async (_, change, counts) => {
    const child = await other(`${change} ${taking(NAME)}`);
    expect(namesTaken(NAME)).toEqual([NAME]);
    expect(nameHolder(NAME)).toEqual(counts ? { pid: child.pid } : undefined);
    const attempt = lockName(NAME);
    if (counts) expect(attempt).toEqual({ holder: { pid: child.pid } });
    else taken(attempt)[Symbol.dispose]();
    await end(child);
    expect(nameHolder(NAME)).toBeUndefined();
  });

  test("held by another user whose process has ended, and left its socket, does not count", async () => {
    let heir = 0;
    const leaving = `
      import { spawn } from "node:child_process";
      import { readdirSync, readlinkSync } from "node:fs";
      const sockets = () => readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return readlinkSync("/proc/self/fd/" + fd).startsWith("socket:");
        } catch {
          return false;
        }
      });
      ${asNobody}
      const before = sockets();
      ${taking(NAME)}
      const [fd] = sockets().filter((one) => !before.includes(one));
      const heir = spawn("sleep", ["600"], { stdio: [Number(fd), "ignore", "ignore"] });
      await new Promise((resolve) => heir.once("spawn", resolve));
      globalThis.said = heir.pid;`;
    const child = await other(leaving, (line) => {
      heir = Number(line);
    });
    try {
      await end(child);
      expect(namesTaken(NAME)).toEqual([NAME]);
      expect(nameHolder(NAME)).toBeUndefined();
    } finally {
      process.kill(heir, "SIGKILL");
    }
    await eventually("the socket is gone", () => namesTaken(NAME).length === 0);
  });

  test("that somebody has taken and does not listen at is no lock", () => {
    const fd = socket(linux.AF_UNIX, linux.SOCK_STREAM | linux.SOCK_CLOEXEC, 0);
    const address = Buffer.from(`\u0001\u0000\u0000${NAME}`, "latin1");
    expect(bind(fd, addressOf(address), address.length)).toBe(0);
    expect(namesTaken(NAME)).toEqual([NAME]);
    expect(nameHolder(NAME)).toBeUndefined();
    taken(lockName(NAME))[Symbol.dispose]();
    close(fd);
    expect(namesTaken(NAME)).toEqual([]);
  });

  test("with more askers than its queue holds is still held, by somebody", async () => {
    using lock = taken(lockName(NAME));
    const askers = Array.from({ length: 200 }, () => nameHolder(NAME));
    for (const holder of askers) expect([{ pid: process.pid }, { pid: undefined }]).toContainEqual(holder);
    expect(askers).toContainEqual({ pid: undefined });
    expect(lockName(NAME)).toHaveProperty("holder");
    lock[Symbol.dispose]();
    await eventually("it is free", () => nameHolder(NAME) === undefined);
  });

  test("that is too long for the kernel is a bug", () => {
    expect(() => lockName("n".repeat(108))).toThrow(RangeError);
    taken(lockName("n".repeat(107)))[Symbol.dispose]();
  });

  test("is let go where what follows fails, and held where it does not", () => {
    const take = () => taken(lockName(NAME));
    const fail = () => {
      throw new Error("what follows");
    };
    expect(() => holding(take(), fail)).toThrow("what follows");
    expect(nameHolder(NAME)).toBeUndefined();
    using lock = take();
    expect(holding(lock, () => 7)).toBe(7);
    expect(nameHolder(NAME)).toEqual({ pid: process.pid });
    lock[Symbol.dispose]();
  });
});

describe("a file", () => {
  const path = join(folder, "lock");

  test("of another process is told with its pid, and free when that is killed", async () => {
    const child = await other(`globalThis.held = lockFile(${JSON.stringify(path)});`);
    expect(lockFile(path)).toEqual({ holder: { pid: child.pid } });
    await end(child);
    using _lock = taken(lockFile(path));
    expect(lockFile(path)).toEqual({ holder: { pid: process.pid } });
    writeFileSync(path, "no number\n");
    expect(lockFile(path)).toEqual({ holder: { pid: undefined } });
  });

  test("that is a directory is locked without a pid", () => {
    const lock = taken(lockFile(folder, "directory"));
    expect(lockFile(folder, "directory")).toEqual({ holder: { pid: undefined } });
    lock[Symbol.dispose]();
    taken(lockFile(folder, "directory"))[Symbol.dispose]();
  });

  test.each([
    ["in no folder", join(folder, "missing", "lock"), "file", "ENOENT"],
    ["that is a directory", folder, "file", "EISDIR"],
  ] as const)("%s is refused", (_, where, kind, errno) => {
    expect(() => lockFile(where, kind)).toThrow(
      expect.objectContaining({ name: "SystemError", errno, operation: "open a file to lock it" }),
    );
  });
});
