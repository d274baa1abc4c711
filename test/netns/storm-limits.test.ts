import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { ownerOf } from "../../src/daemon/owner.ts";
import type { StatusReport } from "../../src/daemon/status.ts";
import { eventually, planes } from "../support/lab.ts";
import { type Keys, type Site, Sites } from "../support/sites.ts";

const SENDER = fileURLToPath(new URL("../support/storm-sender.mjs", import.meta.url));
const SECONDS = 2;
const ROUNDS_A_SECOND = 2000;
const LIMIT = 500;
const limits = { broadcast: LIMIT, multicast: LIMIT, unknown_unicast: LIMIT };
const reasons = ["broadcast-storm", "multicast-storm", "unknown-unicast-storm"] as const;

/** A site with its host and the pseudowire as ports of a bridge, which have some keys. */
function configOf(sites: Sites, site: Site, plane: string, port: Keys, member: Keys = {}): Keys {
  const pseudowires = { lan: { circuit: { tap: "pw1", bridge: "lan", port } } };
  const bridges = { lan: { interfaces: { eth1: member } } };
  return sites.configuration(site, plane, { pseudowires }, { bridges });
}

function portOf({ bridges }: StatusReport, device: string) {
  const found = bridges?.[0]?.ports.find((one) => one.device === device);
  return found;
}

interface Shown {
  readonly address: string;
  readonly stats64: { readonly rx: { readonly packets: number } };
}

async function shown(sites: Sites): Promise<Shown> {
  const { stdout } = await sites.exec("ha", "ip", "-s", "-j", "link", "show", "dev", "eth0");
  const [found] = JSON.parse(stdout) as Shown[];
  if (found === undefined) throw new Error("the host has no eth0");
  return found;
}

const received = async (sites: Sites) => (await shown(sites)).stats64.rx.packets;

interface Storm {
  readonly rounds: number;
  readonly fitting: number;
}

/** Sends rounds of one frame of each kind from the host of b. */
async function storm(sites: Sites): Promise<Storm> {
  const numbers = [SECONDS, ROUNDS_A_SECOND, LIMIT].map(String);
  const words = [process.execPath, SENDER, ...numbers, (await shown(sites)).address.replaceAll(":", "")];
  const { stdout, stderr } = await sites.exec("hb", ...words);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Storm;
}

/** Waits until no frame comes any more, and gives how many came to the host of a since `before`. */
async function settled(sites: Sites, before: number): Promise<number> {
  let last = -1;
  await eventually("all frames have come", async () => {
    const now = await received(sites);
    const isSame = now === last;
    last = now;
    return isSame;
  });
  return last - before;
}

const near = (value: number, wanted: number) => {
  expect(value).toBeGreaterThan(0.95 * wanted);
  expect(value).toBeLessThan(1.05 * wanted);
};

test.each(planes)(
  "plane %s: each kind is limited for itself, known unicast passes, and a reload changes it",
  async (plane) => {
    await using sites = await Sites.make();
    const begin = (site: Site, port: Keys) =>
      sites.start(site, sites.write(site, configOf(sites, site, plane, port)));
    const daemon = begin("a", { storm_limits: limits });
    begin("b", {});
    await sites.reached();
    const report = await sites.told(
      "limits hold",
      "a",
      (status) => portOf(status, "pw1")?.storms?.discards !== undefined,
    );
    expect(portOf(report, "eth1")?.storms).toBe(undefined);

    const before = await received(sites);
    const { rounds, fitting } = await storm(sites);
    expect(rounds).toBeGreaterThan(3 * fitting);
    const passed = await settled(sites, before);
    const counted = portOf(await sites.status("a"), "pw1")?.storms?.discards;
    for (const reason of reasons) near(rounds - (counted?.[reason] ?? 0), fitting);
    // One in four is known unicast, which has no limit.
    near(passed, rounds + 3 * fitting);
    const words = [process.execPath, "dist/cli/main.js", "status", "--socket", sites.socket("a")];
    const printed = (await sites.exec("a", ...words)).stdout;
    // As it is where lines have room.
    const stdout = printed.replaceAll("\n    ", " ");
    expect(stdout).toMatch(
      /port pw1 .*, at most in a second: broadcast 500, multicast 500, .* 500, .*frames dropped: broad/,
    );
    expect(stdout).toMatch(
      /needs attention:\n(.*\n)* {2}bridge lan: a storm at port pw1: \d+ frames beyond 500 a second /,
    );
    expect(daemon.log).toMatch(
      /bridge lan: port pw1: a storm: \d+ frames? beyond 500 a second dropped so far: broadc/,
    );

    // Without a limit of its own a kind passes; the counts go on.
    sites.write("a", configOf(sites, "a", plane, { storm_limits: { multicast: LIMIT } }));
    await sites.reload("a");
    const more = await storm(sites);
    const after = portOf(await sites.status("a"), "pw1")?.storms?.discards;
    expect(after?.["broadcast-storm"]).toBe(counted?.["broadcast-storm"]);
    expect(after?.["unknown-unicast-storm"]).toBe(counted?.["unknown-unicast-storm"]);
    const multicast = (after?.["multicast-storm"] ?? 0) - (counted?.["multicast-storm"] ?? 0);
    near(more.rounds - multicast, more.fitting);

    // None at all: no program is left.
    sites.write("a", configOf(sites, "a", plane, {}));
    await sites.reload("a");
    expect(portOf(await sites.status("a"), "pw1")?.storms).toBe(undefined);
    await sites.reached();
  },
);

