import { Register } from "../../../bpf/instruction.ts";
import { adjustRoomModes } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  call,
  exit,
  jump,
  jumpIfAtLeast,
  jumpIfAtMost,
  jumpIfEqual,
  jumpIfLess,
  jumpIfNotEqual,
  jumpIfSet,
  load8,
  load16,
  load32,
  move,
  store32,
  subtract,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { S_BIT, V_BIT } from "../../../wire/data-header.ts";
import { ETHERTYPE_IPV4, SHORTEST_FRAME_OCTETS, TAG_OCTETS } from "../../../wire/ethernet.ts";
import type { DiscardReason } from "../../discard-reasons.ts";
import { checkCircuitMtu } from "./circuit-mtu.ts";
import { lowerMss } from "./clamp-mss.ts";
import { countFrames, discard, discardEnds } from "./counters.ts";
import { CLAMP_OCTETS } from "./find-mss.ts";
import { elsewhereEnd } from "./hints.ts";
import {
  assumeSingle,
  countSegments,
  PARSED_OCTETS,
  parsed,
  readInnerHeaders,
  TCP,
} from "./inner-headers.ts";
import { peerValue } from "./map-layout.ts";
import {
  checkIncomplete,
  networkExceptionPathEnd,
  passOtherHosts,
  tooLongEnd,
} from "./network-exception-path.ts";
import { headerOffsets, LINK_OCTETS, type ProgramMaps, type ProgramOptions, variantOf } from "./options.ts";
import { comparePeer, passOthers, passUnverified, readOuterHeader } from "./outer-check.ts";
import { IPV4_FRAGMENT_BITS, ipv4Fields } from "./outer-header.ts";
import { context, entry, findEntry, loadOctets, overwrite, passEnd, storeOctets } from "./parts.ts";
import { acceptNumber } from "./sequence.ts";
import { removeHeaders, setProtocol } from "./strip-headers.ts";
import { jumpIfTag, networkOrder, rereadProtocol, rewriteTag } from "./vlan-tag.ts";

const { result, arg1, arg2, arg3, arg4, saved3, saved4, frame } = Register;

/** Register: octets of the data message, and later of the frame in it. */
const messageOctets = saved3;
/** Register: octets of the outer IP packet. */
const packetOctets = saved4;

/** Offsets from the frame register. */
const SCRATCH = -8;
/**
 * The first octets of the packet, from its outer IP header on, at a multiple of 8: the outer headers, and
 * behind them the beginning of the frame.
 */
const HEAD = -152;
/** Room for the frame's beginning, as long as the shortest frame. */
const FRAME_ROOM = 64;
const PARSED = HEAD - PARSED_OCTETS;
const CLAMP = PARSED - CLAMP_OCTETS;
const TYPE = 12;
/** Bits in the first octet of the sublayer (RFC 5085 §6.1, RFC 3931 §4.6). */
const V_BIT_OF_FIRST_OCTET = V_BIT >>> 24;
const S_BIT_OF_FIRST_OCTET = S_BIT >>> 24;

export const decapsulationDiscards = [
  "truncated",
  "wrong-peer",
  "wrong-cookie",
  "vccv",
  "fragment",
  "out-of-sequence",
  "standby",
  "untagged",
  "circuit-error",
] as const satisfies readonly DiscardReason[];

const sessionIndex = peerValue.sessionIndex.offset;

/**
 * The decapsulating program, at the ingress of the packet-switched network: does to a data message what
 * `decapsulate` of the reference specifies, and sends the frame to the circuit. All but plain data messages
 * of known sessions passes to the network stack and so to the socket, which counts it: control messages,
 * unknown sessions, other versions, IP options and fragments, messages with a UDP checksum that nobody has
 * verified, for a program cannot, and hints that the peer has moved (hints.ts). The last lines, from the
 * label "send" on, hand the packet to the kernel.
 */
