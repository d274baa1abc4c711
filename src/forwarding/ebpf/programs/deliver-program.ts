import { Register } from "../../../bpf/instruction.ts";
import type { Line } from "../../../bpf/line.ts";
import { call, exit, move } from "../../../bpf/mnemonics.ts";

const { arg1, arg2 } = Register;

/** Where frames for a circuit's hosts go: an interface, and the flags of bpf_redirect, as a peer's entry has them. */
export interface DeliveryTarget {
  readonly interfaceIndex: number;
  readonly redirectFlags: number;
}

/** The program at the entry of a segmenter, where segments come out joined: all of it is for the circuit. */
export function deliverProgram({ interfaceIndex, redirectFlags }: DeliveryTarget): readonly Line[] {
  return [move(arg1, interfaceIndex), move(arg2, redirectFlags), call("redirect"), exit()];
}
