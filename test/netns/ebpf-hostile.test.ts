import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { concat, fromHex, toHex } from "../../src/bytes/hex.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import { MOST_HINTS_AT_ONCE, MS_A_HINT } from "../../src/forwarding/ebpf/programs/hints.ts";
import { decodeSequence, type Placement } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import {
  everyOption,
  headerOffsets,
  type ProgramOptions,
} from "../../src/forwarding/ebpf/programs/options.ts";
import { decapsulate, newSequenceState } from "../../src/forwarding/encapsulation.ts";
import {
  Bench,
  indexKey,
  LINK_OCTETS,
  messageOf,
  received,
  sent,
  textOf,
  told,
} from "../support/ebpf-bench.ts";
import {
  attachmentOf,
  EXCEPTION_PATH,
  nameOf,
  packetAround,
  placementOf,
  sessionOf,
} from "../support/ebpf-session.ts";
import { frameOf } from "../support/frames.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { needBpf } from "../support/namespace.ts";

/** What the programs of the eBPF plane leave to the socket, run by the kernel on packets from nowhere. */

const all = everyOption();

let bench: Bench;
beforeAll(() => {
  needBpf();
  bench = new Bench();
});
afterAll(() => bench?.[Symbol.dispose]());

/**
 * Combinations with a cookie of 8 and without sublayer: what is in front of those does not depend on them.
 */
const outerKinds = all.filter(
  ({ cookieOctets, sublayer, vlan }) => cookieOctets === 8 && !sublayer && vlan === "port",
);

/**
 * What is done to the outer packet, of which family and encapsulation it makes sense, and what becomes of it.
 */
type OuterMishap = readonly [
  name: string,
  change: (packet: Uint8Array, ip: number, udp: number) => Uint8Array,
  expected: string,
  where: Partial<ProgramOptions>,
];

const outerMishaps: readonly OuterMishap[] = [
  ["is as it should be", (packet) => packet, "delivered", {}],
  ["is for another host", (packet) => set(packet, 0, 0x02), "pass", {}],
  [
    "has a tag",
    (packet) => concat(packet.subarray(0, 12), fromHex("81000005"), packet.subarray(12)),
    "pass",
    {},
  ],
  ["is of another EtherType", (packet) => set(packet, 13, 0x06), "pass", {}],
  ["ends early", (packet) => packet.subarray(0, packet.length - 1), "pass", {}],
  ["is longer than IP says", (packet) => concat(packet, fromHex("eeeeeeee")), "delivered", {}],
  [
    "has a wrong header checksum",
    (packet, ip) => set(packet, ip + 10, packet[ip + 10]! ^ 1),
    "pass",
    { family: 4 },
  ],
  ["has more fragments", (packet, ip) => summed(set(packet, ip + 6, 0x20), ip), "pass", { family: 4 }],
  ["has a fragment offset", (packet, ip) => summed(set(packet, ip + 7, 1), ip), "pass", { family: 4 }],
  ["may be fragmented", (packet, ip) => summed(set(packet, ip + 6, 0), ip), "delivered", { family: 4 }],
  ["has IP options", (packet, ip) => summed(set(packet, ip, 0x46), ip), "pass", { family: 4 }],
  ["is of version 5", (packet, ip) => set(packet, ip, 0x50), "pass", { family: 6 }],
  ["has extension headers", (packet, ip) => set(packet, ip + 6, 60), "pass", { family: 6 }],
  ["is of another protocol", (packet, ip) => summed(set(packet, ip + 9, 47), ip), "pass", { family: 4 }],
  ["has a UDP checksum", (packet, _, udp) => set(packet, udp + 7, 1), "pass", { encapsulation: "udp" }],
  [
    "says another UDP length",
    (packet, _, udp) => set(packet, udp + 5, packet[udp + 5]! - 1),
    "pass",
    { encapsulation: "udp" },
  ],
  ["is for another port", (packet, _, udp) => set(packet, udp + 3, 7), "pass", { encapsulation: "udp" }],
  [
    "is from another port",
    (packet, _, udp) => set(packet, udp + 1, 7),
    "wrong-peer",
    { encapsulation: "udp" },
  ],
  [
    "is from another address",
    (packet, ip) => summed(set(packet, ip + 15, 9), ip),
    "wrong-peer",
    { family: 4 },
  ],
  ["is for another address", (packet, ip) => summed(set(packet, ip + 19, 9), ip), "pass", { family: 4 }],
  ["is from another address", (packet, ip) => set(packet, ip + 8, 9), "wrong-peer", { family: 6 }],
  [
    "is from an address that ends otherwise",
    (packet, ip) => set(packet, ip + 23, 9),
    "wrong-peer",
    { family: 6 },
  ],
  ["is for another address", (packet, ip) => set(packet, ip + 39, 9), "pass", { family: 6 }],
];

function set(packet: Uint8Array, offset: number, value: number): Uint8Array {
  const changed = packet.slice();
  changed[offset] = value;
  return changed;
}

/** The packet with its IPv4 header checksum made anew; IPv6 has none. */
function summed(packet: Uint8Array, ip: number): Uint8Array {
  const changed = set(set(packet, ip + 10, 0), ip + 11, 0);
  const sum = naiveChecksum(changed.subarray(ip, ip + (changed[ip]! & 0xf) * 4));
  return set(set(changed, ip + 10, sum >>> 8), ip + 11, sum & 0xff);
}

