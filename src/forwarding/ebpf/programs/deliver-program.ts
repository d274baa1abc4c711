import { Register } from "../../../bpf/instruction.ts";
import type { Line } from "../../../bpf/line.ts";
import { call, exit, move } from "../../../bpf/mnemonics.ts";

const { arg1, arg2 } = Register;

/**
 * The target of frames for a circuit's hosts: an interface, and the flags of bpf_redirect, as in a peer's
 * entry.
 */
export interface DeliveryTarget {
  readonly interfaceIndex: number;
  readonly redirectFlags: number;
}

/** The program behind a segmenter in the direction from the peer: sends the coalesced TCP to the circuit. */
export function deliverProgram({ interfaceIndex, redirectFlags }: DeliveryTarget): readonly Line[] {
  return [move(arg1, interfaceIndex), move(arg2, redirectFlags), call("redirect"), exit()];
}