test("an interface of a bridge has limits too", async () => {
  await using sites = await Sites.make();
  sites.start("b", sites.write("b", configOf(sites, "b", "userspace", {}, { storm_limits: limits })));
  await sites.told("limits hold", "b", (status) => portOf(status, "eth1")?.storms?.discards !== undefined);
  const { rounds, fitting } = await storm(sites);
  const counted = portOf(await sites.status("b"), "eth1")?.storms?.discards;
  for (const reason of reasons.slice(0, 2)) near(rounds - (counted?.[reason] ?? 0), fitting);
  // The host of a is behind no pseudowire that is up: it is as unknown as the other address.
  near(2 * rounds - (counted?.["unknown-unicast-storm"] ?? 0), fitting);
});

/** The directories of pins of the storm limits of a. */
function pins(sites: Sites): readonly string[] {
  const root = "/sys/fs/bpf/wirespan";
  const owner = ownerOf({ lcce: { controlSocket: sites.socket("a") } as Config["lcce"] });
  const names = existsSync(root) ? readdirSync(root) : [];
  return names.filter((name) => name.startsWith(`storm-${owner}-`));
}

describe("limits outlive a killed daemon whose programs go on forwarding", () => {
  /** A storm at a, and one without its daemon: limits hold. Returns what was dropped of each kind. */
  async function withoutDaemon(sites: Sites): Promise<number> {
    const daemon = sites.start("a", sites.write("a", configOf(sites, "a", "ebpf", { storm_limits: limits })));
    sites.start("b", sites.write("b", configOf(sites, "b", "ebpf", {})));
    await sites.reached();
    const counts = (status: StatusReport) => portOf(status, "pw1")?.storms?.discards !== undefined;
    await sites.told("limits hold", "a", counts);
    const first = await storm(sites);
    await daemon.end("SIGKILL");
    expect(pins(sites)).toHaveLength(1);
    const before = await received(sites);
    const { rounds, fitting } = await storm(sites);
    near(await settled(sites, before), rounds + 3 * fitting);
    return first.rounds - first.fitting + rounds - fitting;
  }

  test("the next one goes on with their counts, and has them end with it", async () => {
    await using sites = await Sites.make();
    const dropped = await withoutDaemon(sites);
    const next = sites.start("a", sites.file("a.yaml"));
    const counted = (status: StatusReport) => portOf(status, "pw1")?.storms?.discards !== undefined;
    const report = await sites.told("limits hold", "a", counted);
    const discards = portOf(report, "pw1")?.storms?.discards;
    near(discards?.["broadcast-storm"] ?? 0, dropped);
    // What the former one dropped is no storm of now.
    expect(report.bridges?.[0]?.notes).toBe(undefined);
    await next.end("SIGTERM");
    expect(pins(sites)).toEqual([]);
  });

  test("a next one without limits ends them", async () => {
    await using sites = await Sites.make();
    await withoutDaemon(sites);
    sites.start("a", sites.write("a", configOf(sites, "a", "ebpf", {})));
    await sites.reached();
    await eventually("the limits are gone", () => pins(sites).length === 0);
    const before = await received(sites);
    const { rounds } = await storm(sites);
    near(await settled(sites, before), 4 * rounds);
  });

  test("the userspace plane has other devices, with new counts", async () => {
    await using sites = await Sites.make();
    await withoutDaemon(sites);
    const next = sites.start(
      "a",
      sites.write("a", configOf(sites, "a", "userspace", { storm_limits: limits })),
    );
    await sites.reached();
    const counted = (status: StatusReport) => portOf(status, "pw1")?.storms?.discards !== undefined;
    await sites.told("limits hold", "a", counted);
    const { rounds, fitting } = await storm(sites);
    const discards = portOf(await sites.status("a"), "pw1")?.storms?.discards;
    near(rounds - (discards?.["broadcast-storm"] ?? 0), fitting);
    await next.end("SIGTERM");
    expect(pins(sites)).toEqual([]);
  });
});
