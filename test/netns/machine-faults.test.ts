import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { askReload } from "../../src/daemon/api-client.ts";
import type { ReloadReport } from "../../src/daemon/status.ts";
import { run } from "../../src/lab/command.ts";
import { planes } from "../support/lab.ts";
import { type Keys, Sites } from "../support/sites.ts";

/**
 * Faults of the machine at every moment of a daemon: it says why in plain words and goes on, or at the start
 * ends with one line; and once the fault is over, it does what it could not do.
 */

/** What a daemon may not say of a fault of the machine. */
const bug = /internal error|"stack"|\n +at /;
const NONE_LEFT = /EMFILE.*open files/;

/** Runs a program in a mount namespace of its own, with a bpf file system of its own, after a script. */
const after = (script: string, own = "mount -t bpf bpf /sys/fs/bpf && ") => [
  ...["unshare", "--mount", "sh", "-c"],
  `${own}${script} && exec "$@"`,
  "sh",
];
const without = (...capabilities: readonly string[]) => {
  const list = capabilities.map((name) => `-${name}`).join(",");
  return `setpriv --bounding-set ${list} --inh-caps ${list}`;
};
/** A directory of another user, which only that one may enter. */
const PRIVATE = `mkdir "$D/x" && chown 65534 "$D/x" && chmod 700 "$D/x"`;

interface StartFault {
  /** Run before the daemon; $D is a directory of the test's own. */
  readonly script: string;
  readonly own?: string;
  /** What of the file differs. */
  readonly keys?: (folder: string) => Keys;
  /** Its path, as the daemon is given it; default absolute. */
  readonly path?: string;
  /** What the line says. */
  readonly says: RegExp;
}

const socketIn = (name: string) => (folder: string) => ({
  lcce: { host_name: "a", control_socket: `${folder}/${name}` },
});

/** TABLE: faults with which no daemon can start. */
const fatal: Readonly<Record<string, StartFault>> = {
  "ENOSPC: no room for the lock file": {
    script: 'mkdir "$D/x" && mount -t tmpfs -o size=4k tmpfs "$D/x" && echo full > "$D/x/full"',
    keys: socketIn("x/control.sock"),
    says: /^write a file: ENOSPC \(.*\/x\/control\.sock\.lock\); the file system is full$/,
  },
  "EROFS: the control socket on a read-only file system": {
    script: 'mkdir "$D/x" && mount -t tmpfs -o ro tmpfs "$D/x"',
    keys: socketIn("x/control.sock"),
    says: /^open a file to lock it: EROFS \(.*\/x\/control\.sock\.lock\); .*read-only$/,
  },
  "EACCES: the control socket in a directory of somebody else": {
    script: PRIVATE,
    keys: socketIn("x/control.sock"),
    says: /^open the control socket: EACCES \(.*\/x\/control\.sock\)/,
  },
  "ENOTDIR: the control socket below a file": {
    script: 'touch "$D/x"',
    keys: socketIn("x/control.sock"),
    says: /^open the control socket: ENOTDIR \(.*\/x\/control\.sock\); a part of the path is a file/,
  },
  "ENOENT: a working directory that was removed, and a path in it": {
    script: 'mkdir "$D/x" && cd "$D/x" && rmdir "$D/x"',
    path: "../a.yaml",
    says: /^find the working directory: ENOENT \(\.\.\/a\.yaml\); .*was removed/,
  },
};

/** TABLE: faults with which a daemon starts, and then what of its status says so. */
const bearable: Readonly<Record<string, Omit<StartFault, "says"> & { readonly planeSays?: RegExp }>> = {
  "no /sys": {
    script: "mount -t tmpfs tmpfs /sys",
    own: "",
    planeSays: /^eBPF is not available: read a file: ENOENT \(\/sys\/devices\/system\/cpu\/possible\)/,
  },
  "a working directory that was removed": { script: 'mkdir "$D/x" && cd "$D/x" && rmdir "$D/x"' },
  "a working directory that may not be read": {
    script: `${PRIVATE} && cd "$D/x" && set -- ${without("dac_override", "dac_read_search")} "$@"`,
  },
};

const startedIn = (sites: Sites, { script, own, keys, path }: Omit<StartFault, "says">, plane: string) => {
  const file = sites.write("a", sites.configuration("a", plane, {}, keys?.(sites.folder)));
  return sites.start("a", path ?? file, after(`D="${sites.folder}" && ${script}`, own));
};

