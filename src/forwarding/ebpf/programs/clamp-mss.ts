import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  call,
  jump,
  jumpIfAtMost,
  jumpIfEqual,
  jumpIfGreater,
  jumpIfLess,
  jumpIfNotEqual,
  jumpIfSet,
  jumpIfSignedAtLeast,
  jumpIfSignedAtMost,
  load8,
  load16,
  load32,
  move,
  or,
  shiftLeft,
  store16,
  store32,
  subtract,
  toBigEndian16,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../../../wire/ethernet.ts";
import type { CounterDirection } from "../../counters-table.ts";
import { headerOctets, LEAST_MSS, SYN, TPID_OLD_SERVICE, tcpOffsets, tcpOptions } from "../../mss.ts";
import { countOne } from "./counters.ts";
import { findMss, jumpIfSkipped, kept } from "./find-mss.ts";
import { TCP } from "./inner-headers.ts";
import { LINK_OCTETS, type ProgramOptions } from "./options.ts";
import { ipv4Fields, ipv6Fields } from "./outer-header.ts";
import { context, entry, stackAt } from "./parts.ts";
import { jumpIfTag, networkOrder } from "./vlan-tag.ts";

/**
 * The MSS clamp: `clampMss` of the reference (mss.ts) on the packet, which is the frame, its outer tag
 * perhaps in the metadata. Frames that are no SYN leave after a few loads of the packet's first octets; only
 * what may be one is looked into by copies on the stack, which works for packets in any number of pieces.
 */

const { result, arg1, arg2, arg3, arg4, arg5, frame } = Register;

const TYPE = 12;
/** The shortest frame with an MSS option: IPv4. */
const SHORTEST_OCTETS = LINK_OCTETS + headerOctets.ipv4 + headerOctets.tcp + tcpOptions.mssOctets;
const ipv4Flags = LINK_OCTETS + headerOctets.ipv4 + tcpOffsets.flags;
const ipv6Flags = LINK_OCTETS + headerOctets.ipv6 + tcpOffsets.flags;
/** Where the lines find what they need. */
export interface ClampPlaces {
  readonly direction: CounterDirection;
  /** Offset on the stack of CLAMP_OCTETS, a multiple of 8, and of four free octets. */
  readonly base: number;
  readonly scratch: number;
  /** Offsets in the session's entry. */
  readonly mtu: number;
  readonly frameOctets: number;
  readonly sessionIndex: number;
  readonly counters: number;
  /** The label at which a frame goes on that was changed only in part, for lack of memory. */
  readonly failed: string;
}

/** Lowers the MSS of a SYN in the packet and counts it, in variants that clamp. */
export function lowerMss({ clampsMss }: ProgramOptions, places: ClampPlaces): readonly Line[] {
  if (clampsMss !== true) return [];
  return [
    ...leaveOthers(),
    label("mss.seek"),
    ...findMss(places.base),
    ...chooseMss(places),
    ...writeMss(places),
    ...countOne(
      `${places.direction}Clamped`,
      places.counters,
      places.sessionIndex,
      places.scratch,
      "mss.end",
    ),
    label("mss.end"),
  ];
}

/**
 * Goes on at "mss.end" with most frames that are no SYN, by loads from the packet itself; at "mss.seek" with
 * what may be one: also behind tags, extension headers, or in a packet whose headers are in several pieces.
 */
