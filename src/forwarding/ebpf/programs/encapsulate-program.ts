import { Register } from "../../../bpf/instruction.ts";
import { adjustRoomFlags, adjustRoomModes, innerLinkHeader } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  call,
  jump,
  jumpIfAtMost,
  jumpIfEqual,
  jumpIfGreater,
  jumpIfLess,
  jumpIfNotEqual,
  jumpIfSet,
  load16,
  load32,
  loadConstant,
  move,
  multiply,
  shiftLeft,
  store16,
  store32,
  toBigEndian16,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, TAG_OCTETS } from "../../../wire/ethernet.ts";
import type { DiscardReason } from "../../discard-reasons.ts";
import { exceptionPathEnd, frameOctets, readTag, tagged, writeKey } from "./circuit-key.ts";
import { lowerMss } from "./clamp-mss.ts";
import { copyDscp } from "./copy-dscp.ts";
import { countFrames, discard, discardEnds } from "./counters.ts";
import { emitOffsets } from "./emit-program.ts";
import { CLAMP_OCTETS } from "./find-mss.ts";
import { parsed } from "./inner-headers.ts";
import { circuitValue } from "./map-layout.ts";
import { redirectToNextHop } from "./next-hop.ts";
import { checkOffloads, markAsGre, sendBySegmenter } from "./offloads.ts";
import {
  headerOffsets,
  LINK_OCTETS,
  type ProgramMaps,
  type ProgramOptions,
  usesSegmenter,
  variantOf,
} from "./options.ts";
import { copyTemplate, finishOuterHeader } from "./outer-header.ts";
import { context, entry, findEntry, loadOctets, passEnd, storeOctets } from "./parts.ts";
import { policyBits } from "./policy.ts";
import { heldEnd, numberFrame } from "./sequence.ts";
import { chooseProcessor } from "./spread.ts";
import { detachFromSender } from "./time-stamps.ts";
import {
  jumpIfIp,
  jumpIfTag,
  moveTagToMetadata,
  networkOrder,
  popTag,
  pushTag,
  rereadProtocol,
  rewriteTag,
} from "./vlan-tag.ts";

const { result, arg1, arg2, arg3, arg4, arg5, frame } = Register;

/** Offsets from the frame register. */
const KEY = -8;
const SCRATCH = -12;
const MANGLED = -16;
const TAG = -20;
/** The template begins at a multiple of 8; in front of it the outer Ethernet header. */
const TEMPLATE = -120;
const OUTER = TEMPLATE - LINK_OCTETS;
const PARSED = -216;
const CLAMP = PARSED - CLAMP_OCTETS;
/** Offset of the EtherType in an Ethernet header. */
const TYPE = 12;

/** Result of skb_adjust_room for a packet that is encapsulated already (-EALREADY). */
const TUNNELLED = -114;

export const encapsulationDiscards = [
  "runt",
  "not-established",
  "link-local",
  "oversize",
  "path-mtu",
  "psn-error",
] as const satisfies readonly DiscardReason[];

const sessionIndex = circuitValue.sessionIndex.offset;

/**
 * The encapsulating program, at an attachment circuit's ingress, or at the egress by which the host sends
 * into its own end of a pseudowire: does to a frame what `encapsulate` of the reference specifies, and sends
 * the message to the peer. GSO packets stay whole over UDP, where the kernel can segment them later, and
 * those of TCP over IP protocol 115 as far as the segmenter. Frames without an entry pass. Frames that the
 * program cannot process take the exception path unchanged: other GSO packets, also those whose segments are
 * too long, frames that IP must fragment or that are answered because they are too long, frames with more
 * tags than it parses. The last lines, from the label "send" on, hand the packet to the kernel.
 */
