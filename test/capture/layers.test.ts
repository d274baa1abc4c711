import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { concat, fromHex } from "../../src/bytes/hex.ts";
import { CaptureDecoder } from "../../src/capture/capture-decoder.ts";
import { summariseFrame } from "../../src/capture/frame.ts";
import { unwrapPacket } from "../../src/capture/layers.ts";
import { recordText } from "../../src/cli/decode-text.ts";
import {
  ethernetFrame,
  fragmentsOf,
  ipPacket,
  linkPacket,
  linkType,
  pcapFile,
  pcapngFile,
} from "../support/captures.ts";
import { DecodeFiles, decodeJson, decodeText } from "../support/decode-files.ts";
import { sampled, scaled } from "../support/effort.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { assertProperty, seedOr } from "../support/seeds.ts";
import { vectors } from "../vectors/vectors.ts";

const files = new DecodeFiles();
afterAll(() => files.remove());

const SEED = 3931;
const plain = { bold: String, dim: String, red: String, green: String, yellow: String };
const secrets = Object.values(vectors.meta.scenario_secret).map((secret) => new TextEncoder().encode(secret));
const hello = fromHex("c80300141a2b3c4d000200048008000000000006");
const helloOverIp = concat(new Uint8Array(4), hello);
const frame = fromHex(vectors.inner_frames["ipv4"]!);

/** Decodes packets in memory, and writes all of it as text too. */
function decodeAll(
  packets: readonly { readonly octets: Uint8Array; readonly originalOctets?: number }[],
  type: number = linkType.ethernet,
) {
  const decoder = new CaptureDecoder({ secrets, staticFormat: { cookieOctets: 8, sublayer: "default" } });
  const records = packets.flatMap(({ octets, originalOctets }, index) => {
    const packet = {
      number: index + 1,
      timeUs: index,
      linkType: type,
      octets,
      originalOctets: originalOctets ?? octets.length,
    };
    return decoder.decode(packet) ?? [];
  });
  for (const record of records) expect(recordText(record, plain)).toMatch(/^\d+ {2}1970-01-01T/);
  return { records, summary: decoder.summary(true) };
}

const vectorFrames = vectors.messages.map((message) =>
  ethernetFrame(
    ipPacket(
      { family: message["ipver"] as 4 | 6, transport: message.transport, from: message.src },
      fromHex(message.payload_hex),
    ),
  ),
);

test.each(
  Object.entries(linkType).flatMap(([name, type]) =>
    ([4, 6] as const).flatMap((family) =>
      (["udp", "ip"] as const).map((transport) => ({ name, type, family, transport })),
    ),
  ),
)("link type $name, IPv$family, $transport, in pcap and pcapng", async ({ type, family, transport }) => {
  const packet = ipPacket({ family, transport, from: "A" }, transport === "udp" ? hello : helloOverIp);
  const octets = linkPacket(type, packet);
  for (const write of [pcapFile, pcapngFile]) {
    const { records } = await decodeJson(files.write(write(type, [{ octets }])));
    expect(records).toMatchObject([
      { kind: "control", message: "HELLO", encapsulation: transport, number: 1 },
    ]);
  }
});

test("loopback headers of the other byte order are read too", () => {
  for (const family of ["00000002", "02000000"]) {
    const octets = concat(fromHex(family), ipPacket({ family: 4, transport: "udp", from: "A" }, hello));
    expect(decodeAll([{ octets }], linkType.null).summary.control).toBe(1);
  }
});

test.each([[[0x8100]], [[0x88a8, 0x8100]], [[0x9100, 0x8100, 0x8100]]])("behind tags %j", (tags) => {
  const octets = ethernetFrame(ipPacket({ family: 6, transport: "udp", from: "A" }, hello), tags);
  expect(decodeAll([{ octets }]).records).toMatchObject([{ message: "HELLO", source: "2001:db8::a" }]);
});

test("a link type that is not read is named in the summary", async () => {
  const text = await decodeText(files.write(pcapFile(105, [{ octets: hello }])));
  expect(text).toBe(
    "0 control messages, 0 data messages, 0 malformed, 0 wrong digests, " +
      "1 other packet (1 link type 105, which is not read here)\n",
  );
});

