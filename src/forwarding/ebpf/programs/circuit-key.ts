import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  call,
  exit,
  jumpIfEqual,
  load16,
  load32,
  move,
  or,
  shiftLeft,
  store16,
  store32,
  toBigEndian16,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { discard } from "./counters.ts";
import { circuitValue } from "./map-layout.ts";
import type { ProgramOptions } from "./options.ts";
import { context, entry } from "./parts.ts";

/**
 * What all programs of a circuit share: the key of the frame's session, and the end at which a frame that a
 * program cannot process takes the exception path.
 */

const { arg1, arg2, saved3, saved4, frame } = Register;

/** Register: octets of the frame, its tags included. */
export const frameOctets = saved3;
/** Register: 1 if the packet has a VLAN tag in its metadata, else 0. */
export const tagged = saved4;

/** Writes the VLAN tag of the packet's metadata to the stack, as it would stand in the frame. */
export function readTag(to: number): readonly Line[] {
  return [
    load32(tagged, context, skbContext.vlanPresent),
    and(tagged, 1),
    load32(arg1, context, skbContext.vlanProtocol),
    store16(frame, to, arg1),
    load32(arg1, context, skbContext.vlanTci),
    toBigEndian16(arg1),
    store16(frame, to + 2, arg1),
    load32(frameOctets, context, skbContext.length),
    move(arg1, tagged),
    shiftLeft(arg1, 2),
    add(frameOctets, arg1),
  ];
}

/**
 * Writes the circuit's key to the stack, by the tag that `readTag` wrote there. Untagged frames of VLAN
 * circuits pass.
 */
export function writeKey(vlan: ProgramOptions["vlan"], key: number, tag: number): readonly Line[] {
  const ofTag: readonly Line[] = [
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
    ...(vlan === "vlan" ? ofTag : [store32(frame, key + 4, 0)]),
  ];
}

/**
 * An end of a circuit's programs: the frame takes the exception path unchanged; where the entry has none, it
 * is discarded.
 */
export function exceptionPathEnd(): readonly Line[] {
  return [
    label("exception-path"),
    load32(arg1, entry, circuitValue.exceptionPath.offset),
    jumpIfEqual(arg1, 0, discard("psn-error")),
    move(arg2, 0),
    call("redirect"),
    exit(),
  ];
}