export function decapsulateProgram(options: ProgramOptions, maps: ProgramMaps): readonly Line[] {
  const offsets = headerOffsets(options);
  const headerOctets = offsets.frame - offsets.message;
  // Copying code points is an option of encapsulation only.
  const variant = variantOf({ ...options, copiesDscp: false });
  return [
    move(context, arg1),
    ...passOthers(options),
    ...readHead(options),
    ...readOuterHeader(options, HEAD, packetOctets, messageOctets),
    ...findEntry(variant, maps.peers, HEAD + offsets.sessionId, peerValue.variant.offset),
    ...passOtherHosts(),
    ...passUnverified(options, HEAD),
    ...assumeSingle(PARSED, 0),
    ...(options.encapsulation === "udp" ? parseGsoPacket(options) : []),
    ...comparePeer(options, HEAD),
    jumpIfLess(messageOctets, headerOctets, discard("truncated")),
    ...checkCookieAndSublayer(options),
    jumpIfLess(messageOctets, headerOctets + LINK_OCTETS, discard("truncated")),
    add(messageOctets, -headerOctets),
    ...trimTrailer(),
    ...checkIncomplete(options, { base: PARSED, head: HEAD, messageOctets }, discard("circuit-error")),
    ...(options.sublayer && options.sequencing !== "none"
      ? acceptNumber(maps.sequences, sessionIndex, HEAD + offsets.sublayer, SCRATCH)
      : []),
    load32(arg1, entry, peerValue.standby.offset),
    jumpIfNotEqual(arg1, 0, discard("standby")),
    ...readFrame(options, offsets.frame),
    ...(canCoalesce(options) ? findTcp(options) : []),
    jumpIfLess(messageOctets, SHORTEST_FRAME_OCTETS, "short"),
    ...checkCircuitMtu(
      messageOctets,
      { type: inner(options) + TYPE, base: PARSED, scratch: SCRATCH },
      "too-long",
    ),
    ...stripOuterHeaders(options, offsets.frame),
    jump("deliver"),
    label("short"),
    ...padShortFrame(options),
    label("deliver"),
    ...clampReceived(options, maps),
    ...countFrames("received", messageOctets, PARSED, maps.counters, sessionIndex, SCRATCH),
    label("send"),
    ...(canCoalesce(options) ? sendToCoalescer() : []),
    load32(arg1, entry, peerValue.interfaceIndex.offset),
    load32(arg2, entry, peerValue.redirectFlags.offset),
    call("redirect"),
    exit(),
    ...tooLongEnd(options, discard("circuit-error")),
    ...networkExceptionPathEnd(),
    ...elsewhereEnd(options, HEAD, messageOctets),
    ...passEnd(),
    ...discardEnds(
      decapsulationDiscards.filter((reason) => canDiscard(options, reason)),
      maps.counters,
      sessionIndex,
      SCRATCH,
    ),
  ];
}

/** Lowers the MSS of a SYN in the frame, which is all of the packet by now. */
function clampReceived(options: ProgramOptions, { counters }: ProgramMaps): readonly Line[] {
  return lowerMss(options, {
    direction: "received",
    base: CLAMP,
    scratch: SCRATCH,
    mtu: peerValue.clampMtu.offset,
    frameOctets: peerValue.clampFrameOctets.offset,
    sessionIndex,
    counters,
    failed: discard("circuit-error"),
  });
}

/** Offset of the frame on the stack. */
function inner(options: ProgramOptions): number {
  return HEAD + headerOffsets(options).frame;
}

/**
 * Copies the beginning of the packet to the stack, by one call if it is long enough; of a shorter one the
 * outer headers, as far as there are.
 */
function readHead(options: ProgramOptions): readonly Line[] {
  const { cookie, frame: frameAt } = headerOffsets(options);
  const whole = frameAt + SHORTEST_FRAME_OCTETS;
  const words = Array.from({ length: (whole - cookie) / 4 }, (_, index) => cookie + 4 * index);
  return [
    load32(arg1, context, skbContext.length),
    jumpIfLess(arg1, LINK_OCTETS + whole, "brief"),
    ...loadOctets(LINK_OCTETS, HEAD, whole, "pass"),
    jump("head"),
    label("brief"),
    ...words.map((offset) => store32(frame, HEAD + offset, 0)),
    ...loadOctets(LINK_OCTETS, HEAD, cookie, "pass"),
    ...(frameAt > cookie ? loadOctets(LINK_OCTETS + cookie, HEAD + cookie, frameAt - cookie, "head") : []),
    label("head"),
  ];
}