test("what is not L2TPv3 is counted by what it is", () => {
  const udp = (payload: string, port = 1701) =>
    ethernetFrame(
      ipPacket(
        { family: 4, transport: "udp", from: "A", sourcePort: port, destinationPort: port },
        fromHex(payload),
      ),
    );
  const tcp = ipPacket({ family: 4, transport: "ip", from: "A" }, hello);
  tcp[9] = 6;
  const packets = [
    ethernetFrame(tcp),
    udp("00030000", 53),
    udp("c802000c0001000000000000"),
    udp("0001"),
    udp("00"),
    fromHex(vectors.inner_frames["arp"]!),
    ethernetFrame(fromHex("4f00")),
    ethernetFrame(fromHex("4000001400000000401100000000000000000000")),
  ];
  const { records, summary } = decodeAll(packets.map((octets) => ({ octets })));
  expect(records).toEqual([]);
  expect(summary.otherReasons).toEqual({
    "another IP protocol": 1,
    "another UDP port": 1,
    "L2TP of another version": 2,
    "cut short in front of L2TP": 2,
    "no IP": 1,
    "unreadable IP header": 1,
  });
});

test.each([
  { family: 4, transport: "udp" },
  { family: 6, transport: "udp" },
  { family: 4, transport: "ip" },
  { family: 6, transport: "ip" },
] as const)(
  "fragments of IPv$family with $transport: the first is read, the other named",
  ({ family, transport }) => {
    const start = transport === "udp" ? "00030000" : "";
    const message = concat(fromHex(`${start}0b0b0002b0b1b2b3b4b5b6b700000000`), frame);
    const packet = ipPacket({ family, transport, from: "A" }, message);
    const packets = fragmentsOf(packet, 48).map((fragment) => ({ octets: ethernetFrame(fragment) }));
    const { records, summary } = decodeAll(packets);
    expect(records).toMatchObject([
      {
        kind: "data",
        content: "IPv4",
        frame: { destination: "02:00:00:00:00:0b" },
        notes: ["first fragment; the others are not put together"],
      },
      { kind: "fragment", offset: 48, payloadOctets: message.length - 48 + (transport === "udp" ? 8 : 0) },
    ]);
    expect(summary).toMatchObject({ data: 1, other: 1, otherReasons: { "later fragments of L2TP": 1 } });
  },
);

test("later fragments of UDP are L2TP's only when the first was", () => {
  const packet = ipPacket(
    { family: 4, transport: "udp", from: "A", sourcePort: 53, destinationPort: 53 },
    frame,
  );
  const { records, summary } = decodeAll(
    fragmentsOf(packet, 32).map((octets) => ({ octets: ethernetFrame(octets) })),
  );
  expect(records).toEqual([]);
  expect(summary.otherReasons).toEqual({ "another UDP port": 1, "later fragments of UDP": 1 });
});

test("IPv6 extension headers are passed over", () => {
  const packet = ipPacket({ family: 6, transport: "ip", from: "A" }, helloOverIp);
  // Hop-by-Hop, Destination Options, Authentication Header, and a Fragment Header of a whole packet.
  const extensions = fromHex(
    "3c000104000000003300010400000000 2c02000000000001000000010000 0000 7300000012345678",
  );
  const octets = concat(packet.subarray(0, 40), extensions, packet.subarray(40));
  octets[6] = 0;
  new DataView(octets.buffer).setUint16(4, octets.length - 40);
  const { records } = decodeAll([{ octets: ethernetFrame(octets) }]);
  expect(records).toMatchObject([{ message: "HELLO", notes: [] }]);
});

test("padding behind the IP packet is no part of the message, and lengths of 0 mean all there is", () => {
  const packet = ipPacket(
    { family: 4, transport: "ip", from: "A" },
    fromHex("0b0b0002b0b1b2b3b4b5b6b700000000"),
  );
  const padded = concat(ethernetFrame(packet), new Uint8Array(20));
  expect(decodeAll([{ octets: padded }]).records).toMatchObject([
    { kind: "data", payloadOctets: 0, notes: [] },
  ]);
  const unset = ipPacket({ family: 4, transport: "udp", from: "A" }, hello);
  unset[3] = 0;
  unset[25] = 0;
  expect(decodeAll([{ octets: ethernetFrame(unset) }]).records).toMatchObject([
    { message: "HELLO", notes: [] },
  ]);
});

test("truncated packets of a capture: messages are read as far as they go, none is malformed", () => {
  const sccrq = vectorFrames[0]!;
  const truncated = (length: number) => ({ octets: sccrq.subarray(0, length), originalOctets: sccrq.length });
  const { records, summary } = decodeAll([truncated(100), truncated(52), truncated(60), truncated(40)]);
  expect(records).toMatchObject([
    { kind: "control", message: "SCCRQ", notes: ["cut short: 58 of 150 octets"], refusal: null },
    { kind: "truncated", reason: "read nr: wanted 2 octets at offset 10, 0 present" },
    { kind: "truncated", reason: "the capture ends in front of its Message Type" },
  ]);
  expect(summary).toMatchObject({
    control: 1,
    malformed: 0,
    other: 3,
    otherReasons: { "L2TP cut short by the capture": 2, "cut short in front of L2TP": 1 },
  });
});

