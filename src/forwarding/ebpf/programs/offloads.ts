import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  call,
  exit,
  jump,
  jumpIfEqual,
  jumpIfNotEqual,
  load32,
  move,
  multiply,
  store8,
  store32,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { TAG_OCTETS } from "../../../wire/ethernet.ts";
import { frameOctets, tagged } from "./circuit-key.ts";
import { discard } from "./counters.ts";
import { assumeSingle, countSegments, parsed, readInnerHeaders, TCP } from "./inner-headers.ts";
import { circuitValue } from "./map-layout.ts";
import { LINK_OCTETS, type ProgramOptions, usesSegmenter } from "./options.ts";
import { ipv4Fields, ipv6Fields } from "./outer-header.ts";
import { IP_PROTOCOL_GRE } from "./outer-template.ts";
import { jumpIfPartialChecksum } from "./partial-checksum.ts";
import { context, entry } from "./parts.ts";
import { policyBits } from "./policy.ts";
import { jumpIfIp } from "./vlan-tag.ts";

/** Offloads of frames from a circuit: GSO packets and partial checksums. */

const { arg1, arg2, frame } = Register;

/**
 * Decides how a frame goes on whose sender left work to a device. A GSO packet stays whole if it is IP behind
 * at most one tag, which is in the metadata, and gets no number: over UDP the kernel segments it later, over
 * IP protocol 115 the session's segmenter does (emit-program.ts), to which all TCP goes, so that the frames
 * of a flow stay in order. Where the session wants GSO packets segmented, they, and partial checksums of any
 * kind, are completed by the kernel on the exception path before they are encapsulated. `inner` is the offset
 * on the stack of the frame's Ethernet header, `base` that of its parsed headers.
 */
export function checkOffloads(
  options: ProgramOptions,
  { inner, base }: { readonly inner: number; readonly base: number },
): readonly Line[] {
  const mayOffload = options.sequencing !== "all";
  return [
    ...assumeSingle(base, frameOctets),
    ...(usesSegmenter(options) ? [store32(frame, base + parsed.protocol, 0)] : []),
    load32(arg1, context, skbContext.gsoSize),
    load32(arg2, entry, circuitValue.policy.offset),
    and(arg2, policyBits.segment + policyBits.segmenter),
    jumpIfNotEqual(arg1, 0, mayOffload ? "gso" : "exception-path"),
    jumpIfEqual(arg2, 0, "single"),
    ...(usesSegmenter(options) ? [jumpIfEqual(arg2, policyBits.segmenter, "parse")] : []),
    ...jumpIfPartialChecksum({ at: 0, copy: inner }, "exception-path", discard("psn-error")),
    ...(mayOffload ? [jump("single"), ...checkHeaders(options, base)] : []),
    label("single"),
  ];
}

/**
 * Checks whether a GSO packet may stay whole; where there is a segmenter, also whether a single frame goes
 * through it.
 */
function checkHeaders(options: ProgramOptions, base: number): readonly Line[] {
  const ifGso = (target: string): readonly Line[] => [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfNotEqual(arg1, 0, target),
  ];
  const segmenter = usesSegmenter(options);
  return [
    label("gso"),
    jumpIfNotEqual(arg2, segmenter ? policyBits.segmenter : 0, "exception-path"),
    load32(arg1, context, skbContext.protocol),
    ...jumpIfIp(arg1, "parse"),
    jump("exception-path"),
    label("parse"),
    store32(frame, base + parsed.at, LINK_OCTETS),
    move(arg1, tagged),
    multiply(arg1, TAG_OCTETS),
    add(arg1, LINK_OCTETS),
    store32(frame, base + parsed.linkOctets, arg1),
    ...readInnerHeaders(base, segmenter ? "odd" : "exception-path"),
    ...(segmenter ? [...ifGso("segments"), ...checkTcp(base), label("segments")] : []),
    ...(segmenter
      ? [load32(arg1, frame, base + parsed.protocol), jumpIfNotEqual(arg1, TCP, "exception-path")]
      : []),
    ...countSegments(base, frameOctets, "exception-path"),
    ...(segmenter ? [jump("single"), label("odd"), ...ifGso("exception-path")] : []),
  ];
}

/** TCP whose GSO packets take the exception path takes it with all its frames. */
function checkTcp(base: number): readonly Line[] {
  return [
    load32(arg1, frame, base + parsed.protocol),
    jumpIfNotEqual(arg1, TCP, "single"),
    load32(arg1, context, skbContext.protocol),
    ...jumpIfIp(arg1, "single"),
    jump("exception-path"),
  ];
}

/** Marks a GSO packet as GRE until it is segmented, which the kernel can segment (emit-program.ts). */
export function markAsGre({ family }: ProgramOptions, template: number): readonly Line[] {
  const protocol = family === 4 ? ipv4Fields.protocol : ipv6Fields.protocol;
  return [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfEqual(arg1, 0, "not-gre"),
    store8(frame, template + protocol, IP_PROTOCOL_GRE),
    label("not-gre"),
  ];
}

/**
 * Loads the segmenter into `arg1` for a frame that is TCP to the kernel, GSO packet or not; all others go on
 * at `otherwise`.
 */
export function findSegmenter(base: number, otherwise: string): readonly Line[] {
  return [
    load32(arg1, frame, base + parsed.protocol),
    jumpIfNotEqual(arg1, TCP, otherwise),
    load32(arg1, entry, circuitValue.segmenter.offset),
    jumpIfEqual(arg1, 0, otherwise),
  ];
}

/** Sends a frame of TCP to the segmenter. */
export function sendBySegmenter(base: number): readonly Line[] {
  return [
    ...findSegmenter(base, "unsegmented"),
    move(arg2, 0),
    call("redirect"),
    exit(),
    label("unsegmented"),
  ];
}
