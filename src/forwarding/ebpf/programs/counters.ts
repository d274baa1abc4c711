import { Register } from "../../../bpf/instruction.ts";
import { verdicts } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import { add, exit, jump, load32, load64, move, store64 } from "../../../bpf/mnemonics.ts";
import type { CounterDirection, CounterName } from "../../counters-table.ts";
import type { DiscardReason } from "../../discard-reasons.ts";
import { parsed } from "./inner-headers.ts";
import { counterOffset, discardOffset } from "./map-layout.ts";
import { atSessionIndex } from "./parts.ts";

/** Counters of frames, octets and discards. They are per CPU, so that no atomic operation is needed. */

const { result, arg1, arg2, saved4, frame } = Register;

/** Adds a register, or a constant, to a counter behind `result`. */
function addTo(offset: number, value: Register | number): readonly Line[] {
  return [load64(arg1, result, offset), add(arg1, value), store64(result, offset, arg1)];
}

/**
 * Counts a frame, or the segments of a GSO packet as the parsed headers at `base` tell them
 * (inner-headers.ts), with the octets in the register and those of repeated headers. Without an index nothing
 * is counted.
 */
export function countFrames(
  direction: CounterDirection,
  octets: Register,
  base: number,
  counters: number,
  indexOffset: number,
  key: number,
): readonly Line[] {
  return [
    ...atSessionIndex(counters, indexOffset, key, "send"),
    load32(arg2, frame, base + parsed.frames),
    ...addTo(counterOffset(`${direction}Frames`), arg2),
    load32(arg2, frame, base + parsed.repeatedOctets),
    add(arg2, octets),
    ...addTo(counterOffset(`${direction}Octets`), arg2),
  ];
}

/** Adds 1 to a counter; goes on at `otherwise` without an index. */
export function countOne(
  name: CounterName,
  counters: number,
  indexOffset: number,
  key: number,
  otherwise: string,
): readonly Line[] {
  return [...atSessionIndex(counters, indexOffset, key, otherwise), ...addTo(counterOffset(name), 1)];
}

/** The label at which a frame is discarded for a reason; its lines are those of `discardEnds`. */
export function discard(reason: DiscardReason): string {
  return `discard.${reason}`;
}

/** The ends of a program at which frames are discarded and counted, one for each reason. */
export function discardEnds(
  reasons: readonly DiscardReason[],
  counters: number,
  indexOffset: number,
  key: number,
): readonly Line[] {
  return [
    ...reasons.flatMap((reason, index) => [
      label(discard(reason)),
      move(saved4, discardOffset(reason)),
      ...(index < reasons.length - 1 ? [jump("discard")] : []),
    ]),
    label("discard"),
    ...atSessionIndex(counters, indexOffset, key, "discarded"),
    add(result, saved4),
    ...addTo(0, 1),
    label("discarded"),
    move(result, verdicts.drop),
    exit(),
  ];
}
