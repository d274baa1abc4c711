import { Register, type WritableRegister } from "../../../bpf/instruction.ts";
import { checksumLevels } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  call,
  jump,
  jumpIfEqual,
  jumpIfLess,
  jumpIfNotEqual,
  jumpIfSet,
  jumpIfSignedLess,
  load8,
  load16,
  load32,
  load64,
  move,
  toBigEndian16,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../../../wire/ethernet.ts";
import { elsewhere } from "./hints.ts";
import { peerValue } from "./map-layout.ts";
import { headerOffsets, LINK_OCTETS, type ProgramOptions } from "./options.ts";
import {
  fold,
  IPV4_FRAGMENT_BITS,
  IPV4_OCTETS,
  IPV6_OCTETS,
  ipv4Fields,
  ipv6Fields,
  udpFields,
} from "./outer-header.ts";
import { protocolOf } from "./outer-template.ts";
import { jumpIfPartialChecksum } from "./partial-checksum.ts";
import { context, entry } from "./parts.ts";
import { networkOrder } from "./vlan-tag.ts";

/** Checks of the outer headers: whether a packet is a plain data message, and from which peer. */

const UDP_OCTETS = 8;

const { result, arg1, arg2, frame } = Register;

/** Passes packets of another family, tagged packets, and GSO packets over IP protocol 115. */
export function passOthers({ family, encapsulation }: ProgramOptions): readonly Line[] {
  const type = family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  const { protocol, vlanPresent, gsoSize } = skbContext;
  const absent = encapsulation === "udp" ? [vlanPresent] : [vlanPresent, gsoSize];
  return [
    load32(arg1, context, protocol),
    jumpIfNotEqual(arg1, networkOrder(type), "pass"),
    ...absent.flatMap((field) => [load32(arg1, context, field), jumpIfNotEqual(arg1, 0, "pass")]),
  ];
}

/**
 * Passes packets that are no data message, by the outer headers on the stack, session id included: another
 * protocol, options, fragments, a wrong header checksum, lengths that do not agree, the T bit, another
 * version, session id 0. Leaves the octets of the IP packet and of the message in it in registers.
 */
export function readOuterHeader(
  options: ProgramOptions,
  head: number,
  packetOctets: WritableRegister,
  messageOctets: WritableRegister,
): readonly Line[] {
  const offsets = headerOffsets(options);
  // The IP length of a GSO packet is not valid.
  const whole = [
    load32(arg2, context, skbContext.gsoSize),
    jumpIfEqual(arg2, 0, "as-told"),
    move(packetOctets, arg1),
    label("as-told"),
  ];
  return [
    ...(options.family === 4 ? readIpv4(options, head, packetOctets) : readIpv6(options, head, packetOctets)),
    load32(arg1, context, skbContext.length),
    add(arg1, -LINK_OCTETS),
    ...(options.encapsulation === "udp" ? whole : []),
    jumpIfLess(arg1, packetOctets, "pass"),
    jumpIfLess(packetOctets, offsets.cookie, "pass"),
    move(messageOctets, packetOctets),
    add(messageOctets, -offsets.message),
    ...(options.encapsulation === "udp" ? readUdp(head + offsets.udp, messageOctets) : []),
    load32(arg1, frame, head + offsets.sessionId),
    jumpIfEqual(arg1, 0, "pass"),
  ];
}

function readIpv4(options: ProgramOptions, head: number, packetOctets: WritableRegister): readonly Line[] {
  return [
    load8(arg1, frame, head),
    jumpIfNotEqual(arg1, 0x45, "pass"),
    load8(arg1, frame, head + ipv4Fields.protocol),
    jumpIfNotEqual(arg1, protocolOf(options), "pass"),
    load16(arg1, frame, head + ipv4Fields.fragment),
    jumpIfSet(arg1, IPV4_FRAGMENT_BITS, "pass"),
    // Ten loads take less time than a call of a helper.
    move(result, 0),
    ...Array.from({ length: IPV4_OCTETS / 2 }, (_, word) => [
      load16(arg1, frame, head + 2 * word),
      add(result, arg1),
    ]).flat(),
    ...fold(result, arg2),
    jumpIfNotEqual(result, 0xffff, "pass"),
    load16(packetOctets, frame, head + ipv4Fields.length),
    toBigEndian16(packetOctets),
  ];
}

