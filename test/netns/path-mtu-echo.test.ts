import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PathMtuStatus } from "../../src/daemon/status.ts";
import { eventually, planes } from "../support/lab.ts";
import { addressOf, RoutedSites, type Row } from "../support/routed-sites.ts";

const fragmentation = "outer" as const;
/**
 * TABLE: first, a static tunnel whose peer answers no echo; then static ones, which have no other probes, and
 * some with a control connection, whose padded HELLOs the router drops.
 */
const rows: readonly Row[] = [
  { encapsulation: "udp", family: 4, fragmentation },
  ...(["udp", "ip"] as const).flatMap((encapsulation) =>
    ([4, 6] as const).flatMap((family) =>
      [false, true].map((isNegotiated) => ({ encapsulation, family, fragmentation, isNegotiated })),
    ),
  ),
  { encapsulation: "udp", family: 4, fragmentation: "none" },
  { encapsulation: "udp", family: 6, fragmentation: "none" },
  { encapsulation: "ip", family: 6, fragmentation: "none" },
];
const MEASURED = 1492;
const INTERFACE_MTU = 1500;
/** Three padded HELLOs of 3 s each are lost first, and then as many echo requests of some sizes. */
const SEARCH_MS = 60_000;

describe.each(planes)("RFC 8899: the path MTU is measured by ICMP echo, plane %s", (plane) => {
  let sites: RoutedSites;
  beforeAll(async () => {
    sites = await RoutedSites.up(rows, { plane }, async (built) => {
      await built.tellOfMtu(false);
      await built.setWanMtu(MEASURED);
      await built.dropOver(MEASURED);
      await built.dropControlOver(600);
      await built.dropEchoTo(addressOf("b", 4, 0));
    });
  });
  afterAll(() => sites?.[Symbol.asyncDispose]());

  const measured = async () =>
    (await sites.status("a")).controlConnections.map(({ pathMtu }) => pathMtu as PathMtuStatus);

  test("on static tunnels, and where padded HELLOs are not answered", async () => {
    await eventually(
      "all paths are measured to take 1492",
      async () =>
        (await measured()).slice(1).every((one) => one?.source === "measured" && one.octets === 1492),
      SEARCH_MS,
    );
    const found = (await measured()).slice(1);
    expect(found.map(({ by }) => by)).toEqual(found.map(() => "ICMP echo"));
    expect(sites.log("a")).not.toMatch(/established -> idle/);
  });

  const fragmented = rows.flatMap((row, index) =>
    index > 0 && row.fragmentation === "outer" ? [[index, row] as const] : [],
  );
  test.each(fragmented)(
    "frames that are longer cross in fragments of what was measured, row %d: %j",
    async (index, { encapsulation, family }) => {
      // Ethernet, ICMP and IPv4 of the host's, then ours: IP, UDP, session id and cookie.
      const overhead = 42 + (family === 4 ? 20 : 40) + (encapsulation === "udp" ? 8 + 4 : 0) + 4 + 8;
      for (const octets of [MEASURED + 1 - overhead, INTERFACE_MTU - overhead, 1472])
        await eventually(
          `pings of ${octets} octets cross`,
          async () => (await sites.pings(index, octets)) === 3,
        );
    },
  );

  const unfragmented = rows.flatMap((row, index) => (row.fragmentation === "none" ? [index] : []));
  test.each(unfragmented)("without fragmentation they are counted as path-mtu, row %d", async (index) => {
    const discarded = async () => (await sites.pseudowire("a", index)).discards["path-mtu"] ?? 0;
    const before = await discarded();
    expect(await sites.pings(index, 1472)).toBe(0);
    await eventually("three frames are counted", async () => (await discarded()) === before + 3);
    expect(await sites.pings(index, 1300)).toBe(3);
  });

  test("a peer that answers no echo leaves its path MTU assumed", async () => {
    await eventually("the search gave up", async () => (await measured())[0]?.search === "error", SEARCH_MS);
    expect((await measured())[0]?.by).toBeUndefined();
    expect((await measured())[0]).toMatchObject({ octets: 1500, source: "interface" });
    expect(await sites.pings(0, 56)).toBe(3);
  });
});
