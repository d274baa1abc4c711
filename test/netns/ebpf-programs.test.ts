import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { verdicts } from "../../src/bpf/kernel-numbers.ts";
import type { Line } from "../../src/bpf/line.ts";
import { concat, fromHex, toHex } from "../../src/bytes/hex.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/decapsulate-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/encapsulate-program.ts";
import {
  circuitEntry,
  countersFrom,
  decodeSequence,
  mapSizes,
  type Placement,
  peerEntry,
} from "../../src/forwarding/ebpf/map-layout.ts";
import {
  everyOption,
  headerPlaces,
  type ProgramMaps,
  type ProgramOptions,
} from "../../src/forwarding/ebpf/options.ts";
import {
  decapsulate,
  encapsulate,
  newSequenceState,
  type Outcome,
} from "../../src/forwarding/encapsulation.ts";
import type { Attachment, SessionCounters } from "../../src/forwarding/plane.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import type { BpfMap, BpfProgram } from "../../src/ports.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import {
  attachmentOf,
  nameOf,
  packetAround,
  placementOf,
  sessionOf,
  showingTag,
} from "../support/ebpf-session.ts";
import { frameOf, specialFrames } from "../support/frames.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { needBpf } from "../support/namespace.ts";

/** The programs of the eBPF plane, run by the kernel on packets from nowhere, against the reference. */

const SEED = 20_260;
const SLOTS = 8;
const LINK_OCTETS = 14;
const kernel = new BpfSyscall();
const all = everyOption();

type Side = (options: ProgramOptions, maps: ProgramMaps) => readonly Line[];

/** Maps with room for a few sessions, and each program loaded when it is first asked for. */
class Bench implements Disposable {
  readonly circuits = this.#hash("circuits");
  readonly peers = this.#hash("peers");
  readonly counters = kernel.createMap({
    ...{ kind: "perCpuArray", name: "counters", maxEntries: SLOTS, ...mapSizes.counters },
  });
  readonly sequences = kernel.createMap({
    ...{ kind: "array", name: "sequences", maxEntries: SLOTS, ...mapSizes.sequences },
  });
  readonly #programs = new Map<string, BpfProgram>();

  #hash(name: "circuits" | "peers"): BpfMap {
    return kernel.createMap({ kind: "hash", name, maxEntries: SLOTS, ...mapSizes[name] });
  }

  program(side: Side, options: ProgramOptions): BpfProgram {
    const key = `${side.name} ${nameOf(options)}`;
    const loaded = this.#programs.get(key);
    if (loaded !== undefined) return loaded;
    const fds = {
      circuits: this.circuits.fd,
      peers: this.peers.fd,
      counters: this.counters.fd,
      sequences: this.sequences.fd,
    };
    const program = kernel.loadProgram({
      name: side.name.slice(0, 15),
      octets: assemble(showingTag(side(options, fds))),
    });
    this.#programs.set(key, program);
    return program;
  }

  /** One session and no other, that has counted nothing and remembers nothing. */
  start(session: SessionParameters, attachment: Attachment, placement: Placement): void {
    for (const map of [this.circuits, this.peers]) for (const key of map.keys()) map.remove(key);
    this.circuits.update(...circuitEntry(session, attachment, placement));
    this.peers.update(...peerEntry(session, attachment, placement));
    this.clear(placement);
    this.sequences.update(slotKey(placement.slot), new Uint8Array(mapSizes.sequences.valueOctets));
  }

  /** Sets the counters to 0. */
  clear(placement: Placement): void {
    this.counters.update(slotKey(placement.slot), new Uint8Array(mapSizes.counters.valueOctets));
  }

  counted(placement: Placement): SessionCounters {
    return countersFrom(0, this.counters.lookUpPerCpu(slotKey(placement.slot)) ?? []);
  }

  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program.close();
    for (const map of [this.circuits, this.peers, this.counters, this.sequences]) map.close();
  }
}

function slotKey(slot: number): Uint8Array {
  return Uint8Array.of(slot, 0, 0, 0);
}

let bench: Bench;
beforeAll(() => {
  needBpf();
  bench = new Bench();
});
afterAll(() => bench?.[Symbol.dispose]());

/** What a program did, in one text: octets that it sent on, the reason that it counted, or "pass". */
function told(verdict: number, octets: () => Uint8Array, counters: SessionCounters): string {
  const reasons = Object.entries(counters.discards);
  if (verdict === verdicts.redirect) {
    expect(reasons).toEqual([]);
    return toHex(octets());
  }
  expect(counters.receivedFrames + counters.transmittedFrames).toBe(0);
  if (verdict === verdicts.pass) {
    expect(reasons).toEqual([]);
    return "pass";
  }
  expect(verdict).toBe(verdicts.drop);
  expect(reasons.map(([, count]) => count)).toEqual([1]);
  return reasons[0]?.[0] ?? "";
}

function textOf(outcome: Outcome): string {
  return typeof outcome === "string" ? outcome : toHex(outcome);
}

