import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, fromHex, toHex } from "../../src/bytes/hex.ts";
import {
  MOST_ANSWER_OCTETS,
  mtuToTell,
  NO_ANSWER,
  pairOf,
  type TooBigLimit,
  tooBigAnswer,
  tooBigLimitOf,
  writeTooBig,
} from "../../src/forwarding/too-big.ts";
import { newAnswerBucket, TooBigRate, tooBigRate } from "../../src/forwarding/too-big-rate.ts";
import { leastOf } from "../support/effort.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { assertProperty } from "../support/seeds.ts";
import {
  answerOf,
  anyBig,
  anyBigLimit,
  type BigLimit,
  type BigShape,
  bigFrame,
  bigIpv4,
  bigIpv6,
  mtuFor,
} from "../support/too-big-frames.ts";
import { tooBigVectors } from "../vectors/too-big-vectors.ts";

const SEED = 1191;
const GUARD = 0x81;

function limitOf({ mtu, frameOctets }: BigLimit, changes: Partial<TooBigLimit> = {}): TooBigLimit {
  return { mtu, frameOctets, vlan: undefined, ...changes };
}

/**
 * The answer, made in a memory where other octets stand around frame and answer; `present` octets of the
 * frame are there.
 */
function answerTo(frame: Uint8Array, limit: TooBigLimit, present = frame.length): Uint8Array | undefined {
  const start = 3;
  const to = start + present + 5;
  const memory = new Uint8Array(to + MOST_ANSWER_OCTETS + 9).fill(GUARD);
  memory.set(frame.subarray(0, present), start);
  const view = new DataView(memory.buffer);
  const mtu = mtuToTell(view, start, present, frame.length, limit);
  if (mtu === NO_ANSWER) return undefined;
  const octets = writeTooBig(view, start, present, mtu, limit, to);
  expect(octets).toBeLessThanOrEqual(MOST_ANSWER_OCTETS);
  expect(toHex(memory.subarray(start, start + present))).toBe(toHex(frame.subarray(0, present)));
  const around = [
    memory.subarray(0, start),
    memory.subarray(start + present, to),
    memory.subarray(to + octets),
  ];
  for (const part of around) expect(part.every((octet) => octet === GUARD)).toBe(true);
  return memory.slice(to, to + octets);
}

function hexOf(octets: Uint8Array | undefined): string | undefined {
  return octets && toHex(octets);
}

