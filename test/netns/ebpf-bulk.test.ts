import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  everyOption,
  headerOffsets,
  type ProgramOptions,
} from "../../src/forwarding/ebpf/programs/options.ts";
import { SHORTEST_FRAME_OCTETS } from "../../src/wire/ethernet.ts";
import { LINK_OCTETS } from "../support/ebpf-bench.ts";
import { nameOf } from "../support/ebpf-session.ts";
import { EbpfSites, type Passage } from "../support/ebpf-sites.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { needBpf } from "../support/namespace.ts";

/**
 * TCP through the programs of the eBPF plane, with GSO packets and unfinished checksums as a host sends them.
 */

const OCTETS = 4_000_000;
/** Longest that a packet on the network may be which stands for itself. */
const MOST_SINGLE = LINK_OCTETS + 1600;
const SAMPLE = 400;

let sites: EbpfSites;
beforeAll(async () => {
  needBpf();
  sites = await EbpfSites.make();
});
afterAll(() => sites?.[Symbol.asyncDispose]());

function optionsOf(changes: Partial<ProgramOptions>): ProgramOptions {
  const wanted = {
    family: 4,
    encapsulation: "udp",
    cookieOctets: 8,
    sublayer: false,
    vlan: "port",
    ...changes,
  };
  const found = everyOption().find((options) =>
    Object.entries(wanted).every(([name, value]) => options[name as keyof ProgramOptions] === value),
  );
  if (found === undefined) throw new Error("no such options");
  return found;
}

const offloaded = { first: "site", segment: false, offloads: true } as const;
const segmented = { ...offloaded, segment: true } as const;

/**
 * TABLE: what the transfers go through, and what crosses the network: GSO packets, or frames with their
 * checksums finished.
 */
const passages: readonly (readonly [string, Passage, "offloaded" | "finished"])[] = [
  ["UDP over IPv4", { ...offloaded, options: optionsOf({}) }, "offloaded"],
  ["UDP over IPv6", { ...offloaded, options: optionsOf({ family: 6 }) }, "offloaded"],
  ["UDP, protocols read", { ...offloaded, options: { ...optionsOf({}), readsProtocol: true } }, "offloaded"],
  [
    "UDP over IPv6, protocols read, code points copied",
    { ...offloaded, options: { ...optionsOf({ family: 6 }), readsProtocol: true, copiesDscp: true } },
    "offloaded",
  ],
  ["UDP, a VLAN", { ...offloaded, options: optionsOf({ vlan: "vlan" }) }, "offloaded"],
  ["UDP over IPv6, a VLAN", { ...offloaded, options: optionsOf({ family: 6, vlan: "vlan" }) }, "offloaded"],
  [
    "UDP, frames that are not IP numbered",
    { ...offloaded, options: optionsOf({ sublayer: true, sequencing: "non-ip" }) },
    "offloaded",
  ],
  [
    "UDP, all frames numbered",
    { ...segmented, options: optionsOf({ sublayer: true, sequencing: "all" }) },
    "finished",
  ],
  ["UDP, GSO packets segmented", { ...segmented, options: optionsOf({ vlan: "vlan" }) }, "finished"],
  [
    "UDP over a network without offloads",
    { ...offloaded, offloads: false, options: optionsOf({}) },
    "finished",
  ],
  [
    "UDP over IPv6 without offloads, a VLAN",
    { ...offloaded, offloads: false, options: optionsOf({ family: 6, vlan: "vlan" }) },
    "finished",
  ],
  [
    "IP protocol 115 over IPv4, protocols read",
    { ...segmented, options: { ...optionsOf({ encapsulation: "ip" }), readsProtocol: true } },
    "finished",
  ],
  ["IP protocol 115 over IPv4", { ...segmented, options: optionsOf({ encapsulation: "ip" }) }, "finished"],
  [
    "IP protocol 115 over IPv6, a VLAN",
    { ...segmented, options: optionsOf({ encapsulation: "ip", family: 6, vlan: "vlan" }) },
    "finished",
  ],
  [
    "UDP, circuits without offloads",
    { ...offloaded, circuitOffloads: false, options: optionsOf({}) },
    "offloaded",
  ],
  [
    "UDP over IPv6, a VLAN on circuits without offloads",
    { ...offloaded, circuitOffloads: false, options: optionsOf({ family: 6, vlan: "vlan" }) },
    "offloaded",
  ],
  [
    "the host's own pseudowire over UDP",
    { ...offloaded, first: "host", options: optionsOf({}) },
    "offloaded",
  ],
  [
    "the host's own pseudowire over UDP, a VLAN",
    { ...offloaded, first: "host", options: optionsOf({ family: 6, vlan: "vlan" }) },
    "offloaded",
  ],
  [
    "the host's own pseudowire over IP protocol 115, a VLAN",
    { ...segmented, first: "host", options: optionsOf({ encapsulation: "ip", vlan: "vlan" }) },
    "finished",
  ],
];

const udp4 = { options: optionsOf({}), segment: false };
const ip6 = { options: optionsOf({ encapsulation: "ip", family: 6, cookieOctets: 4 }), segment: true };

