import { describe, expect, test } from "vitest";
import { trafficText } from "../../src/cli/mtu-text.ts";
import { type MtuReport, mtuReport } from "../../src/daemon/mtu-report.ts";
import { sizeNote } from "../../src/daemon/size-note.ts";
import type { FrameSizeStatus } from "../../src/daemon/status.ts";

const usual: FrameSizeStatus = {
  ...{ mtu: 1500, deviceMtu: 1500, tags: 0, ipVersion: 4, encapsulation: "udp", cookieOctets: 8 },
  ...{ sublayer: "none", agreed: true, fragmentation: "outer", mssClamp: "auto" },
  packetTooBig: "off",
};

function noteOf(own: Partial<FrameSizeStatus>, pathMtu = 1500): string | undefined {
  return sizeNote({
    device: "eth1",
    remoteAddress: "192.0.2.2",
    frameSize: { ...usual, ...own },
    pathMtu,
  });
}

function reportOf(own: Partial<FrameSizeStatus>, octets = 1500): MtuReport {
  const frameSize = { ...usual, ...own };
  const pathMtu = { octets, source: "given" as const };
  return mtuReport({ tunnel: "hq", pseudowire: "lan", circuit: "eth1", frameSize, pathMtu });
}

const fit = "TCP segments fit (mss_clamp)";
const any = "packets of any kind that are too long are";
const lost = "discarded (path-mtu)";
const answered = "are answered by ICMP (packet_too_big)";
const withoutDf = `other IPv4 packets without DF that are too long are ${lost}`;
const hosts = "raise the path MTU, or give hosts an MTU of 1442 (1438 with a VLAN tag)";
const clamp = "set mss_clamp: auto";
const answer = "set packet_too_big: answer";
const outer = "set fragmentation: outer";
const inside = "set fragmentation: pseudowire at both ends, if the peer is Wirespan too";

type Row = readonly [
  fragmentation: FrameSizeStatus["fragmentation"],
  packetTooBig: FrameSizeStatus["packetTooBig"],
  mssClamp: FrameSizeStatus["mssClamp"],
  fate: string | undefined,
  remedies?: readonly string[],
];
/** TABLE: what is set, what becomes of packets, and what to change; no fate where there is no note. */
const matrix: readonly Row[] = [
  ["outer", "off", "auto", undefined],
  ["outer", "off", 1340, undefined],
  ["outer", "off", 1455, `${any} sent in IP fragments`, [hosts, clamp, answer, inside]],
  ["outer", "off", "off", `${any} sent in IP fragments`, [hosts, clamp, answer, inside]],
  ["outer", "answer", "auto", undefined],
  ["outer", "answer", 1340, undefined],
  ["outer", "answer", 1455, undefined],
  ["outer", "answer", "off", undefined],
  [
    ...(["none", "off", "auto"] as const),
    `${fit}; other packets that are too long are ${lost}, and their senders are not told`,
    [hosts, answer, outer, inside],
  ],
  [
    ...(["none", "off", 1340] as const),
    `${fit}; other packets that are too long are ${lost}, and their senders are not told`,
    [hosts, answer, outer, inside],
  ],
  ["none", "off", 1455, `${any} ${lost}, and TCP stalls`, [hosts, clamp, answer, outer, inside]],
  ["none", "off", "off", `${any} ${lost}, and TCP stalls`, [hosts, clamp, answer, outer, inside]],
  [
    ...(["none", "answer", "auto"] as const),
    `${fit}; other IPv4 packets with DF and IPv6 packets that are too long ${answered}; ${withoutDf}`,
    [hosts, outer, inside],
  ],
  [
    ...(["none", "answer", 1340] as const),
    `${fit}; other IPv4 packets with DF and IPv6 packets that are too long ${answered}; ${withoutDf}`,
    [hosts, outer, inside],
  ],
  ...([1455, "off"] as const).map(
    (mssClamp): Row => [
      ...(["none", "answer", mssClamp] as const),
      "TCP segments and other IPv4 packets with DF and IPv6 packets that are too long " +
        `${answered}; ${withoutDf}`,
      [hosts, clamp, outer, inside],
    ],
  ),
  ["pseudowire", "off", "auto", undefined],
  ["pseudowire", "off", "off", undefined],
  ["pseudowire", "answer", "off", undefined],
];

