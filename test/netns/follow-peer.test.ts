import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { StatusReport } from "../../src/daemon/status.ts";
import { eventually, planes } from "../support/lab.ts";
import { type Keys, type RunningDaemon, type Site, Sites } from "../support/sites.ts";

/** TABLE: a device at each end, as the circuit in the file, and what status calls it while held down. */
const kinds: readonly (readonly [string, Readonly<Record<Site, Keys>>, string, string])[] = [
  ["a TAP device", { a: { interface: "eth1" }, b: { tap: "trunk" } }, "trunk", "carrier off"],
  [
    "an interface, as does the other end",
    {
      a: { interface: "eth1", follow_peer: "link-down" },
      b: { interface: "eth1", follow_peer: "link-down" },
    },
    "eth1",
    "switched off",
  ],
];

interface Flags {
  readonly flags: readonly string[];
}

/** The flags of a device of a site, as `ip link` has them. */
async function flagsOf(sites: Sites, site: Site, device: string): Promise<readonly string[]> {
  const { stdout } = await sites.exec(site, "ip", "-json", "link", "show", "dev", device);
  return (JSON.parse(stdout || "[]") as readonly Flags[])[0]?.flags ?? [];
}

async function up(
  sites: Sites,
  plane: string,
  circuits: Readonly<Record<Site, Keys>>,
): Promise<Readonly<Record<Site, RunningDaemon>>> {
  const start = (site: Site) => {
    const pseudowires = { lan: { circuit: circuits[site] } };
    return sites.start(site, sites.write(site, sites.configuration(site, plane, { pseudowires })));
  };
  return { a: start("a"), b: start("b") };
}

describe.each(kinds)("the other end is down: %s follows", (_kind, circuits, device, heldDown) => {
  test.each(planes)("plane %s: within a second, and is no fault of its own", async (plane) => {
    await using sites = await Sites.make();
    const daemons = await up(sites, plane, circuits);
    const isOn = async () => (await flagsOf(sites, "b", device)).includes("LOWER_UP");
    const remoteUp = ({ pseudowires: [lan] }: StatusReport) => lan?.remoteCircuit === "up";
    const both = async (what: string) => {
      for (const site of ["a", "b"] as const) await sites.told(`${what}, says ${site}`, site, remoteUp);
    };
    await both("both circuits are up");
    await eventually("the device has its carrier", isOn);

    // Three times, so that no end holds the other down for ever.
    for (let time = 1; time <= 3; time += 1) {
      await sites.ip("ha", "link set eth0 down");
      await eventually("the device at the other end is off", async () => !(await isOn()));
      const here = await sites.pseudowire("b");
      expect([here.localCircuit, here.heldDown]).toEqual(["up", heldDown]);
      expect(here.remoteCircuit).toBe("down (receive fault, transmit fault)");
      expect((await sites.pseudowire("a")).remoteCircuit).toBe("up");
      await sites.ip("ha", "link set eth0 up");
      await eventually("the device is on again", isOn, 15_000);
      await both("both circuits are up again");
      expect((await sites.pseudowire("b")).heldDown).toBeUndefined();
    }

    await daemons.a.end("SIGTERM");
    await eventually("without a session the device is off", async () => !(await isOn()));
    expect((await sites.pseudowire("b")).localCircuit).toBe("up");
    const file = sites.file("a.yaml");
    const again = sites.start("a", file);
    await eventually("with a session it is on", isOn, 30_000);

    await again.end("SIGTERM");
    await eventually("without a session the device is off", async () => !(await isOn()));
    await daemons.b.end("SIGTERM");
    // A TAP device goes with its daemon; an interface is given back as it was found.
    const flags = await flagsOf(sites, "b", device);
    expect(flags.includes("UP")).toBe(device === "eth1");
  });
});

test.each(planes)("plane %s: with follow_peer: none a TAP device keeps its carrier", async (plane) => {
  await using sites = await Sites.make();
  await up(sites, plane, { a: { interface: "eth1" }, b: { tap: "trunk", follow_peer: "none" } });
  await sites.told("the peer is heard", "b", ({ pseudowires }) => pseudowires[0]?.remoteCircuit === "up");
  await sites.ip("ha", "link set eth0 down");
  await sites.told(
    "the other end is down",
    "b",
    ({ pseudowires }) => pseudowires[0]?.remoteCircuit?.startsWith("down") === true,
  );
  expect(await flagsOf(sites, "b", "trunk")).toContain("LOWER_UP");
});

const following = { interface: "eth1", follow_peer: "link-down" } as const;

/** A site whose pseudowires have these circuits; without any there is another tunnel. */
function siteConfiguration(sites: Sites, plane: string, circuits: Readonly<Record<string, Keys>>): Keys {
  const pseudowires = Object.fromEntries(
    Object.entries(circuits).map(([name, circuit]) => [name, { circuit }]),
  );
  const other = {
    local: "192.0.2.2",
    remote: "192.0.2.9",
    pseudowires: { far: { circuit: { tap: "far" } } },
  };
  const none = Object.keys(circuits).length === 0;
  return sites.configuration("b", plane, { pseudowires }, none ? { tunnels: { other } } : {});
}