describe("RFC 1191 §4, RFC 4443 §3.2: the answer to a packet that is too big", () => {
  test.each(tooBigVectors)("$id $title", ({ l3_mtu: mtu, in_hex, out_hex }) => {
    const limit = tooBigLimitOf({ packetTooBig: "answer", mtu });
    expect(limit && hexOf(answerTo(fromHex(in_hex), limit))).toBe(out_hex ?? undefined);
  });

  test.each(tooBigVectors)("$id $title, by the length of frames", ({ l3_mtu, in_hex, out_hex }) => {
    const tagged = in_hex.slice(24, 28) === "8100" ? 4 : 0;
    const wholeFrameOctets = l3_mtu + 14 + tagged;
    const limit = tooBigLimitOf({ packetTooBig: "answer", mtu: 9000, wholeFrameOctets });
    expect(limit && hexOf(tooBigAnswer(fromHex(in_hex), limit))).toBe(out_hex ?? undefined);
  });

  test("the rules and the answer field by field", () => {
    let [answers, silent] = [0, 0];
    assertProperty(
      fc.property(anyBig, anyBigLimit, (shape, limit) => {
        const mtu = mtuFor(shape, limit);
        const expected = mtu === undefined ? undefined : toHex(answerOf(shape, mtu));
        expect(hexOf(answerTo(bigFrame(shape), limitOf(limit)))).toBe(expected);
        if (expected === undefined) silent += 1;
        else answers += 1;
      }),
      { seed: SEED, runs: 5000 },
    );
    expect(answers).toBeGreaterThan(leastOf(300));
    expect(silent).toBeGreaterThan(leastOf(300));
  });

  test("no answer to a packet that ends before what must be looked at, whatever its header says", () => {
    const limit = limitOf({ mtu: 576, frameOctets: 0xffff });
    for (const [shape, headers] of [
      [{ ...bigIpv4, protocol: 1, type: 8, optionOctets: 8, tags: ["8100006f"] }, 18 + 28],
      [{ ...bigIpv6, protocol: 58, type: 128, extensions: [0, 60] }, 14 + 40 + 16],
    ] as const) {
      const frame = bigFrame(shape);
      expect(answerTo(frame, limit, headers)).toBeUndefined();
      expect(answerTo(frame, limit, headers + 1)).toBeDefined();
      for (let present = 0; present < headers; present += 1) {
        expect(answerTo(frame, limit, present), `${present} there`).toBeUndefined();
        expect(answerTo(frame.subarray(0, present), limit), `${present} octets`).toBeUndefined();
      }
      for (let length = headers; length < frame.length; length += 1)
        expect(answerTo(frame.subarray(0, length), limit), "shorter than it says").toBeUndefined();
    }
  });

  /** TABLE: what stands behind all extension headers: protocol, first octet, and whether it is answered. */
  const ends = [
    [{ protocol: 17, type: 0 }, true],
    [{ protocol: 6, type: 0 }, true],
    [{ protocol: 50, type: 0 }, true], // ESP
    [{ protocol: 59, type: 0 }, true], // nothing
    [{ protocol: 41, type: 0x60 }, true],
    [{ protocol: 147, type: 0 }, true],
    [{ protocol: 58, type: 128 }, true],
    [{ protocol: 58, type: 135 }, true],
    [{ protocol: 1, type: 8 }, true],
    ...[0, 1, 2, 3, 4, 100, 127, 137].map((type) => [{ protocol: 58, type }, false] as const),
    ...[3, 4, 5, 11, 12, 15, 255].map((type) => [{ protocol: 1, type }, false] as const),
    ...[108, 148, 200, 252, 253, 254, 255].map((protocol) => [{ protocol, type: 6 }, false] as const),
  ] as const;

  test("RFC 4443 §2.4: behind each extension header, and each pair, no error is answered", () => {
    const limit = limitOf({ mtu: 1400, frameOctets: 0xffff });
    for (const shape of [bigIpv4, bigIpv6]) {
      const numbers = shape.version === 4 ? [51, 139] : [0, 43, 44, 51, 60, 135, 139, 140];
      const pairs = numbers.flatMap((one) => numbers.map((other) => [one, other]));
      for (const extensions of [[], ...numbers.map((number) => [number]), ...pairs])
        for (const [end, isAnswered] of ends) {
          const answer = answerTo(bigFrame({ ...shape, ...end, extensions }), limit);
          const what = `IPv${shape.version}, ${extensions}, ${JSON.stringify(end)}`;
          expect(answer !== undefined, what).toBe(isAnswered);
        }
    }
  });

  test("a header that is as long as it says is walked, up to the end of the packet and no further", () => {
    const limit = limitOf({ mtu: 1400, frameOctets: 0xffff });
    const wide = [0, 43, 60, 135, 139, 140].map((number) => [number, 8] as const);
    for (const [number, unit] of [...wide, [51, 4] as const])
      for (const [length, type, isAnswered] of [
        [1, 3, false],
        [1, 128, true],
        [50, 3, false],
        [50, 128, true],
        // Of all but AH the next header would stand in the padding of the frame.
        [200, 128, unit === 4],
      ] as const) {
        const frame = bigFrame({ ...bigIpv6, extensions: [number], protocol: 58, padding: 1200 });
        const header = 14 + 40;
        frame[header + 1] = length;
        frame[header + 8 + unit * length] = type;
        expect(answerTo(frame, limit) !== undefined, `${number}, ${length}, ${type}`).toBe(isAnswered);
      }
    // A message of HIP is a header, and nothing is behind it.
    const hip = bigFrame({ ...bigIpv6, extensions: [139], protocol: 59, octets: 40 + 8 * 180 });
    hip[14 + 40 + 1] = 179;
    expect(answerTo(hip, limit)).toBeDefined();
    hip[14 + 40 + 1] = 180;
    expect(answerTo(hip, limit)).toBeUndefined();
  });

  test.each([
    ["000000000000", false],
    ["000000000001", true],
    ["010000000000", false],
    ["ffffffffffff", false],
    ["02000000000a", true],
  ])("RFC 1812 §4.3.2.7: a frame from or to %s is answered: %s", (mac, isAnswered) => {
    const limit = limitOf({ mtu: 1400, frameOctets: 0xffff });
    for (const shape of [bigIpv4, bigIpv6])
      for (const end of ["fromMac", "toMac"])
        expect(answerTo(bigFrame({ ...shape, [end]: mac }), limit) !== undefined).toBe(isAnswered);
  });

  test("quotes no more than is there of a long packet", () => {
    const limit = limitOf({ mtu: 1400, frameOctets: 0xffff });
    for (const shape of [bigIpv4, bigIpv6]) {
      const answer = answerTo(bigFrame(shape), limit, 14 + 100);
      expect(answer?.length).toBe(14 + (shape.version === 4 ? 20 : 40) + 8 + 100);
      expect(checkAnswer(bigFrame(shape), answer ?? new Uint8Array(0))).toBe(1400);
    }
  });

  test("random and broken frames: what is answered may be answered, and the answer is sound", () => {
    let answers = 0;
    const broken = fc.record({
      shape: anyBig,
      limit: anyBigLimit,
      at: fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 3 }),
      cut: fc.constantFrom(0, 0, 0, 1, 700, 1400),
    });
    assertProperty(
      fc.property(broken, ({ shape, limit, at, cut }) => {
        const whole = bigFrame(shape);
        for (const [place, value] of at) if (place < whole.length) whole[place] = value;
        const frame = whole.subarray(0, Math.max(0, whole.length - cut));
        const answer = answerTo(frame, limitOf(limit));
        if (answer === undefined) return;
        answers += 1;
        checkAnswer(frame, answer);
      }),
      { seed: SEED + 1, runs: 5000 },
    );
    assertProperty(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom("0800", "86dd"), (octets, type) => {
        const frame = concat(fromHex("02000000000b02000000000a"), fromHex(type), octets);
        const answer = answerTo(frame, limitOf({ mtu: 68, frameOctets: 82 }));
        if (answer !== undefined) checkAnswer(frame, answer);
      }),
      { seed: SEED + 2, runs: 5000 },
    );
    expect(answers).toBeGreaterThan(leastOf(100));
  });

  test("the tag of the circuit comes back, whatever it was rewritten to for the pseudowire", () => {
    const vlan = { id: 0x6f, idOnPseudowire: 0xde, protocol: 0x8100 } as const;
    const limit = limitOf({ mtu: 1400, frameOctets: 0xffff }, { vlan });
    const shape: BigShape = { ...bigIpv6, tags: ["8100e0de", "81000007"] };
    const circuit = ["8100e06f", "81000007"];
    expect(hexOf(answerTo(bigFrame(shape), limit))).toBe(toHex(answerOf(shape, 1400, circuit)));
  });

  test("off, and by default, nothing is too big", () => {
    expect(tooBigLimitOf({ mtu: 100 })).toBeUndefined();
    expect(tooBigLimitOf({ mtu: 100, packetTooBig: "off" })).toBeUndefined();
  });
});

