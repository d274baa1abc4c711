import { describe, expect, test } from "vitest";
import { concat, fromHex, toHex } from "../../src/bytes/hex.ts";
import { HeaderChain } from "../../src/forwarding/userspace/header-chain.ts";
import {
  completeChecksum,
  newSegments,
  type Offload,
  parseSegments,
  segmentOctets,
  writeSegmentHeaders,
} from "../../src/forwarding/userspace/segmentation.ts";
import { naiveSegments, type PacketShape, plainPacket, unfinished } from "../support/packets.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { labelled, type Outside, tunnelled, tunnels } from "../support/tunnels.ts";

/**
 * GSO packets of hosts that have tunnels of their own: each segment must be what the hosts' kernels would
 * have made of it.
 */

const kinds = { tcp: { 4: 1, 6: 4 }, udp: { 4: 5, 6: 5 } } as const;
const SIZE = 1398;

/** The segments, or undefined when the frame cannot be segmented. */
function segment(frame: Uint8Array, offload: Offload): readonly string[] | undefined {
  const octets = new Uint8Array(Math.ceil((66 + frame.length + 1024) / 4) * 4);
  const memory = { octets, view: new DataView(octets.buffer), words: new Uint32Array(octets.buffer) };
  octets.set(frame, 66);
  const copy = Math.ceil((66 + frame.length) / 64) * 64 + 22;
  const segments = newSegments();
  if (!parseSegments(memory, 66, frame.length, offload, segments)) return undefined;
  const { payload, headerOctets, count } = segments;
  return Array.from({ length: count }, (_, index) => {
    writeSegmentHeaders(memory, segments, index, copy);
    const from = payload + index * SIZE;
    const body = octets.subarray(from, from + segmentOctets(segments, index));
    return toHex(concat(octets.subarray(copy, copy + headerOctets), body));
  });
}

type Wrapping = (frame: Uint8Array, index: number, checksum: "right" | "unfinished") => Uint8Array;

/** A GSO packet in a tunnel with its virtio-net header, and what it must become. */
function tried(shape: PacketShape, wrap: Wrapping): readonly [Uint8Array, Offload, readonly string[]] {
  const { frame, checksumStart, checksumOffset } = unfinished(shape);
  const packet = wrap(frame, 0, "unfinished");
  const offload: Offload = {
    gsoType: kinds[shape.transport][shape.version],
    gsoSize: SIZE,
    needsChecksum: true,
    checksumStart: checksumStart + packet.length - frame.length,
    checksumOffset,
  };
  const expected = naiveSegments(shape, SIZE).map((segment, index) => toHex(wrap(segment, index, "right")));
  return [packet, offload, expected];
}

const shapes = (["tcp", "udp"] as const).flatMap((transport) =>
  ([4, 6] as const).map((version): [string, PacketShape] => [
    `${transport} over IPv${version}`,
    {
      ...plainPacket,
      ...{ transport, version, tcpOptions: new Uint8Array(12).fill(1), flags: 0x19 },
      ...{
        identification: 0xfffe,
        sequence: 0xffff_ff00,
        payload: new SeededRandom(13).octets(3 * SIZE + 101),
      },
    },
  ]),
);

const outsides = ([4, 6] as const).flatMap((version) =>
  [[], ["8100006f"], ["88a800c8", "8100006f"]].flatMap((tags) =>
    [false, true].flatMap((hasChecksum) =>
      (version === 6 ? [false, true] : [false]).map((isRouted) => ({ version, tags, hasChecksum, isRouted })),
    ),
  ),
);

function outsideOf(
  { hasChecksum, ...outside }: (typeof outsides)[number],
  index: number,
  checksum: "right" | "unfinished",
): Outside {
  const identification = (0xffff + index) % 0x1_0000;
  return { ...outside, identification, checksum: hasChecksum ? checksum : "none" };
}

describe.each(Object.entries(tunnels))("%s", (_, tunnel) => {
  test.each(shapes)("a GSO packet of %s is segmented with all its headers", (_, shape) => {
    for (const outside of outsides) {
      const [packet, offload, expected] = tried(shape, (frame, index, checksum) =>
        tunnelled(tunnel, outsideOf(outside, index, checksum), frame),
      );
      expect(segment(packet, offload), JSON.stringify(outside)).toEqual(expected);
    }
  });
});

test.each(shapes)("behind MPLS labels, and in VXLAN in GRE with a checksum: %s", (_, shape) => {
  const outside = outsides.find(({ version, hasChecksum }) => version === 6 && hasChecksum)!;
  const within = (frame: Uint8Array, index: number, checksum: "right" | "unfinished") =>
    tunnelled(tunnels["VXLAN"]!, { ...outsideOf(outside, index, checksum), version: 4, tags: [] }, frame);
  const nested = tried(shape, (frame, index, checksum) =>
    tunnelled(
      tunnels["GRE of frames with key and checksum"]!,
      outsideOf(outside, index, checksum),
      within(frame, index, checksum),
    ),
  );
  for (const [packet, offload, expected] of [tried(shape, labelled), nested])
    expect(segment(packet, offload)).toEqual(expected);
});

