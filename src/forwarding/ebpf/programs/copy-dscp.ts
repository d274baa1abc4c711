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

/** An EtherType, and what of the header behind it has the code point. */
const TYPE_OCTETS = 2;
const LOOKED_AT_OCTETS = 4;
const IPV6_VERSION = 0x6000;
/** A code point where IPv6 has it in its first two octets. */
const DSCP_BITS = 0x0fc0;

/**
 * Gives the template on the stack the code point of the frame's own IP header, behind the tag beside the packet and one more, as
 * `dscpOfFrame` finds it. `type` is where the stack holds the EtherType that follows the tag beside the packet, `scratch` four free
 * octets of stack. The header's sum is not kept in step.
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
