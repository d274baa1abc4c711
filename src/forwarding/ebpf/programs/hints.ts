import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  call,
  jump,
  jumpIfAtLeast,
  jumpIfGreater,
  jumpIfLess,
  jumpIfNotEqual,
  load32,
  load64,
  move,
  or,
  store64,
  xor,
} from "../../../bpf/mnemonics.ts";
import { discard } from "./counters.ts";
import { peerValue } from "./map-layout.ts";
import { headerOffsets, type ProgramOptions } from "./options.ts";
import { entry } from "./parts.ts";

/**
 * Hints that a peer has moved: messages from elsewhere with the session's cookie of 8 octets
 * (`isHintOfPeer`). They pass to the socket, where the userspace plane counts them and tells, but no more
 * than a few each second of a session: who has seen one message can forge as many as he likes. The others are
 * counted and dropped here.
 */

const { result, arg1, arg2, arg3, arg4, frame } = Register;

/** Messages of a session that pass at once, and how often another one does. */
export const MOST_HINTS_AT_ONCE = 8;
export const MS_A_HINT = 125;
const NS_A_HINT = MS_A_HINT * 1_000_000;

/** Whether a program with these options lets hints pass. */
export function passesHints({ cookieOctets }: ProgramOptions): boolean {
  return cookieOctets === 8;
}

/** The label at which a message from elsewhere is discarded, or passes as a hint. */
export function elsewhere(options: ProgramOptions): string {
  return passesHints(options) ? "elsewhere" : discard("wrong-peer");
}

/**
 * The end of a program for messages from elsewhere; `head` is the offset of the outer IP header on the stack.
 * The time that the comparison takes reveals nothing about the cookie.
 */
export function elsewhereEnd(
  options: ProgramOptions,
  head: number,
  messageOctets: Register,
): readonly Line[] {
  if (!passesHints(options)) return [];
  const offsets = headerOffsets(options);
  const { offset: passedNs } = peerValue.hintsNs;
  return [
    label("elsewhere"),
    jumpIfLess(messageOctets, offsets.frame - offsets.message, discard("wrong-peer")),
    load32(arg1, frame, head + offsets.cookie),
    load32(arg2, entry, peerValue.cookie.offset),
    xor(arg1, arg2),
    load32(arg3, frame, head + offsets.cookie + 4),
    load32(arg4, entry, peerValue.cookie.offset + 4),
    xor(arg3, arg4),
    or(arg1, arg3),
    jumpIfNotEqual(arg1, 0, discard("wrong-peer")),
    call("ktime_get_ns"),
    // Each one that passes takes NS_A_HINT of the time that has gone by, and some may be taken in advance.
    // Programs on several processors at once may let one more pass.
    load64(arg1, entry, passedNs),
    move(arg2, result),
    add(arg2, (MOST_HINTS_AT_ONCE - 1) * NS_A_HINT),
    jumpIfGreater(arg1, arg2, discard("wrong-peer")),
    jumpIfAtLeast(arg1, result, "hint"),
    move(arg1, result),
    label("hint"),
    add(arg1, NS_A_HINT),
    store64(entry, passedNs, arg1),
    jump("pass"),
  ];
}
