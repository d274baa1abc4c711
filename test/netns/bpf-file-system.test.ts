import { existsSync, mkdirSync, mkdtempSync, readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { exit, move } from "../../src/bpf/mnemonics.ts";
import {
  mountBpfFileSystem,
  pinDirectory,
  pinPath,
  removeDirectory,
  removeUnheld,
} from "../../src/os/bpf-file-system.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { mount } from "../../src/os/libc.ts";
import { isCopyOfFirst, mountsOf } from "../../src/os/mount-namespace.ts";
import { inPrivateMounts, inRoot } from "../support/mount-namespace.ts";
import { needBpf } from "../support/namespace.ts";

const ROOT = "/sys/fs/bpf/wirespan";
const MS_BIND = 0x1000;

beforeAll(needBpf);

/** The path of a directory that must be there, left as by a process that has ended: nobody has its lock. */
function made(name: string): string {
  const { path, lock, reason } = pinDirectory(name);
  if (path === undefined) throw new Error(reason);
  lock[Symbol.dispose]();
  return path;
}

/** Hides the bpf file system where there is one, so that it must be mounted. */
function hide(): void {
  expect(mount("none", "/sys/fs/bpf", "tmpfs", 0, 0)).toBe(0);
}

test("a directory for pins is made, keeps what was pinned, and goes with it", () => {
  const kernel = new BpfSyscall();
  inPrivateMounts(() => {
    hide();
    const path = made("west.example");
    expect(path).toBe(`${ROOT}/west%2Eexample`);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    using program = kernel.loadProgram({
      name: "pinned",
      octets: assemble([move(Register.result, 0), exit()]),
    });
    program.pin(pinPath(path, "eth0.100/a"));
    expect(readdirSync(made("west.example"))).toEqual(["eth0%2E100%2Fa"]);
    using again = kernel.openProgram(pinPath(path, "eth0.100/a"));
    expect(again.id).toBe(program.id);

    const other = made("east");
    const path2 = made("west.example-2");
    removeUnheld("west.", path2);
    expect(readdirSync(ROOT).sort()).toEqual(["east", "west%2Eexample-2"]);
    removeDirectory(path2);
    removeDirectory(path);
    removeDirectory(path);
    expect(readdirSync(ROOT)).toEqual(["east"]);
    removeDirectory(other);
    removeDirectory(other);
    expect(existsSync(ROOT)).toBe(false);
  });
});

test("a directory that somebody has is neither given to another nor removed, until it is let go", () => {
  inPrivateMounts(() => {
    hide();
    const { path, lock, reason } = pinDirectory("west-1");
    if (path === undefined) throw new Error(reason);
    expect(pinDirectory("west-1").reason).toContain(`another wirespan has the pins in ${ROOT}/west-1;`);
    const next = made("west-2");
    removeUnheld("west-", next);
    expect(readdirSync(ROOT).sort()).toEqual(["west-1", "west-2"]);
    lock[Symbol.dispose]();
    removeUnheld("west-", next);
    expect(readdirSync(ROOT)).toEqual(["west-2"]);
  });
});

test("where no bpf file system can be mounted, there is a reason in words", () => {
  inPrivateMounts(() => {
    hide();
    process.seteuid?.(65534);
    try {
      expect(pinDirectory("west")).toEqual({
        reason:
          "/sys/fs/bpf is no bpf file system, and mounting one was refused: " +
          "EPERM (needs CAP_SYS_ADMIN; or once as root: mount -t bpf bpf /sys/fs/bpf)",
      });
    } finally {
      process.seteuid?.(0);
    }
  });
});

test("a directory that another user keeps to himself is no place for pins", () => {
  inPrivateMounts(() => {
    hide();
    made("west");
    process.seteuid?.(65534);
    try {
      expect(pinDirectory("west").reason).toContain("EACCES (/sys/fs/bpf/wirespan/west)");
    } finally {
      process.seteuid?.(0);
    }
  });
});

test("pins that go with a mount namespace have a caveat, those that the first process sees have none", () => {
  expect(bpfCaveat("wst-caveat-shared")).toBeUndefined();
  inPrivateMounts(() => {
    hide();
    expect(bpfCaveat("wst-caveat-private")).toContain("/sys/fs/bpf is mounted for its mount namespace alone");
  });
});

test("where ip netns exec covers the machine's, it is mounted again, and nothing else changes", () => {
  inPrivateMounts(() => {
    hide();
    const before = statSync(".").ino;
    mountBpfFileSystem();
    expect(bpfDevice("thread-self")).toBe(bpfDevice("1"));
    expect(bpfCaveat("wst-caveat-covered")).toBeUndefined();
    expect(statSync(".").ino).toBe(before);
  });
});

test("a bpf file system that somebody mounted by hand stays, with its caveat", () => {
  inPrivateMounts(() => {
    expect(mount("bpf", "/sys/fs/bpf", "bpf", 0, 0)).toBe(0);
    mountBpfFileSystem();
    expect(bpfDevice("thread-self")).not.toBe(bpfDevice("1"));
    expect(bpfCaveat("wst-caveat-own")).toContain("/sys/fs/bpf is mounted for its mount namespace alone");
  });
});

test("a mount namespace with another root directory, as of a container, is no copy of the first", () => {
  inPrivateMounts(() => {
    const folder = mkdtempSync(join(tmpdir(), "wirespan-root-"));
    expect(mount("none", folder, "tmpfs", 0, 0)).toBe(0);
    mkdirSync(join(folder, "proc"));
    expect(mount("/proc", join(folder, "proc"), "", MS_BIND, 0)).toBe(0);
    expect(isCopyOfFirst()).toBe(true);
    expect(inRoot(folder, isCopyOfFirst)).toBe(false);
  });
});

function bpfDevice(process: string): string | undefined {
  return mountsOf(process).findLast(({ mountPoint }) => mountPoint === "/sys/fs/bpf")?.device;
}

/** The caveat of a directory that goes at once. */
function bpfCaveat(name: string): string | undefined {
  const { path, lock, caveat } = pinDirectory(name);
  if (path === undefined) throw new Error("no directory for pins");
  lock[Symbol.dispose]();
  removeDirectory(path);
  return caveat;
}
