import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat } from "../../src/bytes/hex.ts";
import { HeaderChain } from "../../src/forwarding/userspace/header-chain.ts";
import {
  completeChecksum,
  type Memory,
  newSegments,
  type Offload,
  parseSegments,
  segmentOctets,
  writeSegmentHeaders,
} from "../../src/forwarding/userspace/segmentation.ts";
import { leastOf } from "../support/effort.ts";
import {
  naiveSegments,
  type PacketShape,
  packetOf,
  plainPacket,
  tcpFlags,
  unfinished,
} from "../support/packets.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { assertProperty } from "../support/seeds.ts";

const TCPV4 = 1;
const TCPV6 = 4;
const UDP_L4 = 5;
const ECN = 0x80;
const MOST_HEADERS = 448;
const nothing = new Uint8Array(0);

/** Faster than the program's own, which need not be. */
function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("hex");
}

/** Whether all octets are the filler. */
function isBlank({ octets }: Memory, filler: number): boolean {
  return Buffer.alloc(octets.length, filler).equals(octets);
}

function memoryOf(length: number, filler: number): Memory {
  const octets = new Uint8Array(length).fill(filler);
  return { octets, view: new DataView(octets.buffer), words: new Uint32Array(octets.buffer) };
}

/**
 * Segments a GSO packet that lies at `start`; undefined when it cannot be segmented. Checks that nothing but
 * the headers' copy is written.
 */
function segment(
  frame: Uint8Array,
  offload: Offload,
  start: number,
  filler: number,
): readonly Uint8Array[] | undefined {
  const memory = memoryOf(Math.ceil((start + frame.length + 1024) / 4) * 4, filler);
  memory.octets.set(frame, start);
  const copy = Math.ceil((start + frame.length + 256) / 64) * 64 + 20;
  const parsed = newSegments();
  if (!parseSegments(memory, start, frame.length, offload, parsed)) return undefined;
  const { headerOctets, payload, size, count } = parsed;
  expect(headerOctets).toBeLessThanOrEqual(MOST_HEADERS);
  const segments = Array.from({ length: count }, (_, index) => {
    writeSegmentHeaders(memory, parsed, index, copy);
    const from = payload + index * size;
    const octets = segmentOctets(parsed, index);
    expect(octets).toBeGreaterThan(0);
    expect(from + octets).toBeLessThanOrEqual(start + frame.length);
    return concat(
      memory.octets.subarray(copy, copy + headerOctets),
      memory.octets.subarray(from, from + octets),
    );
  });
  memory.octets.fill(filler, copy, copy + headerOctets);
  expect(hexOf(memory.octets.subarray(start, start + frame.length))).toBe(hexOf(frame));
  memory.octets.fill(filler, start, start + frame.length);
  expect(isBlank(memory, filler)).toBe(true);
  return segments;
}

function offloadOf(shape: PacketShape, gsoSize: number, needsChecksum = true): Offload {
  const { checksumStart, checksumOffset } = unfinished(shape);
  const tcp = shape.version === 4 ? TCPV4 : TCPV6;
  const ecn = shape.transport === "tcp" && (shape.flags & tcpFlags.cwr) !== 0 ? ECN : 0;
  const gsoType = (shape.transport === "tcp" ? tcp : UDP_L4) | ecn;
  return { gsoType, gsoSize, needsChecksum, checksumStart, checksumOffset };
}

const plain: PacketShape = {
  ...plainPacket,
  identification: 0xfffe,
  sequence: 0xffff_ff00,
  payload: new SeededRandom(1).octets(5000),
};

const optionOctets = (most: number) =>
  fc
    .integer({ min: 0, max: most / 4 })
    .chain((words) => fc.uint8Array({ minLength: words * 4, maxLength: words * 4 }));