/** Both sites, and the circuit of the first down, for which the second holds its own. */
async function heldDown(sites: Sites, plane: string, circuit: Keys, device: string): Promise<RunningDaemon> {
  const { b } = await up(sites, plane, { a: { interface: "eth1" }, b: circuit });
  await sites.told("both circuits are up", "b", ({ pseudowires: [lan] }) => lan?.remoteCircuit === "up");
  await sites.ip("ha", "link set eth0 down");
  await eventually(
    "the device is off",
    async () => !(await flagsOf(sites, "b", device)).includes("LOWER_UP"),
  );
  return b;
}

/** TABLE: the circuits of the configuration after a killed daemon's, none of which follows the peer. */
const others: readonly (readonly [string, Readonly<Record<string, Keys>>])[] = [
  ["without the key", { lan: { interface: "eth1" } }],
  ["with another pseudowire in the tunnel", { other: { tap: "trunk" } }],
  ["without the tunnel", {}],
];

describe.each(planes)("plane %s: a daemon is killed while it holds an interface down", (plane) => {
  test.each(others)("a configuration %s gives it back", async (_name, circuits) => {
    await using sites = await Sites.make();
    const killed = await heldDown(sites, plane, following, "eth1");
    await killed.end("SIGKILL");
    expect(await flagsOf(sites, "b", "eth1")).not.toContain("UP");
    const record = `${sites.socket("b")}.down`;
    expect(existsSync(record)).toBe(true);
    const next = sites.start("b", sites.write("b", siteConfiguration(sites, plane, circuits)));
    await eventually("the interface is on", async () => (await flagsOf(sites, "b", "eth1")).includes("UP"));
    await eventually("nothing is left to do", async () => !existsSync(record));
    expect(next.log).toContain("a former daemon had switched it off");
  });

  test("the same configuration holds it down, which is no fault, until the other end is up", async () => {
    await using sites = await Sites.make();
    const killed = await heldDown(sites, plane, following, "eth1");
    await killed.end("SIGKILL");
    const next = sites.start("b", sites.file("b.yaml"));
    const known = ({ pseudowires: [lan] }: StatusReport) => lan?.remoteCircuit?.startsWith("down") === true;
    await sites.told("the other end is known to be down", "b", known);
    expect((await sites.pseudowire("b")).heldDown).toBe("switched off");
    // Also not before the peer was heard.
    expect(next.log).toContain("attachment circuit eth1 is up");
    expect(next.log).not.toContain("attachment circuit eth1 is down");
    expect((await sites.pseudowire("a")).remoteCircuit).toBe("up");
    await sites.ip("ha", "link set eth0 up");
    await sites.reached();
    await next.end("SIGTERM");
    expect(existsSync(`${sites.socket("b")}.down`)).toBe(false);
  });

  test.each(["until it opens, and the other end is up", "until the daemon ends"])(
    "the same configuration, whose tunnel waits, leaves it off %s",
    async (until) => {
      await using sites = await Sites.make();
      const killed = await heldDown(sites, plane, following, "eth1");
      await killed.end("SIGKILL");
      await sites.ip("b", "addr del 192.0.2.2/24 dev wan0");
      const next = sites.start("b", sites.file("b.yaml"));
      const waits = ({ controlConnections: [peer] }: StatusReport) => peer?.state === "waiting";
      await sites.told("the tunnel waits for its address", "b", waits);
      await eventually("the log says so", async () => next.log.includes("stays switched off"));
      // A reload looks at all devices again.
      expect((await sites.reload("b")).status).toBe(1);
      expect(await flagsOf(sites, "b", "eth1")).not.toContain("UP");
      expect(existsSync(`${sites.socket("b")}.down`)).toBe(true);
      if (until !== "until the daemon ends") {
        await sites.ip("b", "addr add 192.0.2.2/24 dev wan0");
        const known = ({ pseudowires: [lan] }: StatusReport) =>
          lan?.remoteCircuit?.startsWith("down") === true;
        await sites.told("the other end is known to be down", "b", known);
        expect((await sites.pseudowire("b")).heldDown).toBe("switched off");
        await sites.ip("ha", "link set eth0 up");
        await sites.reached();
      }
      await next.end("SIGTERM");
      expect(await flagsOf(sites, "b", "eth1")).toContain("UP");
      expect(existsSync(`${sites.socket("b")}.down`)).toBe(false);
    },
  );
});

test.each(
  planes.flatMap((plane) => [
    [plane, "an interface", following, { interface: "eth1" }, "eth1"] as const,
    [plane, "a TAP device", { tap: "trunk" }, { tap: "trunk", follow_peer: "none" }, "trunk"] as const,
  ]),
)("plane %s: a reload without the key gives %s back that is off", async (plane, _kind, was, is, device) => {
  await using sites = await Sites.make();
  await heldDown(sites, plane, was, device);
  sites.write("b", siteConfiguration(sites, plane, { lan: is }));
  expect((await sites.reload("b")).stderr).toBe("");
  await eventually("the device is on", async () => (await flagsOf(sites, "b", device)).includes("LOWER_UP"));
  const circuitUp = ({ pseudowires: [lan] }: StatusReport) =>
    lan?.localCircuit === "up" && lan.heldDown === undefined;
  await sites.told("it is up by itself", "b", circuitUp);
});