/** Checks the outer headers and gives what is in them: the payload of UDP, or of IP. */
function unwrap(options: ProgramOptions, packet: Uint8Array): Uint8Array {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const { udp, message } = headerPlaces(options);
  const ip = packet.subarray(LINK_OCTETS, LINK_OCTETS + udp);
  expect(toHex(packet.subarray(0, LINK_OCTETS))).toBe(
    `000000000000000000000000${options.family === 4 ? "0800" : "86dd"}`,
  );
  const protocol = options.encapsulation === "udp" ? 17 : 115;
  if (options.family === 4) {
    expect(naiveChecksum(ip)).toBe(0);
    expect(view.getUint16(LINK_OCTETS + 2)).toBe(packet.length - LINK_OCTETS);
    expect([ip[0], ip[1], ip[6], ip[7], ip[8], ip[9]]).toEqual([0x45, 0, 0x40, 0, 64, protocol]);
    expect(toHex(ip.subarray(12))).toBe("c0000201c0000202");
  } else {
    expect(view.getUint16(LINK_OCTETS + 4)).toBe(packet.length - LINK_OCTETS - udp);
    expect([ip[0], ip[1], ip[2], ip[3], ip[6], ip[7]]).toEqual([0x60, 0, 0, 0, protocol, 64]);
    expect(toHex(ip.subarray(8))).toBe("20010db800000000000000000000000120010db8000000000000000000000002");
  }
  if (options.encapsulation === "udp") {
    expect(view.getUint32(LINK_OCTETS + udp)).toBe(1701 * 0x1_0000 + 1701);
    expect(view.getUint16(LINK_OCTETS + udp + 4)).toBe(packet.length - LINK_OCTETS - udp);
    expect(view.getUint16(LINK_OCTETS + udp + 6)).toBe(0);
  }
  return packet.subarray(LINK_OCTETS + message);
}

/** What the program made of a frame. The session must have been started. */
function sent(options: ProgramOptions, placement: Placement, frame: Uint8Array): string {
  const { verdict, data } = bench.program(encapsulateProgram, options).run({ data: frame });
  return told(verdict, () => unwrap(options, data), bench.counted(placement));
}

/** What the program made of a packet: the tag that was pushed to show the one beside the packet is beside it itself. */
function received(options: ProgramOptions, placement: Placement, packet: Uint8Array): string {
  const { verdict, data } = bench.program(decapsulateProgram, options).run({ data: packet });
  return told(verdict, () => data, bench.counted(placement));
}

const TAGS = ["8100006f", "8100e06f", "810000de", "88a8006f", "88a800c8", "8100b000"] as const;
const TYPES = ["0800", "86dd", "0806", "88cc", "0026", "8808", "8100", "88a8", "88b5"] as const;
const TO = ["02000000000b", "ffffffffffff", "0180c2000001", "0180c200000e", "0180c2000010"] as const;

/** The kernel takes no test packet that ends with its Ethernet header, or within what that calls an IP header. */
function runnable(frame: Uint8Array): boolean {
  const type = toHex(frame.subarray(12, 14));
  return frame.length > LINK_OCTETS + (type === "0800" ? 19 : type === "86dd" ? 39 : 0);
}

const anyFrame = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...Object.values(specialFrames).filter(runnable)) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        to: fc.constantFrom(...TO),
        tags: fc.array(fc.constantFrom(...TAGS), { maxLength: 4 }),
        type: fc.constantFrom(...TYPES),
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

const anyOptions = fc.constantFrom(...all);

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

test("every combination of options passes the verifier", () => {
  const sizes = all.flatMap((options) =>
    [encapsulateProgram, decapsulateProgram].map((side) => {
      bench.program(side, options);
      return assemble(side(options, { circuits: 1, peers: 1, counters: 1, sequences: 1 })).length / 8;
    }),
  );
  expect(all.length).toBe(96);
  console.log(
    `${sizes.length} programs pass the verifier, of ${Math.min(...sizes)} to ${Math.max(...sizes)} slots`,
  );
});

