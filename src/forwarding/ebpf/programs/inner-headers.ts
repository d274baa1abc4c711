import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  divide,
  jump,
  jumpIfAtMost,
  jumpIfEqual,
  jumpIfLess,
  jumpIfNotEqual,
  load8,
  load16,
  load32,
  move,
  multiply,
  shiftRight,
  store32,
  subtract,
  toBigEndian16,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { ETHERTYPE_IPV6, TAG_OCTETS } from "../../../wire/ethernet.ts";
import { IPV4_FRAGMENT_BITS, IPV4_OCTETS, IPV6_OCTETS, ipv4Fields, ipv6Fields } from "./outer-header.ts";
import { context, loadOctets } from "./parts.ts";
import { jumpIfIp, jumpIfTag, networkOrder } from "./vlan-tag.ts";

/** Parsed headers of the frame itself: a GSO packet stands for as many frames as it has segments. */

const { arg1, arg2, arg3, arg4, arg5, frame } = Register;

/** Protocol numbers of IP. */
export const TCP = 6;
export const UDP = 17;
const UDP_HEADER_OCTETS = 8;
const SHORTEST_TCP_HEADER_OCTETS = 20;
/** Tags in the frame's octets that are skipped. */
const MOST_TAGS = 2;

/**
 * TABLE: the parsed headers of a frame on the stack, as offsets from a base that is a multiple of 8; words of
 * 32 bits but for `ip`.
 */
export const parsed = {
  /** The IP header, without options. */
  ip: 0,
  /**
   * Octets in front of the IP header: in the packet, and in the frame, where a tag of the metadata counts.
   */
  at: 40,
  linkOctets: 44,
  ipOctets: 48,
  /** The IP protocol, and octets of the IP payload. */
  protocol: 52,
  payloadOctets: 56,
  /**
   * Number of frames that this one stands for; octets added when their headers are repeated; octets of the
   * longest of them.
   */
  frames: 60,
  repeatedOctets: 64,
  longest: 68,
  scratch: 72,
} as const;
/** Octets of the whole. */
export const PARSED_OCTETS = 80;

/** Sets the parsed headers to those of a single frame. */
export function assumeSingle(base: number, frameOctets: Register | number): readonly Line[] {
  return [
    store32(frame, base + parsed.frames, 1),
    store32(frame, base + parsed.repeatedOctets, 0),
    store32(frame, base + parsed.longest, frameOctets),
  ];
}

/**
 * Parses from the EtherType at `at - 2`, with `at` and `linkOctets` set, to the IP payload. Goes on at
 * `otherwise` for what is not IP, for fragments, IP options and extension headers.
 */
export function readInnerHeaders(base: number, otherwise: string): readonly Line[] {
  return [...skipTags(base, otherwise), ...readInnerIp(base, otherwise)];
}

/** Moves `at` and `linkOctets` behind the tags in the octets. Leaves the type behind them in `arg1`. */
function skipTags(base: number, otherwise: string): readonly Line[] {
  const readType = [
    load32(arg1, frame, base + parsed.at),
    add(arg1, -2),
    ...loadOctets(arg1, base + parsed.scratch, 2, otherwise),
    load16(arg1, frame, base + parsed.scratch),
  ];
  const step = (offset: number) => [
    load32(arg1, frame, base + offset),
    add(arg1, TAG_OCTETS),
    store32(frame, base + offset, arg1),
  ];
  const skip = (tag: number): readonly Line[] => [
    ...readType,
    ...jumpIfTag(arg1, `inner.tag${tag}`),
    jump("inner.type"),
    label(`inner.tag${tag}`),
    ...step(parsed.at),
    ...step(parsed.linkOctets),
  ];
  return [
    ...Array.from({ length: MOST_TAGS }, (_, tag) => tag).flatMap(skip),
    ...readType,
    label("inner.type"),
    ...jumpIfIp(arg1, "inner.ip"),
    jump(otherwise),
    label("inner.ip"),
  ];
}