describe("a GSO packet is not segmented when it has", () => {
  const outside: Outside = { version: 4, tags: [], identification: 1, checksum: "none", isRouted: false };
  const [, shape] = shapes[0]!;
  const of = (tunnel: string, version: 4 | 6 = 4) =>
    tried(shape, (frame) => tunnelled(tunnels[tunnel]!, { ...outside, version }, frame));

  test("a checksum that begins elsewhere than the transport header behind the tunnel's headers", () => {
    for (const tunnel of Object.keys(tunnels))
      for (const version of [4, 6] as const)
        for (const shift of [-20, -8, -2, 2, 4, 20]) {
          const [packet, offload] = of(tunnel, version);
          const moved = { ...offload, checksumStart: offload.checksumStart + shift };
          expect(segment(packet, moved), `${tunnel}, ${shift}`).toBeUndefined();
        }
  });

  test("a tunnel, but no partial checksum that says where the transport header is", () => {
    const [packet, offload] = of("VXLAN");
    expect(segment(packet, { ...offload, needsChecksum: false })).toBeUndefined();
  });

  test("another GSO type than that of the innermost header", () => {
    for (const gsoType of [4, 5]) {
      const [packet, offload] = of("VXLAN", 6);
      expect(segment(packet, { ...offload, gsoType })).toBeUndefined();
    }
  });

  /** TABLE: octets changed in a GRE header right behind an IPv4 header. */
  const refused: readonly (readonly [string, number, string])[] = [
    ["GRE with sequence numbers", 34, "1000"],
    ["GRE with routing", 34, "4000"],
    ["GRE of version 1", 34, "0001"],
    ["GRE of another protocol", 36, "880b"],
    ["an authentication header", 23, "33"],
    ["encrypted payload", 23, "32"],
  ];
  test.each(refused)("%s", (_, at, octets) => {
    const [packet, offload] = of("GRE");
    packet.set(fromHex(octets), at);
    expect(segment(packet, offload)).toBeUndefined();
  });

  test("more headers than are parsed", () => {
    const behind = (labels: number) =>
      tried(shape, (frame) => {
        const label = new Uint8Array(4 * labels);
        const long = labelled(frame);
        return concat(long.subarray(0, 14), label, long.subarray(14));
      });
    const [packet, offload, expected] = behind(50);
    expect(segment(packet, offload)).toEqual(expected);
    expect(segment(...(behind(70).slice(0, 2) as [Uint8Array, Offload]))).toBeUndefined();
  });
});

test("RFC 9260 §6.8: the CRC32c of SCTP is completed, also in a tunnel, and excludes padding", () => {
  const chunk = "04000014 00010010 0102030405060708090a0b0c";
  const packet = fromHex(`4500003400010000 40840000 c0000201 c6336402 13881388 0000004d 00000000 ${chunk}`);
  const plain = concat(fromHex("02000000000b02000000000a0800"), packet);
  const outside: Outside = { version: 6, tags: [], identification: 1, checksum: "none", isRouted: false };
  const frames = [plain, concat(plain, new Uint8Array(6)), tunnelled(tunnels["VXLAN"]!, outside, plain)];
  for (const frame of frames) {
    const checksumStart = frame.length === plain.length + 6 ? 34 : frame.length - 32;
    const octets = new Uint8Array(256);
    const memory = { octets, view: new DataView(octets.buffer), words: new Uint32Array(octets.buffer) };
    octets.set(frame, 66);
    const offload = { gsoType: 0, gsoSize: 0, needsChecksum: true, checksumStart, checksumOffset: 8 };
    completeChecksum(memory, 66, frame.length, offload, new HeaderChain());
    const expected = frame.slice();
    expected.set(naiveCrc32c(frame.subarray(checksumStart, checksumStart + 32)), checksumStart + 8);
    expect(toHex(octets.subarray(66, 66 + frame.length))).toBe(toHex(expected));
  }
  expect(toHex(naiveCrc32c(new TextEncoder().encode("123456789")))).toBe("839206e3");
});

/** The CRC32c bit by bit, as its octets are sent. */
function naiveCrc32c(octets: Uint8Array): Uint8Array {
  let crc = 0xffff_ffffn;
  for (const octet of octets) {
    crc ^= BigInt(octet);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >> 1n) ^ ((crc & 1n) * 0x82f6_3b78n);
  }
  const value = Number(crc ^ 0xffff_ffffn);
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}