describe("a frame from the circuit", () => {
  const outcomes = new Map<string, number>();

  test("is what the reference makes of it, for every combination of options", () => {
    const cases = anyOptions.chain((options) =>
      fc.record({
        options: fc.constant(options),
        frame: framesFor(options).filter(runnable),
        linkLocal: fc.constantFrom("forward", "no-pause", "block"),
        transmitAllowed: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
        next: fc.constantFrom(0, 1, 0xff_fffe, 0xff_ffff),
      }),
    );
    fc.assert(
      fc.property(cases, ({ options, frame, linkLocal, transmitAllowed, next }) => {
        const session = sessionOf(options, { transmitAllowed });
        const attachment = attachmentOf(options, { linkLocal });
        const placement = placementOf(options);
        bench.start(session, attachment, placement);
        bench.sequences.update(slotKey(placement.slot), concat(u32(next), new Uint8Array(20)));
        const state = { ...newSequenceState(), next };
        const outcome = encapsulate(frame, session, attachment, state);
        // What no entry is found for is not ours to count.
        const expected = outcome === "no-pseudowire" ? "pass" : textOf(outcome);
        expect(sent(options, placement, frame), nameOf(options)).toBe(expected);
        if (typeof outcome !== "string") {
          expect(bench.counted(placement).transmittedOctets).toBe(frame.length);
        }
        const octets = bench.sequences.lookUp(slotKey(placement.slot)) ?? new Uint8Array(0);
        expect(decodeSequence(octets).next % 0x100_0000).toBe(state.next);
        const kind = typeof outcome === "string" ? outcome : "sent";
        outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
      }),
      { seed: SEED, numRuns: 1500 },
    );
    console.log("frames:", Object.fromEntries(outcomes));
    expect([...outcomes.keys()].sort()).toEqual([
      ...["link-local", "no-pseudowire", "not-established", "oversize", "sent"],
    ]);
  });
});

/** A data message of a frame, with all that can be wrong about it. */
const mishaps = [
  "none",
  "none",
  "cookie",
  "vccv",
  "fragment",
  "version",
  "control",
  "session",
  "zero",
  "cut",
] as const;

interface Message {
  readonly mishap: (typeof mishaps)[number];
  readonly frame: Uint8Array;
  readonly number: number | undefined;
  /** Where to cut, as a part of the whole. */
  readonly part: number;
  readonly bit: number;
}

function messageOf(options: ProgramOptions, session: SessionParameters, message: Message): Uint8Array {
  const { mishap, frame, number, part, bit } = message;
  const cookie = session.receiveCookie.slice();
  if (mishap === "cookie" && cookie.length > 0) cookie[bit % cookie.length]! ^= 1 << (bit % 8);
  const sublayer = {
    vccv: mishap === "vccv",
    isFragment: false,
    sequenceNumber: number,
  };
  const sessionId = mishap === "session" ? 0x0a0a_0002 : mishap === "zero" ? 0 : session.localSessionId;
  const header = { sessionId, cookie, ...(options.sublayer ? { sublayer } : {}) };
  const octets = encodeDataMessage(options.encapsulation, header, frame);
  const inUdp = options.encapsulation === "udp";
  const at = headerPlaces(options).sublayer - headerPlaces(options).message;
  if (mishap === "fragment" && options.sublayer) octets[at]! |= bit % 2 === 0 ? 0x10 : 0x20;
  if (mishap === "version" && inUdp) octets[1] = bit % 16;
  if (mishap === "control" && inUdp) octets[0]! |= 0x80;
  return mishap === "cut" ? octets.subarray(0, Math.floor(part * octets.length)) : octets;
}

/** What the programs leave to the socket: it hears what is no data message of a session that is known. */
function expectedOf(options: ProgramOptions, message: Uint8Array, outcome: Outcome): string {
  const shortest = options.encapsulation === "udp" ? 8 : 4;
  if (message.length < shortest) return "pass";
  if (outcome === "unknown-session" || outcome === "bad-version") return "pass";
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
        part: fc.double({ min: 0, max: 1, noNaN: true }),
        bit: fc.nat(63),
      });
    const cases = anyOptions.chain((options) =>
      fc.record({
        options: fc.constant(options),
        messages: fc.array(message(options), { minLength: 1, maxLength: 8 }),
      }),
    );
    fc.assert(
      fc.property(cases, ({ options, messages }) => {
        const session = sessionOf(options);
        const attachment = attachmentOf(options);
        const placement = placementOf(options);
        bench.start(session, attachment, placement);
        const state = newSequenceState();
        for (const each of messages) {
          const octets = messageOf(options, session, each);
          const outcome = decapsulate(octets, session, attachment, state);
          const expected = expectedOf(options, octets, outcome);
          bench.clear(placement);
          const got = received(options, placement, packetAround(options, octets));
          expect(got, `${nameOf(options)}, ${each.mishap}`).toBe(expected);
          const kind = expected === "pass" || typeof outcome === "string" ? expected : "delivered";
          outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
          if (kind === "delivered") {
            const header = headerPlaces(options).frame - headerPlaces(options).message;
            expect(bench.counted(placement).receivedOctets).toBe(octets.length - header);
          }
        }
      }),
      { seed: SEED, numRuns: 1000 },
    );
    console.log("messages:", Object.fromEntries(outcomes));
    expect([...outcomes.keys()].sort()).toEqual([
      ...[
        "delivered",
        "fragment",
        "out-of-sequence",
        "pass",
        "truncated",
        "untagged",
        "vccv",
        "wrong-cookie",
      ],
    ]);
  });

  test("truncated at every length is never delivered", () => {
    for (const options of all) {
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
        const got = received(options, placement, packetAround(options, octets));
        expect(got, `${nameOf(options)}, ${length} octets`).toBe(expectedOf(options, octets, outcome));
      }
    }
  });
});