function readInnerIp(base: number, otherwise: string): readonly Line[] {
  const ip = base + parsed.ip;
  const keep = (value: typeof arg1 | number, offset: number) => store32(frame, base + offset, value);
  return [
    jumpIfEqual(arg1, networkOrder(ETHERTYPE_IPV6), "inner.ipv6"),
    load32(arg1, frame, base + parsed.at),
    ...loadOctets(arg1, ip, IPV4_OCTETS, otherwise),
    load8(arg1, frame, ip),
    jumpIfNotEqual(arg1, 0x45, otherwise),
    load16(arg1, frame, ip + ipv4Fields.fragment),
    and(arg1, IPV4_FRAGMENT_BITS),
    jumpIfNotEqual(arg1, 0, otherwise),
    load16(arg1, frame, ip + ipv4Fields.length),
    toBigEndian16(arg1),
    jumpIfLess(arg1, IPV4_OCTETS, otherwise),
    add(arg1, -IPV4_OCTETS),
    keep(arg1, parsed.payloadOctets),
    keep(IPV4_OCTETS, parsed.ipOctets),
    load8(arg1, frame, ip + ipv4Fields.protocol),
    jump("inner.known"),
    label("inner.ipv6"),
    load32(arg1, frame, base + parsed.at),
    ...loadOctets(arg1, ip, IPV6_OCTETS, otherwise),
    load16(arg1, frame, ip + ipv6Fields.length),
    toBigEndian16(arg1),
    keep(arg1, parsed.payloadOctets),
    keep(IPV6_OCTETS, parsed.ipOctets),
    load8(arg1, frame, ip + ipv6Fields.protocol),
    label("inner.known"),
    keep(arg1, parsed.protocol),
  ];
}

/**
 * Counts the segments of a GSO packet, after its headers were parsed: segmenting repeats the headers. Goes on
 * at `otherwise` unless the IP length says that the frame ends where the packet ends, and it carries TCP or
 * UDP. If the packet is a run of several messages, the IP length of the first frame never says so.
 */
export function countSegments(base: number, frameOctets: Register, otherwise: string): readonly Line[] {
  const at = (offset: number) => base + offset;
  return [
    ...sumHeaders(base, frameOctets, otherwise), // in arg1
    jumpIfAtMost(frameOctets, arg1, otherwise),
    move(arg3, frameOctets),
    subtract(arg3, arg1),
    load32(arg4, context, skbContext.gsoSize),
    move(arg5, arg3),
    add(arg5, arg4),
    add(arg5, -1),
    divide(arg5, arg4),
    store32(frame, at(parsed.frames), arg5),
    add(arg5, -1),
    multiply(arg5, arg1),
    store32(frame, at(parsed.repeatedOctets), arg5),
    jumpIfAtMost(arg4, arg3, "inner.longest"),
    move(arg4, arg3),
    label("inner.longest"),
    add(arg4, arg1),
    store32(frame, at(parsed.longest), arg4),
  ];
}

/** Leaves the octets of all headers in `arg1`. */
function sumHeaders(base: number, frameOctets: Register, otherwise: string): readonly Line[] {
  const at = (offset: number) => base + offset;
  const scratch = at(parsed.scratch);
  return [
    load32(arg1, frame, at(parsed.linkOctets)),
    load32(arg2, frame, at(parsed.ipOctets)),
    add(arg1, arg2),
    load32(arg2, frame, at(parsed.payloadOctets)),
    add(arg2, arg1),
    jumpIfNotEqual(arg2, frameOctets, otherwise),
    move(arg2, UDP_HEADER_OCTETS),
    load32(arg3, frame, at(parsed.protocol)),
    jumpIfEqual(arg3, UDP, "inner.headers"),
    jumpIfNotEqual(arg3, TCP, otherwise),
    ...loadTransport(base, 12, 1, otherwise),
    load8(arg2, frame, scratch),
    shiftRight(arg2, 4),
    multiply(arg2, 4),
    jumpIfLess(arg2, SHORTEST_TCP_HEADER_OCTETS, otherwise),
    load32(arg1, frame, at(parsed.linkOctets)),
    load32(arg3, frame, at(parsed.ipOctets)),
    add(arg1, arg3),
    label("inner.headers"),
    add(arg1, arg2),
  ];
}

/** Copies octets of the IP payload to `scratch`. */
function loadTransport(base: number, from: number, octets: number, otherwise: string): readonly Line[] {
  return [
    load32(arg1, frame, base + parsed.at),
    load32(arg2, frame, base + parsed.ipOctets),
    add(arg1, arg2),
    add(arg1, from),
    ...loadOctets(arg1, base + parsed.scratch, octets, otherwise),
  ];
}
