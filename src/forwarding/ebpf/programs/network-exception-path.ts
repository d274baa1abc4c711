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
import { known, UDP } from "./inner-headers.ts";
import { peerValue } from "./map-layout.ts";
import { headerPlaces, LINK_OCTETS, type ProgramOptions } from "./options.ts";
import { udpFields } from "./outer-header.ts";
import { jumpIfUnfinished } from "./partial-checksum.ts";
import { context, entry } from "./parts.ts";

/**
 * The network's detour: a cable whose near end takes neither super-frames nor unfinished checksums, so that the kernel cuts and finishes
 * what goes in there, and at whose far end the decapsulating program meets it again. A network within one machine delivers messages as
 * their sender left them, and some of those cannot be decapsulated so:
 *
 * - Super-frames of UDP. No helper takes from a packet the mark that it is in a UDP tunnel, and by that mark the kernel, when it cuts it
 *   later, takes the host's own UDP header for a tunnel's, and drops it. What is cut before it loses its tunnel has no such mark.
 * - Short frames with an unfinished checksum. To be padded, they are moved within the packet, and the kernel's note of where
 *   the checksum starts stays behind.
 */

const { arg1, arg2, frame } = Register;

/** Lets pass what is for another host; at the detour's far end, whose address no message has, all is for this one. */
export function passForeign(): readonly Line[] {
  return [
    load32(arg1, context, skbContext.packetType),
    jumpIfEqual(arg1, 0, "ours"),
    load32(arg1, context, skbContext.interfaceIndex),
    load32(arg2, entry, peerValue.detourFar.offset),
    jumpIfNotEqual(arg1, arg2, "pass"),
    label("ours"),
  ];
}

/**
 * Goes on at "network-detour" with what must be cut or finished first, unless it comes from there. A super-frame of UDP that cannot go
 * there, or comes out whole, is lost: it goes on at `lost`. `messageOctets` are those of the frame alone; what is known of a super-frame is in
 * `place`; `head` is where the stack has the outer IP header.
 */
export function judgeUndone(
  options: ProgramOptions,
  places: { readonly place: number; readonly head: number; readonly messageOctets: Register },
  lost: string,
): readonly Line[] {
  const { place, head, messageOctets } = places;
  const canTakeDetour = (otherwise: string): readonly Line[] => [
    load32(arg2, entry, peerValue.detourNear.offset),
    jumpIfEqual(arg2, 0, otherwise),
    load32(arg1, context, skbContext.interfaceIndex),
    load32(arg2, entry, peerValue.detourFar.offset),
    jumpIfEqual(arg1, arg2, otherwise),
  ];
  const superFrame: readonly Line[] = [
    load32(arg1, context, skbContext.gsoSize),
    jumpIfEqual(arg1, 0, "undone.single"),
    load32(arg1, frame, place + known.protocol),
    jumpIfNotEqual(arg1, UDP, "done"),
    ...canTakeDetour(lost),
    jump("network-detour"),
    label("undone.single"),
  ];
  // What is left to a device, if anything is, is the message's own checksum, and it goes with the message's headers.
  const ownChecksum: readonly Line[] = [
    load16(arg1, frame, head + headerPlaces(options).udp + udpFields.checksum),
    jumpIfNotEqual(arg1, 0, "done"),
  ];
  return [
    ...(options.encapsulation === "udp" ? superFrame : []),
    jumpIfAtLeast(messageOctets, SHORTEST_FRAME_OCTETS, "done"),
    ...canTakeDetour("done"),
    ...(options.encapsulation === "udp" ? ownChecksum : []),
    ...jumpIfUnfinished({ at: LINK_OCTETS, copy: head }, "network-detour", lost),
    label("done"),
  ];
}

/** An end of the program: the message goes as it came to where it is cut and finished. */
export function networkDetourEnd(): readonly Line[] {
  return [
    label("network-detour"),
    load32(arg1, entry, peerValue.detourNear.offset),
    move(arg2, 0),
    call("redirect"),
    exit(),
  ];
}
