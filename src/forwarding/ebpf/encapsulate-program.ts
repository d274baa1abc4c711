import { Register } from "../../bpf/instruction.ts";
import { adjustRoomFlags, adjustRoomModes, innerLinkHeader } from "../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../bpf/line.ts";
import {
  add,
  and,
  call,
  exit,
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
  shiftLeft,
  store16,
  store32,
  toBigEndian16,
} from "../../bpf/mnemonics.ts";
import { skbContext } from "../../bpf/skb-context.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, TAG_OCTETS } from "../../wire/ethernet.ts";
import type { DiscardReason } from "../discard-reasons.ts";
import { circuitKeyOf, frameOctets, readTag, tagged } from "./circuit-frame.ts";
import { countFrames, discard, discardEnds } from "./counters.ts";
import { circuitValue, NEXT_HOP_OCTETS, policyBits } from "./map-layout.ts";
import { headerPlaces, LINK_OCTETS, type ProgramMaps, type ProgramOptions, shapeOf } from "./options.ts";
import { copyTemplate, finishOuterHeader } from "./outer-header.ts";
import { context, entry, findEntry, loadOctets, passEnd, storeOctets } from "./parts.ts";
import { numberFrame } from "./sequence.ts";
import { countOne, countSegments, measureHeaders } from "./super-frame.ts";
import { jumpIfUnfinished } from "./unfinished-checksum.ts";
import { jumpIfIp, jumpIfTag, networkOrder, popTag, pushTag, rewriteTag, takeTagAside } from "./vlan-tag.ts";

const { result, arg1, arg2, arg3, arg4, arg5, frame } = Register;

/** Offsets from the frame register. */
const KEY = -8;
const SCRATCH = -12;
const MANGLED = -16;
const TAG = -20;
/** What is counted, and octets of the longest frame. */
const FRAMES = -24;
const LONGEST = -28;
const EXTRA = -32;
const superPlaces = { frames: FRAMES, extra: EXTRA, scratch: SCRATCH };
/** The template begins at a multiple of 8; in front of it the outer Ethernet header. */
const TEMPLATE = -120;
const OUTER = TEMPLATE - LINK_OCTETS;
/** Where headers of the frame are looked at. */
const ROOM = -184;
/** Offset of the EtherType in an Ethernet header. */
const TYPE = 12;

const reasons = [
  "runt",
  "not-established",
  "link-local",
  "oversize",
  "path-mtu",
  "psn-error",
] as const satisfies readonly DiscardReason[];

const slot = circuitValue.slot.offset;

/**
 * The program at an attachment circuit, where its interface receives, or where the host sends by it: does to a frame what
 * `encapsulate` of the reference says, puts the outer headers in front, and sends it to the peer. What has no entry passes to the
 * stack. What the program cannot do takes the detour: super-frames that must be cut, what must be fragmented, frames with more tags
 * than it looks through. The lines from the label "send" on are those that give the packet to the kernel.
 */
export function encapsulateProgram(options: ProgramOptions, maps: ProgramMaps): readonly Line[] {
  const places = headerPlaces(options);
  const inner = TEMPLATE + places.frame;
  return [
    move(context, arg1),
    ...takeTagAside(),
    ...readTag(TAG),
    ...circuitKeyOf(options.vlan, KEY, TAG),
    ...findEntry(shapeOf(options), maps.circuits, KEY, circuitValue.shape.offset),
    ...loadOctets(0, inner, LINK_OCTETS, discard("runt")),
    ...judge(inner),
    ...lookAtOffloads(options, inner),
    ...measure(inner, places.frame),
    ...copyTemplate(TEMPLATE, places.frame),
    ...numberFrame(options, maps.sequences, slot, {
      sublayer: TEMPLATE + places.sublayer,
      type: inner + TYPE,
      scratch: SCRATCH,
    }),
    ...finishOuterHeader(options, TEMPLATE, frameOctets),
    ...composeLinkHeaders(options, inner),
    ...pretendIp(),
    ...makeRoom(options, places.frame),
    ...write(places.frame),
    ...countFrames("transmitted", frameOctets, superPlaces, maps.counters, slot, SCRATCH),
    label("send"),
    load32(arg1, entry, circuitValue.interfaceIndex.offset),
    move(arg2, entry),
    add(arg2, circuitValue.nextHopFamily.offset),
    move(arg3, NEXT_HOP_OCTETS),
    move(arg4, 0),
    call("redirect_neigh"),
    exit(),
    ...detourEnd(),
    ...passEnd(),
    ...discardEnds(reasons, maps.counters, slot, SCRATCH),
  ];
}

/** Gives the frame away as it is; without a detour it is given up. */
function detourEnd(): readonly Line[] {
  return [
    label("detour"),
    load32(arg1, entry, circuitValue.detour.offset),
    jumpIfEqual(arg1, 0, discard("psn-error")),
    move(arg2, 0),
    call("redirect"),
    exit(),
  ];
}

