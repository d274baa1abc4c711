import { Register } from "../../../bpf/instruction.ts";
import { verdicts } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  call,
  exit,
  jump,
  jumpIfEqual,
  jumpIfNotEqual,
  jumpIfSet,
  load8,
  load32,
  load64,
  move,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { circuitValue } from "./map-layout.ts";
import type { ProgramOptions } from "./options.ts";
import { context, entry, stackAt } from "./parts.ts";
import { policyBits } from "./policy.ts";

/**
 * Transmit time stamps (SO_TIMESTAMPING), as PTP requests them. A packet of a host within this machine still
 * belongs to the socket that sent it, and each interface that sends it on reports a time stamp to that
 * socket. The socket expects the first one alone; more look to it like packets that it never sent. A copy of
 * a packet belongs to no socket.
 */

const { result, arg1, arg2, arg3, frame } = Register;

/** SKBTX_HW_TSTAMP, SW_TSTAMP, COMPLETION_TSTAMP and SCHED_TSTAMP of linux/skbuff.h. */
const STAMPS = 0x4b;

/**
 * Goes on with packets for which no time stamp is requested. Of others a copy goes to the interface in the
 * entry's field `into`, behind which it meets a program again. Where the host sends into its own end of a
 * pseudowire no interface has sent the packet yet, and it goes there itself. `base` is the offset of 16
 * octets of stack, a multiple of 8.
 */
export function detachFromSender(
  { packetOffsets }: Pick<ProgramOptions, "packetOffsets">,
  base: number,
  into: "exceptionEntry" | "exceptionPath",
  failed: string,
): readonly Line[] {
  if (packetOffsets === undefined) return [];
  return [
    load64(arg1, context, skbContext.socket),
    jumpIfEqual(arg1, 0, "unstamped"),
    ...stackAt(arg1, base + 4),
    move(arg2, 12),
    move(arg3, context),
    add(arg3, packetOffsets.end),
    call("probe_read_kernel"),
    jumpIfNotEqual(result, 0, "unstamped"),
    load32(arg3, frame, base + 4),
    load64(arg2, frame, base + 8),
    add(arg3, arg2),
    add(arg3, packetOffsets.txFlags),
    ...stackAt(arg1, base),
    move(arg2, 1),
    call("probe_read_kernel"),
    jumpIfNotEqual(result, 0, "unstamped"),
    load8(arg1, frame, base),
    jumpIfSet(arg1, STAMPS, "stamped"),
    jump("unstamped"),
    label("stamped"),
    load32(arg2, entry, circuitValue[into].offset),
    jumpIfEqual(arg2, 0, "unstamped"),
    load32(arg1, entry, circuitValue.policy.offset),
    jumpIfSet(arg1, policyBits.unsent, "unsent"),
    move(arg1, context),
    move(arg3, 0),
    call("clone_redirect"),
    jumpIfNotEqual(result, 0, failed),
    move(result, verdicts.drop),
    exit(),
    label("unsent"),
    move(arg1, arg2),
    move(arg2, 0),
    call("redirect"),
    exit(),
    label("unstamped"),
  ];
}
