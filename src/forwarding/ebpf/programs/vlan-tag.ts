import { Register, type WritableRegister } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  and,
  call,
  jump,
  jumpIfEqual,
  jumpIfLess,
  jumpIfNotEqual,
  load16,
  load32,
  move,
  or,
  store16,
  toBigEndian16,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import {
  ETHERNET_HEADER_OCTETS,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  TAG_OCTETS,
  TPID_CUSTOMER,
  TPID_SERVICE,
} from "../../../wire/ethernet.ts";
import { context, entry, onPacket } from "./parts.ts";

/**
 * VLAN tags and EtherTypes. The kernel keeps the outer tag in the packet's metadata (skb->vlan_tci) instead
 * of its octets, wherever it can.
 */

const { result, arg1, arg2, arg3, frame } = Register;

/** A number of 16 bits in network byte order, as a little-endian machine loads it. */
export function networkOrder(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** Goes on at `target` if the register holds a tag's EtherType in network order. */
export function jumpIfTag(register: Register, target: string): readonly Line[] {
  return [
    jumpIfEqual(register, networkOrder(TPID_CUSTOMER), target),
    jumpIfEqual(register, networkOrder(TPID_SERVICE), target),
  ];
}

/** Goes on at `target` if the register holds the EtherType of IPv4 or IPv6 in network order. */
export function jumpIfIp(register: Register, target: string): readonly Line[] {
  return [
    jumpIfEqual(register, networkOrder(ETHERTYPE_IPV4), target),
    jumpIfEqual(register, networkOrder(ETHERTYPE_IPV6), target),
  ];
}

/** Pushes an empty tag into the metadata; a tag that is there moves into the octets. */
export function pushTag(otherwise: string): readonly Line[] {
  return [
    move(arg1, context),
    move(arg2, networkOrder(TPID_CUSTOMER)),
    move(arg3, 0),
    call("skb_vlan_push"),
    jumpIfNotEqual(result, 0, otherwise),
  ];
}

/**
 * Removes the tag in the metadata. The next one in the octets takes its place, and the packet's protocol is
 * read again.
 */
export function popTag(otherwise: string): readonly Line[] {
  return [...onPacket("skb_vlan_pop"), jumpIfNotEqual(result, 0, otherwise)];
}

/**
 * Moves an outer tag from the octets to the metadata, as the kernel does for packets that real devices
 * receive.
 */
export function moveTagToMetadata(): readonly Line[] {
  return [
    load32(arg1, context, skbContext.vlanPresent),
    jumpIfNotEqual(arg1, 0, "aside"),
    load32(arg1, context, skbContext.protocol),
    ...jumpIfTag(arg1, "inside"),
    jump("aside"),
    label("inside"),
    load32(arg1, context, skbContext.length),
    jumpIfLess(arg1, ETHERNET_HEADER_OCTETS + TAG_OCTETS, "aside"),
    ...pushTag("pass"),
    ...popTag("pass"),
    label("aside"),
  ];
}

/**
 * Makes the kernel read the packet's protocol from its octets, and move an outer tag there to the metadata.
 * It takes two tags: pushing the second moves the first into the octets, and popping it reads the first
 * again, and what follows.
 */
export function rereadProtocol(otherwise: string): readonly Line[] {
  return [...pushTag(otherwise), ...pushTag(otherwise), ...popTag(otherwise), ...popTag(otherwise)];
}

/**
 * Writes the EtherType and VLAN ID at these offsets of the session's entry to a tag on the stack; priority
 * and drop eligibility stay (RFC 4719 §3.1).
 */
export function rewriteTag(
  tag: number,
  offsets: { readonly protocol: number; readonly vlanId: number },
  scratch: WritableRegister,
  other: WritableRegister,
): readonly Line[] {
  return [
    load16(scratch, entry, offsets.protocol),
    store16(frame, tag, scratch),
    load16(scratch, frame, tag + 2),
    toBigEndian16(scratch),
    and(scratch, 0xf000),
    load16(other, entry, offsets.vlanId),
    or(scratch, other),
    toBigEndian16(scratch),
    store16(frame, tag + 2, scratch),
  ];
}
