import { Register } from "../../bpf/instruction.ts";
import { verdicts } from "../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../bpf/line.ts";
import { add, exit, jump, load64, move, store64 } from "../../bpf/mnemonics.ts";
import type { DiscardReason } from "../discard-reasons.ts";
import { counterOffsets, discardOffset } from "./map-layout.ts";
import { atSlot } from "./parts.ts";

/** Counters are per CPU: nobody else adds to them, and a load, an addition and a store will do. */

const { result, arg1, saved4 } = Register;

/** Adds a register, or a constant, to a counter behind `result`. */
function addTo(offset: number, value: Register | number): readonly Line[] {
  return [load64(arg1, result, offset), add(arg1, value), store64(result, offset, arg1)];
}

/** Counts one frame of as many octets as the register says; without a slot nothing is counted. */
export function countFrame(
  direction: "received" | "transmitted",
  octets: Register,
  counters: number,
  slotOffset: number,
  key: number,
): readonly Line[] {
  return [
    ...atSlot(counters, slotOffset, key, "send"),
    ...addTo(counterOffsets[`${direction}Frames`], 1),
    ...addTo(counterOffsets[`${direction}Octets`], octets),
  ];
}

/** The label at which a frame is given up for a reason; `discardEnds` has its lines. */
export function discard(reason: DiscardReason): string {
  return `discard.${reason}`;
}

/** The ends of a program at which frames are given up and counted, one for each reason. */
export function discardEnds(
  reasons: readonly DiscardReason[],
  counters: number,
  slotOffset: number,
  key: number,
): readonly Line[] {
  return [
    ...reasons.flatMap((reason, index) => [
      label(discard(reason)),
      move(saved4, discardOffset(reason)),
      ...(index < reasons.length - 1 ? [jump("discard")] : []),
    ]),
    label("discard"),
    ...atSlot(counters, slotOffset, key, "discarded"),
    add(result, saved4),
    ...addTo(0, 1),
    label("discarded"),
    move(result, verdicts.drop),
    exit(),
  ];
}
