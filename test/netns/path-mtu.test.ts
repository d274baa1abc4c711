import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, planes } from "../support/lab.ts";
import { addressOf, RoutedSites, type Row } from "../support/routed-sites.ts";

/** TABLE: encapsulations, families and who fragments. */
const rows: readonly Row[] = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).flatMap((family) =>
    (["outer", "none"] as const).map((fragmentation) => ({ encapsulation, family, fragmentation })),
  ),
);
const SMALL_MTU = 1400;
/**
 * Payloads of pings: the packets of some are over the MTU of the link at b, of some over that of the link at
 * a, which is 1500.
 */
const sizes = [1300, 1340, 1380, 1400, 1472];
const COUNT = 3;
/**
 * How soon a path MTU is taken over, from the first packet that is too large: the kernel is asked each
 * second, and a probe has one second; then pings have to see it.
 */
const LEARN_MS = 3000;

/** Ethernet, ICMP and IPv4 of the host's, then ours: IP, UDP, session id and cookie. */
function packetOctets({ encapsulation, family }: Row, payload: number): number {
  return payload + 42 + (family === 4 ? 20 : 40) + (encapsulation === "udp" ? 8 + 4 : 0) + 4 + 8;
}

/** With a search of its own, which believes no router, and with nothing else than what routers say. */
const searches = planes.flatMap((plane) =>
  (["probe", "none"] as const).map((search) => [plane, search] as const),
);

describe.each(searches)(
  "a path whose MTU is less than the link's, plane %s, path_mtu: %s",
  (plane, search) => {
    let sites: RoutedSites;
    beforeAll(async () => {
      sites = await RoutedSites.up(rows, { plane, defaults: { tunnel: { path_mtu: search } } });
    });
    afterAll(() => sites?.[Symbol.asyncDispose]());

    const each = (act: (row: Row, index: number) => Promise<void>) => Promise.all(rows.map(act));
    const name = ({ encapsulation, family, fragmentation }: Row) =>
      `${encapsulation} over IPv${family}, ${fragmentation}`;

    /** What passes, and what is counted, once each row had `LEARN_MS` to see how it is. */
    async function expectMtu(mtu: number): Promise<void> {
      await each(async (row, index) => {
        for (const size of sizes) {
          const fits = packetOctets(row, size) <= mtu;
          const what = `${name(row)}: pings of ${size} octets`;
          if (fits || row.fragmentation === "outer") {
            await eventually(
              `${what} pass`,
              async () => (await sites.pings(index, size, COUNT)) === COUNT,
              2 * LEARN_MS,
            );
            continue;
          }
          // The first ones teach the path's MTU.
          await eventually(`${what} are counted`, () => areCounted(index, size), 2 * LEARN_MS);
        }
      });
    }

    /** Whether pings of a size are all counted as `path-mtu`, and none as sent. */
    async function areCounted(index: number, size: number): Promise<boolean> {
      const before = await sites.pseudowire("a", index);
      expect(await sites.pings(index, size, COUNT)).toBe(0);
      const after = await sites.pseudowire("a", index);
      const counted = (after.discards["path-mtu"] ?? 0) - (before.discards["path-mtu"] ?? 0);
      return counted === COUNT && after.transmittedFrames === before.transmittedFrames;
    }

    test("programs carry what they should", async () => {
      await eventually(`the plane ${plane} carries all`, async () => {
        const { pseudowires } = await sites.status("a");
        return (
          pseudowires.length === rows.length && pseudowires.every((pseudowire) => pseudowire.plane === plane)
        );
      });
      await expectMtu(1500);
    });

    test("RFC 8201, RFC 1191: a smaller MTU of the path is learned", async () => {
      await sites.setWanMtu(SMALL_MTU);
      await expectMtu(SMALL_MTU);
      const learned = await sites.exec("a", `ip -6 route get ${addressOf("b", 6, 2)}`);
      expect(learned.stdout).toContain(`mtu ${SMALL_MTU}`);
    });

    test("and forgotten when the kernel's knowledge ends", async () => {
      await sites.setWanMtu(1500);
      await sites.exec("a", "ip route flush cache; ip -6 route flush cache");
      await expectMtu(1500);
      // What is learned now is forgotten by itself, soon.
      await sites.exec("a", "sysctl -qw net.ipv4.route.mtu_expires=3 net.ipv6.route.mtu_expires=3");
      await sites.setWanMtu(SMALL_MTU);
      await each(async (row, index) => {
        if (row.fragmentation === "none")
          await eventually(`${name(row)} has learned`, () => areCounted(index, 1380), 2 * LEARN_MS);
      });
      await sites.setWanMtu(1500);
      await each((row, index) =>
        eventually(`${name(row)} has forgotten`, async () => (await sites.pings(index, 1380)) === 3, 15_000),
      );
    });
  },
);
