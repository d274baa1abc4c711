import { existsSync, readdirSync, rmSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { needBpf } from "../support/namespace.ts";
import { type RunningDaemon, Sites } from "../support/sites.ts";

/** Starts a program with a bpf file system of its own, which ends with it. */
const setUp = 'mount -t bpf bpf /sys/fs/bpf && exec "$@"';
const ownBpfFileSystem = ["unshare", "--mount", "sh", "-c", setUp, "sh"];

beforeAll(needBpf);

/** What is pinned by a daemon with a bpf file system of its own. */
function pinsOf({ pid }: RunningDaemon): readonly string[] {
  const root = `/proc/${pid}/root/sys/fs/bpf/wirespan`;
  return existsSync(root)
    ? readdirSync(root)
        .flatMap((name) => readdirSync(`${root}/${name}`))
        .sort()
    : [];
}

/** Runs a command in the mount namespace of a daemon. */
async function inMountsOf({ pid }: RunningDaemon, ...command: readonly string[]): Promise<void> {
  await run(["nsenter", "--mount", `--target=${pid}`, ...command]);
}

/** Site `a` forwards by eBPF with a bpf file system of its own. */
async function sitesUp(sites: Sites): Promise<RunningDaemon> {
  const a = sites.start("a", sites.write("a", sites.configuration("a", "ebpf")), ownBpfFileSystem);
  sites.start("b", sites.write("b", sites.configuration("b", "userspace")));
  await sites.reached();
  await forwardsByEbpf(sites);
  return a;
}

async function forwardsByEbpf(sites: Sites): Promise<void> {
  await sites.told("programs forward it", "a", ({ pseudowires }) => pseudowires[0]?.plane === "ebpf");
}

/** Reloads site `a` with other programs for its session. */
async function changePrograms(sites: Sites, gso: "offload" | "segment"): Promise<void> {
  sites.write("a", sites.configuration("a", "ebpf", { gso }));
  expect((await sites.reload("a")).stdout).toContain("gso");
}

test("a directory of pins that somebody removes is made again with its pins at the next change", async () => {
  await using sites = await Sites.make();
  const a = await sitesUp(sites);
  const before = pinsOf(a);
  expect(before).toContain("circuits");
  rmSync(`/proc/${a.pid}/root/sys/fs/bpf/wirespan`, { recursive: true });
  expect(pinsOf(a)).toEqual([]);
  await changePrograms(sites, "offload");
  await sites.reached();
  await forwardsByEbpf(sites);
  expect(a.log).not.toMatch(/"level":"?(error|50)/);
  const after = pinsOf(a);
  expect(after.length).toBe(before.length);
  expect(after.filter((name) => !name.startsWith("link_"))).toEqual(
    before.filter((name) => !name.startsWith("link_")),
  );
});

test("a directory of pins that somebody removes is no hindrance to a change of routes", async () => {
  await using sites = await Sites.make();
  const a = await sitesUp(sites);
  rmSync(`/proc/${a.pid}/root/sys/fs/bpf/wirespan`, { recursive: true });
  await sites.ip("a", "link set wan0 down");
  await sites.ip("a", "link set wan0 up");
  await sites.reached();
  await forwardsByEbpf(sites);
  await sites.reached();
});

test("links that cannot be pinned are released: forwarding is back with the bpf file system", async () => {
  await using sites = await Sites.make();
  const a = await sitesUp(sites);
  await inMountsOf(a, "mount", "-t", "tmpfs", "none", "/sys/fs/bpf");
  await changePrograms(sites, "offload");
  await sites.told("why it cannot", "a", ({ pseudowires }) =>
    (pseudowires[0]?.whyNot ?? "").includes("is no bpf file system"),
  );
  const failed = () => a.log.split("\n").filter((line) => line.includes("cannot forward pseudowire"));
  await sites.told("several attempts failed", "a", () => failed().length >= 4);
  expect(failed().filter((line) => line.includes("EEXIST"))).toEqual([]);
  await inMountsOf(a, "umount", "/sys/fs/bpf");
  await sites.reached();
  await forwardsByEbpf(sites);
  expect(pinsOf(a)).toContain("circuits");
});
