import type { HelperName } from "../../../bpf/helpers-table.ts";
import { Register, type WritableRegister } from "../../../bpf/instruction.ts";
import { verdicts } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  call,
  exit,
  jumpIfEqual,
  jumpIfGreater,
  jumpIfNotEqual,
  load16,
  load32,
  loadMapFd,
  move,
  store16,
  store32,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";

/**
 * Parts that programs have in common. `context` and `entry` are registers that calls preserve. The label
 * "pass" leaves the packet to the next program, and then to the network stack and so to our socket: it is
 * jumped to only while the packet is unchanged.
 */

const { result, arg1, arg2, arg3, arg4, arg5, saved1, saved2, frame } = Register;

/** Register: the packet's struct __sk_buff. */
export const context = saved1;
/** Register: the session's value in the circuit or peer map, once it was found. */
export const entry = saved2;

/** `register = &stack[offset]` */
export function stackAt(register: WritableRegister, offset: number): readonly Line[] {
  return [move(register, frame), add(register, offset)];
}

/**
 * Copies octets of the packet to the stack; goes on at `otherwise` if it is too short. Offset and length may
 * be in registers.
 */
export function loadOctets(
  from: Register | number,
  to: number,
  octets: Register | number,
  otherwise: string,
): readonly Line[] {
  return [
    move(arg2, from),
    move(arg4, octets),
    move(arg1, context),
    ...stackAt(arg3, to),
    call("skb_load_bytes"),
    jumpIfNotEqual(result, 0, otherwise),
  ];
}

/** Writes octets of the stack over the packet's, from `at` on; goes on at `otherwise` if it is too short. */
export function storeOctets(
  from: number,
  octets: Register | number,
  otherwise: string,
  at = 0,
): readonly Line[] {
  return [
    move(arg4, octets),
    move(arg1, context),
    move(arg2, at),
    ...stackAt(arg3, from),
    move(arg5, 0),
    call("skb_store_bytes"),
    jumpIfNotEqual(result, 0, otherwise),
  ];
}

/**
 * Writes octets of the stack over the first ones of the packet, an even number from a multiple of 4 on; goes
 * on at `otherwise` where those are not contiguous. Takes a tenth of the time of `storeOctets`.
 */
export function overwrite(from: number, octets: number, otherwise: string): readonly Line[] {
  const words = Array.from({ length: Math.floor(octets / 4) }, (_, index) => 4 * index);
  return [
    load32(arg1, context, skbContext.data),
    load32(arg2, context, skbContext.dataEnd),
    move(arg3, arg1),
    add(arg3, octets),
    jumpIfGreater(arg3, arg2, otherwise),
    ...words.flatMap((offset) => [load32(arg2, frame, from + offset), store32(arg1, offset, arg2)]),
    ...(octets % 4 === 0 ? [] : [load16(arg2, frame, from + octets - 2), store16(arg1, octets - 2, arg2)]),
  ];
}

/**
 * Finds the entry for the key on the stack. Without one, or if it is of another variant, the packet passes.
 */
export function findEntry(variant: number, map: number, key: number, variantOffset: number): readonly Line[] {
  return [
    ...lookup(map, key),
    jumpIfEqual(result, 0, "pass"),
    move(entry, result),
    load32(arg1, entry, variantOffset),
    jumpIfNotEqual(arg1, variant, "pass"),
  ];
}

/** `result = &map[key]`, or null. */
function lookup(map: number, key: number): readonly Line[] {
  return [loadMapFd(arg1, map), ...stackAt(arg2, key), call("map_lookup_elem")];
}

/**
 * `result = &array[session index]`; goes on at `otherwise` if there is none. `key` is the offset of four free
 * octets on the stack.
 */
export function atSessionIndex(
  map: number,
  indexOffset: number,
  key: number,
  otherwise: string,
): readonly Line[] {
  return [
    load32(arg1, entry, indexOffset),
    store32(frame, key, arg1),
    ...lookup(map, key),
    jumpIfEqual(result, 0, otherwise),
  ];
}

/** Calls a helper that takes the packet alone. */
export function onPacket(helper: HelperName): readonly Line[] {
  return [move(arg1, context), call(helper)];
}

/** An end of all programs: the packet goes on to other programs. */
export function passEnd(): readonly Line[] {
  return [label("pass"), move(result, verdicts.next), exit()];
}
