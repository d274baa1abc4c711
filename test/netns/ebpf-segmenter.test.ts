import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { Register } from "../../src/bpf/instruction.ts";
import { verdicts } from "../../src/bpf/kernel-numbers.ts";
import type { Line } from "../../src/bpf/line.ts";
import { call, exit, load32, move, multiply, or, shiftLeft, shiftRight } from "../../src/bpf/mnemonics.ts";
import { skbContext } from "../../src/bpf/skb-context.ts";
import { toHex } from "../../src/bytes/hex.ts";
import { decapsulateProgram } from "../../src/forwarding/ebpf/programs/decapsulate-program.ts";
import { emitProgram } from "../../src/forwarding/ebpf/programs/emit-program.ts";
import { encapsulateProgram } from "../../src/forwarding/ebpf/programs/encapsulate-program.ts";
import { routeEntry } from "../../src/forwarding/ebpf/programs/map-layout.ts";
import type { ProgramOptions } from "../../src/forwarding/ebpf/programs/options.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { Bench, LINK_OCTETS, messageOf } from "../support/ebpf-bench.ts";
import {
  attachmentOf,
  EXCEPTION_PATH,
  nameOf,
  optionsWith,
  packetAround,
  placementOf,
  sessionOf,
  showingExceptionPath,
} from "../support/ebpf-session.ts";
import { frameOf } from "../support/frames.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { needBpf } from "../support/namespace.ts";
import { packetOf, plainPacket, unfinished } from "../support/packets.ts";

/**
 * What goes by the segmenter of a device, and what becomes of it there, run by the kernel on packets from
 * nowhere.
 */

const kernel = new BpfSyscall();
let bench: Bench;
beforeAll(() => {
  needBpf();
  bench = new Bench();
});
afterAll(() => bench?.[Symbol.dispose]());

const TAG = "8100006f";
/** A verdict that the programs have not. */
const SEGMENTER = 77;
const GRE = 47;
const L2TP = 115;

function overIp(changes: Partial<ProgramOptions> = {}): readonly ProgramOptions[] {
  return optionsWith({ encapsulation: "ip", cookieOctets: 4, vlan: "port", ...changes });
}

describe("the segmenter of IP protocol 115", () => {
  const kinds = overIp();
  const placement = placementOf(kinds[0]!, { segmenter: { segment: 1, coalesce: 1 } });
  const single = { ...plainPacket, payload: new Uint8Array(333).fill(7) };
  const shapes = ([4, 6] as const).flatMap((version) =>
    [[], [TAG], [TAG, "88a800c8"]].map((tags) => ({ ...single, version, tags })),
  );

  test("is for all of TCP that the kernel takes for IP, and for nothing else that is no GSO packet", () => {
    for (const kind of kinds.filter(({ sequencing }) => sequencing !== "all")) {
      bench.start(sessionOf(kind), attachmentOf(kind), { ...placement, ...addresses(kind) });
      using program = kernel.loadProgram({
        name: "segment",
        octets: assemble(
          showingExceptionPath(showingSegmenter(encapsulateProgram(kind, bench.fds), "unsegmented")),
        ),
      });
      const sent = (frame: Uint8Array) => {
        const { verdict } = program.run({ data: frame });
        return (
          { [SEGMENTER]: "segmenter", [EXCEPTION_PATH]: "exception-path", [verdicts.redirect]: "directly" }[
            verdict
          ] ?? verdict
        );
      };
      for (const shape of shapes) {
        const expected = shape.tags.length > 1 ? "exception-path" : "segmenter";
        expect(sent(packetOf(shape).frame), nameOf(kind)).toBe(expected);
        expect(sent(unfinished(shape).frame), nameOf(kind)).toBe(expected);
        expect(sent(unfinished({ ...shape, transport: "udp" }).frame), nameOf(kind)).toBe("directly");
      }
      expect(sent(frameOf({ type: "88b5", length: 200 })), nameOf(kind)).toBe("directly");
    }
  });

  test.each([2, 3, 16])("is left on another one of %d processors, by each flow on the same", (processors) => {
    const kind = { ...kinds[0]!, processors };
    bench.start(sessionOf(kind), attachmentOf(kind), { ...placement, ...addresses(kind) });
    using program = kernel.loadProgram({
      name: "spread",
      octets: assemble(showingProcessors(encapsulateProgram(kind, bench.fds), processors)),
    });
    const flows = 40 * processors;
    const chosen = new Set<number>();
    const hashes = new Set<number>();
    for (let port = 0; port < flows; port += 1) {
      const shown = () => {
        const value = program.run({ data: packetOf({ ...single, sourcePort: 1024 + port }).frame }).verdict;
        return { own: value & 0xff, chosen: (value >>> 8) & 0xff, hash: value >>> 16 };
      };
      const [first, second] = [shown(), shown()];
      for (const run of [first, second]) expect(run.chosen).not.toBe(run.own);
      // Only there may the processor have been another.
      if (first.own === second.own) expect(first).toEqual(second);
      chosen.add(first.chosen);
      hashes.add(first.hash);
    }
    for (const processor of chosen) expect(processor).toBeLessThan(processors);
    expect(chosen.size).toBeGreaterThanOrEqual(processors - 1);
    // Two are the same by chance alone.
    expect(hashes.size).toBeGreaterThan(0.9 * flows);
  });

  test("is where TCP from the peer goes, and nothing else", () => {
    for (const kind of kinds) {
      const session = sessionOf(kind);
      bench.start(session, attachmentOf(kind), { ...placement, ...addresses(kind) });
      using program = kernel.loadProgram({
        name: "coalesced",
        octets: assemble(showingSegmenter(decapsulateProgram(kind, bench.fds), "circuit")),
      });
      const heard = (frame: Uint8Array) => {
        const message = messageOf(kind, session, {
          mishap: "none",
          frame,
          number: undefined,
          part: 1,
          bit: 0,
        });
        return program.run({ data: packetAround(kind, message) }).verdict;
      };
      for (const shape of shapes) {
        expect(heard(packetOf(shape).frame), nameOf(kind)).toBe(SEGMENTER);
        expect(heard(packetOf({ ...shape, transport: "udp" }).frame), nameOf(kind)).toBe(verdicts.redirect);
      }
      expect(heard(frameOf({ type: "88b5", length: 20 })), nameOf(kind)).toBe(verdicts.redirect);
      bench.start(session, attachmentOf(kind), { ...placement, ...addresses(kind), segmenter: undefined });
      expect(heard(packetOf(single).frame), nameOf(kind)).toBe(verdicts.redirect);
    }
  });

  /** Addresses of the program's family. */
  function addresses(kind: ProgramOptions) {
    const { localAddress, remoteAddress, nextHop } = placementOf(kind);
    return { localAddress, remoteAddress, nextHop };
  }

  /**
   * The program with what it made of the hash for a verdict: this processor, the one that the kernel would
   * take, and 16 bits more.
   */
  function showingProcessors(lines: readonly Line[], processors: number): readonly Line[] {
    const { result, arg1, arg2, saved1, saved2 } = Register;
    return replacingSegmenter(lines, "unsegmented", [
      load32(saved2, saved1, skbContext.hash),
      call("get_smp_processor_id"),
      move(arg1, saved2),
      multiply(arg1, processors),
      move(arg2, arg1),
      shiftRight(arg1, 32),
      shiftLeft(arg1, 8),
      or(result, arg1),
      shiftRight(arg2, 16),
      shiftLeft(arg2, 16), // a verdict has 32 bits
      or(result, arg2),
    ]);
  }

  /**
   * The program with a verdict of its own where it redirects to the segmenter, for a test run shows no
   * interface.
   */
  function showingSegmenter(lines: readonly Line[], behind: string): readonly Line[] {
    return replacingSegmenter(lines, behind, [move(Register.result, SEGMENTER)]);
  }

  /** The program with other lines where it gives the packet to the segmenter, before the label `behind`. */
  function replacingSegmenter(
    lines: readonly Line[],
    behind: string,
    others: readonly Line[],
  ): readonly Line[] {
    const end = lines.findIndex((line) => line.kind === "label" && line.name === behind);
    return [...lines.slice(0, end - 2), ...others, exit(), ...lines.slice(end)];
  }
});