/** Checks an answer by the octets of frame and answer alone; returns the MTU that it tells. */
function checkAnswer(frame: Uint8Array, answer: Uint8Array): number {
  const [from, to] = [new DataView(frame.slice().buffer), new DataView(answer.slice().buffer)];
  expect(toHex(answer.subarray(0, 12))).toBe(toHex(concat(frame.subarray(6, 12), frame.subarray(0, 6))));
  expect((frame[0]! | frame[6]!) & 1).toBe(0);
  let ip = 14;
  while ([0x8100, 0x88a8, 0x9100].includes(from.getUint16(ip - 2))) ip += 4;
  expect(toHex(answer.subarray(12, ip))).toBe(toHex(frame.subarray(12, ip)));
  expect(ip).toBeLessThanOrEqual(22);
  const isIpv4 = from.getUint16(ip - 2) === 0x0800;
  const header = isIpv4 ? 20 : 40;
  const mtu = to.getUint32(ip + header + 4);
  const octets = isIpv4 ? from.getUint16(ip + 2) : 40 + from.getUint16(ip + 4);
  expect(octets).toBeGreaterThan(mtu);
  expect(ip + octets).toBeLessThanOrEqual(frame.length);
  expect(mtu).toBeGreaterThanOrEqual(isIpv4 ? 68 : 1280);
  const packet = answer.subarray(ip);
  const quoted = packet.subarray(header + 8);
  expect(toHex(quoted)).toBe(toHex(frame.subarray(ip, ip + quoted.length)));
  if (isIpv4) {
    expect(naiveChecksum(packet.subarray(0, 20))).toBe(0);
    expect(naiveChecksum(packet.subarray(20))).toBe(0);
    expect([packet[9], packet[20], packet[21]]).toEqual([1, 3, 4]);
    expect(packet.length).toBe(to.getUint16(ip + 2));
    expect(from.getUint16(ip + 6) & 0x5fff).toBe(0x4000);
    // Never about an ICMP error: destination unreachable and redirect to parameter problem.
    if (frame[ip + 9] === 1) expect([3, 4, 5, 11, 12]).not.toContain(frame[ip + (frame[ip]! & 15) * 4]);
    return mtu;
  }
  const pseudo = concat(packet.subarray(8, 40), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 58));
  new DataView(pseudo.buffer).setUint32(32, packet.length - 40);
  expect(naiveChecksum(pseudo, packet.subarray(40))).toBe(0);
  expect([packet[6], packet[40], packet[41]]).toEqual([58, 2, 0]);
  expect(packet.length).toBe(40 + to.getUint16(ip + 4));
  if (frame[ip + 6] === 58) expect(frame[ip + 40]).toBeGreaterThan(127);
  return mtu;
}

