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
import { assumeSingle, countSegments, known, readInnerHeaders, TCP } from "./inner-headers.ts";
import { circuitValue, policyBits } from "./map-layout.ts";
import { LINK_OCTETS, type ProgramOptions, usesCutter } from "./options.ts";
import { ipv4Fields, ipv6Fields } from "./outer-header.ts";
import { IP_PROTOCOL_GRE } from "./outer-template.ts";
import { jumpIfUnfinished } from "./partial-checksum.ts";
import { context, entry } from "./parts.ts";
import { jumpIfIp } from "./vlan-tag.ts";

/** What becomes of super-frames and of unfinished checksums, from a circuit. */

const { arg1, arg2, frame } = Register;

/**
 * What the frame's sender left to a device. A super-frame goes on whole if it is IP behind at most one tag, which is beside the packet,
 * and no number is wanted: in UDP the kernel cuts it where it must, in IP protocol 115 the session's cutter does (emit-program.ts),
 * by which all TCP goes, so that the frames of a flow stay in order. Where the session wants frames cut, they are before they are
 * encapsulated, and their checksums finished, wherever those are: on the detour, by the kernel. `inner` is where the stack has the frame's
 * Ethernet header; `place` is for what is learned of the frame.
 */
export function judgeOffloads(
  options: ProgramOptions,
  { inner, place }: { readonly inner: number; readonly place: number },
): readonly Line[] {
  const mayStayWhole = options.sequencing !== "all";
  return [
    ...assumeSingle(place, frameOctets),
    ...(usesCutter(options) ? [store32(frame, place + known.protocol, 0)] : []),
    load32(arg1, context, skbContext.gsoSize),
    load32(arg2, entry, circuitValue.policy.offset),
    and(arg2, policyBits.cut + policyBits.cutter),
    jumpIfNotEqual(arg1, 0, mayStayWhole ? "super-frame" : "detour"),
    jumpIfEqual(arg2, 0, "single"),
    ...(usesCutter(options) ? [jumpIfEqual(arg2, policyBits.cutter, "look")] : []),
    ...jumpIfUnfinished({ at: 0, copy: inner }, "detour", discard("psn-error")),
    ...(mayStayWhole ? [jump("single"), ...judgeHeaders(options, place)] : []),
    label("single"),
  ];
}

/** Whether a super-frame may stay whole; where there is a cutter, also whether a single frame goes by it. */
function judgeHeaders(options: ProgramOptions, place: number): readonly Line[] {
  const ifSuperFrame = (target: string): readonly Line[] => [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfNotEqual(arg1, 0, target),
  ];
  const cutter = usesCutter(options);
  return [
    label("super-frame"),
    jumpIfNotEqual(arg2, cutter ? policyBits.cutter : 0, "detour"),
    load32(arg1, context, skbContext.protocol),
    ...jumpIfIp(arg1, "look"),
    jump("detour"),
    label("look"),
    store32(frame, place + known.at, LINK_OCTETS),
    move(arg1, tagged),
    multiply(arg1, TAG_OCTETS),
    add(arg1, LINK_OCTETS),
    store32(frame, place + known.linkOctets, arg1),
    ...readInnerHeaders(place, cutter ? "odd" : "detour"),
    ...(cutter ? [...ifSuperFrame("segments"), ...judgeTcp(place), label("segments")] : []),
    ...(cutter ? [load32(arg1, frame, place + known.protocol), jumpIfNotEqual(arg1, TCP, "detour")] : []),
    ...countSegments(place, frameOctets, "detour"),
    ...(cutter ? [jump("single"), label("odd"), ...ifSuperFrame("detour")] : []),
  ];
}

/** A flow whose super-frames take the detour takes it with all frames. */
function judgeTcp(place: number): readonly Line[] {
  return [
    load32(arg1, frame, place + known.protocol),
    jumpIfNotEqual(arg1, TCP, "single"),
    load32(arg1, context, skbContext.protocol),
    ...jumpIfIp(arg1, "single"),
    jump("detour"),
  ];
}

/** A super-frame says that it is GRE until it is cut: of that the kernel knows how (emit-program.ts). */
export function disguise({ family }: ProgramOptions, template: number): readonly Line[] {
  const protocol = family === 4 ? ipv4Fields.protocol : ipv6Fields.protocol;
  return [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfEqual(arg1, 0, "undisguised"),
    store8(frame, template + protocol, IP_PROTOCOL_GRE),
    label("undisguised"),
  ];
}

/** TCP that looks like it to the kernel goes by the cutter, super-frames or not. Leaves the cutter in `arg1`; all else goes on at `otherwise`. */
export function findCutter(place: number, otherwise: string): readonly Line[] {
  return [
    load32(arg1, frame, place + known.protocol),
    jumpIfNotEqual(arg1, TCP, otherwise),
    load32(arg1, entry, circuitValue.cutter.offset),
    jumpIfEqual(arg1, 0, otherwise),
  ];
}

/** Gives what goes by the cutter to it. */
export function sendByCutter(place: number): readonly Line[] {
  return [...findCutter(place, "uncut"), move(arg2, 0), call("redirect"), exit(), label("uncut")];
}