describe("on a path of 1500", () => {
  test.each(
    matrix.map(
      ([outside, tooBig, mss, fate, remedies = []]) => [outside, tooBig, mss, fate, remedies] as const,
    ),
  )(
    "fragmentation %s, packet_too_big %s, mss_clamp %s: %s",
    (fragmentation, packetTooBig, mssClamp, fate, remedies) => {
      const note = noteOf({ fragmentation, packetTooBig, mssClamp });
      const begin = "full-size frames of eth1 (MTU 1500) need a path MTU of 1558; the path to 192.0.2.2 has";
      expect(note).toBe(fate === undefined ? undefined : `${begin} 1500: ${fate}; ${remedies.join(", or ")}`);
    },
  );
});

describe.each([4, 6] as const)("over IPv%i, note and report say the same of each kind", (ipVersion) => {
  const clamps = ["auto", "off", 1340, 1410, 1455] as const;
  test.each(
    (["outer", "none"] as const).flatMap((fragmentation) =>
      (["answer", "off"] as const).flatMap((packetTooBig) =>
        ([0, 1] as const).map((tags) => [fragmentation, packetTooBig, tags] as const),
      ),
    ),
  )("fragmentation %s, packet_too_big %s, %i tags", (fragmentation, packetTooBig, tags) => {
    for (const mssClamp of clamps) {
      for (const pathMtu of [600, 1280, 1339, 1400, 1500, 1557, 1558, 1562, 1600]) {
        for (const mtu of [1000, 1500, 9000]) {
          const own = { ipVersion, fragmentation, packetTooBig, tags, mssClamp, mtu, deviceMtu: mtu };
          const note = noteOf(own, pathMtu);
          const report = reportOf(own, pathMtu);
          const lines = report.hosts[0]?.traffic.map((traffic) => trafficText(report, traffic)) ?? [];
          const says = (words: RegExp) => lines.some((line) => words.test(line));
          const isCut = says(/full segments are sent as .* fragments/);
          expect(note !== undefined).toBe(isCut || says(/discarded/));
          if (note === undefined) continue;
          expect(note.includes("discarded (path-mtu)")).toBe(says(/discarded/));
          expect(note.includes("TCP stalls")).toBe(says(/TCP stalls/));
          expect(note.includes("answered by ICMP")).toBe(says(/ICMP tells hosts/));
          expect(note.includes("their senders are not told")).toBe(
            says(/no ICMP tells the host/) && !says(/TCP stalls/),
          );
          expect(note.includes("sent in IP fragments")).toBe(says(/ as .*fragments/));
          const wanted = report.changes.map(({ what }) => what);
          expect(note.includes(answer)).toBe(wanted.includes("packet-too-big"));
          expect(note.includes(clamp)).toBe(wanted.includes("mss-clamp"));
          expect(note.includes(outer)).toBe(wanted.includes("fragmentation"));
          expect(note.includes(inside)).toBe(wanted.includes("pseudowire-fragments"));
        }
      }
    }
  });
});

test("with a VLAN the frame has its tag, and one MTU is told for hosts", () => {
  const note = noteOf({ tags: 1, fragmentation: "none" });
  expect(note).toContain("full-size frames of eth1 (MTU 1500 and a VLAN tag) need a path MTU of 1562");
  expect(note).toContain("give hosts an MTU of 1438, or");
});

test("hosts without room for IPv6 are told of IPv4 alone", () => {
  const note = noteOf({ mtu: 1000, deviceMtu: 1000, fragmentation: "none" }, 1000);
  expect(note).toContain(
    "TCP segments over IPv4 fit (mss_clamp); other IPv4 packets that are too long are discarded (path-mtu)",
  );
  expect(note).not.toContain("IPv6");
});

test.each([0, 4, 8])(
  "with a cookie of %i, the MTU for hosts that is told is the largest that fits",
  (octets) => {
    for (const tags of [0, 1] as const) {
      const own = { cookieOctets: octets, tags, fragmentation: "none" } as const;
      const most = Number(/give hosts an MTU of (\d+)/.exec(noteOf(own) ?? "")?.[1]);
      expect(most).toBe(1500 - 20 - 8 - 8 - octets - 14 - 4 * tags);
      expect(noteOf({ ...own, deviceMtu: most })).toBeUndefined();
      expect(noteOf({ ...own, deviceMtu: most + 1 })).toBeDefined();
    }
  },
);
