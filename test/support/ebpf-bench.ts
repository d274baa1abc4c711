import { expect } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { verdicts } from "../../src/bpf/kernel-numbers.ts";
import type { Line } from "../../src/bpf/line.ts";
import { toHex } from "../../src/bytes/hex.ts";
import type { BpfMap, BpfProgram } from "../../src/environment.ts";
import { type CounterName, counterTable, zeroCounters } from "../../src/forwarding/counters-table.ts";
import { mapDescriptorsOf } from "../../src/forwarding/ebpf/plane/plane-maps.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import {
  circuitEntry,
  mapSizes,
  type Placement,
  peerEntry,
} from "../../src/forwarding/ebpf/programs/map-layout.ts";
import {
  headerOffsets,
  type ProgramMaps,
  type ProgramOptions,
} from "../../src/forwarding/ebpf/programs/options.ts";
import { countersFrom } from "../../src/forwarding/ebpf/programs/session-counters.ts";
import type { Outcome } from "../../src/forwarding/encapsulation.ts";
import type { AttachmentCircuit, SessionCounters } from "../../src/forwarding/plane.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import { EXCEPTION_PATH, nameOf, showingExceptionPath, showingTag } from "./ebpf-session.ts";
import { naiveChecksum } from "./internet-checksum.ts";

const SLOTS = 16;
export const LINK_OCTETS = 14;
const kernel = new BpfSyscall();

type Side = (options: ProgramOptions, maps: ProgramMaps) => readonly Line[];

/** Maps with room for a few sessions, and each program loaded when it is first asked for. */
export class Bench implements Disposable {
  readonly circuits = this.#hash("circuits");
  readonly peers = this.#hash("peers");
  readonly counters = kernel.createMap({
    ...{ kind: "perCpuArray", name: "counters", maxEntries: SLOTS, ...mapSizes.counters },
  });
  readonly sequences = kernel.createMap({
    ...{ kind: "array", name: "sequences", maxEntries: SLOTS, ...mapSizes.sequences },
  });
  readonly routes = kernel.createMap({
    ...{ kind: "array", name: "routes", maxEntries: SLOTS, ...mapSizes.routes },
  });
  /** The counters that were not 0 when they were read. */
  readonly seen = new Set<CounterName>();
  readonly #programs = new Map<string, BpfProgram>();

  #hash(name: "circuits" | "peers"): BpfMap {
    return kernel.createMap({ kind: "hash", name, maxEntries: SLOTS, ...mapSizes[name] });
  }

  get fds(): ProgramMaps {
    return mapDescriptorsOf(this);
  }

  /** A program of this kind; in a test run it shows a tag of the metadata in the octets. */
  program(side: Side, options: ProgramOptions, at: "test run" | "interface" = "test run"): BpfProgram {
    const key = `${at} ${side.name} ${nameOf(options)}`;
    const loaded = this.#programs.get(key);
    if (loaded !== undefined) return loaded;
    const lines = side(options, this.fds);
    const program = kernel.loadProgram({
      name: side.name.slice(0, 15),
      octets: assemble(at === "test run" ? showingExceptionPath(showingTag(lines)) : lines),
    });
    this.#programs.set(key, program);
    return program;
  }

  /** One session and no other, that has counted nothing and remembers nothing. */
  start(session: SessionParameters, attachment: AttachmentCircuit, placement: Placement): void {
    for (const map of [this.circuits, this.peers]) for (const key of map.keys()) map.remove(key);
    this.circuits.update(...circuitEntry(session, attachment, placement));
    this.peers.update(...peerEntry(session, attachment, placement));
    this.clear(placement);
    this.sequences.update(indexKey(placement.sessionIndex), new Uint8Array(mapSizes.sequences.valueOctets));
  }

  /** Sets the counters to 0. */
  clear(placement: Placement): void {
    this.counters.update(indexKey(placement.sessionIndex), new Uint8Array(mapSizes.counters.valueOctets));
  }

  counted(placement: Placement): SessionCounters {
    const counters = countersFrom(0, this.counters.lookUpPerCpu(indexKey(placement.sessionIndex)) ?? []);
    for (const { name } of counterTable) if (counters[name] > 0) this.seen.add(name);
    return counters;
  }

  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program.close();
    const { circuits, peers, counters, sequences, routes } = this;
    for (const map of [circuits, peers, counters, sequences, routes]) map.close();
  }
}

export function indexKey(sessionIndex: number): Uint8Array {
  return Uint8Array.of(sessionIndex, 0, 0, 0);
}

/**
 * What a program did, in one text: octets that it sent on, the reason that it counted, "pass", or
 * "exception-path".
 */
export function told(verdict: number, octets: () => Uint8Array, counters: SessionCounters): string {
  const reasons = Object.entries(counters.discards);
  if (verdict === verdicts.redirect) {
    expect(reasons).toEqual([]);
    return toHex(octets());
  }
  expect(counters).toMatchObject(zeroCounters);
  if (verdict === verdicts.next || verdict === EXCEPTION_PATH) {
    expect(reasons).toEqual([]);
    return verdict === EXCEPTION_PATH ? "exception-path" : "pass";
  }
  expect(verdict).toBe(verdicts.drop);
  expect(reasons.map(([, count]) => count)).toEqual([1]);
  return reasons[0]?.[0] ?? "";
}

