import { Register } from "../../../bpf/instruction.ts";
import { verdicts } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  and,
  call,
  exit,
  jump,
  jumpIfEqual,
  jumpIfGreater,
  jumpIfNotEqual,
  load8,
  load16,
  load32,
  loadMapFd,
  move,
  shiftRight,
  store8,
  store16,
  store32,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { IP_PROTOCOL_L2TP } from "../../../wire/constants.ts";
import { ETHERTYPE_IPV4 } from "../../../wire/ethernet.ts";
import { routeValue } from "./map-layout.ts";
import { redirectToNextHop } from "./next-hop.ts";
import { LINK_OCTETS, type ProgramMaps } from "./options.ts";
import { IPV4_OCTETS, IPV6_OCTETS, ipv4Fields, ipv6Fields } from "./outer-header.ts";
import { IP_PROTOCOL_GRE } from "./outer-template.ts";
import { stackAt } from "./parts.ts";
import { networkOrder } from "./vlan-tag.ts";

const { result, arg1, arg2, arg3, arg4, saved1, frame } = Register;

/**
 * TABLE: data in the outer Ethernet header on the way through the segmenter, whose ends need no addresses.
 */
export const emitOffsets = {
  /**
   * Offset of the session's index, in the machine's byte order, within the destination address; the octets
   * around it are 0.
   */
  sessionIndex: 2,
} as const;

/** Register: pointer to the first octet of the packet. */
const packet = saved1;
const KEY = -8;
const TYPE = 12;

/**
 * The increase of the IPv4 header's sum when the protocol changes, as a little-endian machine reads the word.
 */
const GROWTH = (IP_PROTOCOL_L2TP - IP_PROTOCOL_GRE) << 8;

/**
 * The program at the exit of a segmenter, in the direction to the peer. What leaves there are packets over IP
 * protocol 115, and segments of GSO packets that are marked as GRE: behind a GRE header of any content the
 * kernel segments, repeats the header, sets the lengths of each segment, and tells devices that finish
 * checksums which part is tunnel and which is frame. The program restores their protocol and sends them to
 * the peer of the session whose index is in the Ethernet header.
 */
export function emitProgram({ routes }: Pick<ProgramMaps, "routes">): readonly Line[] {
  return [
    load32(packet, arg1, skbContext.data),
    load32(arg2, arg1, skbContext.dataEnd),
    move(arg3, packet),
    add(arg3, LINK_OCTETS + IPV4_OCTETS),
    jumpIfGreater(arg3, arg2, "drop"),
    load16(arg1, packet, TYPE),
    jumpIfNotEqual(arg1, networkOrder(ETHERTYPE_IPV4), "ipv6"),
    load8(arg1, packet, LINK_OCTETS + ipv4Fields.protocol),
    jumpIfNotEqual(arg1, IP_PROTOCOL_GRE, "emit"),
    store8(packet, LINK_OCTETS + ipv4Fields.protocol, IP_PROTOCOL_L2TP),
    // RFC 1624 §3: the checksum is the complement of a sum.
    load16(arg1, packet, LINK_OCTETS + ipv4Fields.checksum),
    add(arg1, 0xffff - GROWTH),
    move(arg4, arg1),
    shiftRight(arg4, 16),
    and(arg1, 0xffff),
    add(arg1, arg4),
    store16(packet, LINK_OCTETS + ipv4Fields.checksum, arg1),
    jump("emit"),
    label("ipv6"),
    move(arg3, packet),
    add(arg3, LINK_OCTETS + IPV6_OCTETS),
    jumpIfGreater(arg3, arg2, "drop"),
    load8(arg1, packet, LINK_OCTETS + ipv6Fields.protocol),
    jumpIfNotEqual(arg1, IP_PROTOCOL_GRE, "emit"),
    store8(packet, LINK_OCTETS + ipv6Fields.protocol, IP_PROTOCOL_L2TP),
    label("emit"),
    load32(arg1, packet, emitOffsets.sessionIndex),
    store32(frame, KEY, arg1),
    loadMapFd(arg1, routes),
    ...stackAt(arg2, KEY),
    call("map_lookup_elem"),
    jumpIfEqual(result, 0, "drop"),
    ...redirectToNextHop(result, routeValue),
    label("drop"),
    move(result, verdicts.drop),
    exit(),
  ];
}