/**
 * TABLE: sessions within sessions. The kernel makes no tunnel of a tunnel: the outer session's program puts
 * its headers in front.
 */
const nested: readonly (readonly [string, Passage])[] = [
  ["UDP in UDP", { ...offloaded, options: optionsOf({}), below: udp4 }],
  [
    "UDP over IPv6 in UDP, a VLAN",
    { ...offloaded, options: optionsOf({ family: 6, vlan: "vlan" }), below: udp4 },
  ],
  ["UDP in IP protocol 115", { ...offloaded, options: optionsOf({}), below: ip6 }],
  ["IP protocol 115 in UDP", { ...ip6, first: "site", offloads: true, below: udp4 }],
  ["IP protocol 115 in itself", { ...ip6, first: "host", offloads: true, below: ip6 }],
  ["UDP in UDP without offloads", { ...offloaded, offloads: false, options: optionsOf({}), below: udp4 }],
];

/**
 * What the checksum of the TCP segment in a packet sums up to: 0 if it is right. Undefined for what is not
 * TCP.
 */
function innerChecksum(options: ProgramOptions, packet: Uint8Array): number | undefined {
  const frame = packet.subarray(LINK_OCTETS + headerOffsets(options).frame);
  if (frame.length < SHORTEST_FRAME_OCTETS) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const tag = view.getUint16(12) === 0x8100 ? 4 : 0;
  const ip = LINK_OCTETS + tag;
  const type = view.getUint16(12 + tag);
  const [length, protocol, addresses, octets] =
    type === 0x0800
      ? [view.getUint16(ip + 2) - 20, frame[ip + 9], frame.subarray(ip + 12, ip + 20), 20]
      : [view.getUint16(ip + 4), frame[ip + 6], frame.subarray(ip + 8, ip + 40), 40];
  if ((type !== 0x0800 && type !== 0x86dd) || protocol !== 6) return undefined;
  const rest = Uint8Array.of(0, protocol, length >>> 8, length & 0xff);
  return naiveChecksum(addresses, rest, frame.subarray(ip + octets, ip + octets + length));
}

describe.each(passages)("%s", (_, passage, kind) => {
  test.each(["ipv4", "ipv6"] as const)("TCP over %s comes as it was sent, both ways", async (version) => {
    using opened = await sites.open(passage);
    const told = () => JSON.stringify([nameOf(passage.options), opened.counted()]);
    const packets = await sites.heard("wanB", SAMPLE, sites.exchange(passage.first, version, OCTETS, told));
    const why = told();
    const longest = Math.max(...packets.map(({ length }) => length));
    if (kind === "offloaded") {
      expect(longest, why).toBeGreaterThan(2 * MOST_SINGLE);
    } else {
      expect(longest, why).toBeLessThanOrEqual(MOST_SINGLE);
      const sums = packets.map((packet) => innerChecksum(passage.options, packet));
      expect(sums.filter((sum) => sum === 0).length, why).toBeGreaterThan(10);
      expect(sums.filter((sum) => sum !== undefined && sum !== 0)).toEqual([]);
    }
    // Both CPUs may send: with numbers, what comes late is given up, and TCP sends it again.
    const reasons = passage.options.sequencing === "all" ? ["out-of-sequence"] : [];
    for (const { transmittedFrames, transmittedOctets, receivedFrames, discards } of opened.counted()) {
      expect(reasons, why).toEqual(expect.arrayContaining(Object.keys(discards)));
      for (const frames of [transmittedFrames, receivedFrames])
        expect(frames, why).toBeGreaterThan(OCTETS / 1460);
      expect(transmittedOctets, why).toBeGreaterThan(OCTETS + 54 * (OCTETS / 1460));
    }
    if (reasons.length > 0) return;
    // The connection's last words may still be on their way.
    await vi.waitFor(() => {
      const [own, its] = opened.counted();
      expect([own?.transmittedFrames, own?.transmittedOctets]).toEqual([
        its?.receivedFrames,
        its?.receivedOctets,
      ]);
    });
  });
});

describe.each(nested)("%s", (_, passage) => {
  test.each(["ipv4", "ipv6"] as const)("TCP over %s comes as it was sent, both ways", async (version) => {
    using opened = await sites.open(passage);
    const told = () => JSON.stringify([nameOf(passage.options), opened.counted()]);
    const packets = await sites.heard("wanB3", SAMPLE, sites.exchange(passage.first, version, OCTETS, told));
    const why = told();
    expect(packets.length).toBeGreaterThan(10);
    const { below, segment, offloads } = passage;
    if (below !== undefined && (below.segment || segment || !offloads)) {
      const inside = packets.map((packet) =>
        packet.subarray(LINK_OCTETS + headerOffsets(below.options).frame),
      );
      const sums = inside.map((packet) => innerChecksum(passage.options, packet));
      expect(sums.filter((sum) => sum === 0).length, why).toBeGreaterThan(10);
      expect(sums.filter((sum) => sum !== undefined && sum !== 0)).toEqual([]);
    }
    expect(Math.max(...packets.map(({ length }) => length))).toBeLessThanOrEqual(MOST_SINGLE + 100);
    for (const { discards } of opened.counted()) expect(discards, why).toEqual({});
  });
});
