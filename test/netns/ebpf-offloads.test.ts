import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { checksumLevels, verdicts } from "../../src/bpf/kernel-numbers.ts";
import { label } from "../../src/bpf/line.ts";
import { call, exit, jumpIfNotEqual, load32, move } from "../../src/bpf/mnemonics.ts";
import { SKB_CONTEXT_OCTETS, skbContext } from "../../src/bpf/skb-context.ts";
import { concat, toHex } from "../../src/bytes/hex.ts";
import type { BpfProgram } from "../../src/environment.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import { puntEntry } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import { headerOffsets, type ProgramOptions } from "../../src/forwarding/ebpf/programs/options.ts";
import { puntProgram } from "../../src/forwarding/ebpf/programs/punt-program.ts";
import { encapsulate, newSequenceState } from "../../src/forwarding/encapsulation.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { Bench, LINK_OCTETS, messageOf, received, sent, textOf, told } from "../support/ebpf-bench.ts";
import {
  attachmentOf,
  nameOf,
  optionsWith,
  packetAround,
  placementOf,
  sessionOf,
  showingExceptionPath,
} from "../support/ebpf-session.ts";
import { frameOf } from "../support/frames.ts";
import { needBpf } from "../support/namespace.ts";
import { type PacketShape, packetOf, plainPacket, unfinished } from "../support/packets.ts";

/**
 * What the programs of the eBPF plane make of GSO packets and unfinished checksums, run by the kernel on
 * packets from nowhere. Such a run cannot make room in a GSO packet: of one that may stay whole the program
 * tells that it was measured and fits.
 */

const kernel = new BpfSyscall();
let bench: Bench;
const programs = new Map<ProgramOptions, BpfProgram>();
beforeAll(() => {
  needBpf();
  bench = new Bench();
});
afterAll(() => {
  for (const program of programs.values()) program.close();
  bench?.[Symbol.dispose]();
});

const { result, arg1, saved1: context } = Register;
/** What the program answers for a GSO packet that it would send whole. */
const WHOLE = 5;
const GSO_OCTETS = 900;
const plain: PacketShape = {
  ...plainPacket,
  payload: Uint8Array.from({ length: 2000 }, (_, index) => index),
};
const options = new Uint8Array(12).fill(1);
const TAG = "8100006f";

function contextOf(gsoOctets: number): Uint8Array {
  const context = new Uint8Array(SKB_CONTEXT_OCTETS);
  new DataView(context.buffer).setUint32(skbContext.gsoSize, gsoOctets, true);
  return context;
}

/** Programs that let GSO packets stay whole, one for each family and sublayer. */
const whole = optionsWith({ encapsulation: "udp", cookieOctets: 8, vlan: "port" }).filter(
  ({ sequencing }) => sequencing !== "all",
);

/** The outcome for a GSO packet at a circuit with this MTU; "whole" where it may stay so. */
function gsoPacket(
  kind: ProgramOptions,
  frame: Uint8Array,
  mtu: number,
  { segment = false, gsoOctets = GSO_OCTETS, packetOctets = 9000 } = {},
): string {
  const placement = placementOf(kind, { segment, packetOctets });
  const attachment: AttachmentCircuit = attachmentOf(kind, { mtu });
  bench.start(sessionOf(kind), attachment, placement);
  const { verdict } = program(kind).run({ data: frame, context: contextOf(gsoOctets) });
  return verdict === WHOLE ? "whole" : told(verdict, () => new Uint8Array(0), bench.counted(placement));
}

/** The encapsulating program up to where lengths are known to fit, which a verdict of its own tells. */
function program(kind: ProgramOptions): BpfProgram {
  const loaded = programs.get(kind);
  if (loaded !== undefined) return loaded;
  const lines = encapsulateProgram(kind, bench.fds).flatMap((line) =>
    line.kind === "label" && line.name === "fits"
      ? [line, load32(arg1, context, skbContext.gsoSize), jumpIfNotEqual(arg1, 0, "whole")]
      : [line],
  );
  const octets = assemble([...showingExceptionPath(lines), label("whole"), move(result, WHOLE), exit()]);
  const made = kernel.loadProgram({ name: "measured", octets });
  programs.set(kind, made);
  return made;
}