export function textOf(outcome: Outcome): string {
  return typeof outcome === "string" ? outcome : toHex(outcome);
}

/** Checks the outer headers and gives what is in them: the payload of UDP, or of IP. */
function unwrap(options: ProgramOptions, packet: Uint8Array, trafficClass: number): Uint8Array {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const { udp, message } = headerOffsets(options);
  const ip = packet.subarray(LINK_OCTETS, LINK_OCTETS + udp);
  // No group address; what the kernel overwrites may tell a segmenter the index.
  expect(toHex(packet.subarray(0, 2))).toBe("0000");
  expect(toHex(packet.subarray(6, LINK_OCTETS))).toBe(
    `000000000000${options.family === 4 ? "0800" : "86dd"}`,
  );
  const protocol = options.encapsulation === "udp" ? 17 : 115;
  if (options.family === 4) {
    expect(naiveChecksum(ip)).toBe(0);
    expect(view.getUint16(LINK_OCTETS + 2)).toBe(packet.length - LINK_OCTETS);
    expect([ip[0], ip[1], ip[6], ip[7], ip[8], ip[9]]).toEqual([0x45, trafficClass, 0x40, 0, 64, protocol]);
    expect(toHex(ip.subarray(12))).toBe("c0000201c0000202");
  } else {
    expect(view.getUint16(LINK_OCTETS + 4)).toBe(packet.length - LINK_OCTETS - udp);
    expect(view.getUint32(LINK_OCTETS)).toBe(0x6000_0000 + trafficClass * 0x10_0000);
    expect([ip[6], ip[7]]).toEqual([protocol, 64]);
    expect(toHex(ip.subarray(8))).toBe("20010db800000000000000000000000120010db8000000000000000000000002");
  }
  if (options.encapsulation === "udp") {
    expect(view.getUint32(LINK_OCTETS + udp)).toBe(1701 * 0x1_0000 + 1701);
    expect(view.getUint16(LINK_OCTETS + udp + 4)).toBe(packet.length - LINK_OCTETS - udp);
    expect(view.getUint16(LINK_OCTETS + udp + 6)).toBe(0);
  }
  return packet.subarray(LINK_OCTETS + message);
}

/**
 * What the program made of a frame, whose outer header must have the traffic class. The session must have
 * been started.
 */
export function sent(
  bench: Bench,
  options: ProgramOptions,
  placement: Placement,
  frame: Uint8Array,
  trafficClass = 0,
): string {
  const { verdict, data } = bench.program(encapsulateProgram, options).run({ data: frame });
  return told(verdict, () => unwrap(options, data, trafficClass), bench.counted(placement));
}

/**
 * What the program made of a packet: the tag that was pushed to show the one in the metadata is in the
 * metadata itself.
 */
export function received(
  bench: Bench,
  options: ProgramOptions,
  placement: Placement,
  packet: Uint8Array,
): string {
  const { verdict, data } = bench.program(decapsulateProgram, options).run({ data: packet });
  return told(verdict, () => data, bench.counted(placement));
}

/** A data message of a frame, with all that can be wrong about it. */
export const mishaps = [
  "none",
  "none",
  "cookie",
  "vccv",
  "fragment",
  "version",
  "control",
  "session",
  "zero",
  "truncated",
] as const;

export interface Message {
  readonly mishap: (typeof mishaps)[number];
  readonly frame: Uint8Array;
  readonly number: number | undefined;
  /** Where to truncate, as a part of the whole. */
  readonly part: number;
  readonly bit: number;
}

export function messageOf(options: ProgramOptions, session: SessionParameters, message: Message): Uint8Array {
  const { mishap, frame, number, part, bit } = message;
  const cookie = session.receiveCookie.slice();
  if (mishap === "cookie" && cookie.length > 0) cookie[bit % cookie.length]! ^= 1 << (bit % 8);
  const sublayer = {
    channel: mishap === "vccv" ? { version: 0, channelType: 0x0021 } : undefined,
    sequenceNumber: number,
  };
  const sessionId = mishap === "session" ? 0x0a0a_0002 : mishap === "zero" ? 0 : session.localSessionId;
  const header = { sessionId, cookie, ...(options.sublayer ? { sublayer } : {}) };
  const octets = encodeDataMessage(options.encapsulation, header, frame);
  const inUdp = options.encapsulation === "udp";
  const at = headerOffsets(options).sublayer - headerOffsets(options).message;
  if (mishap === "fragment" && options.sublayer) octets[at]! |= bit % 2 === 0 ? 0x10 : 0x20;
  if (mishap === "version" && inUdp) octets[1] = bit % 16;
  if (mishap === "control" && inUdp) octets[0]! |= 0x80;
  return mishap === "truncated" ? octets.subarray(0, Math.floor(part * octets.length)) : octets;
}