export function encapsulateProgram(options: ProgramOptions, maps: ProgramMaps): readonly Line[] {
  const offsets = headerOffsets(options);
  const inner = TEMPLATE + offsets.frame;
  return [
    move(context, arg1),
    ...moveTagToMetadata(),
    ...readTag(TAG),
    ...writeKey(options.vlan, KEY, TAG),
    ...findEntry(variantOf(options), maps.circuits, KEY, circuitValue.variant.offset),
    ...detachFromSender(options, PARSED, "exceptionEntry", discard("psn-error")),
    ...loadOctets(0, inner, LINK_OCTETS, discard("runt")),
    ...applyPolicy(inner),
    ...checkOffloads(options, { inner, base: PARSED }),
    ...checkTags(inner),
    ...checkLengths(inner, offsets.frame),
    ...(usesSegmenter(options) ? chooseProcessor(options, PARSED) : []),
    ...lowerMss(options, {
      direction: "transmitted",
      base: CLAMP,
      scratch: SCRATCH,
      mtu: circuitValue.clampMtu.offset,
      frameOctets: circuitValue.clampFrameOctets.offset,
      sessionIndex,
      counters: maps.counters,
      failed: discard("psn-error"),
    }),
    ...copyTemplate(TEMPLATE, offsets.frame),
    ...copyDscp(options, TEMPLATE, { type: inner + TYPE, scratch: SCRATCH }),
    ...numberFrame(options, maps.sequences, sessionIndex, {
      sublayer: TEMPLATE + offsets.sublayer,
      type: inner + TYPE,
      scratch: SCRATCH,
    }),
    ...finishOuterHeader(options, TEMPLATE, frameOctets),
    ...(usesSegmenter(options) ? markAsGre(options, TEMPLATE) : []),
    ...composeLinkHeaders(options, inner),
    ...markAsIpv4(),
    ...makeRoom(options, offsets.frame),
    ...write(options, offsets.frame),
    ...countFrames("transmitted", frameOctets, PARSED, maps.counters, sessionIndex, SCRATCH),
    label("send"),
    ...(usesSegmenter(options) ? sendBySegmenter(PARSED) : []),
    ...redirectToNextHop(entry, circuitValue),
    ...heldEnd(options),
    ...exceptionPathEnd(),
    ...passEnd(),
    ...discardEnds(encapsulationDiscards, maps.counters, sessionIndex, SCRATCH),
  ];
}

/** Applies the session's state and the policy for 01-80-C2-00-00-00..0F. */
function applyPolicy(inner: number): readonly Line[] {
  return [
    load32(arg5, entry, circuitValue.policy.offset),
    move(arg1, arg5),
    and(arg1, policyBits.transmitAllowed),
    jumpIfEqual(arg1, 0, discard("not-established")),
    load32(arg1, frame, inner),
    jumpIfNotEqual(arg1, 0x00c2_8001, "allowed"),
    load16(arg1, frame, inner + 4),
    toBigEndian16(arg1),
    jumpIfGreater(arg1, 0x000f, "allowed"),
    jumpIfSet(arg5, policyBits.blockLinkLocal, discard("link-local")),
    jumpIfNotEqual(arg1, 0x0001, "allowed"),
    jumpIfSet(arg5, policyBits.blockPause, discard("link-local")),
    label("allowed"),
  ];
}

/**
 * Sends frames with too many tags to the exception path. The kernel makes room behind what it takes for the
 * link header: at the host's own end all tags are part of that, and it is 14 octets long only once two of
 * them were moved to metadata on the way. At the exit of the exception path it is always 14 octets.
 */
function checkTags(inner: number): readonly Line[] {
  return [
    jumpIfEqual(tagged, 0, "tags"),
    load16(arg1, frame, inner + TYPE),
    ...jumpIfTag(arg1, "two"),
    jump("tags"),
    label("two"),
    load32(arg1, entry, circuitValue.policy.offset),
    and(arg1, policyBits.unsent),
    jumpIfEqual(arg1, 0, "tags"),
    ...loadOctets(TYPE + TAG_OCTETS, SCRATCH, 2, "tags"),
    load16(arg1, frame, SCRATCH),
    ...jumpIfTag(arg1, "exception-path"),
    label("tags"),
  ];
}

