import { describe, expect, test } from "vitest";
import type { HostTraffic } from "../../src/daemon/mtu-hosts.ts";
import { trafficKinds } from "../../src/daemon/mtu-hosts.ts";
import { type MtuReport, mtuReport } from "../../src/daemon/mtu-report.ts";
import type { FrameSizeStatus } from "../../src/daemon/status.ts";
import { clampMss, type MssClampChoice, mssClampOf } from "../../src/forwarding/mss.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import { packetOf } from "../support/packets.ts";
import { mssOption, synShape } from "../support/syn-frames.ts";

const usual: FrameSizeStatus = {
  ...{ mtu: 1500, deviceMtu: 1500, tags: 0, ipVersion: 4, encapsulation: "udp", cookieOctets: 8 },
  ...{ sublayer: "none", agreed: true, fragmentation: "outer", mssClamp: "auto" },
  packetTooBig: "off",
};

function report(frameSize: Partial<FrameSizeStatus>, pathMtu?: number): MtuReport {
  const known = pathMtu === undefined ? {} : { pathMtu: { octets: pathMtu, source: "given" as const } };
  return mtuReport({
    ...{ tunnel: "hq", pseudowire: "lan", circuit: "eth1", frameSize: { ...usual, ...frameSize } },
    ...known,
  });
}

/** Octets of the IP packet with a frame of so many octets, as the encoder makes it. */
function sent({ ipVersion, encapsulation, cookieOctets, sublayer }: FrameSizeStatus, frame: number): number {
  const header = { sessionId: 1, cookie: new Uint8Array(cookieOctets) };
  const numbered = { sequenceNumber: 1 };
  const whole = sublayer === "none" ? header : { ...header, sublayer: numbered };
  const message = encodeDataMessage(encapsulation, whole, new Uint8Array(frame)).length;
  return (ipVersion === 6 ? 40 : 20) + (encapsulation === "udp" ? 8 : 0) + message;
}

/** The MSS with which a SYN of a host leaves the clamp of the planes. */
function clampedMss(size: FrameSizeStatus, version: 4 | 6, tags: number, mss: number, path: number): number {
  const all = Array.from({ length: tags }, () => "8100006f");
  const { frame } = packetOf(synShape({ version, tags: all, tcpOptions: mssOption(mss) }));
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const overhead = sent(size, 0);
  const clamp = mssClampOf({ mssClamp: size.mssClamp, mtu: size.mtu, wholeFrameOctets: path - overhead });
  if (clamp !== undefined) clampMss(view, 0, frame.length, clamp);
  // Behind Ethernet, tags, IP, TCP, and kind and length of the option.
  return view.getUint16(14 + 4 * tags + (version === 4 ? 20 : 40) + 20 + 2);
}

/** Checks a kind of traffic by frames that are made, clamped and encoded. */
function checkTraffic(size: FrameSizeStatus, path: number, tags: number, traffic: HostTraffic): void {
  const { ipVersion, transport } = trafficKinds[traffic.kind];
  const headers = (ipVersion === 4 ? 20 : 40) + (transport === "tcp" ? 20 : 8);
  const packet = (payload: number) => sent(size, 14 + 4 * tags + headers + payload);
  const lan = Math.min(size.mtu, size.deviceMtu ?? size.mtu);
  expect(traffic.lanOctets).toBe(lan - headers);
  expect(traffic.octets).toBe(
    transport === "tcp" ? clampedMss(size, ipVersion, tags, lan - headers, path) : lan - headers,
  );
  expect(packet(traffic.wholeOctets)).toBeLessThanOrEqual(path);
  expect(packet(traffic.wholeOctets + 1) > path || traffic.wholeOctets === lan - headers).toBe(true);
  const isWhole = packet(traffic.octets) <= path;
  expect(traffic.fragments).toBe(isWhole ? 1 : 2);
  expect(traffic.longest).toBe(
    isWhole ? "whole" : size.fragmentation === "outer" ? "fragmented" : "discarded",
  );
}

