import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { concat, fromHex, toHex } from "../../src/bytes/hex.ts";
import { counterTable, zeroCounters } from "../../src/forwarding/counters-table.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import { decodeSequence, mapSizes } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import {
  everyDecapsulation,
  everyEncapsulation,
  headerOffsets,
  type ProgramOptions,
} from "../../src/forwarding/ebpf/programs/options.ts";
import {
  decapsulate,
  encapsulate,
  newSequenceState,
  type Outcome,
  outerTrafficClass,
} from "../../src/forwarding/encapsulation.ts";
import { clampMss, mssClampOf } from "../../src/forwarding/mss.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import { canSetDecapsulatedProtocol } from "../../src/os/bpf-probe.ts";
import {
  Bench,
  indexKey,
  LINK_OCTETS,
  messageOf,
  mishaps,
  received,
  sent,
  textOf,
} from "../support/ebpf-bench.ts";
import { attachmentOf, nameOf, packetAround, placementOf, sessionOf } from "../support/ebpf-session.ts";
import { effort, leastOf, sampled } from "../support/effort.ts";
import { frameOf, specialFrames } from "../support/frames.ts";
import { needBpf } from "../support/namespace.ts";
import { packetOf } from "../support/packets.ts";
import { countersOfFragments } from "../support/plane-contract.ts";
import { assertProperty } from "../support/seeds.ts";
import { anySyn } from "../support/syn-frames.ts";

/** The programs of the eBPF plane, run by the kernel on packets from nowhere, against the reference. */

const SEED = 20_260;
/** Interfaces that are not where test runs come in. */
const NETWORK_EXCEPTION_PATH = { entry: 98, exit: 99 };

let bench: Bench;
beforeAll(() => {
  needBpf();
  bench = new Bench();
});
afterAll(() => bench?.[Symbol.dispose]());

const TAGS = ["8100006f", "8100e06f", "810000de", "88a8006f", "88a800c8", "8100b000"] as const;
const TYPES = ["0800", "86dd", "0806", "88cc", "0026", "8808", "8100", "88a8", "88b5"] as const;
const TO = ["02000000000b", "ffffffffffff", "0180c2000001", "0180c200000e", "0180c2000010"] as const;

/**
 * The kernel takes no test packet that ends with its Ethernet header, or within what that calls an IP header.
 */
function runnable(frame: Uint8Array): boolean {
  const type = toHex(frame.subarray(12, 14));
  return frame.length > LINK_OCTETS + (type === "0800" ? 19 : type === "86dd" ? 39 : 0);
}

const anyFrame = fc.oneof(
  { weight: 1, arbitrary: anySyn.map((shape) => packetOf(shape).frame).filter(runnable) },
  { weight: 1, arbitrary: fc.constantFrom(...Object.values(specialFrames).filter(runnable)) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        to: fc.constantFrom(...TO),
        tags: fc.array(fc.constantFrom(...TAGS), { maxLength: 4 }),
        type: fc.oneof(fc.constantFrom(...TYPES), fc.constantFrom("0800", "86dd")),
        first: fc.uint8Array({ minLength: 2, maxLength: 2 }),
        length: fc.oneof(
          fc.integer({ min: 15, max: 80 }),
          fc.integer({ min: 60, max: 1600 }),
          fc.constantFrom(1514, 1515, 1518, 1519, 1522, 1523),
        ),
      })
      .map(frameOf),
  },
);

/** Frames mostly of the VLAN, so that they have something to go through. */
function framesFor({ vlan }: ProgramOptions) {
  if (vlan === "port") return anyFrame;
  const own = fc
    .record({ tag: fc.constantFrom("8100006f", "8100e06f"), frame: anyFrame })
    .map(({ tag, frame }) => concat(frame.subarray(0, 12), fromHex(tag), frame.subarray(12)));
  return fc.oneof({ weight: 1, arbitrary: anyFrame }, { weight: 3, arbitrary: own });
}

/** Those that this kernel can run; it may load more. */
const decapsulations = everyDecapsulation().filter(
  ({ readsProtocol }) => readsProtocol === true || canSetDecapsulatedProtocol(),
);
const anyDecapsulation = fc.constantFrom(...decapsulations);
const anyEncapsulation = fc.constantFrom(...everyEncapsulation());