describe("a fault at the start", () => {
  test.each(Object.entries(fatal))("%s: one line and exit code 1", async (_, fault) => {
    await using sites = await Sites.make();
    const daemon = startedIn(sites, fault, "userspace");
    expect(await daemon.ended()).toBe(1);
    expect(daemon.log).not.toMatch(bug);
    const lines = daemon.log.split("\n").filter((line) => line !== "");
    const said = lines.map((line): { level: string; text: string } => JSON.parse(line));
    const problems = said.filter(({ level }) => ["fatal", "error"].includes(level)).map(({ text }) => text);
    expect(problems).toEqual([expect.stringMatching(fault.says)]);
  });

  test.each(Object.entries(bearable))("%s: the daemon runs", async (_, { planeSays, ...fault }) => {
    await using sites = await Sites.make();
    const daemon = startedIn(sites, fault, "auto");
    const { plane } = await sites.told("its circuit is up", "a", ({ pseudowires }) =>
      pseudowires.some(({ localCircuit }) => localCircuit === "up"),
    );
    if (planeSays !== undefined)
      expect(plane).toMatchObject({ name: "userspace", reason: expect.stringMatching(planeSays) });
    await daemon.end();
    expect(daemon.log).not.toMatch(bug);
  });
});

/** Leaves a process so many free descriptors; undefined lifts the limit. */
async function limit(pid: number, free?: number): Promise<void> {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let lowest = 0;
  for (let left = free ?? 0; ; lowest += 1) {
    if (used.has(lowest)) continue;
    if (left === 0) break;
    left -= 1;
  }
  await run(["prlimit", "--pid", String(pid), `--nofile=${free === undefined ? 1024 : lowest}:`]);
}

/** Asks for a reload; undefined where the daemon has no descriptor for the connection. */
async function reload(socket: string, free: number): Promise<ReloadReport | undefined> {
  if (free > 0) return await askReload(socket);
  // One of a former connection may have become free meanwhile.
  return await askReload(socket).catch(() => undefined);
}

/** TABLE: what a reload adds that takes descriptors: a circuit, one of a VLAN, a TAP device, a tunnel. */
const added: Readonly<Record<string, (lan: Keys) => Keys>> = {
  "a circuit": (lan) => ({ pseudowires: { lan, more: { circuit: { interface: "lan2" } } } }),
  "a circuit that is a VLAN": (lan) => ({
    pseudowires: { lan, more: { circuit: { interface: "lan2", vlan: 7 } } },
  }),
  "a TAP device": (lan) => ({ pseudowires: { lan, more: { circuit: { tap: "more0" } } } }),
};

/** So many free descriptors; beyond the last nothing of it fails. */
const MOST_FREE = 8;

describe.each(planes)("without a free descriptor, plane %s", (plane) => {
  test.each(Object.entries(added))("%s waits, and comes up once there are some", async (_, more) => {
    await using sites = await Sites.make();
    for (const words of ["add lan2 type veth peer name far2", "set far2 up", "set lan2 up"])
      await sites.ip("a", `link ${words}`);
    const { a } = await sites.up(plane);
    const socket = sites.socket("a");
    const lan = { circuit: { interface: "eth1" } };
    const reasons: string[] = [];
    for (let free = 0; free <= MOST_FREE; free += 1) {
      sites.write("a", sites.configuration("a", plane));
      await askReload(socket);
      sites.write("a", sites.configuration("a", plane, more(lan)));
      await limit(a.pid, free);
      const report = await reload(socket, free);
      reasons.push(...(report?.problems ?? []));
      // Routes change, and what waits is tried again, still without a descriptor.
      for (const change of ["add", "del"]) await sites.ip("a", `addr ${change} 198.51.100.1/32 dev far2`);
      await limit(a.pid);
      if (report === undefined || report.refused) await askReload(socket);
      await sites.told(`it is up after ${free} free descriptors`, "a", ({ pseudowires }) =>
        pseudowires.some(({ name, localCircuit }) => name === "more" && localCircuit === "up"),
      );
      expect(a.isRunning, a.log).toBe(true);
    }
    expect(reasons.length).toBeGreaterThan(1);
    for (const reason of reasons) expect(reason).toMatch(NONE_LEFT);
    expect(a.log).not.toMatch(bug);
  });

  test("a tunnel waits, and comes up once there are some", async () => {
    await using sites = await Sites.make();
    const { a } = await sites.up(plane);
    const socket = sites.socket("a");
    const one = sites.configuration("a", plane);
    const ends = { local: "192.0.2.1", remote: "192.0.2.9", local_port: 1799 };
    const two = { ...one, tunnels: { ...(one["tunnels"] as Keys), second: { ...ends, pseudowires: {} } } };
    const reasons: string[] = [];
    for (let free = 0; free <= 4; free += 1) {
      sites.write("a", one);
      await askReload(socket);
      sites.write("a", two);
      await limit(a.pid, free);
      const report = await reload(socket, free);
      reasons.push(...(report?.problems ?? []));
      for (const change of ["add", "del"]) await sites.ip("a", `addr ${change} 198.51.100.1/32 dev eth1`);
      await limit(a.pid);
      if (report === undefined || report.refused) await askReload(socket);
      await sites.told(`it is open after ${free} free descriptors`, "a", ({ controlConnections }) =>
        controlConnections.some(({ tunnel, state }) => tunnel === "second" && state !== "waiting"),
      );
    }
    expect(reasons.length).toBeGreaterThan(1);
    for (const reason of reasons) expect(reason).toMatch(NONE_LEFT);
    expect(a.log).not.toMatch(bug);
  });
});