/** Any packet with up to so many octets of payload. */
const shapesUpTo = (most: number): fc.Arbitrary<PacketShape> =>
  fc.record({
    version: fc.constantFrom(4, 6),
    transport: fc.constantFrom("tcp", "udp"),
    tags: fc.array(fc.constantFrom("8100006f", "88a800c8", "8100a064"), { maxLength: 3 }),
    ipOptions: optionOctets(40),
    extensionOctets: fc.constantFrom(0, 0, 8, 24),
    tcpOptions: optionOctets(40),
    trafficClass: fc.constantFrom(0, 1, 2, 3, 0xb8, 0xff),
    identification: fc.constantFrom(0, 0xfff0, 0xffff),
    sequence: fc.constantFrom(0, 1, 0xffff_f000, 0xffff_ffff),
    flags: fc.nat(0xff),
    payload: fc
      .tuple(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: most })), fc.nat())
      .map(([length, seed]) => new SeededRandom(seed).octets(length)),
  });

const shapes = shapesUpTo(65_000);

test("GSO packets of TCP and UDP are segmented as by a naive segmenter", () => {
  assertProperty(
    fc.property(
      shapes,
      fc.integer({ min: 1, max: 3000 }),
      fc.nat(3),
      fc.boolean(),
      (shape, wanted, shift, isPartial) => {
        const size = Math.max(wanted, Math.ceil(shape.payload.length / 500));
        // Only a partial checksum says where the transport header is: without one, extension headers cannot
        // be passed.
        const needsChecksum = isPartial || (shape.version === 6 && shape.extensionOctets > 0);
        const found = segment(
          unfinished(shape).frame,
          offloadOf(shape, size, needsChecksum),
          64 + shift * 2,
          0xa5,
        );
        expect(found?.map(hexOf)).toEqual(naiveSegments(shape, size).map(hexOf));
      },
    ),
    { seed: 20_240_611, runs: 1_000 },
  );
});

describe("flags, numbers and lengths", () => {
  test("FIN and PSH are in the last segment, CWR in the first one, ECE in all", () => {
    const { fin, psh, ack, ece, cwr } = tcpFlags;
    const shape = { ...plain, flags: fin | psh | ack | ece | cwr, trafficClass: 0x02 };
    const flags = segment(unfinished(shape).frame, offloadOf(shape, 2000), 66, 0)!.map((frame) => frame[47]);
    expect(flags).toEqual([ack | ece | cwr, ack | ece, ack | ece | fin | psh]);
  });

  test("sequence numbers and identifications wrap", () => {
    const segments = segment(unfinished(plain).frame, offloadOf(plain, 1448), 66, 0)!;
    const views = segments.map(({ buffer }) => new DataView(buffer));
    expect(views.map((view) => view.getUint32(38))).toEqual([0xffff_ff00, 0x04a8, 0x0a50, 0x0ff8]);
    expect(views.map((view) => view.getUint16(18))).toEqual([0xfffe, 0xffff, 0, 1]);
    expect(views.map((view) => view.getUint16(16))).toEqual([1488, 1488, 1488, 40 + 5000 - 3 * 1448]);
  });

  test("a packet that fits into one segment is one segment", () => {
    expect(segment(unfinished(plain).frame, offloadOf(plain, 5000), 66, 0)?.length).toBe(1);
    expect(segment(unfinished(plain).frame, offloadOf(plain, 65_535), 66, 0)?.length).toBe(1);
  });

  test("64 KiB are segmented into segments of 8 octets, and not into smaller ones", () => {
    const shape = { ...plain, payload: new SeededRandom(2).octets(65_480) };
    expect(segment(unfinished(shape).frame, offloadOf(shape, 8), 66, 0)?.length).toBe(8185);
    expect(segment(unfinished(shape).frame, offloadOf(shape, 7), 66, 0)).toBeUndefined();
    expect(segment(unfinished(shape).frame, offloadOf(shape, 1), 66, 0)).toBeUndefined();
  });

  test("a UDP checksum of 0 is sent as 0xffff", () => {
    // The two octets make the sum of everything else whole.
    const shape: PacketShape = { ...plain, transport: "udp", payload: Uint8Array.of(0, 0, 7, 7) };
    const { frame, transport } = packetOf({ ...shape, payload: Uint8Array.of(0, 0) });
    const rest = new DataView(frame.buffer).getUint16(transport + 6);
    const payload = Uint8Array.of(rest >>> 8, rest & 0xff, 7, 7);
    const first = segment(
      unfinished({ ...shape, payload }).frame,
      offloadOf({ ...shape, payload }, 2),
      66,
      0,
    )![0]!;
    expect(new DataView(first.buffer).getUint16(transport + 6)).toBe(0xffff);
  });
});

