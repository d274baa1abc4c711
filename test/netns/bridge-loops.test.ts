import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { eventually, planes } from "../support/lab.ts";
import { type Keys, type RunningDaemon, type Site, Sites } from "../support/sites.ts";

const REPLAY = fileURLToPath(new URL("../support/probe-replay.mjs", import.meta.url));
/** A loop goes round as fast as the machine can; the limits leave it to others. */
const limits = { broadcast: 200, multicast: 200 };

interface Shape {
  readonly plane: string;
  readonly loops: "report" | "block" | "off";
  readonly pseudowires: readonly string[];
  readonly isolated: boolean;
}

/** Two sites whose hosts and pseudowires are ports of bridges. */
function configOf(sites: Sites, site: Site, { plane, loops, pseudowires, isolated }: Shape): Keys {
  const port = { isolated, storm_limits: limits };
  const made = pseudowires.map((name) => [name, { circuit: { tap: name, bridge: "lan", port } }]);
  const bridges = { lan: { loops, interfaces: { eth1: {} } } };
  return sites.configuration(site, plane, { pseudowires: Object.fromEntries(made) }, { bridges });
}

/** Starts both daemons, and gives that of a. */
async function start(sites: Sites, shape: Shape): Promise<RunningDaemon> {
  const begin = (site: Site) => sites.start(site, sites.write(site, configOf(sites, site, shape)));
  const [a] = [begin("a"), begin("b")];
  const areUp = async () => {
    const both = await Promise.all(["a", "b"].map((site) => sites.status(site).catch(() => undefined)));
    return both.every((report) => {
      const ports = report?.bridges?.[0]?.ports ?? [];
      return ports.length > shape.pseudowires.length && ports.every(({ state }) => state !== "disabled");
    });
  };
  await eventually("all ports are up", areUp, 60_000);
  return a;
}

/** Ports by their states, and what both sites say of loops. */
async function seen(sites: Sites) {
  const both = await Promise.all(
    ["a", "b"].map(async (site) => {
      const [bridge] = (await sites.status(site)).bridges ?? [];
      if (bridge === undefined) throw new Error(`${site} has no bridge`);
      return { ...bridge, site };
    }),
  );
  return {
    blocked: both.flatMap(({ ports, site }) =>
      ports.flatMap(({ device, state }) => (state === "listening" ? [`${site}.${device}`] : [])),
    ),
    loops: both.flatMap(({ loops }) => loops?.loops ?? []),
    duplicates: both.flatMap(({ loops }) => loops?.duplicates ?? []),
    stale: both.map(({ loops }) => loops?.discards.stale ?? 0).reduce((sum, one) => sum + one, 0),
    forged: both.map(({ loops }) => loops?.discards["bad-digest"] ?? 0).reduce((sum, one) => sum + one, 0),
  };
}

const counted = (text: string, words: string) => text.split(words).length - 1;

type Seen = Awaited<ReturnType<typeof seen>>;

async function until(what: string, sites: Sites, condition: (now: Seen) => boolean): Promise<Seen> {
  let last: Seen | undefined;
  const isSeen = async () => {
    last = await seen(sites);
    return condition(last);
  };
  await eventually(what, isSeen, 60_000);
  return last as Seen;
}

/** A veth pair between the local networks of both sites. */
async function patch(sites: Sites): Promise<void> {
  await sites.ip("a", `link add patch type veth peer name patch netns ${sites.namespace("b")}`);
  for (const site of ["a", "b"]) {
    await sites.ip(site, "link set patch master lan");
    await sites.ip(site, "link set patch up");
  }
}

describe.concurrent.each(planes)("plane %s", (plane) => {
  test("a patch between the sites: the pseudowire is blocked while it is there", async () => {
    await using sites = await Sites.make();
    await start(sites, { plane, loops: "block", pseudowires: ["pw1"], isolated: true });
    await sites.reached();

    // What is forged or recorded changes nothing.
    const { stdout } = await sites.exec("hb", process.execPath, REPLAY);
    expect(Number(stdout)).toBeGreaterThan(40);
    const after = await until(
      "what was sent has come",
      sites,
      ({ stale, forged }) => stale > 2 && forged > 10,
    );
    expect(after).toMatchObject({ blocked: [], loops: [] });

    const begunMs = performance.now();
    await patch(sites);
    const { blocked, loops } = await until("a port is blocked", sites, (now) => now.blocked.length > 0);
    expect(performance.now() - begunMs).toBeLessThan(15_000);
    expect(blocked.every((port) => port.endsWith(".pw1"))).toBe(true);
    expect(loops.length).toBeGreaterThan(0);
    await sites.reached();
    const shown = await sites.exec(
      ...["a", process.execPath, "dist/cli/main.js", "status"],
      ...["--socket", sites.socket(blocked[0]?.startsWith("a") === true ? "a" : "b")],
    );
    // As it is where lines have room.
    expect(shown.stdout.replaceAll("\n    ", " ")).toMatch(
      /a loop: frames that leave by pw1 come back by \w+, pw1 is blocked/,
    );

    await sites.ip("a", "link del patch");
    await until("all is open again", sites, (now) => now.blocked.length === 0 && now.loops.length === 0);
    await sites.reached();
  });

  test("two pseudowires between two bridges: one port is blocked; report and off block none", async () => {
    await using sites = await Sites.make();
    const shape: Shape = { plane, loops: "report", pseudowires: ["pw1", "pw2"], isolated: false };
    const a = await start(sites, shape);
    const reported = await until("the loop is told", sites, ({ loops }) => loops.length > 0);
    expect(reported.blocked).toEqual([]);
    for (const site of ["a", "b"] as const) {
      sites.write(site, configOf(sites, site, { ...shape, loops: site === "a" ? "block" : "report" }));
      await sites.reload(site);
    }
    const { blocked } = await until("one is blocked", sites, (now) => now.blocked.length > 0);
    expect(blocked).toEqual(["a.pw2"]);
    expect(counted(a.log, "bridge lan: port pw2 is blocked until the loop is gone")).toBe(1);
    await sites.reached();
    sites.write("a", configOf(sites, "a", { ...shape, loops: "report" }));
    await sites.reload("a");
    expect((await seen(sites)).blocked).toEqual([]);
    const opened = "bridge lan: port pw2, which was blocked for a loop, is open again";
    await eventually("the log says so", async () => counted(a.log, opened) === 1);
    sites.write("a", configOf(sites, "a", { ...shape, loops: "block" }));
    await sites.reload("a");
    await until("one is blocked again", sites, (now) => now.blocked.length > 0);
    sites.write("a", configOf(sites, "a", { ...shape, loops: "off", pseudowires: ["pw1"] }));
    await sites.reload("a");
    expect((await seen(sites)).blocked).toEqual([]);
    await sites.reached();
  });

  test("isolated pseudowires between two bridges are told as duplicates", async () => {
    await using sites = await Sites.make();
    await start(sites, { plane, loops: "block", pseudowires: ["pw1", "pw2"], isolated: true });
    const now = await until("both tell", sites, ({ duplicates }) => duplicates.length === 2);
    expect(now).toMatchObject({
      blocked: [],
      loops: [],
      duplicates: [
        ["pw1", "pw2"],
        ["pw1", "pw2"],
      ],
    });
  });
});
