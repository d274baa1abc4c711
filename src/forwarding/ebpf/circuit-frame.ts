import { Register } from "../../bpf/instruction.ts";
import type { Line } from "../../bpf/line.ts";
import {
  add,
  and,
  jumpIfEqual,
  load16,
  load32,
  move,
  or,
  shiftLeft,
  store16,
  store32,
  toBigEndian16,
} from "../../bpf/mnemonics.ts";
import { skbContext } from "../../bpf/skb-context.ts";
import type { ProgramOptions } from "./options.ts";
import { context } from "./parts.ts";

/** A frame at its circuit, before anything is done to it: its tag and its length, and the key by which its session is found. */

const { arg1, arg2, saved3, saved4, frame } = Register;

/** Octets of the frame, its tags counted in. */
export const frameOctets = saved3;
/** 1 if there is a tag beside the packet, else 0. */
export const tagged = saved4;

/** Puts the tag beside the packet on the stack at `tag`, as it would stand in the frame. */
export function readTag(tag: number): readonly Line[] {
  return [
    load32(tagged, context, skbContext.vlanPresent),
    and(tagged, 1),
    load32(arg1, context, skbContext.vlanProtocol),
    store16(frame, tag, arg1),
    load32(arg1, context, skbContext.vlanTci),
    toBigEndian16(arg1),
    store16(frame, tag + 2, arg1),
    load32(frameOctets, context, skbContext.length),
    move(arg1, tagged),
    shiftLeft(arg1, 2),
    add(frameOctets, arg1),
  ];
}

/** The key of the circuit, on the stack at `key`: untagged frames on VLAN circuits are not ours. */
export function circuitKeyOf(vlan: ProgramOptions["vlan"], key: number, tag: number): readonly Line[] {
  const vlanHalf: readonly Line[] = [
    jumpIfEqual(tagged, 0, "pass"),
    load16(arg1, frame, tag),
    toBigEndian16(arg1),
    shiftLeft(arg1, 16),
    load16(arg2, frame, tag + 2),
    toBigEndian16(arg2),
    and(arg2, 0x0fff),
    or(arg1, arg2),
    store32(frame, key + 4, arg1),
  ];
  return [
    load32(arg1, context, skbContext.interfaceIndex),
    store32(frame, key, arg1),
    ...(vlan === "vlan" ? vlanHalf : [store32(frame, key + 4, 0)]),
  ];
}
