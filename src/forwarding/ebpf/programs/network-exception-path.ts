import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  call,
  exit,
  jump,
  jumpIfAtLeast,
  jumpIfEqual,
  jumpIfNotEqual,
  load16,
  load32,
  move,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { SHORTEST_FRAME_OCTETS } from "../../../wire/ethernet.ts";
import { parsed, UDP } from "./inner-headers.ts";
import { peerValue } from "./map-layout.ts";
import { headerOffsets, LINK_OCTETS, type ProgramOptions } from "./options.ts";
import { udpFields } from "./outer-header.ts";
import { jumpIfPartialChecksum } from "./partial-checksum.ts";
import { context, entry } from "./parts.ts";

/**
 * The network exception path: a veth pair whose entry takes neither GSO packets nor partial checksums, so
 * that the kernel segments and finishes what enters, and at whose exit the decapsulating program meets it
 * again. A network within one machine delivers messages as their sender left them, and some of those cannot
 * be decapsulated:
 *
 * - GSO packets of UDP. No helper removes a packet's mark that it is in a UDP tunnel, and by that mark the
 *   kernel, when it segments it later, takes the host's own UDP header for a tunnel's, and drops it. A packet
 *   segmented before decapsulation has no such mark.
 * - GSO packets whose segments are longer than the circuit takes: the last one may be shorter and fit, and
 *   each of the others is a discard of its own.
 * - Short frames with a partial checksum. Padding moves them within the packet, and the kernel's note of
 *   where the checksum starts does not move with them.
 */

const { arg1, arg2, frame } = Register;

/**
 * Passes packets for other hosts. At the exit of the exception path, whose address no message has, all are
 * for this host.
 */
export function passOtherHosts(): readonly Line[] {
  return [
    load32(arg1, context, skbContext.packetType),
    jumpIfEqual(arg1, 0, "ours"),
    load32(arg1, context, skbContext.interfaceIndex),
    load32(arg2, entry, peerValue.exceptionExit.offset),
    jumpIfNotEqual(arg1, arg2, "pass"),
    label("ours"),
  ];
}

/**
 * Goes on at "network-exception-path" with a message that must be segmented or its checksum finished first,
 * unless it comes from there. A GSO packet of UDP that cannot go there, or comes out whole, goes on at
 * `lost`. `messageOctets` are those of the frame alone, `base` is the offset of its parsed headers, and
 * `head` that of the outer IP header on the stack.
 */
export function checkIncomplete(
  options: ProgramOptions,
  offsets: { readonly base: number; readonly head: number; readonly messageOctets: Register },
  lost: string,
): readonly Line[] {
  const { base, head, messageOctets } = offsets;
  const gsoPacket: readonly Line[] = [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfEqual(arg1, 0, "incomplete.single"),
    load32(arg1, frame, base + parsed.protocol),
    jumpIfNotEqual(arg1, UDP, "done"),
    ...canTakeExceptionPath(lost),
    jump("network-exception-path"),
    label("incomplete.single"),
  ];
  // A partial checksum, if there is one, is the message's own, and is removed with the outer headers.
  const ownChecksum: readonly Line[] = [
    load16(arg1, frame, head + headerOffsets(options).udp + udpFields.checksum),
    jumpIfNotEqual(arg1, 0, "done"),
  ];
  return [
    ...(options.encapsulation === "udp" ? gsoPacket : []),
    jumpIfAtLeast(messageOctets, SHORTEST_FRAME_OCTETS, "done"),
    ...canTakeExceptionPath("done"),
    ...(options.encapsulation === "udp" ? ownChecksum : []),
    ...jumpIfPartialChecksum({ at: LINK_OCTETS, copy: head }, "network-exception-path", lost),
    label("done"),
  ];
}

/** Goes on at `otherwise` where there is no exception path, or the message comes from it. */
function canTakeExceptionPath(otherwise: string): readonly Line[] {
  return [
    load32(arg2, entry, peerValue.exceptionEntry.offset),
    jumpIfEqual(arg2, 0, otherwise),
    load32(arg1, context, skbContext.interfaceIndex),
    load32(arg2, entry, peerValue.exceptionExit.offset),
    jumpIfEqual(arg1, arg2, otherwise),
  ];
}

/**
 * An end of the program, at the label "too-long": a GSO packet with a segment that the circuit does not take
 * goes on at "network-exception-path", and what is none, or cannot go there, at `discarded`. Only over UDP is
 * there a GSO packet.
 */
export function tooLongEnd({ encapsulation }: ProgramOptions, discarded: string): readonly Line[] {
  return [
    label("too-long"),
    ...(encapsulation === "udp"
      ? [
          load32(arg1, context, skbContext.gsoSize),
          jumpIfEqual(arg1, 0, discarded),
          ...canTakeExceptionPath(discarded),
          jump("network-exception-path"),
        ]
      : [jump(discarded)]),
  ];
}

/** An end of the program: the message takes the network exception path unchanged. */
export function networkExceptionPathEnd(): readonly Line[] {
  return [
    label("network-exception-path"),
    load32(arg1, entry, peerValue.exceptionEntry.offset),
    move(arg2, 0),
    call("redirect"),
    exit(),
  ];
}