/** The changes do what they say: with the value in place, nothing of the kind is left to change. */
function checkChanges(size: FrameSizeStatus, path: number, { needed, changes }: MtuReport): void {
  const short = needed.find(({ octets }) => octets > path);
  const toOf = (of: MtuReport, what: string) => of.changes.find((change) => change.what === what)?.to;
  expect(changes.map(({ what }) => what).includes("path-mtu")).toBe(short !== undefined);
  if (short === undefined) return;
  expect(toOf(report(size, toOf({ changes } as MtuReport, "path-mtu")), "path-mtu")).not.toBe(short.octets);
  const hostMtu = toOf({ changes } as MtuReport, "host-mtu") ?? 0;
  const crosses = (mtu: number) =>
    report({ ...size, deviceMtu: mtu }, path).needed.find(({ tags }) => tags === short.tags)?.octets ?? 0;
  expect(crosses(hostMtu)).toBe(path);
  const isStalled = changes.some(({ what }) => what === "mss-clamp");
  const isTcpWhole = (of: MtuReport) =>
    of.hosts.every(({ traffic }) => traffic.every((one) => !/tcp/.test(one.kind) || one.longest === "whole"));
  expect(isStalled).toBe(!isTcpWhole(report(size, path)));
  expect(isTcpWhole(report({ ...size, mssClamp: "auto" }, path))).toBe(true);
  expect(changes.some(({ what }) => what === "fragmentation")).toBe(size.fragmentation === "none");
}

const choices: readonly MssClampChoice[] = ["auto", "off", 1340, 1455];
const paths = [1400, 1500, 1558, 1600];

describe.each([4, 6] as const)("over IPv%i", (ipVersion) => {
  describe.each(["udp", "ip"] as const)("in %s", (encapsulation) => {
    describe.each([0, 4, 8])("with a cookie of %i", (cookieOctets) => {
      describe.each(["none", "default"] as const)("and sublayer %s", (sublayer) => {
        describe.each([0, 1] as const)("a circuit with %i tags", (tags) => {
          test.each(["outer", "none"] as const)(
            "fragmentation %s, on all paths and clamps",
            (fragmentation) => {
              for (const mssClamp of choices) {
                for (const path of paths) {
                  const format = { ipVersion, encapsulation, cookieOctets, sublayer, tags };
                  const size: FrameSizeStatus = { ...usual, ...format, fragmentation, mssClamp };
                  const made = report(size, path);
                  expect(made.hosts.map((one) => one.tags)).toEqual(tags === 0 ? [0, 1, 2] : [1, 2]);
                  expect(made.needed).toEqual(
                    made.hosts.map((one) => ({ tags: one.tags, octets: sent(size, 1514 + 4 * one.tags) })),
                  );
                  const sum = made.headers.reduce((total, { octets }) => total + octets, made.lanMtu);
                  expect(sum).toBe(made.needed[0]?.octets);
                  for (const one of made.hosts)
                    for (const traffic of one.traffic) checkTraffic(size, path, one.tags, traffic);
                  checkChanges(size, path, made);
                }
              }
            },
          );
        });
      });
    });
  });
});