test("every vector truncated at any octet is read without an exception, and never malformed", () => {
  for (const [index, octets] of sampled([...vectorFrames.entries()])) {
    const lengths = Array.from({ length: octets.length }, (_, length) => length);
    const packets = lengths.map((length) => ({
      octets: octets.subarray(0, length),
      originalOctets: octets.length,
    }));
    const { records } = decodeAll(packets);
    expect(
      records.filter(({ kind }) => kind === "malformed"),
      vectors.messages[index]!.id,
    ).toEqual([]);
  }
});

test("a packet truncated at any octet, of any link type, is read without an exception", () => {
  for (const type of Object.values(linkType)) {
    const packet = linkPacket(type, ipPacket({ family: 6, transport: "udp", from: "A" }, hello));
    for (let length = 0; length <= packet.length; length += 1) {
      expect(() => decodeAll([{ octets: packet.subarray(0, length) }], type)).not.toThrow();
    }
  }
});

test("any octets as any link type are read without an exception", () => {
  const types = fc.constantFrom(...Object.values(linkType), 105);
  assertProperty(
    fc.property(types, fc.uint8Array({ maxLength: 200 }), (type, octets) => {
      decodeAll([{ octets }], type);
    }),
    { seed: SEED, runs: 2000 },
  );
});

test("any octets as the payload of UDP port 1701 and of IP 115 are read without an exception", () => {
  const start = fc.constantFrom("", "c803", "c802", "0003", "00000000c803", "0000000048");
  const families = fc.constantFrom(4, 6);
  const transports = fc.constantFrom("udp", "ip");
  assertProperty(
    fc.property(
      families,
      transports,
      start,
      fc.uint8Array({ maxLength: 300 }),
      (family, transport, prefix, rest) => {
        const even = prefix.length % 2 === 0 ? prefix : `${prefix}0`;
        const octets = ipPacket({ family, transport, from: "A" } as never, concat(fromHex(even), rest));
        decodeAll([{ octets: ethernetFrame(octets) }]);
      },
    ),
    { seed: SEED, runs: 2000 },
  );
});

test("vectors with octets changed at random are read without an exception", () => {
  const random = new SeededRandom(seedOr(SEED));
  for (let round = scaled(20); round > 0; round -= 1) {
    const packets = vectorFrames.map((octets) => {
      const changed = octets.slice();
      for (let change = 0; change < 3; change += 1) {
        changed[Math.floor(random.next() * changed.length)] = Math.floor(random.next() * 256);
      }
      return { octets: changed };
    });
    expect(() => decodeAll(packets)).not.toThrow();
  }
});

test("unwrapPacket gives views of the packet and asks about both ends", () => {
  const octets = ethernetFrame(ipPacket({ family: 4, transport: "udp", from: "B", sourcePort: 5 }, hello));
  const asked: unknown[] = [];
  const layers = unwrapPacket(linkType.ethernet, octets, (source, destination) => {
    asked.push(source, destination);
    return true;
  });
  expect(asked).toEqual([
    { address: "192.0.2.2", port: 5 },
    { address: "192.0.2.1", port: 1701 },
  ]);
  if (layers.kind !== "l2tp") return expect.unreachable();
  expect(layers.payload).toEqual(hello);
  expect(layers.payload.buffer).toBe(octets.buffer);
});

test.each([
  ["0180c2000000 020000000001 0026 424203", "STP"],
  ["01000ccccccc 020000000001 0040 aaaa03 00000c 010b", "PVST+"],
  ["01000ccccccc 020000000001 0040 aaaa03 000000 0800", "IPv4 over SNAP"],
  ["01000ccccccc 020000000001 0040 aaaa03 00000d 0001", "SNAP 00000d/0001"],
  ["01000ccccccc 020000000001 0040 fefe03", "IS-IS"],
  ["01000ccccccc 020000000001 0040 1234", "802.3"],
  ["01000ccccccc 020000000001 0040 121203", "LLC 0x12"],
  ["020000000002 020000000001 8100 f00a 88cc", "LLDP"],
  ["020000000002 020000000001 4321", "EtherType 0x4321"],
])("frames: %s is %s", (octets, content) => {
  expect(summariseFrame(fromHex(octets))).toMatchObject({ content, source: "02:00:00:00:00:01" });
});

test("frames: tags with priority and drop eligibility; too short for addresses is none", () => {
  expect(summariseFrame(fromHex("020000000002 020000000001 88a8 300a 8100 e064 0800"))?.tags).toEqual([
    { protocol: 0x88a8, vlanId: 10, priority: 1, dropEligible: true },
    { protocol: 0x8100, vlanId: 100, priority: 7, dropEligible: false },
  ]);
  expect(summariseFrame(fromHex("020000000002 020000000001 08"))).toBeUndefined();
});
