import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PathMtuStatus } from "../../src/daemon/status.ts";
import { eventually, planes } from "../support/lab.ts";
import { addressOf, RoutedSites, type Row } from "../support/routed-sites.ts";

/**
 * RFC 5085: the path MTU is measured by ICMP echo in the control channels of sessions, behind a router that
 * says nothing of its narrow link.
 */

const fragmentation = "outer" as const;
/**
 * TABLE: first a tunnel whose channels the router drops, one whose ends agreed on none, and one with a
 * secret; then those that have the channel.
 */
const rows: readonly Row[] = [
  { encapsulation: "udp", family: 4, fragmentation, isNegotiated: true, vccv: "echo" },
  { encapsulation: "udp", family: 4, fragmentation, isNegotiated: true, vccv: "off" },
  { encapsulation: "udp", family: 4, fragmentation, isNegotiated: true, vccv: "echo", secret: "a secret" },
  ...(["udp", "ip"] as const).flatMap((encapsulation) =>
    ([4, 6] as const).flatMap((family) =>
      [false, true].map((isNegotiated) => ({
        ...{ encapsulation, family, fragmentation, isNegotiated },
        vccv: "echo" as const,
      })),
    ),
  ),
];
const FIRST_WITH_CHANNEL = 3;
const NARROW = 1492;
/** Some sizes are lost, each three times a second or slower. */
const SEARCH_MS = 60_000;

describe.each(planes)("plane %s", (plane) => {
  let sites: RoutedSites;
  beforeAll(async () => {
    sites = await RoutedSites.up(rows, { plane }, async (built) => {
      await built.tellOfMtu(false);
      await built.setWanMtu(NARROW);
      await built.dropChannelsTo(addressOf("b", 4, 0));
    });
  });
  afterAll(() => sites?.[Symbol.asyncDispose]());

  const measured = async () =>
    (await sites.status("a")).controlConnections.map(({ pathMtu }) => pathMtu as PathMtuStatus);

  test("sessions that agreed on it measure the path by VCCV echo", async () => {
    await eventually(
      `all paths are measured to take ${NARROW}, by VCCV echo`,
      async () =>
        (await measured())
          .slice(FIRST_WITH_CHANNEL)
          .every((one) => one?.octets === NARROW && one.by === "VCCV echo"),
      SEARCH_MS,
    );
    for (const site of ["a", "b"] as const)
      for (const pseudowire of (await sites.status(site)).pseudowires.slice(FIRST_WITH_CHANNEL))
        expect(pseudowire).toMatchObject({
          ...{ plane, discards: {} },
          vccv: { channel: "l2-specific-sublayer", checks: ["ICMP echo"] },
        });
    expect(sites.log("a")).not.toMatch(/established -> idle/);
  });

  test("where no channel was agreed on, HELLO measures it", async () => {
    await eventually("it is measured", async () => (await measured())[1]?.octets === NARROW, SEARCH_MS);
    expect((await measured())[1]?.by).toBe("HELLO");
    expect(await sites.pseudowire("a", 1)).not.toHaveProperty("vccv");
  });

  test("and with a secret, where nobody but the peer can acknowledge it", async () => {
    await eventually("it is measured", async () => (await measured())[2]?.octets === NARROW, SEARCH_MS);
    expect((await measured())[2]?.by).toBe("HELLO");
    expect(await sites.pseudowire("a", 2)).toHaveProperty("vccv");
  });

  test("and where nothing comes back by the channel, HELLO does, too", async () => {
    await eventually("it is measured", async () => (await measured())[0]?.octets === NARROW, SEARCH_MS);
    expect((await measured())[0]?.by).toBe("HELLO");
    expect(await sites.pings(0, 56)).toBe(3);
  });
});