/**
 * Whether a program with these options can discard for the reason: the verifier refuses unreachable code.
 */
function canDiscard(options: ProgramOptions, reason: (typeof decapsulationDiscards)[number]): boolean {
  if (reason === "wrong-cookie") return options.cookieOctets > 0;
  if (reason === "vccv") return options.sublayer && options.controlChannel !== true;
  if (reason === "fragment") return options.sublayer;
  if (reason === "out-of-sequence") return options.sublayer && options.sequencing !== "none";
  if (reason === "untagged") return options.vlan === "vlan";
  return true;
}

/**
 * Parses a GSO packet over UDP, which only a network within this machine delivers unsegmented. It stays whole
 * if its frame ends where the packet ends. What else the kernel marks as GSO is a run of messages, coalesced
 * or still to be segmented; those pass to the socket, as do GSO packets with a sequence number.
 */
function parseGsoPacket(options: ProgramOptions): readonly Line[] {
  const { frame: frameAt, message, sublayer } = headerOffsets(options);
  const numbered: readonly Line[] = [
    load8(arg1, frame, HEAD + sublayer),
    jumpIfSet(arg1, S_BIT_OF_FIRST_OCTET, "pass"),
  ];
  return [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfEqual(arg1, 0, "single"),
    jumpIfLess(messageOctets, frameAt - message + SHORTEST_FRAME_OCTETS, "pass"),
    ...(options.sublayer ? numbered : []),
    store32(frame, PARSED + parsed.at, LINK_OCTETS + frameAt + LINK_OCTETS),
    store32(frame, PARSED + parsed.linkOctets, LINK_OCTETS),
    ...readInnerHeaders(PARSED, "pass"),
    add(messageOctets, message - frameAt),
    ...countSegments(PARSED, messageOctets, "pass"),
    add(messageOctets, frameAt - message),
    label("single"),
  ];
}

/**
 * Whether segments of TCP are to be coalesced (GRO): over IP protocol 115 each came in a packet of its own.
 */
function canCoalesce({ encapsulation }: ProgramOptions): boolean {
  return encapsulation === "ip";
}

/**
 * Finds the frame's IP protocol, where TCP goes to the coalescer; in most frames it is on the stack already.
 */
function findTcp(options: ProgramOptions): readonly Line[] {
  const ip = inner(options) + LINK_OCTETS;
  return [
    store32(frame, PARSED + parsed.protocol, 0),
    load32(arg1, entry, peerValue.coalescer.offset),
    jumpIfEqual(arg1, 0, "sought"),
    load16(arg1, frame, inner(options) + TYPE),
    jumpIfNotEqual(arg1, networkOrder(ETHERTYPE_IPV4), "seek"),
    load8(arg1, frame, ip),
    jumpIfNotEqual(arg1, 0x45, "sought"),
    load16(arg1, frame, ip + ipv4Fields.fragment),
    jumpIfSet(arg1, IPV4_FRAGMENT_BITS, "sought"),
    load8(arg1, frame, ip + ipv4Fields.protocol),
    store32(frame, PARSED + parsed.protocol, arg1),
    jump("sought"),
    label("seek"),
    store32(frame, PARSED + parsed.at, LINK_OCTETS + headerOffsets(options).frame + LINK_OCTETS),
    store32(frame, PARSED + parsed.linkOctets, LINK_OCTETS),
    ...readInnerHeaders(PARSED, "sought"),
    label("sought"),
  ];
}

/** Sends TCP to the coalescer, all frames of a flow, so that they stay in order. */
function sendToCoalescer(): readonly Line[] {
  return [
    load32(arg1, frame, PARSED + parsed.protocol),
    jumpIfNotEqual(arg1, TCP, "circuit"),
    load32(arg1, entry, peerValue.coalescer.offset),
    move(arg2, 0),
    call("redirect"),
    exit(),
    label("circuit"),
  ];
}

