import type { SequenceRule } from "../wire/session-parameters.ts";

/** The sequence numbers of one session's received data messages (RFC 3931 §4.6.1, Appendix C). */
export interface ReceiveSequence {
  /** The number after the last one accepted, from 0 to 2^24 - 1. */
  expected: number;
  /** Old numbers in a row that were consecutive among themselves, and the next such number. */
  oldRun: number;
  oldNext: number;
}

export const NUMBERS = 0x100_0000;

export function newReceiveSequence(): ReceiveSequence {
  return { expected: 0, oldRun: 0, oldNext: 0 };
}

/**
 * Whether a data message with this number is to be delivered; takes the number in. New ones, with or without a gap, are
 * delivered; old ones and duplicates are not, until `resetAfter` of them came in a row: then the sender lost its place, or we
 * lost more than a window of messages, and its numbers are taken as they are.
 */
export function acceptSequence(state: ReceiveSequence, number: number, rule: SequenceRule): boolean {
  const ahead = (number - state.expected + NUMBERS) % NUMBERS;
  if (ahead < rule.window) {
    state.expected = (number + 1) % NUMBERS;
    state.oldRun = 0;
    return true;
  }
  state.oldRun = state.oldRun > 0 && number === state.oldNext ? state.oldRun + 1 : 1;
  state.oldNext = (number + 1) % NUMBERS;
  if (state.oldRun < rule.resetAfter) return false;
  state.expected = (number + 1) % NUMBERS;
  state.oldRun = 0;
  return true;
}
