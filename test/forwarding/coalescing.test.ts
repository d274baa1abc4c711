import { constants } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { discardIndex } from "../../src/forwarding/discard-reasons.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import { CircuitSender } from "../../src/forwarding/userspace/circuit-sender.ts";
import {
  newSegments,
  type Offload,
  parseSegments,
  segmentOctets,
  writeSegmentHeaders,
} from "../../src/forwarding/userspace/segmentation.ts";
import { counterCells } from "../../src/forwarding/userspace/session-record.ts";
import { type ForwardedSession, Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { leastOf } from "../support/effort.ts";
import { FakeKernel, type Refuse } from "../support/fake-kernel.ts";
import { frameOf, padded } from "../support/frames.ts";
import { naiveSegments, type PacketShape, packetOf, plainPacket, tcpFlags } from "../support/packets.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { assertProperty } from "../support/seeds.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

const VNET_OCTETS = 10;
const nothing = new Uint8Array(0);

function textOf(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("hex");
}

/**
 * What a network card makes of a message: our own segmentation, which other tests compare with a naive one.
 */
function segmentAgain(message: Uint8Array): readonly Uint8Array[] {
  const header = new DataView(message.buffer, message.byteOffset, VNET_OCTETS);
  const frame = message.subarray(VNET_OCTETS);
  const gsoType = header.getUint8(1);
  if (gsoType === 0) {
    expect(textOf(message.subarray(0, VNET_OCTETS))).toBe("00".repeat(VNET_OCTETS));
    return [frame];
  }
  const offload: Offload = {
    gsoType,
    gsoSize: header.getUint16(4, true),
    needsChecksum: (header.getUint8(0) & 1) !== 0,
    checksumStart: header.getUint16(6, true),
    checksumOffset: header.getUint16(8, true),
  };
  expect(offload.needsChecksum).toBe(true);
  expect(offload.checksumOffset).toBe(16);
  expectPseudoSum(frame, offload);
  const octets = new Uint8Array(66 * 1024 + 512);
  octets.set(frame, 66);
  const memory = { octets, view: new DataView(octets.buffer), words: new Uint32Array(octets.buffer) };
  const segments = newSegments();
  expect(parseSegments(memory, 66, frame.length, offload, segments)).toBe(true);
  expect(header.getUint16(2, true)).toBe(segments.headerOctets);
  const copy = 66 * 1024 + 2;
  return Array.from({ length: segments.count }, (_, index) => {
    writeSegmentHeaders(memory, segments, index, copy);
    const from = segments.payload + index * segments.size;
    const payload = octets.subarray(from, from + segmentOctets(segments, index));
    return Buffer.concat([octets.subarray(copy, copy + segments.headerOctets), payload]);
  });
}

/**
 * The checksum field holds the sum of the pseudo header with the length of all, for a card that only adds the
 * rest.
 */
function expectPseudoSum(frame: Uint8Array, { gsoType, checksumStart, checksumOffset }: Offload): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const isV6 = gsoType === 4;
  let sum = 6 + frame.length - checksumStart;
  for (let at = checksumStart - (isV6 ? 32 : 8); at < checksumStart; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  expect(view.getUint16(checksumStart + checksumOffset)).toBe(sum);
}

/** The sender of a circuit's device with two sessions, and a kernel that keeps what is sent. */
class TestBed {
  readonly kernel: FakeKernel;
  readonly arena = new Arena();
  readonly sessions: readonly ForwardedSession[];
  readonly cells: Float64Array;
  readonly #sender: CircuitSender;
  readonly #region = this.arena.take(1024 * 1024);
  /** Where the region begins that is taken from the arena behind those of the sender. */
  readonly behind: number;
  #used = 0;

  constructor(kind: "tap" | "interface", refuse?: Refuse) {
    const counters = new SharedArrayBuffer(3 * CELLS_A_SESSION * 8);
    this.cells = new Float64Array(counters);
    this.kernel = new FakeKernel(this.arena, refuse);
    const tables = new Tables(this.arena);
    tables.openCircuit({ fd: 9, readFd: 9, kind, name: "eth1", sendsBy: "eth1" });
    for (const row of [1, 2])
      tables.addSession(row, 3, sessionParameters({ localSessionId: row }), attachment());
    this.sessions = [...tables.sessions.values()];
    this.#sender = new CircuitSender(this.arena, new CounterWriter(counters), this.kernel);
    this.behind = this.arena.take(64 * 1024);
  }

  /** Delivers a frame that lies as in a batch of datagrams: `room` octets behind the one before. */
  deliver(frame: Uint8Array, room: number, which = 0): void {
    if (this.#used + frame.length + room + 64 > 1024 * 1024) this.flush();
    const free = this.#region + this.#used;
    this.arena.octets.set(frame, free + room);
    this.#used += room + frame.length;
    this.#sender.push(this.sessions[which]!, free + room, frame.length, free);
  }

  flush(): void {
    this.#sender.flush();
    this.#used = 0;
  }

  /** What a wire behind the device would carry. */
  onTheWire(): readonly string[] {
    return this.kernel.departed.flatMap(({ octets }) => segmentAgain(octets).map(textOf));
  }

  count(row: number, cell: number): number {
    return this.cells[row * CELLS_A_SESSION + cell]!;
  }
}

const plain: PacketShape = {
  ...plainPacket,
  tcpOptions: new SeededRandom(12).octets(12),
  identification: 0xfff0,
  sequence: 0xffff_f000,
  payload: new SeededRandom(1).octets(1448 * 40),
};

const spoil = fc.option(fc.record({ at: fc.nat(90), value: fc.nat(255) }), { nil: undefined, freq: 30 });

const flows = fc
  .record({
    version: fc.constantFrom(4 as const, 4 as const, 6 as const),
    transport: fc.constantFrom("tcp" as const, "tcp" as const, "tcp" as const, "udp" as const),
    tags: fc.constantFrom<string[]>([], [], ["8100006f"], ["88a800c8", "8100006f"]),
    ipOptions: fc.constantFrom(0, 0, 0, 0, 4).map((octets) => new Uint8Array(octets).fill(1)),
    extensionOctets: fc.constantFrom(0, 0, 0, 0, 8),
    tcpOptions: fc.constantFrom(0, 12, 12, 40).map((octets) => new SeededRandom(octets).octets(octets)),
    trafficClass: fc.constantFrom(0, 2, 3, 0xb8),
    identification: fc.constantFrom(0, 0xfff8, 0xffff),
    sequence: fc.constantFrom(0, 0xffff_f000, 0xffff_ffff),
    flags: fc.constantFrom(0x10, 0x10, 0x10, 0x10, 0x18, 0x11, 0x50, 0x90, 0x30, 0x12, 0x14, 0x00),
    size: fc.constantFrom(1, 8, 100, 536, 1448, 1460),
    segments: fc.integer({ min: 1, max: 60 }),
    rest: fc.nat(1460),
    seed: fc.nat(),
  })
  .map(({ size, segments, rest, seed, ...shape }) => {
    const payload = new SeededRandom(seed).octets(size * (segments - 1) + 1 + (rest % size));
    return naiveSegments({ ...shape, payload }, size);
  });

/** Frames of flows, in order or not, some spoilt, among others that nobody may touch. */
const traffic = fc.array(
  fc.record({
    flow: flows,
    spoil,
    swap: fc.option(fc.nat(60), { nil: undefined, freq: 4 }),
    drop: fc.option(fc.nat(60), { nil: undefined, freq: 4 }),
    between: fc.option(
      fc.tuple(fc.nat(60), fc.constantFrom(frameOf(), frameOf({ length: 20 }), frameOf({ type: "88cc" }))),
      {
        nil: undefined,
        freq: 3,
      },
    ),
    which: fc.constantFrom(0, 0, 0, 1),
    room: fc.constantFrom(8, 10, 16, 20, 24),
    flush: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
);

function framesOf({
  flow,
  spoil,
  swap,
  drop,
  between,
}: {
  flow: readonly Uint8Array[];
  spoil: { at: number; value: number } | undefined;
  swap: number | undefined;
  drop: number | undefined;
  between: [number, Uint8Array] | undefined;
}): Uint8Array[] {
  const frames: Uint8Array[] = flow.map((frame) => frame.slice());
  if (spoil !== undefined) {
    const frame = frames[Math.floor(frames.length / 2)]!;
    if (spoil.at < frame.length) frame[spoil.at] = spoil.value;
  }
  if (drop !== undefined && drop < frames.length) frames.splice(drop, 1);
  if (swap !== undefined && swap + 1 < frames.length)
    frames.splice(swap, 2, frames[swap + 1]!, frames[swap]!);
  if (between !== undefined) frames.splice(between[0], 0, between[1]);
  return frames;
}

test.each(["interface", "tap"] as const)(
  "%s: coalesced frames are segmented into exactly the same frames, in the same order",
  (kind) => {
    let merged = 0;
    assertProperty(
      fc.property(traffic, (happened) => {
        const testBed = new TestBed(kind);
        const wanted: string[] = [];
        for (const event of happened) {
          for (const frame of framesOf(event)) {
            testBed.deliver(frame, event.room, event.which);
            wanted.push(textOf(padded(frame)));
          }
          if (event.flush) testBed.flush();
        }
        testBed.flush();
        expect(testBed.onTheWire()).toEqual(wanted);
        merged += wanted.length - testBed.kernel.messages;
        const counted =
          testBed.count(1, counterCells.receivedFrames) + testBed.count(2, counterCells.receivedFrames);
        expect(counted).toBe(wanted.length);
      }),
      { seed: 1448, runs: 400 },
    );
    expect(merged).toBeGreaterThan(leastOf(5_000));
  },
);

/**
 * How many messages become of a flow with a change to its second frame; checks that the wire sees what was
 * delivered.
 */
function messagesOf(frames: readonly Uint8Array[]): number {
  const testBed = new TestBed("interface");
  for (const frame of frames) testBed.deliver(frame, 16);
  testBed.flush();
  expect(testBed.onTheWire()).toEqual(frames.map((frame) => textOf(padded(frame))));
  return testBed.kernel.messages;
}

describe("which segments are merged", () => {
  const six: PacketShape = { ...plain, version: 6 };
  const three = (shape: PacketShape) =>
    naiveSegments({ ...shape, payload: shape.payload.subarray(0, 3000) }, 1000);

  test("40 segments of a flow, over IPv4 and IPv6, with any tags and options, become one frame", () => {
    for (const version of [4, 6] as const) {
      for (const tags of [[], ["8100006f"], ["88a800c8", "8100006f"]]) {
        for (const tcpOptions of [nothing, plain.tcpOptions]) {
          expect(messagesOf(naiveSegments({ ...plain, version, tags, tcpOptions }, 1448))).toBe(1);
        }
      }
    }
  });

  test("a coalesced frame has at most 64 KiB and 64 segments", () => {
    const long = new SeededRandom(3).octets(1448 * 100);
    expect(messagesOf(naiveSegments({ ...plain, payload: long }, 1448))).toBe(3);
    expect(messagesOf(naiveSegments({ ...plain, payload: long.subarray(0, 100 * 200) }, 100))).toBe(4);
  });

  test("headers longer than their buffer are not copied, nor written over others: 1 to 16 000 tags", () => {
    for (const count of [1, 30, 355, 46, 50, 115, 130, 2200, 16_000]) {
      const testBed = new TestBed("interface");
      const shape = { ...plain, tags: new Array<string>(count).fill("81004141") };
      const limit = Math.min(250, Math.floor(900_000 / (count * 4 + 100) / 2)) * 2;
      const wanted: string[] = [];
      for (let pair = 0; pair < limit / 2; pair += 1) {
        const sequence = pair * 0x10_0000;
        const payload = new SeededRandom(pair).octets(count < 20 ? 40 : 2);
        const frames = naiveSegments({ ...shape, sequence, payload }, payload.length / 2);
        for (const frame of frames) {
          testBed.deliver(frame, 16);
          wanted.push(textOf(frame));
        }
      }
      testBed.flush();
      const writtenOver = testBed.arena.octets
        .subarray(testBed.behind, testBed.behind + 64 * 1024)
        .some(Boolean);
      expect(writtenOver, `behind the room, ${count} tags`).toBe(false);
      expect(testBed.kernel.departed.length, `${count} tags`).toBe(count <= 45 ? limit / 2 : limit);
      expect(testBed.onTheWire()).toEqual(wanted);
    }
  });

  test("a shorter segment ends a run, and so do PSH and FIN", () => {
    const { ack, psh, fin } = tcpFlags;
    const short = naiveSegments({ ...plain, payload: plain.payload.subarray(0, 2500) }, 1000);
    const next = naiveSegments({ ...plain, identification: 0xfff3, sequence: 0xffff_f000 + 2500 }, 1000);
    expect(messagesOf([...short, ...next.slice(0, 2)])).toBe(2);
    for (const last of [psh, fin, psh | fin]) {
      const first = three({ ...plain, flags: ack | last });
      const second = three({ ...plain, identification: 0xfff3, sequence: 0xffff_f000 + 3000 });
      expect(messagesOf([...first, ...second])).toBe(2);
    }
  });

  const differences: readonly (readonly [string, Partial<PacketShape>])[] = [
    ["another identification", { identification: 7 }],
    ["another number", { sequence: 7 }],
    ["another traffic class", { trafficClass: 3 }],
    ["another tag", { tags: ["81000001"] }],
    ["SYN", { flags: tcpFlags.ack | 2 }],
    ["RST", { flags: tcpFlags.ack | 4 }],
    ["URG", { flags: tcpFlags.ack | 0x20 }],
    ["CWR", { flags: tcpFlags.ack | tcpFlags.cwr }],
    ["ECE", { flags: tcpFlags.ack | tcpFlags.ece }],
    ["no ACK", { flags: 0 }],
    ["other options", { tcpOptions: new SeededRandom(13).octets(12) }],
    ["no options", { tcpOptions: nothing }],
    ["options of IPv4", { ipOptions: new Uint8Array(4).fill(1) }],
  ];

  test.each(differences)("a segment with %s is not merged", (_name, changes) => {
    const shape = { ...plain, tags: ["8100006f"] };
    const [first, second, third] = three(shape);
    const [, other] = naiveSegments({ ...shape, ...changes, payload: plain.payload.subarray(0, 2000) }, 1000);
    const made =
      changes.flags === undefined
        ? other!
        : packetOf({
            ...shape,
            ...changes,
            sequence: 0xffff_f000 + 1000,
            identification: 0xfff1,
            payload: plain.payload.subarray(1000, 2000),
          }).frame;
    expect(messagesOf([first!, made, third!])).toBe(3);
    expect(messagesOf([first!, second!, third!])).toBe(1);
  });

  test("segments with other addresses, ports, TTL, flow label, window or ACK number are not merged", () => {
    for (const shape of [plain, six]) {
      const start = shape.version === 4 ? 34 : 54;
      const places = shape.version === 4 ? [0, 6, 20, 22, 26, 30] : [0, 6, 16, 21, 22, 53];
      for (const at of [...places, start, start + 2, start + 8, start + 14, start + 18]) {
        const frames = three(shape).map((frame) => frame.slice());
        const changed = frames[1]!;
        changed[at]! ^= 1;
        finish(changed, shape.version);
        expect(messagesOf(frames), `octet ${at}`).toBe(3);
      }
    }
  });

  test("a segment with a wrong checksum of TCP or IPv4, or with 0xffff for 0, is not merged", () => {
    for (const [index, at] of [
      [0, 50],
      [1, 50],
      [0, 24],
      [1, 24],
      [1, 100],
    ] as const) {
      const frames = three(plain).map((frame) => frame.slice());
      frames[index]![at]! ^= 0x10;
      expect(messagesOf(frames), `frame ${index}, octet ${at}`).toBeGreaterThan(1);
    }
    const frames = three({ ...plain, tcpOptions: nothing }).map((frame) => frame.slice());
    const view = new DataView(frames[1]!.buffer);
    // A payload that makes the checksum 0, which may also be written as 0xffff.
    const word = view.getUint16(54) + view.getUint16(50);
    view.setUint16(54, word > 0xffff ? word - 0xffff : word);
    view.setUint16(50, 0);
    expect(messagesOf(frames)).toBe(1);
    view.setUint16(50, 0xffff);
    expect(messagesOf(frames)).toBe(3);
  });

  test("a frame with octets behind the packet is not merged, so that they are kept", () => {
    const frames = three(plain).map((frame, index) =>
      index === 1 ? Buffer.concat([frame, Buffer.from([0])]) : frame,
    );
    expect(messagesOf(frames)).toBe(3);
  });

  test("fragments are not merged", () => {
    const frames = three(plain).map((frame) => {
      const copy = frame.slice();
      copy[20] = 0x20;
      finish(copy, 4);
      return copy;
    });
    expect(messagesOf(frames)).toBe(3);
  });
});

/** Makes the checksums of a frame without tags right again. */
function finish(frame: Uint8Array, version: 4 | 6): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const sumOf = (from: number, to: number, before: number): number => {
    let sum = before;
    for (let at = from; at < to; at += 2)
      sum += (view.getUint8(at) << 8) | (at + 1 < to ? view.getUint8(at + 1) : 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    return ~sum & 0xffff;
  };
  const transport = version === 4 ? 34 : 54;
  if (version === 4) {
    view.setUint16(24, 0);
    view.setUint16(24, sumOf(14, 34, 0));
  }
  view.setUint16(transport + 16, 0);
  const addresses = version === 4 ? 26 : 22;
  view.setUint16(transport + 16, sumOf(addresses, frame.length, 6 + frame.length - transport));
}

describe("a circuit that refuses frames", () => {
  const frames = naiveSegments(plain, 1448);
  const isMerged = (octets: Uint8Array) => octets[1] !== 0;

  test.each(["interface", "tap"] as const)(
    "%s: coalesced frames that it refuses are sent as they were received",
    (kind) => {
      const testBed = new TestBed(kind, (octets) => (isMerged(octets) ? constants.errno.EINVAL : 0));
      for (let time = 0; time < 20; time += 1) for (const frame of frames) testBed.deliver(frame, 16);
      testBed.flush();
      expect(testBed.onTheWire()).toEqual(Array.from({ length: 20 }, () => frames.map(textOf)).flat());
      expect(testBed.count(1, counterCells.receivedFrames)).toBe(20 * frames.length);
      const known = testBed.kernel.refusals;
      for (const frame of frames) testBed.deliver(frame, 16);
      testBed.flush();
      expect(testBed.kernel.refusals).toBe(known);
    },
  );

  test("frames over the interface's MTU, tags not counted, are not merged: the kernel refuses them", () => {
    const sent = (mtu: number, segment: number, shape: Partial<PacketShape> = {}) => {
      const testBed = new TestBed("interface");
      testBed.kernel.mtu = mtu;
      for (const frame of naiveSegments(
        { ...plain, ...shape, payload: plain.payload.subarray(0, 8000) },
        segment,
      ))
        testBed.deliver(frame, 16);
      testBed.flush();
      return testBed.kernel.messages;
    };
    expect([sent(1500, 1448), sent(1500, 1449), sent(1400, 1348), sent(1400, 1349)]).toEqual([1, 6, 1, 6]);
    const tags = ["88a800c8", "8100006f"];
    expect([sent(1500, 1448, { tags }), sent(1500, 1449, { tags })]).toEqual([1, 6]);
    expect([sent(9000, 1900), sent(1500, 1900), sent(0, 100)]).toEqual([1, 5, 80]);
  });

  test.each(["interface", "tap"] as const)(
    "%s: frames for which the queue has no room are counted, in one call",
    (kind) => {
      const testBed = new TestBed(kind, () => constants.errno.EAGAIN);
      for (let time = 0; time < 3; time += 1) for (const frame of frames) testBed.deliver(frame, 16);
      testBed.flush();
      expect(testBed.kernel.refusals).toBe(1);
      const counted = testBed.count(1, counterCells.discards + discardIndex["circuit-congestion"]);
      expect(counted).toBe(3 * frames.length);
    },
  );

  test.each(["interface", "tap"] as const)(
    "%s: while it is down, each frame of a coalesced one is counted once as discarded",
    (kind) => {
      const testBed = new TestBed(kind, () => constants.errno.ENETDOWN);
      for (const frame of frames) testBed.deliver(frame, 16);
      testBed.flush();
      expect(testBed.kernel.refusals).toBe(1);
      expect(testBed.count(1, counterCells.discards + discardIndex["circuit-down"])).toBe(frames.length);
    },
  );
});
