import { Register } from "../../../bpf/instruction.ts";
import type { Line } from "../../../bpf/line.ts";
import { add, call, exit, load32, move } from "../../../bpf/mnemonics.ts";
import { NEXT_HOP_OCTETS } from "./map-layout.ts";
import type { Field } from "./struct-layout.ts";

const { arg1, arg2, arg3, arg4 } = Register;

/**
 * The end of a program that sends to a peer: the packet leaves by the interface and next hop of the map value
 * in register `value`, and the kernel fills in the Ethernet header.
 */
export function redirectToNextHop(
  value: Register,
  layout: { readonly interfaceIndex: Field; readonly nextHopFamily: Field },
): readonly Line[] {
  return [
    load32(arg1, value, layout.interfaceIndex.offset),
    move(arg2, value),
    add(arg2, layout.nextHopFamily.offset),
    move(arg3, NEXT_HOP_OCTETS),
    move(arg4, 0),
    call("redirect_neigh"),
    exit(),
  ];
}
