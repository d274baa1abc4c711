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
 * Goes on at `unfinished` with a packet of which a checksum was left to a device, and behind these lines with any other; at `failed` if
 * there is no memory. The packet is as it was in all three. Whoever sent it says where the checksum is: in TCP or UDP behind any
 * headers and tags, in GRE, or inside a tunnel of the host's own. So the frame's octets do not tell, and the kernel shows programs no
 * field that does. But a helper knows: asked to add a change to a checksum, it does so unless that is still to be made, since whoever makes
 * it will see the change. It is asked for the two octets at `at`, whatever they are, of which the stack has a copy at `copy`: if they
 * are another number now, nothing was left undone, and they are put back. What is added, 1, changes every number.
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