describe("a GSO packet is measured by its segments", () => {
  /** TABLE: octets of IP packet that each segment has, headers and 900 octets of payload. */
  const measured: readonly (readonly [string, PacketShape, number])[] = [
    ["TCP over IPv4", plain, 940],
    ["TCP with options over IPv4", { ...plain, tcpOptions: options }, 952],
    ["UDP over IPv4", { ...plain, transport: "udp" }, 928],
    ["TCP over IPv6", { ...plain, version: 6 }, 960],
    ["UDP over IPv6", { ...plain, version: 6, transport: "udp" }, 948],
    ["TCP over IPv4 behind a tag", { ...plain, tags: [TAG] }, 940],
    ["TCP over IPv6 behind a tag", { ...plain, version: 6, tags: [TAG] }, 960],
  ];
  test.each(measured)("%s", (_, shape, octets) => {
    const { frame } = packetOf(shape);
    const linkOctets = LINK_OCTETS + 4 * shape.tags.length;
    for (const kind of whole) {
      const longest = (packetOctets: number) => gsoPacket(kind, frame, 1500, { packetOctets });
      expect(gsoPacket(kind, frame, octets), nameOf(kind)).toBe("whole");
      expect(gsoPacket(kind, frame, octets - 1), nameOf(kind)).toBe("exception-path");
      const outer = headerOffsets(kind).frame + linkOctets + octets;
      expect(longest(outer), nameOf(kind)).toBe("whole");
      expect(longest(outer - 1), nameOf(kind)).toBe("exception-path");
      // Payload that is less than a segment makes a frame of its own.
      expect(gsoPacket(kind, frame, octets + 1100, { gsoOctets: 2001 }), nameOf(kind)).toBe("whole");
      expect(gsoPacket(kind, frame, octets + 1099, { gsoOctets: 2001 }), nameOf(kind)).toBe("exception-path");
    }
  });
});

describe("a GSO packet takes the exception path", () => {
  const TOO_NARROW = 100;
  const { frame } = packetOf(plain);
  const odd: readonly (readonly [string, Uint8Array])[] = [
    ["with two tags", packetOf({ ...plain, tags: [TAG, TAG] }).frame],
    ["with IPv4 options", packetOf({ ...plain, ipOptions: new Uint8Array(4).fill(1) }).frame],
    ["with IPv6 extension headers", packetOf({ ...plain, version: 6, extensionOctets: 8 }).frame],
    ["that is longer than IP says", concat(frame, new Uint8Array(1))],
    ["that is shorter than IP says", frame.subarray(0, frame.length - 1)],
    ["that is neither TCP nor UDP", changed(frame, LINK_OCTETS + 9, 132)],
    ["that is no IP", frameOf({ type: "88b5", length: 2000 })],
  ];
  test.each(odd)("%s", (_, frame) => {
    for (const kind of whole) expect(gsoPacket(kind, frame, TOO_NARROW), nameOf(kind)).toBe("exception-path");
  });

  test("where the session wants it segmented, every frame numbered, or IP protocol 115", () => {
    for (const kind of whole)
      expect(gsoPacket(kind, frame, TOO_NARROW, { segment: true }), nameOf(kind)).toBe("exception-path");
    for (const changes of [{ encapsulation: "ip" }, { sequencing: "all" }] as const)
      for (const kind of optionsWith({ ...changes, vlan: "port" }))
        expect(gsoPacket(kind, frame, TOO_NARROW), nameOf(kind)).toBe("exception-path");
  });

  test("and is given up where there is none", () => {
    const kind = whole[0]!;
    const placement = placementOf(kind, { exceptionInterface: 0, segment: true });
    bench.start(sessionOf(kind), attachmentOf(kind), placement);
    const lines = encapsulateProgram(kind, bench.fds);
    using program = kernel.loadProgram({ name: "no_exception", octets: assemble(lines) });
    const { verdict } = program.run({ data: frame, context: contextOf(GSO_OCTETS) });
    expect(verdict).toBe(verdicts.drop);
    expect(bench.counted(placement).discards).toEqual({ "psn-error": 1 });
  });
});

function changed(frame: Uint8Array, at: number, value: number): Uint8Array {
  const copy = frame.slice();
  copy[at] = value;
  return copy;
}

test("a frame that only looks as if it had a partial checksum is sent, segmenting or not", () => {
  const single = { ...plain, payload: plain.payload.subarray(0, 333) };
  for (const kind of optionsWith({ cookieOctets: 4, sublayer: false }))
    for (const transport of ["tcp", "udp"] as const)
      for (const version of [4, 6] as const) {
        const placement = placementOf(kind, { segment: true });
        bench.start(sessionOf(kind), attachmentOf(kind), placement);
        const { frame } = unfinished({ ...single, transport, version, tags: [TAG] });
        expect(sent(bench, kind, placement, frame), nameOf(kind)).toBe(
          textOf(encapsulate(frame, sessionOf(kind), attachmentOf(kind), newSequenceState())),
        );
      }
});