/** How many times the clamp lowers the MSS of a frame: 1 or 0. */
function clampedIn(frame: Uint8Array, attachment: AttachmentCircuit): 0 | 1 {
  const clamp = mssClampOf(attachment);
  if (clamp === undefined) return 0;
  const octets = frame.slice();
  return clampMss(new DataView(octets.buffer), 0, octets.length, clamp) ? 1 : 0;
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

test("every combination of options passes the verifier", () => {
  const programs = [
    ...everyEncapsulation().map((options) => [encapsulateProgram, options] as const),
    ...everyDecapsulation().map((options) => [decapsulateProgram, options] as const),
  ];
  const few = sampled(
    programs.filter(([, { clampsMss }]) => clampsMss === true),
    Math.max(effort, 0.25),
  );
  // Those that clamp keep a verifier for as long as ten others: an emulated kernel takes some of them.
  const taken = programs.filter((program) => program[1].clampsMss !== true || few.includes(program));
  const sizes = taken.map(([side, options]) => {
    bench.program(side, options);
    return (
      assemble(side(options, { circuits: 1, peers: 1, counters: 1, sequences: 1, routes: 1 })).length / 8
    );
  });
  // 96 both ways and twice each, and those with the longest cookie once more; those with a sublayer that
  // decapsulate, with a control channel too; those with a segmenter, for several processors too.
  expect(programs.length).toBe(96 * 4 + 32 * 2 + 72 + 36 * 2 + 12);
  console.log(
    `${sizes.length} programs pass the verifier, of ${Math.min(...sizes)} to ${Math.max(...sizes)} slots`,
  );
});

describe("a frame from the circuit", () => {
  const outcomes = new Map<string, number>();

  test("is what the reference makes of it, for every combination of options", () => {
    let copies = 0;
    const cases = anyEncapsulation.chain((options) =>
      fc.record({
        options: fc.constant(options),
        dscp: fc.constantFrom(0, 1, 46, 63),
        frame: framesFor(options).filter(runnable),
        linkLocal: fc.constantFrom("forward", "no-pause", "block"),
        transmitAllowed: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
        next: fc.constantFrom(0, 1, 0xff_fffe, 0xff_ffff),
        segment: fc.boolean(),
      }),
    );
    assertProperty(
      fc.property(cases, ({ options, dscp, frame, linkLocal, transmitAllowed, next, segment }) => {
        const session = sessionOf(options, { transmitAllowed });
        const copied = options.copiesDscp === true;
        const attachment = attachmentOf(options, { linkLocal, dscp: copied ? "copy" : dscp });
        const placement = placementOf(options, { segment });
        bench.start(session, attachment, placement);
        bench.sequences.update(
          indexKey(placement.sessionIndex),
          concat(u32(next), new Uint8Array(mapSizes.sequences.valueOctets - 4)),
        );
        const state = { ...newSequenceState(), next };
        const outcome = encapsulate(frame, session, attachment, state);
        // What no entry is found for is not ours to count.
        const expected = outcome === "no-pseudowire" ? "pass" : textOf(outcome);
        const trafficClass = outerTrafficClass(frame, attachment);
        expect(sent(bench, options, placement, frame, trafficClass), nameOf(options)).toBe(expected);
        if (typeof outcome !== "string") {
          const transmittedClamped = clampedIn(frame, attachment);
          const passed = { transmittedFrames: 1, transmittedOctets: frame.length, transmittedClamped };
          expect(bench.counted(placement)).toMatchObject({ ...zeroCounters, ...passed });
        }
        const octets = bench.sequences.lookUp(indexKey(placement.sessionIndex)) ?? new Uint8Array(0);
        expect(decodeSequence(octets).next % 0x100_0000).toBe(state.next);
        if (typeof outcome !== "string" && copied && trafficClass > 0) copies += 1;
        const kind = typeof outcome === "string" ? outcome : "sent";
        outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
      }),
      { seed: SEED, runs: 2500 },
    );
    console.log("frames:", Object.fromEntries(outcomes), `of which ${copies} have a code point copied`);
    expect(copies).toBeGreaterThan(leastOf(60));
    expect([...outcomes.keys()].sort()).toEqual([
      ...["link-local", "no-pseudowire", "not-established", "oversize", "sent"],
    ]);
  });
});

/** What the programs leave to the socket: it hears what is no data message of a session that is known. */
function expectedOf(options: ProgramOptions, message: Uint8Array, outcome: Outcome): string {
  const shortest = options.encapsulation === "udp" ? 8 : 4;
  if (message.length < shortest) return "pass";
  if (outcome === "unknown-session" || outcome === "bad-version") return "pass";
  // Messages of the session's control channel, of whatever version.
  if (outcome === "vccv" && options.controlChannel === true) return "pass";
  return textOf(outcome);
}

describe("a packet from the packet-switched network", () => {
  const outcomes = new Map<string, number>();

  test("is what the reference makes of it, for every combination of options", () => {
    const message = (options: ProgramOptions) =>
      fc.record({
        mishap: fc.constantFrom(...mishaps),
        frame: framesFor(options),
        number: fc.option(fc.constantFrom(0, 1, 2, 3, 7, 0x7f_ffff, 0x80_0000, 0x80_0001, 0xff_ffff), {
          nil: undefined,
        }),
        // Not fc.double: nearly all of those are nearly nothing.
        part: fc.nat(1000).map((parts) => parts / 1000),
        bit: fc.nat(63),
      });
    const cases = anyDecapsulation.chain((options) =>
      fc.record({
        options: fc.constant(options),
        messages: fc.array(message(options), { minLength: 1, maxLength: 8 }),
        sequenceRule: fc.record({
          window: fc.constantFrom(1, 3, 0x80_0000),
          resetAfter: fc.constantFrom(2, 3, 5),
        }),
        receiveAllowed: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
        networkExceptionPath: fc.constantFrom(undefined, NETWORK_EXCEPTION_PATH),
      }),
    );
    assertProperty(
      fc.property(cases, ({ options, messages, sequenceRule, receiveAllowed, networkExceptionPath }) => {
        const session = sessionOf(options, { receiveAllowed });
        const attachment = attachmentOf(options, { sequenceRule });
        const placement = placementOf(options, { networkExceptionPath });
        bench.start(session, attachment, placement);
        const state = newSequenceState();
        for (const each of messages) {
          const octets = messageOf(options, session, each);
          const outcome = decapsulate(octets, session, attachment, state);
          const expected = expectedOf(options, octets, outcome);
          bench.clear(placement);
          const got = received(bench, options, placement, packetAround(options, octets));
          expect(got, `${nameOf(options)}, ${each.mishap}`).toBe(expected);
          const kind = expected === "pass" || typeof outcome === "string" ? expected : "delivered";
          outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
          if (kind === "delivered") {
            const header = headerOffsets(options).frame - headerOffsets(options).message;
            const receivedClamped = clampedIn(octets.subarray(header), attachment);
            const passed = { receivedFrames: 1, receivedOctets: octets.length - header, receivedClamped };
            expect(bench.counted(placement)).toMatchObject({ ...zeroCounters, ...passed });
          }
        }
      }),
      { seed: SEED, runs: 1000 },
    );
    console.log("messages:", Object.fromEntries(outcomes));
    expect([...outcomes.keys()].sort()).toEqual([
      ...[
        "delivered",
        "fragment",
        "out-of-sequence",
        "pass",
        "standby",
        "truncated",
        "untagged",
        "vccv",
        "wrong-cookie",
      ],
    ]);
  });

  test("truncated at every length is never delivered", () => {
    for (const options of decapsulations) {
      const session = sessionOf(options);
      const attachment = attachmentOf(options);
      const placement = placementOf(options);
      const message = { mishap: "none", number: undefined, part: 1, bit: 0 } as const;
      const whole = messageOf(options, session, { ...message, frame: frameOf({ length: 17 }) });
      bench.start(session, attachment, placement);
      for (let length = 0; length < whole.length; length += 1) {
        const octets = whole.subarray(0, length);
        const outcome = decapsulate(octets, session, attachment, newSequenceState());
        bench.clear(placement);
        const got = received(bench, options, placement, packetAround(options, octets));
        expect(got, `${nameOf(options)}, ${length} octets`).toBe(expectedOf(options, octets, outcome));
      }
    }
  });
});

test("a frame that is too long is left to the exception path where such are answered, and only there", () => {
  for (const options of everyEncapsulation().filter(({ processors = 1 }) => processors === 1)) {
    const tags = options.vlan === "vlan" ? ["8100006f"] : [];
    const long = frameOf({ tags, type: "0800", length: 1414 });
    const longest = frameOf({ tags, type: "0800", length: 1519 + 4 * tags.length });
    for (const packetTooBig of ["off", "answer"] as const) {
      for (const fragmentation of ["none", "outer"] as const) {
        const attachment = attachmentOf(options, { packetTooBig });
        const placement = placementOf(options, { fragmentation, packetOctets: 1400 });
        const outcomeOf = (frame: Uint8Array) => {
          bench.start(sessionOf(options), attachment, placement);
          return sent(bench, options, placement, frame);
        };
        const isLeft = packetTooBig === "answer";
        const what = `${nameOf(options)}, ${packetTooBig}, ${fragmentation}`;
        const ofPath = isLeft || fragmentation === "outer" ? "exception-path" : "path-mtu";
        expect(outcomeOf(long), what).toBe(ofPath);
        expect(outcomeOf(longest), what).toBe(isLeft ? "exception-path" : "oversize");
      }
    }
  }
});

test("every counter of the table is counted by programs", () => {
  const missing = counterTable.map(({ name }) => name).filter((name) => !bench.seen.has(name));
  // Sessions with fragments, and answers to packets too big, are left to the userspace plane.
  const others = missing.filter((name) => !countersOfFragments.includes(name));
  expect(others).toEqual(["transmittedUnanswered"]);
});
