import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  call,
  divide,
  jumpIfLess,
  load64,
  move,
  move32,
  multiply,
  shiftLeft,
  shiftRight,
  store64,
} from "../../../bpf/mnemonics.ts";
import { parsed } from "./inner-headers.ts";
import { findSegmenter } from "./offloads.ts";
import type { ProgramOptions } from "./options.ts";
import { context, onPacket } from "./parts.ts";

const { result, arg1, arg2, arg3, frame } = Register;

/** Bits of the lower half of a word, which is a fraction there; the upper half is an integer. */
const HALF_BITS = 32;

/**
 * Steers a TCP flow that goes through the segmenter to another processor behind it than this one, for two
 * processors are faster. The kernel (receive packet steering) chooses processor number `hash * processors /
 * 2^32`, so the hash is replaced by one that maps to any processor but this one, depending on its old value;
 * the fraction is kept, by which queues tell flows apart. Done while the frame's own headers are the
 * outermost, from which the kernel computes the hash.
 */
export function chooseProcessor({ processors = 1 }: ProgramOptions, base: number): readonly Line[] {
  if (processors === 1) return [];
  const share = base + parsed.scratch;
  return [
    ...findSegmenter(base, "spread.chosen"),
    ...onPacket("get_hash_recalc"),
    multiply(result, processors - 1),
    store64(frame, share, result),
    call("get_smp_processor_id"),
    load64(arg2, frame, share),
    move(arg3, arg2),
    shiftRight(arg3, HALF_BITS),
    jumpIfLess(arg3, result, "spread.number"),
    add(arg3, 1),
    label("spread.number"),
    shiftLeft(arg3, HALF_BITS),
    move32(arg2, arg2),
    add(arg2, arg3),
    divide(arg2, processors),
    move(arg1, context),
    call("set_hash"),
    label("spread.chosen"),
  ];
}
