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
 * The network exception path: a cable whose entry takes neither GSO packets nor unfinished checksums, so that the kernel cuts and finishes
 * what goes in there, and at whose exit the decapsulating program meets it again. A network within one machine delivers messages as
 * their sender left them, and some of those cannot be decapsulated so:
 *
 * - GSO packets of UDP. No helper takes from a packet the mark that it is in a UDP tunnel, and by that mark the kernel, when it cuts it
 *   later, takes the host's own UDP header for a tunnel's, and drops it. What is cut before it loses its tunnel has no such mark.
 * - Short frames with an unfinished checksum. To be padded, they are moved within the packet, and the kernel's note of where
 *   the checksum starts stays behind.
 */

const { arg1, arg2, frame } = Register;

/** Lets pass what is for another host; at the exception path's exit, whose address no message has, all is for this one. */
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
 * Goes on at "network-exception-path" with what must be cut or finished first, unless it comes from there. A GSO packet of UDP that cannot go
 * there, or comes out whole, is lost: it goes on at `lost`. `messageOctets` are those of the frame alone; what is known of a GSO packet is in
 * `place`; `head` is where the stack has the outer IP header.
 */
export function checkIncomplete(
  options: ProgramOptions,
  offsets: { readonly base: number; readonly head: number; readonly messageOctets: Register },
  lost: string,
): readonly Line[] {
  const { base, head, messageOctets } = offsets;
  const canTakeExceptionPath = (otherwise: string): readonly Line[] => [
    load32(arg2, entry, peerValue.exceptionEntry.offset),
    jumpIfEqual(arg2, 0, otherwise),
    load32(arg1, context, skbContext.interfaceIndex),
    load32(arg2, entry, peerValue.exceptionExit.offset),
    jumpIfEqual(arg1, arg2, otherwise),
  ];
  const gsoPacket: readonly Line[] = [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfEqual(arg1, 0, "incomplete.single"),
    load32(arg1, frame, base + parsed.protocol),
    jumpIfNotEqual(arg1, UDP, "done"),
    ...canTakeExceptionPath(lost),
    jump("network-exception-path"),
    label("incomplete.single"),
  ];
  // What is left to a device, if anything is, is the message's own checksum, and it goes with the message's headers.
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

/** An end of the program: the message goes as it came to where it is cut and finished. */
export function networkExceptionPathEnd(): readonly Line[] {
  return [
    label("network-exception-path"),
    load32(arg1, entry, peerValue.exceptionEntry.offset),
    move(arg2, 0),
    call("redirect"),
    exit(),
  ];
}