describe("hostile virtio-net headers", () => {
  const refused: readonly (readonly [string, Partial<Offload>])[] = [
    ["a segment size of 0", { gsoSize: 0 }],
    ["no kind", { gsoType: 0 }],
    ["UDP fragments", { gsoType: 3 }],
    ["an unknown kind", { gsoType: 0x7f }],
    ["the kind of IPv6", { gsoType: TCPV6 }],
    ["the kind of UDP", { gsoType: UDP_L4 }],
    ["a transport header in the Ethernet header", { checksumStart: 0 }],
    ["a transport header in the IP header", { checksumStart: 24 }],
    ["a transport header behind the TCP header, as of a tunnel's inner packet", { checksumStart: 54 }],
    ["a transport header at the frame's end", { checksumStart: 5054 }],
    ["a transport header far past the end", { checksumStart: 0xffff }],
  ];

  test.each(refused)("%s: the packet is not segmented", (_name, changes) => {
    const offload = { ...offloadOf(plain, 1448), ...changes };
    expect(segment(unfinished(plain).frame, offload, 66, 0)).toBeUndefined();
  });

  const broken: readonly (readonly [string, number, number])[] = [
    ["an IPv4 header of 16 octets", 14, 0x44],
    ["another protocol", 23, 17],
    ["a TCP header of 16 octets", 46, 0x40],
    ["an EtherType that is not IP", 12, 0x09],
  ];

  test.each(broken)("%s: the packet is not segmented", (_name, offset, value) => {
    const { frame } = unfinished(plain);
    frame[offset] = value;
    for (const needsChecksum of [true, false]) {
      expect(segment(frame, { ...offloadOf(plain, 1448), needsChecksum }, 66, 0)).toBeUndefined();
    }
  });

  test("an IPv4 header of 60 octets that is not there: the packet is not segmented", () => {
    const { frame } = unfinished(plain);
    frame[14] = 0x4f;
    expect(segment(frame, offloadOf(plain, 1448), 66, 0)).toBeUndefined();
    expect(
      segment(frame.subarray(0, 90), { ...offloadOf(plain, 1448), needsChecksum: false }, 66, 0),
    ).toBeUndefined();
  });

  test("packets that end in any of their headers, or with them, are not segmented", () => {
    for (const shape of [
      plain,
      { ...plain, version: 6 as const },
      { ...plain, transport: "udp" as const, tags: ["8100006f"] },
    ]) {
      const { frame } = unfinished(shape);
      const end = packetOf({ ...shape, payload: nothing }).frame.length;
      for (let length = 14; length <= end; length += 1) {
        expect(
          segment(frame.subarray(0, length), offloadOf(shape, 100), 66, 0),
          `${length} octets`,
        ).toBeUndefined();
      }
      expect(segment(frame.subarray(0, end + 1), offloadOf(shape, 100), 66, 0)?.length).toBe(1);
    }
  });

  test("packets with more tags than headers may have are not segmented", () => {
    const shape = { ...plain, tags: Array.from({ length: 110 }, () => "8100006f") };
    expect(segment(unfinished(shape).frame, offloadOf(shape, 1448), 66, 0)).toBeUndefined();
    const tags = new Uint8Array(2000).map((_, index) => (index % 2 === 0 ? 0x81 : 0));
    expect(segment(tags, offloadOf(plain, 1448), 66, 0)).toBeUndefined();
  });

  const offloads: fc.Arbitrary<Offload> = fc.record({
    gsoType: fc.oneof(fc.constantFrom(TCPV4, TCPV6, UDP_L4, TCPV4 | ECN), fc.nat(0xff)),
    gsoSize: fc.oneof(fc.constantFrom(0, 1, 2, 0xffff), fc.nat(0xffff)),
    needsChecksum: fc.boolean(),
    checksumStart: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.nat(0x1_0003)),
    checksumOffset: fc.oneof(fc.constantFrom(6, 16), fc.nat(0xffff)),
  });

  const spoilt = fc
    .tuple(
      shapes,
      fc.array(fc.tuple(fc.nat(110), fc.nat(0xff)), { maxLength: 6 }),
      fc.integer({ min: 14, max: 2000 }),
    )
    .map(([shape, changes, length]) => {
      const frame = unfinished(shape).frame.slice(0, length);
      for (const [offset, value] of changes) if (offset < frame.length) frame[offset] = value;
      return frame;
    });

  test("any virtio-net header: nothing outside the frame is read or written", () => {
    let segmented = 0;
    assertProperty(
      fc.property(spoilt, offloads, fc.boolean(), (frame, offload, isPlausible) => {
        const start = frame[12] === 0x86 ? 54 : 34;
        const given = isPlausible ? { ...offload, checksumStart: start } : offload;
        // What lies around the frame must not show in the result: it is not even read.
        const found = segment(frame, given, 66, 0x00);
        expect(segment(frame, given, 66, 0xff)?.map(hexOf)).toEqual(found?.map(hexOf));
        if (found !== undefined) segmented += 1;
      }),
      { seed: 8021, runs: 3_000 },
    );
    expect(segmented).toBeGreaterThan(leastOf(100));
  });

  test("any checksum offset in any frame: nothing outside the frame is read or written", () => {
    const complete = (frame: Uint8Array, offload: Offload, filler: number) => {
      const memory = memoryOf(Math.ceil((66 + frame.length + 64) / 4) * 4, filler);
      memory.octets.set(frame, 66);
      completeChecksum(memory, 66, frame.length, offload, new HeaderChain());
      const result = memory.octets.slice(66, 66 + frame.length);
      memory.octets.fill(filler, 66, 66 + frame.length);
      expect(isBlank(memory, filler)).toBe(true);
      return hexOf(result);
    };
    assertProperty(
      fc.property(spoilt, offloads, (frame, offload) => {
        expect(complete(frame, offload, 0xff)).toBe(complete(frame, offload, 0x00));
      }),
      { seed: 8023, runs: 3_000 },
    );
  });
});

test("a partial checksum is completed, at any alignment of the frame", () => {
  assertProperty(
    fc.property(shapes, fc.nat(7), (shape, start) => {
      const { frame, checksumStart, checksumOffset } = unfinished(shape);
      const memory = memoryOf(Math.ceil((start + frame.length + 8) / 4) * 4, 0x55);
      memory.octets.set(frame, start);
      completeChecksum(
        memory,
        start,
        frame.length,
        {
          gsoType: 0,
          gsoSize: 0,
          needsChecksum: true,
          checksumStart,
          checksumOffset,
        },
        new HeaderChain(),
      );
      const whole = packetOf(shape).frame;
      // A checksum of 0 is written as its other form, which is as good (RFC 1071).
      const at = new DataView(whole.buffer);
      const field = checksumStart + checksumOffset;
      if (at.getUint16(field) === 0) at.setUint16(field, 0xffff);
      expect(hexOf(memory.octets.subarray(start, start + frame.length))).toBe(hexOf(whole));
    }),
    { seed: 1701, runs: 1_000 },
  );
});