describe("a packet of several segments from the network", () => {
  const wrong = { mishap: "cookie", number: undefined, part: 1, bit: 0 } as const;
  /**
   * A run passes to the socket; of what is taken for a GSO packet the cookie is looked at, which is wrong.
   */
  const heard = (kind: ProgramOptions, message: Uint8Array) => {
    const placement = placementOf(kind);
    bench.start(sessionOf(kind), attachmentOf(kind), placement);
    const { verdict } = bench
      .program(decapsulateProgram, kind)
      .run({ data: packetAround(kind, message), context: contextOf(GSO_OCTETS) });
    return told(verdict, () => new Uint8Array(0), bench.counted(placement));
  };
  const kinds = whole.filter(({ sublayer }) => !sublayer);

  test.each([
    ["no tags", []],
    ["one tag", [TAG]],
    ["two tags", [TAG, "88a800c8"]],
  ] as const)("is a GSO packet if the frame in it ends where the packet ends: %s", (_, tags) => {
    for (const kind of kinds)
      for (const version of [4, 6] as const)
        for (const transport of ["tcp", "udp"] as const) {
          const payload = plain.payload.subarray(0, 1200);
          const { frame } = packetOf({ ...plain, version, transport, tags, payload });
          const message = messageOf(kind, sessionOf(kind), { ...wrong, frame });
          expect(heard(kind, message), nameOf(kind)).toBe("wrong-cookie");
          expect(heard(kind, message.subarray(0, message.length - 1)), nameOf(kind)).toBe("pass");
          expect(heard(kind, concat(message, message)), nameOf(kind)).toBe("pass");
        }
  });

  test("is for the socket if its frame is something else, or has a number", () => {
    for (const kind of kinds) {
      for (const frame of [
        frameOf({ type: "88b5", length: 2000 }),
        packetOf({ ...plain, tags: [TAG, TAG, TAG] }).frame,
        packetOf({ ...plain, ipOptions: new Uint8Array(4).fill(1) }).frame,
      ])
        expect(heard(kind, messageOf(kind, sessionOf(kind), { ...wrong, frame })), nameOf(kind)).toBe("pass");
    }
    const { frame } = packetOf(plain);
    for (const kind of whole.filter(({ sublayer }) => sublayer)) {
      const session = sessionOf(kind);
      expect(heard(kind, messageOf(kind, session, { ...wrong, frame }))).toBe("wrong-cookie");
      expect(heard(kind, messageOf(kind, session, { ...wrong, frame, number: 5 }))).toBe("pass");
    }
    for (const kind of optionsWith({ encapsulation: "ip", cookieOctets: 8, vlan: "port" }))
      expect(heard(kind, messageOf(kind, sessionOf(kind), { ...wrong, frame }))).toBe("pass");
  });
});

test("a message with a verified UDP checksum is decapsulated, any other one with a checksum passes", () => {
  const { arg1, arg2, saved1 } = Register;
  const verified = [
    move(saved1, arg1),
    move(arg2, checksumLevels.increase),
    call("csum_level"),
    move(arg1, saved1),
  ];
  for (const kind of whole) {
    const placement = placementOf(kind);
    const session = sessionOf(kind);
    bench.start(session, attachmentOf(kind), placement);
    const frame = frameOf({ length: 100 });
    const message = { mishap: "none", frame, number: undefined, part: 1, bit: 0 } as const;
    const packet = packetAround(kind, messageOf(kind, session, message));
    packet[LINK_OCTETS + headerOffsets(kind).udp + 7] = 1;
    expect(received(bench, kind, placement, packet)).toBe("pass");
    using program = kernel.loadProgram({
      ...{ name: "verified", octets: assemble([...verified, ...decapsulateProgram(kind, bench.fds)]) },
    });
    const { verdict, data } = program.run({ data: packet });
    expect(told(verdict, () => data, bench.counted(placement))).toBe(toHex(frame));
  }
});

test("all frames of a circuit that no program carries take the exception path, and no others", () => {
  const kind = optionsWith({ vlan: "vlan" })[0]!;
  bench.start(sessionOf(kind), attachmentOf(kind), placementOf(kind));
  const run = (vlan: ProgramOptions["vlan"], frame: Uint8Array) => {
    using program = kernel.loadProgram({
      name: "punt",
      octets: assemble(showingExceptionPath(puntProgram({ vlan }, bench.fds))),
    });
    return program.run({ data: frame, context: contextOf(GSO_OCTETS) }).verdict;
  };
  const tagged = frameOf({ tags: [TAG], length: 200 });
  expect(run("vlan", tagged), "an entry of another shape").toBe(verdicts.next);
  bench.circuits.update(...puntEntry(attachmentOf(kind), 1, 1));
  expect(run("vlan", tagged)).toBe(verdicts.redirect);
  expect(run("vlan", frameOf({ tags: ["81000070"], length: 200 }))).toBe(verdicts.next);
  expect(run("vlan", frameOf())).toBe(verdicts.next);
  expect(run("port", frameOf())).toBe(verdicts.next);
  bench.circuits.update(...puntEntry(attachmentOf({ ...kind, vlan: "port" }), 1, 1));
  expect(run("port", frameOf())).toBe(verdicts.redirect);
  expect(run("port", tagged)).toBe(verdicts.redirect);
});
