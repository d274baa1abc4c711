import { describe, expect, test } from "vitest";
import { eventually, planes } from "../support/lab.ts";
import { type Keys, Sites } from "../support/sites.ts";

/** What a stop may take, from the signal to the end of the process. */
const LIMIT_MS = 3500;

/** Devices that the daemon takes away with itself: it hears of the first ones while it is at the others. */
function taps(count: number): Keys {
  const numbers = Array.from({ length: count }, (_, index) => index);
  return Object.fromEntries(numbers.map((number) => [`t${number}`, { circuit: { tap: `pw${number}` } }]));
}

/** Pseudowires on VLANs of one interface. */
function vlans(count: number): Keys {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  return Object.fromEntries(ids.map((vlan) => [`v${vlan}`, { circuit: { interface: "eth1", vlan } }]));
}

describe.each(planes)("SIGTERM, plane %s", (plane) => {
  test.each([
    ["a TAP device", "together", taps(1)],
    ["6 TAP devices", "together", taps(6)],
    ["6 TAP devices", "one after the other", taps(6)],
    ["400 VLANs", "together", vlans(400)],
  ] as const)(
    "ends a daemon with %s, both ends %s, and it lives on for nothing",
    async (_, when, pseudowires) => {
      await using sites = await Sites.make();
      const start = (site: "a" | "b") =>
        sites.start(site, sites.write(site, sites.configuration(site, plane, { pseudowires })));
      const daemons = { a: start("a"), b: start("b") };
      for (const site of ["a", "b"])
        await sites.told("all is up", site, (report) =>
          report.pseudowires.every(({ state }) => state === "established"),
        );
      const [first, second] = [daemons.a.end(), when === "together" ? daemons.b.end() : undefined];
      const tookMs = [await first, await (second ?? daemons.b.end())];
      console.log(
        `${plane}, ${Object.keys(pseudowires).length} pseudowires, ${when}: ${tookMs.map(Math.round)} ms`,
      );
      expect(Math.max(...tookMs)).toBeLessThan(LIMIT_MS);
      for (const { log, child } of Object.values(daemons)) {
        expect(child.exitCode).toBe(0);
        expect(log.trim().split("\n").at(-1)).toContain('"event":"stopped"');
      }
    },
  );

  test("ends a daemon whose peer is silent, and one that is starting; SIGHUP before reloads", async () => {
    await using sites = await Sites.make();
    const lone = sites.start("a", sites.write("a", sites.configuration("a", plane)));
    await new Promise((told) => lone.child.stderr?.once("data", told));
    lone.child.kill("SIGHUP");
    await sites.told(
      "it runs",
      "a",
      ({ controlConnections }) => controlConnections[0]?.state === "wait-ctl-reply",
    );
    expect(await lone.end()).toBeLessThan(LIMIT_MS);
    const starting = sites.start("a", sites.file("a.yaml"));
    await new Promise((told) => starting.child.stderr?.once("data", told));
    starting.child.kill("SIGHUP");
    // On a slow machine opening the plane alone takes longer than a stop may, and the process leaves without
    // waiting for it.
    expect(await starting.end()).toBeLessThan(LIMIT_MS);
    expect(starting.child.signalCode).toBe(null);
  });
});

test("SIGTERM ends a daemon with exit code 0 in the midst of SIGHUPs", async () => {
  await using sites = await Sites.make();
  const file = sites.write("a", sites.configuration("a", "userspace", { pseudowires: {} }));
  const daemon = sites.start("a", file);
  await sites.told("it runs", "a", () => true);
  const storm = setInterval(() => {
    for (let signal = 0; signal < 20; signal += 1) daemon.child.kill("SIGHUP");
  }, 1);
  try {
    await eventually("it reloads", async () => daemon.log.includes("reloading the configuration"));
    await daemon.end();
  } finally {
    clearInterval(storm);
  }
  expect([daemon.child.signalCode, daemon.child.exitCode]).toEqual([null, 0]);
  expect(daemon.log.trim().split("\n").at(-1)).toContain('"event":"stopped"');
});