describe("RFC 4443 §2.4 f: the rate of answers", () => {
  const pairs = Array.from({ length: 1000 }, (_, pair) => Math.imul(pair + 1, 0x9e37_79b1));

  test("one a second for a pair, and other pairs meanwhile", () => {
    const rate = new TooBigRate();
    const bucket = newAnswerBucket(0);
    const times = [0, 1, 999, 1000, 1500, 1999, 2000];
    expect(times.map((ms) => rate.admits(bucket, 7, ms))).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
    expect(rate.admits(bucket, 8, 2000)).toBe(true);
  });

  test("fifty at once of a session, then ten a second, and sessions by themselves", () => {
    const rate = new TooBigRate();
    const [one, other] = [newAnswerBucket(0), newAnswerBucket(0)];
    const admitted = (bucket: typeof one, nowMs: number) =>
      pairs.filter((pair) => rate.admits(bucket, pair ^ nowMs, nowMs)).length;
    expect(admitted(one, 0)).toBe(50);
    expect(admitted(one, 100)).toBe(1);
    expect(admitted(one, 1100)).toBe(10);
    expect(admitted(other, 1101)).toBe(50);
    expect(admitted(one, 60_000)).toBe(50);
  });

  test("what is remembered does not grow, and a pair that was displaced is only answered sooner", () => {
    const rate = new TooBigRate();
    expect(rate.admits(newAnswerBucket(0), 5, 0)).toBe(true);
    expect(rate.admits(newAnswerBucket(0), 5 + tooBigRate.pairs, 0)).toBe(true);
    expect(rate.admits(newAnswerBucket(0), 5, 0)).toBe(true);
  });

  test("a pair is addresses in one direction, of one session, and nothing else of the frame", () => {
    const numberOf = (shape: BigShape, seed = 1) => {
      const frame = bigFrame(shape);
      return pairOf(new DataView(frame.buffer), 0, frame.length, seed);
    };
    for (const shape of [bigIpv4, bigIpv6]) {
      const number = numberOf(shape);
      expect(numberOf({ ...shape, octets: 1400, protocol: 6, tags: ["8100006f"] })).toBe(number);
      const others = [
        numberOf({ ...shape, source: shape.destination, destination: shape.source }),
        numberOf({ ...shape, source: shape.source.replace(/1$/, "3") }),
        numberOf({ ...shape, destination: shape.destination.replace(/2$/, "3") }),
        numberOf(shape, 2),
      ];
      expect(new Set([number, ...others]).size).toBe(5);
    }
  });
});
