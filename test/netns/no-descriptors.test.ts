import { beforeAll, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { eventually } from "../support/lab.ts";
import { needBpf } from "../support/namespace.ts";
import { type RunningDaemon, Sites } from "../support/sites.ts";

/** Starts a program with a bpf file system of its own, which ends with it. */
const setUp = 'mount -t bpf bpf /sys/fs/bpf && exec "$@"';
const ownBpfFileSystem = ["unshare", "--mount", "sh", "-c", setUp, "sh"];

beforeAll(needBpf);

/** Descriptors that every daemon uses: with a limit of so many it has none left. */
const USED = 10;

async function limitDescriptors({ pid }: RunningDaemon, most: number): Promise<void> {
  await run(["prlimit", `--pid=${pid}`, `--nofile=${most}:`]);
}

/** What the log says of its session and the lack. */
function failures({ log }: RunningDaemon): readonly string[] {
  return log.split("\n").filter((line) => line.includes("plane-changed") && line.includes("EMFILE"));
}

/** Makes every route of site `a` go and come back. */
async function changeRoutes(sites: Sites): Promise<void> {
  await sites.ip("a", "link set wan0 down");
  await sites.ip("a", "link set wan0 up");
}

const byEbpf = (sites: Sites) =>
  sites.told("programs forward it", "a", ({ pseudowires }) => pseudowires[0]?.plane === "ebpf");

test("without a free descriptor the userspace plane forwards, and programs do again later", async () => {
  await using sites = await Sites.make();
  const a = sites.start(
    "a",
    sites.write("a", sites.configuration("a", "ebpf", {}, { log: { format: "json" } })),
    ownBpfFileSystem,
  );
  sites.start("b", sites.write("b", sites.configuration("b", "userspace")));
  await sites.reached();
  await byEbpf(sites);
  await limitDescriptors(a, USED);
  await changeRoutes(sites);
  await sites.reached();
  expect(await sites.passes(5)).toBe(true);
  await eventually("the log says so", () => failures(a).length > 0);
  await limitDescriptors(a, 1024);
  await byEbpf(sites);
  await sites.reached();
  expect(await sites.passes(5)).toBe(true);
  expect(failures(a).filter((line) => !line.includes('"level":"warn"'))).toEqual([]);
});