describe("what comes out of the segmenter", () => {
  const message = {
    mishap: "none",
    frame: frameOf({ length: 300 }),
    number: undefined,
    part: 1,
    bit: 0,
  } as const;
  const places = {
    4: { protocol: LINK_OCTETS + 9, checksum: LINK_OCTETS + 10 },
    6: { protocol: LINK_OCTETS + 6 },
  };
  const run = (data: Uint8Array) => {
    using program = kernel.loadProgram({ name: "emit", octets: assemble(emitProgram(bench.fds)) });
    return program.run({ data });
  };

  /** A packet as the peer is to get it, with the index where the emitting program looks for it. */
  function packetFor(family: 4 | 6, sessionIndex: number, identification = 0): Uint8Array {
    const kind = overIp({ family })[0]!;
    const packet = packetAround(kind, messageOf(kind, sessionOf(kind), message));
    packet.set([0, 0, sessionIndex, 0, 0, 0], 0);
    if (family === 6) return packet;
    packet.set([identification >> 8, identification & 0xff], LINK_OCTETS + 4);
    return withChecksum(packet);
  }

  function withChecksum(packet: Uint8Array): Uint8Array {
    packet.set([0, 0], places[4].checksum);
    const sum = naiveChecksum(packet.subarray(LINK_OCTETS, LINK_OCTETS + 20));
    packet.set([sum >> 8, sum & 0xff], places[4].checksum);
    return packet;
  }

  test.each([4, 6] as const)("gets its protocol back, and a right header checksum, over IPv%d", (family) => {
    const placement = placementOf(overIp({ family })[0]!);
    bench.routes.update(...routeEntry(placement));
    // Sums of all kinds, those that wrap among them.
    for (let identification = 0; identification < 0x1_0000; identification += family === 4 ? 257 : 0x1_0000) {
      const wanted = packetFor(family, placement.sessionIndex, identification);
      const marked = wanted.slice();
      marked[places[family].protocol] = GRE;
      if (family === 4) withChecksum(marked);
      const { verdict, data } = run(marked);
      expect(verdict).toBe(verdicts.redirect);
      expect(toHex(data)).toBe(toHex(wanted));
    }
  });

  test("passes unchanged if it is no GSO packet, and is dropped without IP header or known index", () => {
    const placement = placementOf(overIp({ family: 4 })[0]!);
    bench.routes.update(...routeEntry(placement));
    for (const family of [4, 6] as const) {
      const packet = packetFor(family, placement.sessionIndex);
      expect(packet[places[family].protocol]).toBe(L2TP);
      const { verdict, data } = run(packet);
      expect([verdict, toHex(data)]).toEqual([verdicts.redirect, toHex(packet)]);
      expect(run(packetFor(family, 200)).verdict).toBe(verdicts.drop);
    }
    expect(run(frameOf({ type: "88b5", length: LINK_OCTETS + 19 })).verdict).toBe(verdicts.drop);
  });
});
