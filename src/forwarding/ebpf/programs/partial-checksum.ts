import { Register } from "../../../bpf/instruction.ts";
import type { Line } from "../../../bpf/line.ts";
import {
  add,
  call,
  jumpIfEqual,
  jumpIfGreater,
  jumpIfNotEqual,
  load16,
  load32,
  move,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { context, storeOctets } from "./parts.ts";

const { result, arg1, arg2, arg3, arg4, arg5, frame } = Register;

const PROBED_OCTETS = 2;

/**
 * Goes on at `partial` with a packet that has a partial checksum, one that is left to a device
 * (CHECKSUM_PARTIAL), and behind these lines with any other; at `failed` if there is no memory. The packet is
 * unchanged in all three. Such a checksum may be in TCP or UDP behind any headers and tags, in GRE, or inside
 * a tunnel of the host's own, so the octets do not show it, and programs can read no field that does. But the
 * helper that updates a checksum leaves a partial one alone, since whoever finishes it will see the update.
 * It is called for any two octets, those at `at`, of which the stack has a copy at `copy`: if they changed,
 * no checksum is partial, and they are restored. The update adds 1, which changes any value.
 */
export function jumpIfPartialChecksum(
  { at, copy }: { readonly at: number; readonly copy: number },
  partial: string,
  failed: string,
): readonly Line[] {
  return [
    move(arg1, context),
    move(arg2, at),
    move(arg3, 0), // what was there
    move(arg4, 1), // what comes in its place
    move(arg5, PROBED_OCTETS), // and it is no pseudo-header
    call("l4_csum_replace"),
    jumpIfNotEqual(result, 0, failed),
    load32(arg1, context, skbContext.data),
    load32(arg2, context, skbContext.dataEnd),
    move(arg3, arg1),
    add(arg3, at + PROBED_OCTETS),
    jumpIfGreater(arg3, arg2, failed),
    load16(arg1, arg1, at),
    load16(arg2, frame, copy),
    jumpIfEqual(arg1, arg2, partial),
    ...storeOctets(copy, PROBED_OCTETS, failed, at),
  ];
}