/**
 * Checks the length of the frame, or of the longest segment, against the pseudowire's MTU and the path MTU.
 */
function checkLengths(inner: number, templateOctets: number): readonly Line[] {
  return [
    load32(arg1, entry, circuitValue.frameOctets.offset),
    jumpIfEqual(tagged, 0, "measured"),
    add(arg1, TAG_OCTETS),
    load16(arg2, frame, inner + TYPE),
    ...jumpIfTag(arg2, "second"),
    jump("measured"),
    label("second"),
    jumpIfLess(frameOctets, LINK_OCTETS + 2 * TAG_OCTETS, "measured"),
    add(arg1, TAG_OCTETS),
    label("measured"),
    load32(arg2, frame, PARSED + parsed.longest),
    jumpIfAtMost(arg2, arg1, "admitted"),
    ...refuseLong(policyBits.answersTooBig, "oversize"),
    label("admitted"),
    move(arg1, arg2),
    add(arg1, templateOctets),
    load32(arg2, entry, circuitValue.packetOctets.offset),
    jumpIfAtMost(arg1, arg2, "fits"),
    ...refuseLong(policyBits.fragmentOuter + policyBits.answersTooBig, "path-mtu"),
    label("fits"),
  ];
}

/**
 * Discards what is too long, unless one of these bits of the policy sends it to the exception path. A GSO
 * packet always goes there: its last segment may be shorter and fit, and each segment that does not is a
 * discard of its own, so the kernel segments it first.
 */
function refuseLong(bits: number, reason: "oversize" | "path-mtu"): readonly Line[] {
  return [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfNotEqual(arg1, 0, "exception-path"),
    load32(arg1, entry, circuitValue.policy.offset),
    jumpIfSet(arg1, bits, "exception-path"),
    jump(discard(reason)),
  ];
}

/**
 * Composes the outer Ethernet header, whose addresses the kernel fills in (it drops packets with a group
 * address there), and the inner one, with its tag in place and rewritten. Octets 14 to 17 are 0 for a frame
 * without a tag.
 */
function composeLinkHeaders(options: ProgramOptions, inner: number): readonly Line[] {
  const rewrite = rewriteTag(
    inner + TYPE,
    { protocol: circuitValue.tagProtocol.offset, vlanId: circuitValue.vlanId.offset },
    arg1,
    arg2,
  );
  return [
    ...[0, 2, 4, 6, 8, 10].map((offset) => store16(frame, OUTER + offset, 0)),
    ...(usesSegmenter(options)
      ? [load32(arg1, entry, sessionIndex), store32(frame, OUTER + emitOffsets.sessionIndex, arg1)]
      : []),
    store16(frame, OUTER + TYPE, networkOrder(outerType(options))),
    store16(frame, inner + TYPE + 2, 0),
    store16(frame, inner + TYPE + 4, 0),
    jumpIfEqual(tagged, 0, "composed"),
    load16(arg1, frame, inner + TYPE),
    store16(frame, inner + TYPE + 4, arg1),
    load16(arg1, frame, TAG),
    store16(frame, inner + TYPE, arg1),
    load16(arg1, frame, TAG + 2),
    store16(frame, inner + TYPE + 2, arg1),
    ...(options.vlan === "vlan" ? rewrite : []),
    label("composed"),
  ];
}

/**
 * Makes the kernel take a frame that is not IP for IPv4, for skb_adjust_room makes room in nothing else:
 * pushing an empty tag moves the tag of the metadata into the octets, the type behind it is overwritten, and
 * popping the tag reads that type. The true header is on the stack. From here on such a packet cannot take
 * the exception path.
 */
