import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  and,
  jump,
  jumpIfEqual,
  load16,
  move,
  or,
  shiftLeft,
  shiftRight,
  store8,
  store16,
  toBigEndian16,
} from "../../../bpf/mnemonics.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, TAG_OCTETS } from "../../../wire/ethernet.ts";
import { LINK_OCTETS, type ProgramOptions } from "./options.ts";
import { loadOctets } from "./parts.ts";
import { jumpIfTag, networkOrder } from "./vlan-tag.ts";

const { arg1, arg2, frame } = Register;

/** Octets of an EtherType, and of it with the part of the next header that has the code point. */
const TYPE_OCTETS = 2;
const LOOKED_AT_OCTETS = 4;
const IPV6_VERSION = 0x6000;
/** Bits of the code point in the first two octets of an IPv6 header. */
const DSCP_BITS = 0x0fc0;

/**
 * Copies the code point of the frame's own IP header to the template on the stack, as `dscpOfFrame` finds it:
 * behind the tag of the metadata and one more. `type` is the offset on the stack of the EtherType that
 * follows the tag of the metadata, `scratch` that of four free octets. The header checksum is not updated.
 */
export function copyDscp(
  { family, copiesDscp }: ProgramOptions,
  template: number,
  { type, scratch }: { readonly type: number; readonly scratch: number },
): readonly Line[] {
  if (copiesDscp !== true) return [];
  const intoIpv4 = [shiftRight(arg2, 4), store8(frame, template + 1, arg2)];
  const intoIpv6 = [or(arg2, IPV6_VERSION), toBigEndian16(arg2), store16(frame, template, arg2)];
  return [
    load16(arg1, frame, type),
    move(arg2, LINK_OCTETS - TYPE_OCTETS + TAG_OCTETS),
    ...jumpIfTag(arg1, "dscp.look"),
    move(arg2, LINK_OCTETS - TYPE_OCTETS),
    label("dscp.look"),
    ...loadOctets(arg2, scratch, LOOKED_AT_OCTETS, "dscp.end"),
    load16(arg1, frame, scratch),
    load16(arg2, frame, scratch + TYPE_OCTETS),
    toBigEndian16(arg2),
    jumpIfEqual(arg1, networkOrder(ETHERTYPE_IPV6), "dscp.found"),
    shiftLeft(arg2, 4), // IPv4 has it four bits further to the right
    jumpIfEqual(arg1, networkOrder(ETHERTYPE_IPV4), "dscp.found"),
    jump("dscp.end"),
    label("dscp.found"),
    and(arg2, DSCP_BITS),
    ...(family === 4 ? intoIpv4 : intoIpv6),
    label("dscp.end"),
  ];
}
