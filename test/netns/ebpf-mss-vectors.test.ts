import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromHex } from "../../src/bytes/hex.ts";
import { headerOffsets, type ProgramOptions } from "../../src/forwarding/ebpf/programs/options.ts";
import { canSetDecapsulatedProtocol } from "../../src/os/bpf-probe.ts";
import { Bench, messageOf, received, sent } from "../support/ebpf-bench.ts";
import {
  attachmentOf,
  nameOf,
  optionsWith,
  packetAround,
  placementOf,
  sessionOf,
} from "../support/ebpf-session.ts";
import { needBpf } from "../support/namespace.ts";
import { mssVectors } from "../vectors/mss-vectors.ts";

/** The vectors of the MSS clamp, by the programs of the eBPF plane, which the kernel runs. */

let bench: Bench;
beforeAll(() => {
  needBpf();
  bench = new Bench();
});
afterAll(() => bench?.[Symbol.dispose]());

const readsProtocol = canSetDecapsulatedProtocol() ? {} : { readsProtocol: true };
/** Programs with a clamp, of untagged circuits: the vectors have tags of their own. */
const programs: readonly ProgramOptions[] = optionsWith({ vlan: "port", cookieOctets: 8 }).map((options) => ({
  ...options,
  clampsMss: true,
}));

describe.each(programs.map((options) => [nameOf(options), options] as const))("%s", (_name, options) => {
  test.each(mssVectors)("$id $title", ({ l3_mtu: mtu, in_hex, out_hex, changed }) => {
    const session = sessionOf(options);
    const attachment = attachmentOf(options, { mtu });
    const placement = placementOf(options);
    const frame = fromHex(in_hex);
    const clamped = changed ? 1 : 0;

    bench.start(session, attachment, placement);
    const header = 2 * (headerOffsets(options).frame - headerOffsets(options).message);
    expect(sent(bench, options, placement, frame).slice(header)).toBe(out_hex);
    expect(bench.counted(placement)).toMatchObject({ transmittedFrames: 1, transmittedClamped: clamped });

    bench.start(session, attachment, placement);
    const number = options.sequencing === "none" ? undefined : 0;
    const octets = messageOf(options, session, { mishap: "none", frame, number, part: 0, bit: 0 });
    const decapsulation = { ...options, ...readsProtocol };
    expect(received(bench, decapsulation, placement, packetAround(options, octets))).toBe(out_hex);
    expect(bench.counted(placement)).toMatchObject({ receivedFrames: 1, receivedClamped: clamped });
  });
});