function leaveOthers(): readonly Line[] {
  return [
    load32(arg1, context, skbContext.data),
    load32(arg2, context, skbContext.dataEnd),
    move(arg3, arg1),
    add(arg3, ipv4Flags + 1),
    jumpIfGreater(arg3, arg2, "mss.pieces"),
    load16(arg4, arg1, TYPE),
    jumpIfEqual(arg4, networkOrder(ETHERTYPE_IPV4), "mss.ipv4"),
    jumpIfEqual(arg4, networkOrder(ETHERTYPE_IPV6), "mss.ipv6"),
    ...jumpIfTag(arg4, "mss.seek"),
    jumpIfEqual(arg4, networkOrder(TPID_OLD_SERVICE), "mss.seek"),
    jump("mss.end"),
    label("mss.ipv4"),
    load8(arg4, arg1, LINK_OCTETS + ipv4Fields.protocol),
    jumpIfNotEqual(arg4, TCP, "mss.end"),
    load8(arg4, arg1, LINK_OCTETS),
    jumpIfNotEqual(arg4, 0x45, "mss.seek"),
    load8(arg4, arg1, ipv4Flags),
    jumpIfSet(arg4, SYN, "mss.seek"),
    jump("mss.end"),
    label("mss.ipv6"),
    load8(arg4, arg1, LINK_OCTETS + ipv6Fields.protocol),
    ...jumpIfSkipped(arg4, "mss.seek"),
    jumpIfNotEqual(arg4, TCP, "mss.end"),
    move(arg3, arg1),
    add(arg3, ipv6Flags + 1),
    jumpIfGreater(arg3, arg2, "mss.pieces"),
    load8(arg4, arg1, ipv6Flags),
    jumpIfSet(arg4, SYN, "mss.seek"),
    jump("mss.end"),
    label("mss.pieces"),
    load32(arg1, context, skbContext.length),
    jumpIfLess(arg1, SHORTEST_OCTETS, "mss.end"),
  ];
}

/**
 * Leaves the MSS of the frame in `result` and the one that it gets in arg3; a frame that keeps its own goes
 * on at "mss.end".
 */
function chooseMss({ base, mtu, frameOctets }: ClampPlaces): readonly Line[] {
  return [
    store32(frame, base + kept.option, arg2),
    load8(result, arg4, 2),
    load8(arg5, arg4, 3),
    shiftLeft(result, 8),
    or(result, arg5),
    load32(arg3, entry, mtu),
    load32(arg1, frame, base + kept.uncounted),
    subtract(arg3, arg1),
    load32(arg4, entry, frameOctets),
    load32(arg1, frame, base + kept.tags),
    subtract(arg4, arg1),
    add(arg4, -LINK_OCTETS),
    jumpIfSignedAtMost(arg3, arg4, "mss.least"),
    move(arg3, arg4),
    label("mss.least"),
    load32(arg1, frame, base + kept.headers),
    subtract(arg3, arg1),
    jumpIfSignedAtLeast(arg3, LEAST_MSS, "mss.most"),
    move(arg3, LEAST_MSS),
    label("mss.most"),
    jumpIfAtMost(result, arg3, "mss.end"),
  ];
}

/**
 * Writes the MSS, after the checksum: at an odd offset its octets count there as if they were swapped (RFC
 * 1624 §3). The helper leaves a partial checksum as it is.
 */
function writeMss({ base, failed }: ClampPlaces): readonly Line[] {
  return [
    move(arg4, arg3),
    move(arg3, result),
    move(arg5, arg4),
    toBigEndian16(arg5),
    store16(frame, base + kept.mss, arg5),
    load32(arg1, frame, base + kept.option),
    jumpIfSet(arg1, 1, "mss.odd"),
    toBigEndian16(arg3),
    toBigEndian16(arg4),
    label("mss.odd"),
    load32(arg2, frame, base + kept.at),
    add(arg2, tcpOffsets.checksum),
    move(arg5, 2),
    move(arg1, context),
    call("l4_csum_replace"),
    jumpIfNotEqual(result, 0, failed),
    load32(arg2, frame, base + kept.at),
    load32(arg1, frame, base + kept.option),
    add(arg2, arg1),
    add(arg2, headerOctets.tcp + 2),
    move(arg1, context),
    ...stackAt(arg3, base + kept.mss),
    move(arg4, 2),
    move(arg5, 0),
    call("skb_store_bytes"),
    jumpIfNotEqual(result, 0, failed),
  ];
}
