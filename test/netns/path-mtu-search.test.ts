import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PathMtuStatus } from "../../src/daemon/status.ts";
import { eventually, planes } from "../support/lab.ts";
import { RoutedSites, type Row } from "../support/routed-sites.ts";

/** TABLE: encapsulations and families, each with a control connection. */
const rows: readonly Row[] = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).map((family) => ({
    encapsulation,
    family,
    fragmentation: "outer" as const,
    isNegotiated: true,
  })),
);
/** A black hole is noticed within 30 s and three probes; then a search lasts some 20 s at most. */
const SEARCH_MS = 90_000;
const LOST = /established -> idle/;

describe.each(planes)("RFC 8899: the path MTU is measured, plane %s", (plane) => {
  let sites: RoutedSites;
  let sincePaths: readonly string[];
  beforeAll(async () => {
    sites = await RoutedSites.up(rows, { plane });
    sincePaths = await connectionIds();
  });
  afterAll(() => sites?.[Symbol.asyncDispose]());

  const connectionIds = async () =>
    (await sites.status("a")).controlConnections.map(({ localControlConnectionId: id }) => `${id}`);
  const measured = async () =>
    (await sites.status("a")).controlConnections.map(({ pathMtu }) => pathMtu as PathMtuStatus);

  /** Hosts ping all the while, so that data flows on each session. */
  async function expectMeasured(octets: number, forMs: number): Promise<void> {
    await eventually(
      `all paths are measured to take ${octets}`,
      async () => {
        await Promise.all(rows.map((_, index) => sites.pings(index, 56, 2)));
        const found = await measured();
        return found.every((one) => one?.source === "measured" && one.octets === octets);
      },
      forMs,
    );
  }

  test("a path of the interface's MTU", async () => {
    await expectMeasured(1500, 20_000);
    const [first] = await measured();
    expect(first).toMatchObject({ by: "HELLO", search: "search-complete" });
  });

  test("a black hole: a link takes 1400, and no router says so", async () => {
    await sites.tellOfMtu(false);
    await sites.setWanMtu(1400);
    await expectMeasured(1400, SEARCH_MS);
    expect(sites.log("a")).toMatch(/packets of the path MTU so far are lost/);
  });

  test("a router that says it", async () => {
    await sites.tellOfMtu(true);
    await sites.setWanMtu(1300);
    await eventually(
      "all paths are measured to take 1300",
      async () => {
        // Long frames make the router tell; over IPv4 it fragments them, and probes are what it tells of.
        await Promise.all(rows.map((_, index) => sites.pings(index, 1400, 2)));
        return (await measured()).every((one) => one?.source === "measured" && one.octets === 1300);
      },
      SEARCH_MS,
    );
  });

  test("jumbo links are found as soon as the interface takes them", async () => {
    await sites.setAllMtus(9000);
    await sites.exec("a", "ip route flush cache; ip -6 route flush cache");
    await expectMeasured(9000, SEARCH_MS);
  });

  test("and no connection was lost by it", async () => {
    expect(await connectionIds()).toEqual(sincePaths);
    expect(sites.log("a")).not.toMatch(LOST);
    expect(sites.log("b")).not.toMatch(LOST);
  });
});
