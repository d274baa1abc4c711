import { nextSequence, sequenceDistance } from "../bytes/serial.ts";
import type { SequenceRule } from "../wire/session-parameters.ts";

/** The sequence numbers of one session's received data messages (RFC 3931 §4.6.1, Appendix C). */
export interface ReceiveSequence {
  /** The number after the last one accepted, from 0 to 2^24 - 1. */
  expected: number;
  /**
   * Old numbers in a row that were consecutive among themselves, or `UNKNOWN_RUN`; and the next such number.
   */
  oldRun: number;
  oldNext: number;
}

export const NUMBERS = 0x100_0000;

/**
 * TABLE: what is kept of one session's numbers, in words of 32 bits in the machine's order; whoever sends or
 * takes its messages reads and writes them in one memory, so that a session that changes planes goes on with
 * the next number.
 */
export const sequenceWords = {
  /**
   * Frames numbered so far; the next number is its lowest 24 bits. Programs add to it and the word above it.
   */
  next: 0,
  /** `ReceiveSequence`. */
  expected: 2,
  oldRun: 3,
  oldNext: 4,
  /**
   * 1: the userspace plane has the session, and programs give it the frames that they would number; 0:
   * programs have it.
   */
  heldByUserspace: 5,
  /** Whose numbers these are: the local session id. */
  sessionId: 6,
} as const;
/** Those of them that are a `ReceiveSequence`. */
export const receivedWords = ["expected", "oldRun", "oldNext"] as const;
/** Words of one session. */
export const SEQUENCE_WORDS = 8;

/** Value of `oldRun` when the sender's position is unknown: the next number is accepted, whatever it is. */
export const UNKNOWN_RUN = 0x7fff_ffff;

/**
 * Prepares the words of a session that was removed and is added again: the userspace plane has it. We go on
 * with our numbers, for the peer may know nothing of that, as where the circuit's interface went and came
 * back, or a static session was changed; whether the peer's go on is its business.
 */
export function resumeSequences(words: Int32Array): void {
  words[sequenceWords.oldRun] = UNKNOWN_RUN;
  words[sequenceWords.heldByUserspace] = 1;
}

/** Prepares a session's words for one that begins: nothing was numbered, and the userspace plane has it. */
export function beginSequences(words: Int32Array, localSessionId: number): void {
  words.fill(0);
  words[sequenceWords.sessionId] = localSessionId;
  words[sequenceWords.heldByUserspace] = 1;
}

export function newReceiveSequence(): ReceiveSequence {
  return { expected: 0, oldRun: 0, oldNext: 0 };
}

/**
 * Whether a data message with this number is to be delivered; takes the number in. New ones, with or without
 * a gap, are delivered; old ones and duplicates are not, until `resetAfter` of them came in a row: then the
 * sender lost its position, or we lost more than a window of messages, and its numbers are taken as they are.
 */
export function acceptSequence(state: ReceiveSequence, number: number, rule: SequenceRule): boolean {
  const ahead = sequenceDistance(state.expected, number);
  if (ahead < rule.window || state.oldRun === UNKNOWN_RUN) {
    state.expected = nextSequence(number);
    state.oldRun = 0;
    return true;
  }
  state.oldRun = state.oldRun > 0 && number === state.oldNext ? state.oldRun + 1 : 1;
  state.oldNext = nextSequence(number);
  if (state.oldRun < rule.resetAfter) return false;
  state.expected = nextSequence(number);
  state.oldRun = 0;
  return true;
}