test.each(outerMishaps)("an outer packet that %s", (_, change, expected, where) => {
  const kinds = outerKinds.filter((options) =>
    Object.entries(where).every(([name, value]) => options[name as keyof ProgramOptions] === value),
  );
  expect(kinds.length).toBeGreaterThan(0);
  for (const options of kinds) {
    const session = sessionOf(options);
    const placement = placementOf(options);
    bench.start(session, attachmentOf(options), placement);
    const frame = frameOf({ length: 100 });
    const message = messageOf(options, session, {
      ...{ mishap: "none", frame, number: undefined, part: 1, bit: 0 },
    });
    const ip = LINK_OCTETS;
    const packet = change(packetAround(options, message), ip, ip + headerOffsets(options).udp);
    if (expected === "wrong-peer") passesHints(options, placement, packet);
    const wanted = expected === "delivered" ? toHex(frame) : expected;
    expect(received(bench, options, placement, packet), nameOf(options)).toBe(wanted);
  }
});

/**
 * From elsewhere a message with the session's cookie goes to the socket, for it hints that the peer has
 * moved; but only a few do, and none with another cookie.
 */
function passesHints(options: ProgramOptions, placement: Placement, packet: Uint8Array): void {
  const { udp, cookie, frame } = headerOffsets(options);
  const refused = (changed: Uint8Array) => {
    expect(received(bench, options, placement, changed), nameOf(options)).toBe("wrong-peer");
    bench.clear(placement);
  };
  for (let at = LINK_OCTETS + cookie; at < LINK_OCTETS + cookie + 8; at += 1)
    refused(set(packet, at, packet[at]! ^ 0x80));
  // What follows the IP packet is no part of the cookie.
  if (options.family === 6 && options.encapsulation === "ip")
    refused(set(packet, LINK_OCTETS + 5, frame - udp - 1));
  const beganMs = performance.now();
  let passed = 0;
  for (; received(bench, options, placement, packet) === "pass"; passed += 1)
    expect(passed).toBeLessThan(MOST_HINTS_AT_ONCE + 1 + (performance.now() - beganMs) / MS_A_HINT);
  expect(passed).toBeGreaterThanOrEqual(MOST_HINTS_AT_ONCE);
  bench.clear(placement);
}

describe("what a session's entry says", () => {
  const options = outerKinds[0]!;
  const session = sessionOf(options);
  const attachment = attachmentOf(options, { mtu: 9000 });
  const frame = frameOf({ length: 1400 });
  const header = headerOffsets(options).frame;

  test.each([
    [header + 1400, "none", "sent"],
    [header + 1399, "none", "path-mtu"],
    [header + 1400, "outer", "sent"],
    [header + 1399, "outer", "exception-path"],
  ] as const)("a path for %i octets with fragmentation %s: %s", (packetOctets, fragmentation, expected) => {
    const placement = placementOf(options, { packetOctets, fragmentation });
    bench.start(session, attachment, placement);
    const { verdict } = bench.program(encapsulateProgram, options).run({ data: frame });
    const got = told(verdict, () => new Uint8Array(0), bench.counted(placement));
    expect(got === "" ? "sent" : got).toBe(expected);
  });

  test("an entry of another kind of program is left alone", () => {
    const other = all.find(({ cookieOctets }) => cookieOctets === 4)!;
    const placement = placementOf(options);
    bench.start(session, attachment, placement);
    expect(sent(bench, other, placement, frame)).toBe("pass");
    const message = messageOf(options, session, {
      ...{ mishap: "none", frame, number: undefined, part: 1, bit: 0 },
    });
    expect(received(bench, other, placement, packetAround(options, message))).toBe("pass");
  });

  test("frames with more tags than a program skips take the exception path, whole and unnumbered", () => {
    const numbering = all.find(({ sequencing, vlan }) => sequencing === "non-ip" && vlan === "port")!;
    const placement = placementOf(numbering);
    bench.start(sessionOf(numbering), attachmentOf(numbering), placement);
    const tagged = frameOf({ tags: Array.from({ length: 8 }, () => "8100006f"), length: 100 });
    const { verdict, data } = bench.program(encapsulateProgram, numbering).run({ data: tagged });
    expect(verdict).toBe(EXCEPTION_PATH);
    // The outer tag is in the metadata.
    expect(toHex(data)).toBe(toHex(concat(tagged.subarray(0, 12), tagged.subarray(16))));
    expect(decodeSequence(bench.sequences.lookUp(indexKey(placement.sessionIndex))!).next).toBe(0);
  });
});

test("RFC 3931 §4.6.1: runs of old numbers are those of the reference, and new ones end them", () => {
  const numbers = [5, 3, 10, 4, 5, 6, 7, 0x80_0007, 0x80_0008, 8, 8, 9, 2, 3, 4, 5, 0xff_ffff, 0, 1, 2, 0];
  for (const options of all.filter(({ sequencing, vlan }) => sequencing === "all" && vlan === "port")) {
    const session = sessionOf(options);
    const attachment = attachmentOf(options);
    const placement = placementOf(options);
    const frame = frameOf({ length: 64 });
    const state = newSequenceState();
    bench.start(session, attachment, placement);
    for (const number of numbers) {
      const message = messageOf(options, session, { mishap: "none", frame, number, part: 1, bit: 0 });
      const expected = textOf(decapsulate(message, session, attachment, state));
      bench.clear(placement);
      const got = received(bench, options, placement, packetAround(options, message));
      expect(got, `${nameOf(options)}: ${number}`).toBe(expected);
    }
  }
});
