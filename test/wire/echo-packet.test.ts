import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../src/bytes/hex.ts";
import { addressOctets } from "../../src/bytes/ip-address.ts";
import { decodeEchoPacket, ECHO_PACKET_HEADER_OCTETS, encodeEchoPacket } from "../../src/wire/echo-packet.ts";
import { internetChecksum } from "../../src/wire/internet-checksum.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { channelVectors } from "../vectors/channel-vectors.ts";

const addresses = {
  4: { A: "192.0.2.1", B: "192.0.2.2" },
  6: { A: "2001:db8::a", B: "2001:db8::b" },
} as const;
const pings = channelVectors.channel
  .filter(({ id }) => /^OC-0[1-4]$/.test(id))
  .map((vector) => ({ ...vector, version: vector.channel_type === 0x21 ? (4 as const) : (6 as const) }));
const packetOf = (hex: string) => fromHex(hex);

describe.each(pings)("RFC 5085 §6.2.1: $id, $title", ({ version, src, dst, title, channel_message_hex }) => {
  const packet = packetOf(channel_message_hex);

  test("is made and read octet for octet", () => {
    const read = decodeEchoPacket(version, packet);
    expect(read?.echo.kind).toBe(title.endsWith("request") ? "request" : "reply");
    expect(read?.source).toEqual(addressOctets(addresses[version][src]));
    expect(read?.destination).toEqual(addressOctets(addresses[version][dst]));
    expect(read && toHex(encodeEchoPacket(version, read))).toBe(channel_message_hex);
    expect(read?.echo.data.length).toBe(packet.length - ECHO_PACKET_HEADER_OCTETS[version]);
  });

  test("octets behind its length are ignored", () => {
    const longer = new Uint8Array(packet.length + 9).fill(0xee);
    longer.set(packet);
    const read = decodeEchoPacket(version, longer);
    expect(read && toHex(encodeEchoPacket(version, read))).toBe(channel_message_hex);
  });

  test("cut at any place it is none, and no one octet of what its checksums cover may differ", () => {
    for (let length = 0; length < packet.length; length += 1)
      expect(decodeEchoPacket(version, packet.subarray(0, length))).toBeUndefined();
    // Of IPv6, traffic class, flow label and hop limit are covered by none.
    const uncovered = version === 6 ? [0, 1, 2, 3, 7] : [];
    for (let at = 0; at < packet.length; at += 1) {
      if (uncovered.includes(at)) continue;
      const damaged = packet.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      expect(decodeEchoPacket(version, damaged), `octet ${at}`).toBeUndefined();
    }
  });

  test("of the other version of IP it is none", () => {
    expect(decodeEchoPacket(version === 4 ? 6 : 4, packet)).toBeUndefined();
  });
});

test.each([4, 6] as const)("packets of any size over IPv%d come back", (version) => {
  const random = new SeededRandom(5);
  for (const size of [0, 1, 2, 15, 1400, 1401, 65_000]) {
    const echo = {
      kind: "request",
      identifier: 0xffff,
      sequence: 0xfffe,
      data: random.octets(size),
    } as const;
    const { A, B } = addresses[version];
    const sent = { source: addressOctets(A), destination: addressOctets(B), echo };
    expect(decodeEchoPacket(version, encodeEchoPacket(version, sent))).toEqual(sent);
  }
});

test.each([4, 6] as const)("whatever the octets are, reading them over IPv%d ends", (version) => {
  const random = new SeededRandom(6);
  for (let round = 0; round < 2000; round += 1) {
    const octets = random.octets(round % 90);
    if (octets.length > 0) octets[0] = (version << 4) | ((octets[0] ?? 0) & 0x0f);
    expect(decodeEchoPacket(version, octets)).toBeUndefined();
  }
});

test("a fragment of IPv4 is none", () => {
  const packet = encodeEchoPacket(4, {
    ...{ source: addressOctets("192.0.2.1"), destination: addressOctets("192.0.2.2") },
    echo: { kind: "request", identifier: 1, sequence: 1, data: new Uint8Array(8) },
  });
  const withFlags = (bits: number) => {
    const changed = packet.slice();
    const view = new DataView(changed.buffer);
    view.setUint16(6, bits);
    view.setUint16(10, 0);
    view.setUint16(10, internetChecksum(changed.subarray(0, 20)));
    return changed;
  };
  for (const bits of [0x2000, 0x0001]) expect(decodeEchoPacket(4, withFlags(bits))).toBeUndefined();
  for (const bits of [0, 0x4000]) expect(decodeEchoPacket(4, withFlags(bits))).toBeDefined();
});