/**
 * Super-frames of TCP go whole where nothing is against it: the policy, or numbers, of which each frame needs its own. Leaves the
 * octets of the longest frame on the stack, and what is to be counted.
 */
function lookAtOffloads(options: ProgramOptions, inner: number): readonly Line[] {
  const policy: readonly Line[] = [
    load32(arg2, entry, circuitValue.policy.offset),
    and(arg2, policyBits.cut),
  ];
  const whole: readonly Line[] = [
    store32(frame, FRAMES, arg1),
    ...policy,
    jumpIfNotEqual(arg2, 0, "detour"),
    load16(arg1, frame, inner + TYPE),
    ...measureHeaders("super", LINK_OCTETS, superPlaces, "detour"),
    load32(arg1, frame, EXTRA),
    add(arg1, LINK_OCTETS),
    move(arg2, tagged),
    shiftLeft(arg2, 2),
    add(arg1, arg2),
    ...countSegments(frameOctets, superPlaces, "detour"),
    store32(frame, LONGEST, arg3),
    jump("counted"),
  ];
  const isNumbered = options.sublayer && options.sequencing === "all";
  return [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfEqual(arg1, 0, "single"),
    ...(isNumbered ? [jump("detour")] : whole),
    label("single"),
    ...countOne(superPlaces),
    store32(frame, LONGEST, frameOctets),
    ...policy,
    jumpIfEqual(arg2, 0, "counted"),
    ...jumpIfUnfinished(inner + TYPE, ROOM, SCRATCH, "detour"),
    label("counted"),
  ];
}

/** Whether the frame may go: the session's state, and the policy for 01-80-C2-00-00-00..0F. */
function judge(inner: number): readonly Line[] {
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

/** Whether the frame has the length that the pseudowire's MTU and the path's allow. */
function measure(inner: number, templateOctets: number): readonly Line[] {
  return [
    load32(arg3, frame, LONGEST),
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
    jumpIfGreater(arg3, arg1, discard("oversize")),
    move(arg1, arg3),
    add(arg1, templateOctets),
    load32(arg2, entry, circuitValue.packetOctets.offset),
    jumpIfAtMost(arg1, arg2, "fits"),
    load32(arg1, entry, circuitValue.policy.offset),
    jumpIfSet(arg1, policyBits.fragmentOuter, "detour"),
    jump(discard("path-mtu")),
    label("fits"),
  ];
}

/**
 * The outer Ethernet header, whose addresses the kernel fills in: it drops what has a group address there. The inner one, with its
 * tag in place and rewritten; octets 14 to 17 are 0 for a frame without one.
 */
function composeLinkHeaders(options: ProgramOptions, inner: number): readonly Line[] {
  const type = options.family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  const rewrite = rewriteTag(
    inner + TYPE,
    { protocol: circuitValue.tagProtocol.offset, vlanId: circuitValue.vlanId.offset },
    arg1,
    arg2,
  );
  return [
    ...[0, 2, 4, 6, 8, 10].map((offset) => store16(frame, OUTER + offset, 0)),
    store16(frame, OUTER + TYPE, networkOrder(type)),
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
 * Makes the kernel take a frame that is not IP for IPv4, for skb_adjust_room makes room in nothing else: an empty tag pushes what is
 * beside the packet into its octets, the type behind it is overwritten, and the pop reads it. The true header is on the stack. From
 * here on the packet cannot pass.
 */
function pretendIp(): readonly Line[] {
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

/** Room behind the Ethernet header for the template, another Ethernet header, and a tag if there is one. */
function makeRoom(options: ProgramOptions, templateOctets: number): readonly Line[] {
  const flags =
    adjustRoomFlags.fixedGso |
    (options.family === 4 ? adjustRoomFlags.encapsulatedInIpv4 : adjustRoomFlags.encapsulatedInIpv6) |
    (options.encapsulation === "udp" ? adjustRoomFlags.encapsulatedInUdp : 0n) |
    adjustRoomFlags.innerEthernet |
    innerLinkHeader(LINK_OCTETS);
  return [
    move(arg2, tagged),
    shiftLeft(arg2, 2),
    add(arg2, templateOctets + LINK_OCTETS),
    move(arg1, tagged),
    shiftLeft(arg1, 56 + 2), // four octets more of the inner header
    loadConstant(arg4, flags),
    add(arg4, arg1),
    move(arg3, adjustRoomModes.link),
    move(arg1, context),
    call("skb_adjust_room"),
    jumpIfEqual(result, 0, "room"),
    load32(arg1, frame, MANGLED),
    jumpIfEqual(arg1, 0, "detour"),
    jump(discard("psn-error")),
    label("room"),
  ];
}

/** Writes all headers, and takes the tag away that they now hold. */
function write(templateOctets: number): readonly Line[] {
  const error = discard("psn-error");
  return [
    move(arg4, tagged),
    shiftLeft(arg4, 2),
    add(arg4, 2 * LINK_OCTETS + templateOctets),
    ...storeOctets(OUTER, arg4, error),
    jumpIfEqual(tagged, 0, "written"),
    ...popTag(error),
    label("written"),
  ];
}