/** Checks the cookie, and the sublayer's first bits (RFC 3931 §4.5, RFC 5085 §6.1, RFC 4623 §5.5). */
function checkCookieAndSublayer(options: ProgramOptions): readonly Line[] {
  const { cookieOctets } = options;
  const offsets = headerOffsets(options);
  // The stack is read at multiples of the size that is read.
  const words = Array.from({ length: cookieOctets / 4 }, (_, index) => 4 * index);
  const cookie = words.flatMap((offset) => [
    load32(arg1, frame, HEAD + offsets.cookie + offset),
    load32(arg2, entry, peerValue.cookie.offset + offset),
    jumpIfNotEqual(arg1, arg2, discard("wrong-cookie")),
  ]);
  const bits: readonly Line[] = [
    load8(arg1, frame, HEAD + offsets.sublayer),
    jumpIfSet(arg1, V_BIT_OF_FIRST_OCTET, options.controlChannel === true ? "pass" : discard("vccv")),
    jumpIfSet(arg1, 0x30, discard("fragment")),
  ];
  return [...cookie, ...(options.sublayer ? bits : [])];
}

/** Trims what follows the outer IP packet. Not for a short frame, which is rewritten as a whole. */
function trimTrailer(): readonly Line[] {
  return [
    jumpIfLess(messageOctets, SHORTEST_FRAME_OCTETS, "trimmed"),
    move(arg2, packetOctets),
    add(arg2, LINK_OCTETS),
    load32(arg1, context, skbContext.length),
    jumpIfAtMost(arg1, arg2, "trimmed"),
    move(arg1, context),
    move(arg3, 0),
    call("skb_change_tail"),
    jumpIfNotEqual(result, 0, "pass"),
    label("trimmed"),
  ];
}

/**
 * Copies the whole of a short frame to the stack, with zeros behind it. On a VLAN circuit also rewrites the
 * frame's tag.
 */
function readFrame(options: ProgramOptions, headerOctets: number): readonly Line[] {
  const at = inner(options);
  const zeros = Array.from({ length: FRAME_ROOM / 4 }, (_, index) => store32(frame, at + 4 * index, 0));
  const rewrite: readonly Line[] = [
    jumpIfLess(messageOctets, LINK_OCTETS + TAG_OCTETS, discard("untagged")),
    load16(arg1, frame, at + TYPE),
    ...jumpIfTag(arg1, "tagged"),
    jump(discard("untagged")),
    label("tagged"),
    ...rewriteTag(
      at + TYPE,
      { protocol: peerValue.tagProtocol.offset, vlanId: peerValue.vlanId.offset },
      arg1,
      arg2,
    ),
  ];
  return [
    jumpIfAtLeast(messageOctets, SHORTEST_FRAME_OCTETS, "read"),
    ...zeros,
    move(arg4, messageOctets),
    jumpIfLess(arg4, LINK_OCTETS, discard("truncated")), // known by now, but not to the verifier
    ...loadOctets(LINK_OCTETS + headerOctets, at, arg4, "pass"),
    label("read"),
    ...(options.vlan === "vlan" ? rewrite : []),
  ];
}

/**
 * Pads a short frame: gives the packet the length of the shortest frame and overwrites it from the stack. The
 * helper for that, skb_change_tail, refuses packets that are marked as encapsulated, as they are when they
 * come out of a veth pair.
 */
function padShortFrame(options: ProgramOptions): readonly Line[] {
  const error = discard("circuit-error");
  return [
    load32(arg1, context, skbContext.length),
    move(arg2, SHORTEST_FRAME_OCTETS),
    subtract(arg2, arg1),
    jumpIfEqual(arg2, 0, "resized"),
    move(arg1, context),
    move(arg3, adjustRoomModes.link),
    move(arg4, 0),
    call("skb_adjust_room"),
    jumpIfNotEqual(result, 0, error),
    label("resized"),
    ...storeOctets(inner(options), SHORTEST_FRAME_OCTETS, error),
    ...rereadProtocol(error),
  ];
}

/** Strips the outer headers from a frame that needs no padding. */
function stripOuterHeaders(options: ProgramOptions, headerOctets: number): readonly Line[] {
  const octets = options.vlan === "vlan" ? LINK_OCTETS + TAG_OCTETS : LINK_OCTETS;
  return [
    ...removeHeaders(options, headerOctets, inner(options) + TYPE),
    ...overwrite(inner(options), octets, discard("circuit-error")),
    ...setProtocol(options, inner(options) + TYPE),
  ];
}