function markAsIpv4(): readonly Line[] {
  const error = discard("psn-error");
  return [
    store32(frame, MANGLED, 0),
    load32(arg1, context, skbContext.protocol),
    ...jumpIfIp(arg1, "ip"),
    store32(frame, MANGLED, 1),
    jumpIfNotEqual(tagged, 0, "push"),
    ...pushTag(error),
    label("push"),
    ...pushTag(error),
    store16(frame, SCRATCH, networkOrder(ETHERTYPE_IPV4)),
    ...storeType(error),
    ...popTag(error),
    jumpIfNotEqual(tagged, 0, "ip"),
    ...popTag(error),
    label("ip"),
  ];
}

/** Overwrites the type behind one tag. */
function storeType(otherwise: string): readonly Line[] {
  return [
    move(arg1, context),
    move(arg2, TYPE + TAG_OCTETS),
    move(arg3, frame),
    add(arg3, SCRATCH),
    move(arg4, 2),
    move(arg5, 0),
    call("skb_store_bytes"),
    jumpIfNotEqual(result, 0, otherwise),
  ];
}

/** Octets of the template, another Ethernet header, and a tag if there is one. */
function roomOctets(register: typeof arg2, templateOctets: number): readonly Line[] {
  return [
    move(register, tagged),
    multiply(register, TAG_OCTETS),
    add(register, templateOctets + LINK_OCTETS),
  ];
}

/**
 * Makes room behind the Ethernet header for the outer headers, and marks the packet as encapsulated, so that
 * the kernel can segment GSO packets.
 */
function makeRoom(options: ProgramOptions, templateOctets: number): readonly Line[] {
  const flags =
    adjustRoomFlags.fixedGso |
    (options.family === 4 ? adjustRoomFlags.encapsulatedInIpv4 : adjustRoomFlags.encapsulatedInIpv6) |
    (options.encapsulation === "udp"
      ? adjustRoomFlags.encapsulatedInUdp
      : adjustRoomFlags.encapsulatedInGre) |
    adjustRoomFlags.innerEthernet |
    innerLinkHeader(LINK_OCTETS);
  return [
    ...roomOctets(arg2, templateOctets),
    move(arg1, tagged),
    shiftLeft(arg1, 56 + 2), // four octets more of the inner header
    loadConstant(arg4, flags),
    add(arg4, arg1),
    move(arg3, adjustRoomModes.link),
    move(arg1, context),
    call("skb_adjust_room"),
    jumpIfEqual(result, 0, "room"),
    ...makeRoomInTunnel(templateOctets),
    label("room"),
  ];
}

/**
 * Makes room in front of a packet that is encapsulated already, which the kernel does not encapsulate again;
 * a packet that is not GSO needs no such mark.
 */
function makeRoomInTunnel(templateOctets: number): readonly Line[] {
  return [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfNotEqual(arg1, 0, "refused"),
    jumpIfNotEqual(result, TUNNELLED, "refused"),
    ...roomOctets(arg2, templateOctets),
    move(arg1, context),
    move(arg3, 0),
    call("skb_change_head"),
    jumpIfEqual(result, 0, "room"),
    label("refused"),
    load32(arg1, frame, MANGLED),
    jumpIfEqual(arg1, 0, "exception-path"),
    jump(discard("psn-error")),
  ];
}

/**
 * Writes all headers, removes the tag that they now contain, and sets the packet's protocol to the outer one.
 */
function write(options: ProgramOptions, templateOctets: number): readonly Line[] {
  const error = discard("psn-error");
  return [
    move(arg4, tagged),
    multiply(arg4, TAG_OCTETS),
    add(arg4, 2 * LINK_OCTETS + templateOctets),
    ...storeOctets(OUTER, arg4, error),
    jumpIfEqual(tagged, 0, "written"),
    ...popTag(error),
    label("written"),
    load32(arg1, context, skbContext.protocol),
    jumpIfEqual(arg1, networkOrder(outerType(options)), "known"),
    ...rereadProtocol(error),
    label("known"),
  ];
}

function outerType({ family }: ProgramOptions): number {
  return family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
}
