import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { eventually } from "../support/lab.ts";
import { needBpf } from "../support/namespace.ts";
import { Sites } from "../support/sites.ts";

/** What a crashed daemon left in its bpf file system, whole or damaged, and the daemon after it. */

beforeAll(needBpf);

/** A mount namespace with a bpf file system of its own, which outlives daemons. */
class Mounts implements Disposable {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async make(): Promise<Mounts> {
    const words = ["--mount", "sh", "-c", "mount -t bpf bpf /sys/fs/bpf && echo made && exec sleep infinity"];
    const holder = spawn("unshare", words, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => holder.stdout?.once("data", resolve));
    return new Mounts(holder);
  }

  /** Words that start a program in it. */
  get enter(): readonly string[] {
    return ["nsenter", "--mount", `--target=${this.#holder.pid}`];
  }

  get root(): string {
    return `/proc/${this.#holder.pid}/root/sys/fs/bpf/wirespan`;
  }

  /** The directory of the only daemon. */
  get directory(): string {
    const [name = ""] = readdirSync(this.root);
    return join(this.root, name);
  }

  [Symbol.dispose](): void {
    this.#holder.kill();
  }
}

/** Site `a` forwarded by eBPF, and was killed. */
async function crashed(sites: Sites, mounts: Mounts): Promise<void> {
  const a = sites.start("a", sites.write("a", sites.configuration("a", "ebpf")), mounts.enter);
  sites.start("b", sites.write("b", sites.configuration("b", "userspace")));
  await sites.reached();
  await forwardedBy(sites, "ebpf");
  await a.end("SIGKILL");
}

const forwardedBy = (sites: Sites, plane: string) =>
  sites.told(`plane ${plane}`, "a", ({ pseudowires }) => pseudowires[0]?.plane === plane);

/** Each frame arrives, and once: a second answer would be a duplicate. */
async function expectNoDuplicates(sites: Sites): Promise<void> {
  const words = ["-q", "-c", "5", "-i", "0.2", "-W", "1", "10.0.0.2"];
  const { stdout } = await sites.exec("ha", "ping", ...words);
  expect(stdout).toContain("5 packets transmitted, 5 received, 0% packet loss");
  expect(stdout).not.toContain("duplicates");
}

/** TABLE: damage to pins, and what is said of it. */
const damages = [
  [
    "a pinned map has another shape",
    (directory: string) => {
      rmSync(join(directory, "peers"));
      using map = new BpfSyscall().createMap({
        kind: "hash",
        name: "other",
        keyOctets: 8,
        valueOctets: 8,
        maxEntries: 1024,
        onDemand: true,
      });
      map.pin(join(directory, "peers"));
    },
    "peers is a hash with keys of 8 and values of 8 octets, 1024 entries in place of a hash",
  ],
  [
    "a pinned map has another kind",
    (directory: string) => {
      rmSync(join(directory, "circuits"));
      mkdirSync(join(directory, "circuits"));
    },
    "open the pinned map",
  ],
  [
    "a pin with the name of a link is none",
    (directory: string) => mkdirSync(join(directory, "link_1_1_ingress_ws_emit")),
    "open the pinned link",
  ],
] as const;

test.each(damages)("%s: it is told, and the eBPF plane starts", async (_, damage, text) => {
  await using sites = await Sites.make();
  using mounts = await Mounts.make();
  await crashed(sites, mounts);
  damage(mounts.directory);
  const next = sites.start("a", sites.file("a.yaml"), mounts.enter);
  await forwardedBy(sites, "ebpf");
  await sites.reached();
  await expectNoDuplicates(sites);
  expect(next.log).toContain("what a former daemon left was removed: ");
  expect(next.log).toContain(text);
});

/** Words that start a program without the capabilities that eBPF needs. */
const withoutBpf = ["setpriv", "--bounding-set", "-bpf,-sys_admin,-perfmon"];

test.each([
  ["plane: auto without the rights for eBPF", "auto", withoutBpf],
  ["plane: userspace", "userspace", []],
  ["plane: userspace without the rights for eBPF", "userspace", withoutBpf],
] as const)("the userspace plane ends what a crashed daemon left: %s", async (_, plane, by) => {
  await using sites = await Sites.make();
  using mounts = await Mounts.make();
  await crashed(sites, mounts);
  mkdirSync(join(mounts.directory, "link_1_1_ingress_ws_emit"));
  sites.start("a", sites.write("a", sites.configuration("a", plane)), [...mounts.enter, ...by]);
  await forwardedBy(sites, "userspace");
  await sites.reached();
  await expectNoDuplicates(sites);
  expect(existsSync(mounts.root)).toBe(false);
  await eventually("no program is left", async () => {
    const { stdout } = await sites.exec("a", "ip", "-br", "link");
    return !/^ws[a-h]/m.test(stdout);
  });
});