/** TABLE: what is odd, and what the report says of it. */
const texts: readonly (readonly [
  string,
  Partial<FrameSizeStatus>,
  number | undefined,
  RegExp | undefined,
])[] = [
  ["a path that takes all", {}, 1566, undefined],
  [
    "an unknown path",
    {},
    undefined,
    /^learn the path MTU: 1558 is enough \(1562 with one tag, 1566 with two/,
  ],
  [
    "frames with tags too long",
    {},
    1558,
    /^only where frames of hosts have one tag: raise .* to 1562 \(1566 with/,
  ],
  [
    "two tags too long",
    { tags: 1 },
    1562,
    /^only where frames of hosts have two tags: .* to 1566: .*TCP needs/,
  ],
  [
    "a long interface",
    { deviceMtu: 9000 },
    1600,
    /^set the MTU of the interface .* to 1500, or mtu: 9000 at both/,
  ],
  ["no clamp", { mssClamp: "off" }, 1500, /^set mss_clamp: auto: TCP then needs nothing else/],
  ["a high clamp", { mssClamp: 1455 }, 1500, /^set mss_clamp: auto in place of 1455 \(1394 at most\)/],
  [
    "fragmentation none",
    { fragmentation: "none" },
    1500,
    /^set fragmentation: outer: long packets then arrive/,
  ],
  ["two Wirespans", {}, 1500, /^where the peer is Wirespan too, set fragmentation: pseudowire at both ends/],
  ["a path too short for IPv6 hosts", {}, 1300, /to 1242 .*not with IPv6, which needs 1280/],
];

test.each(texts)("%s: its change", (_name, frameSize, path, text) => {
  const changes = report(frameSize, path).changes.map((change) => change.text);
  if (text === undefined) expect(changes).toEqual([]);
  else expect(changes.some((change) => text.test(change))).toBe(true);
});

test.each([
  // 1514 octets of a frame in pieces of what the path takes behind 40 octets of headers.
  [1500, 2],
  [1400, 2],
  [797, 2],
  [796, 3],
  [576, 3],
])("RFC 4623: over a path of %i, full-size frames are sent in %i pseudowire fragments", (path, fragments) => {
  const made = report({ fragmentation: "pseudowire", sublayer: "default", cookieOctets: 0 }, path);
  const udp = made.hosts[0]?.traffic.find(({ kind }) => kind === "udp-ipv4-df");
  expect(udp).toMatchObject({ octets: 1472, longest: "fragmented", fragments });
  expect(made.changes.map(({ what }) => what)).not.toContain("pseudowire-fragments");
  expect(made.changes.map(({ what }) => what)).not.toContain("fragmentation");
});

test("a path that takes hardly the headers leaves no MTU for hosts, and no negative figures", () => {
  const made = report({}, 68);
  expect(made.changes.map(({ what }) => what)).toEqual(["path-mtu"]);
  for (const { wholeOctets, traffic } of made.hosts) {
    expect(wholeOctets).toBeLessThanOrEqual(10);
    for (const one of traffic) expect(Math.min(one.wholeOctets, one.octets)).toBeGreaterThanOrEqual(0);
  }
});

test("what is taken for granted is said: no session, no address, a LAN without IPv6", () => {
  expect(report({}, 1500).assumptions).toEqual([]);
  const { assumptions, hosts } = report({ agreed: false, ipVersion: undefined, deviceMtu: 1200 }, 1500);
  expect(assumptions).toEqual([
    "nothing is negotiated yet: a cookie of 8 octets and sublayer none, as here",
    "the peer's address is not known: it is taken to be IPv4; IPv6 needs 20 octets more",
    "hosts cannot use IPv6, which needs a LAN MTU of 1280",
  ]);
  expect(hosts[0]?.traffic.map(({ kind }) => kind)).toEqual(["tcp-ipv4", "udp-ipv4-df", "udp-ipv4"]);
});

describe("packet_too_big: answer", () => {
  const fates = (changes: Partial<FrameSizeStatus>, path: number) =>
    report({ packetTooBig: "answer", mssClamp: "off", ...changes }, path).hosts[0]?.traffic.map(
      ({ kind, longest }) => [kind, longest],
    );

  test.each(["outer", "none"] as const)("hosts learn of what may be answered, fragmentation: %s", (cut) => {
    const otherwise = cut === "outer" ? "fragmented" : "discarded";
    expect(fates({ fragmentation: cut }, 1500)).toEqual([
      ["tcp-ipv4", "answered"],
      ["tcp-ipv6", "answered"],
      ["udp-ipv4-df", "answered"],
      ["udp-ipv4", otherwise],
      ["udp-ipv6", "answered"],
    ]);
    // IPv6 has no smaller MTU than 1280, which this path does not take whole.
    expect(fates({ fragmentation: cut }, 1330)).toEqual([
      ["tcp-ipv4", "answered"],
      ["tcp-ipv6", otherwise],
      ["udp-ipv4-df", "answered"],
      ["udp-ipv4", otherwise],
      ["udp-ipv6", otherwise],
    ]);
    expect(fates({ fragmentation: cut }, 120)?.map(([, longest]) => longest)).not.toContain("answered");
  });

  test("what fits needs no answer, and the clamp comes first", () => {
    expect(fates({}, 1558)?.map(([, longest]) => longest)).toEqual(new Array(5).fill("whole"));
    expect(fates({ mssClamp: "auto" }, 1500)?.slice(0, 2)).toEqual([
      ["tcp-ipv4", "whole"],
      ["tcp-ipv6", "whole"],
    ]);
  });

  test("is a change where hosts could learn, and none where they do or cannot", () => {
    const isProposed = (changes: Partial<FrameSizeStatus>, path: number) =>
      report(changes, path).changes.some(({ what }) => what === "packet-too-big");
    expect(isProposed({}, 1500)).toBe(true);
    expect(isProposed({ packetTooBig: "answer" }, 1500)).toBe(false);
    expect(isProposed({}, 1566)).toBe(false);
    expect(isProposed({}, 68)).toBe(false);
  });
});