function readIpv6(options: ProgramOptions, head: number, packetOctets: WritableRegister): readonly Line[] {
  return [
    load8(arg1, frame, head),
    and(arg1, 0xf0),
    jumpIfNotEqual(arg1, 0x60, "pass"),
    load8(arg1, frame, head + ipv6Fields.protocol),
    jumpIfNotEqual(arg1, protocolOf(options), "pass"),
    load16(packetOctets, frame, head + ipv6Fields.length),
    toBigEndian16(packetOctets),
    add(packetOctets, IPV6_OCTETS),
  ];
}

/** Checks the UDP header, and the word in front of the session id (RFC 3931 §4.1.2.1). */
function readUdp(udp: number, messageOctets: Register): readonly Line[] {
  return [
    load16(arg1, frame, udp + udpFields.length),
    toBigEndian16(arg1),
    move(arg2, messageOctets),
    add(arg2, UDP_OCTETS),
    and(arg2, 0xffff), // of a GSO packet, as many bits as fit
    jumpIfNotEqual(arg1, arg2, "pass"),
    load8(arg1, frame, udp + 8),
    jumpIfSet(arg1, 0x80, "pass"),
    load8(arg1, frame, udp + 9),
    and(arg1, 0x0f),
    jumpIfNotEqual(arg1, 3, "pass"),
  ];
}

/**
 * Passes a message with a UDP checksum that nobody has verified, for a program cannot. A partial checksum on
 * a virtual interface was made on this machine or its host, and counts as verified, as it does for the
 * kernel; a GSO packet of such messages passes.
 */
export function passUnverified(options: ProgramOptions, head: number): readonly Line[] {
  if (options.encapsulation !== "udp") return [];
  const checksum = headerOffsets(options).udp + udpFields.checksum;
  return [
    load16(arg1, frame, head + checksum),
    jumpIfEqual(arg1, 0, "verified"),
    move(arg1, context),
    move(arg2, checksumLevels.query),
    call("csum_level"),
    jumpIfSignedLess(result, 0, "unverified"),
    jump("verified"),
    label("unverified"),
    load32(arg1, context, skbContext.gsoSize),
    jumpIfNotEqual(arg1, 0, "pass"),
    ...jumpIfPartialChecksum({ at: LINK_OCTETS + checksum, copy: head + checksum }, "verified", "pass"),
    jump("pass"),
    label("verified"),
  ];
}

/**
 * Passes a message for another address or port than the session's; one from another address or port is
 * discarded or passes as a hint (hints.ts).
 */
export function comparePeer(options: ProgramOptions, head: number): readonly Line[] {
  const source = head + (options.family === 4 ? ipv4Fields.source : ipv6Fields.source);
  const octets = options.family === 4 ? 4 : 16;
  const udp = head + headerOffsets(options).udp;
  const same = (at: number, offset: number, otherwise: string): readonly Line[] => {
    const load = octets === 4 ? load32 : load64;
    const parts = octets === 4 ? [0] : [0, 8];
    return parts.flatMap((part) => [
      load(arg1, frame, at + part),
      load(arg2, entry, offset + part),
      jumpIfNotEqual(arg1, arg2, otherwise),
    ]);
  };
  const port = (at: number, offset: number, otherwise: string): readonly Line[] =>
    options.encapsulation === "ip"
      ? []
      : [load16(arg1, frame, at), load16(arg2, entry, offset), jumpIfNotEqual(arg1, arg2, otherwise)];
  return [
    ...same(source + octets, peerValue.localAddress.offset, "pass"),
    ...port(udp + udpFields.destinationPort, peerValue.localPort.offset, "pass"),
    ...same(source, peerValue.remoteAddress.offset, elsewhere(options)),
    ...port(udp + udpFields.sourcePort, peerValue.remotePort.offset, elsewhere(options)),
  ];
}
