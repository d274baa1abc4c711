import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PathMtuStatus } from "../../src/daemon/status.ts";
import { eventually, planes } from "../support/lab.ts";
import { addressOf, RoutedSites, type Row } from "../support/routed-sites.ts";

/**
 * Anybody who knows the addresses of two LCCEs can forge messages of a router between them that say that
 * their packets are too big (RFC 1191, RFC 8201). The kernel believes them; frames on a path that was
 * measured are not to be lost by them.
 */

/** TABLE: encapsulations, families and who fragments; over UDP with a control connection, over IP without. */
const rows: readonly Row[] = (["udp", "ip"] as const).flatMap((encapsulation) =>
  ([4, 6] as const).flatMap((family) =>
    (["outer", "none", "pseudowire"] as const).map((fragmentation) => ({
      encapsulation,
      family,
      fragmentation,
      isNegotiated: encapsulation === "udp",
    })),
  ),
);
const indexes = rows.map((_, index) => index);
const WAN_MTU = 1500;
/** For the first measurement, whatever there is to wait for. */
const MEASURE_MS = 30_000;
/** A search that is told nothing true. */
const SEARCH_MS = 90_000;
/** What is reported in turn, the largest first, as the kernel only takes over less than before. */
const REPORTS = [1499, 1400, 1280, 600, 68];
const ATTACK_S = 12;
/** Pings take so long: more than there are reports. */
const PINGS = 140;
/** A busy machine may lose some, also to a probe that forbids the fragments of a socket for a moment. */
const LOST = 5;

/**
 * Sends each second, for each pair of addresses, one "fragmentation needed" or "packet too big" that quotes
 * the first octets of a packet from the one to the other: argv has the seconds, the sizes, and then for each
 * pair the protocol (17 or 115), the target and its peer.
 */
const FORGE = `
import socket, struct, sys, time
seconds, sizes, pairs = int(sys.argv[1]), [int(s) for s in sys.argv[2].split(",")], sys.argv[3:]
v4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
v6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
def checksum(octets):
    total = sum(struct.unpack("!%dH" % (len(octets) // 2), octets))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def told(pair, size):
    protocol, source, target = pair.split(",")
    is6 = ":" in source
    family = socket.AF_INET6 if is6 else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    begin = struct.pack("!HHHH", 1701, 1701, 1300, 0) if protocol == "17" else struct.pack("!II", 1, 0)
    if is6:
        quoted = struct.pack("!IHBB", 6 << 28, 1300, int(protocol), 64) + ends + begin
        v6.sendto(struct.pack("!BBHI", 2, 0, 0, size) + quoted, (source, 0))
    else:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 1500, 1, 0x4000, 64, int(protocol), 0)
        quoted = header[:10] + struct.pack("!H", checksum(header + ends)) + ends + begin
        message = struct.pack("!BBHHH", 3, 4, 0, 0, size) + quoted
        v4.sendto(message[:2] + struct.pack("!H", checksum(message)) + message[4:], (source, 0))
for second in range(seconds):
    for pair in pairs: told(pair, sizes[second % len(sizes)])
    time.sleep(1)
`;

/** The longest ping whose data message fits the path: Ethernet, IPv4 and ICMP of the host's, then ours. */
function wholePing({ encapsulation, family, fragmentation }: Row): number {
  const sublayer = fragmentation === "pseudowire" ? 4 : 0;
  return WAN_MTU - 42 - (family === 4 ? 20 : 40) - (encapsulation === "udp" ? 8 + 4 : 0) - 4 - 8 - sublayer;
}

/** Pings that cross on such a path, whatever fragments them. */
function crossing(row: Row): readonly number[] {
  return row.fragmentation === "none" ? [wholePing(row)] : [wholePing(row), 1472];
}

describe.each(planes)("forged reports of small path MTUs, plane %s", (plane) => {
  let sites: RoutedSites;
  beforeAll(async () => {
    sites = await RoutedSites.up(rows, { plane });
  });
  afterAll(() => sites?.[Symbol.asyncDispose]());

  const pathMtus = async () =>
    (await sites.status("a")).controlConnections.map(({ pathMtu }) => pathMtu as PathMtuStatus | undefined);

  /** Forges reports to a, of all its paths. */
  async function forge(): Promise<void> {
    const pairs = rows.map(({ encapsulation, family }, index) =>
      [
        encapsulation === "udp" ? 17 : 115,
        addressOf("a", family, index),
        addressOf("b", family, index),
      ].join(),
    );
    const sent = await sites.exec(
      "router",
      `exec python3 - ${ATTACK_S} ${REPORTS.join()} ${pairs.join(" ")}`,
      FORGE,
    );
    expect(sent.stderr).toBe("");
  }

  /** How many of so many pings came back, by row and size. */
  async function crossed(): Promise<readonly (readonly [string, number])[]> {
    const wanted = indexes.flatMap((index) =>
      crossing(rows[index] as Row).map((octets) => ({ index, octets, row: rows[index] as Row })),
    );
    return Promise.all(
      wanted.map(async ({ index, octets, row }) => {
        const name = `${row.encapsulation} over IPv${row.family}, ${row.fragmentation}: pings of ${octets}`;
        return [name, await sites.pings(index, octets, PINGS)] as const;
      }),
    );
  }

  test("all paths are measured, by the plane that should carry them", async () => {
    await eventually(
      `all paths are measured to take ${WAN_MTU}`,
      async () => (await pathMtus()).every((one) => one?.source === "measured" && one.octets === WAN_MTU),
      MEASURE_MS,
    );
    await eventually("planes carry what they should", async () =>
      (await sites.status("a")).pseudowires.every(
        (one, index) => one.plane === (rows[index]?.fragmentation === "pseudowire" ? "userspace" : plane),
      ),
    );
  });

  test("RFC 8899 §4.6: no frame is lost by them", async () => {
    const [lost] = await Promise.all([
      crossed().then((all) => all.filter(([, received]) => received < PINGS - LOST)),
      forge(),
    ]);
    expect(lost).toEqual([]);
    for (const { name, discards } of (await sites.status("a")).pseudowires)
      expect(discards["path-mtu"] ?? 0, name).toBeLessThanOrEqual(LOST);
  });

  test("although the kernel believes them, and the status shows what it was told", async () => {
    for (const family of [4, 6] as const)
      for (const index of indexes.filter((each) => rows[each]?.family === family)) {
        const { stdout } = await sites.exec("a", `ip route get ${addressOf("b", family, index)}`);
        expect(Number(/ mtu (?:lock )?(\d+)/.exec(stdout)?.[1] ?? WAN_MTU), stdout).toBeLessThan(1300);
      }
    for (const found of await pathMtus()) {
      expect(found).toMatchObject({ octets: WAN_MTU, source: "measured" });
      expect(found?.reportedOctets).toBeLessThan(1300);
    }
  });

  test("and a link that takes less is noticed behind them", async () => {
    await sites.setWanMtu(1400);
    await eventually(
      "all paths are measured to take 1400",
      async () => {
        await Promise.all(indexes.map((index) => sites.pings(index, 56, 2)));
        return (await pathMtus()).every((one) => one?.source === "measured" && one.octets === 1400);
      },
      SEARCH_MS,
    );
  });
});
