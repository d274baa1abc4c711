import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  atomicFetchAdd64,
  call,
  exit,
  jump,
  jumpIfEqual,
  jumpIfLess,
  jumpIfNotEqual,
  load16,
  load32,
  move,
  or,
  store32,
  subtract,
  toBigEndian32,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { S_BIT } from "../../../wire/data-header.ts";
import { NUMBERS, UNKNOWN_RUN } from "../../sequencing.ts";
import { discard } from "./counters.ts";
import { circuitValue, peerValue, sequenceValue } from "./map-layout.ts";
import { LINK_OCTETS, type ProgramOptions } from "./options.ts";
import { atSessionIndex, context, entry, loadOctets } from "./parts.ts";
import { jumpIfIp, jumpIfTag } from "./vlan-tag.ts";

/**
 * Sequence numbers (RFC 3931 §4.6.1). They are counted in memory that the userspace plane shares. While that
 * plane has the numbers of a session (`heldByUserspace`), a program assigns none, for frames with lower
 * numbers may still be unsent there.
 */

const { result, arg1, arg2, arg3, arg4, arg5, frame } = Register;
const MASK = NUMBERS - 1;
const { expected, oldRun, oldNext, heldByUserspace } = sequenceValue;

/**
 * Tags in a frame's octets, behind the one in the metadata, that are skipped to find its type; a frame with
 * more takes the exception path.
 */
const MOST_TAGS = 6;

/**
 * Writes the frame's number into the sublayer on the stack, if it gets one. `type` is the offset on the stack
 * of the EtherType that follows the tag of the metadata, `scratch` that of four free octets.
 */
export function numberFrame(
  options: ProgramOptions,
  map: number,
  indexOffset: number,
  offsets: { readonly sublayer: number; readonly type: number; readonly scratch: number },
): readonly Line[] {
  if (!options.sublayer || options.sequencing === "none") return [];
  return [
    ...(options.sequencing === "non-ip" ? leaveIpUnnumbered(offsets.type, offsets.scratch) : []),
    ...atSessionIndex(map, indexOffset, offsets.scratch, "exception-path"),
    load32(arg1, result, heldByUserspace.offset),
    jumpIfNotEqual(arg1, 0, "held-by-userspace"),
    move(arg1, 1),
    atomicFetchAdd64(result, sequenceValue.next.offset, arg1),
    and(arg1, MASK),
    or(arg1, S_BIT),
    toBigEndian32(arg1),
    store32(frame, offsets.sublayer, arg1),
    label("numbered"),
  ];
}

/**
 * The end for a frame that a program may not number now: it takes the exception path unchanged, and at the
 * exit is sent back by the interface at which it came in, at whose other end the userspace plane reads.
 */
export function heldEnd(options: ProgramOptions): readonly Line[] {
  if (!options.sublayer || options.sequencing === "none") return [];
  return [
    label("held-by-userspace"),
    load32(arg1, entry, circuitValue.exceptionPath.offset),
    jumpIfNotEqual(arg1, 0, "exception-path"),
    load32(arg1, context, skbContext.interfaceIndex),
    move(arg2, 0),
    call("redirect"),
    exit(),
  ];
}

/**
 * Goes on at "numbered" if the type behind all tags is IPv4 or IPv6 (RFC 3931 §5.4.4). A truncated type is
 * neither.
 */
function leaveIpUnnumbered(type: number, scratch: number): readonly Line[] {
  const look = (tags: number): readonly Line[] => [
    load16(arg1, frame, tags === 0 ? type : scratch),
    ...jumpIfIp(arg1, "numbered"),
    ...jumpIfTag(arg1, `tagged${tags}`),
    jump("number"),
    label(`tagged${tags}`),
    ...(tags === MOST_TAGS
      ? [jump("exception-path")]
      : loadOctets(LINK_OCTETS + 2 + 4 * tags, scratch, 2, "number")),
  ];
  return [...Array.from({ length: MOST_TAGS + 1 }, (_, tags) => tags).flatMap(look), label("number")];
}

/**
 * Accepts a received number, or discards the message, as `acceptSequence` does. `word` is the offset on the
 * stack of the sublayer. Two CPUs that process messages of one session at once may see each other's number;
 * the network's queues keep a flow on one.
 */
export function acceptNumber(
  map: number,
  indexOffset: number,
  word: number,
  scratch: number,
): readonly Line[] {
  return [
    load32(arg1, frame, word),
    toBigEndian32(arg1),
    move(arg2, arg1),
    and(arg2, S_BIT),
    jumpIfEqual(arg2, 0, "in-sequence"),
    ...atSessionIndex(map, indexOffset, scratch, "pass"),
    load32(arg1, frame, word),
    toBigEndian32(arg1),
    and(arg1, MASK),
    move(arg4, arg1),
    add(arg4, 1),
    and(arg4, MASK), // the number after this one
    load32(arg2, result, expected.offset),
    move(arg3, arg1),
    subtract(arg3, arg2),
    and(arg3, MASK),
    load32(arg2, entry, peerValue.window.offset),
    jumpIfLess(arg3, arg2, "take"),
    ...countOld(),
    label("take"),
    store32(result, expected.offset, arg4),
    store32(result, oldRun.offset, 0),
    label("in-sequence"),
  ];
}

/** Discards a message with an old number, unless it ends a run of old ones that is long enough. */
function countOld(): readonly Line[] {
  return [
    load32(arg5, result, oldRun.offset),
    jumpIfEqual(arg5, UNKNOWN_RUN, "take"),
    load32(arg2, result, oldNext.offset),
    store32(result, oldNext.offset, arg4),
    jumpIfEqual(arg5, 0, "first"),
    jumpIfNotEqual(arg1, arg2, "first"),
    add(arg5, 1),
    jump("old"),
    label("first"),
    move(arg5, 1),
    label("old"),
    store32(result, oldRun.offset, arg5),
    load32(arg2, entry, peerValue.resetAfter.offset),
    jumpIfLess(arg5, arg2, discard("out-of-sequence")),
  ];
}
