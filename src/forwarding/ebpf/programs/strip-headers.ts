import { Register } from "../../../bpf/instruction.ts";
import { adjustRoomFlags, adjustRoomModes } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import { call, jumpIfEqual, jumpIfNotEqual, load16, loadConstant, move } from "../../../bpf/mnemonics.ts";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../../../wire/ethernet.ts";
import { discard } from "./counters.ts";
import { LINK_OCTETS, type ProgramOptions } from "./options.ts";
import { context } from "./parts.ts";
import { networkOrder, rereadProtocol } from "./vlan-tag.ts";

/** How decapsulation removes the outer headers. */

const { result, arg1, arg2, arg3, arg4, frame } = Register;

/**
 * Removes as many octets as the outer headers and the frame's own Ethernet header have; that is then written
 * over the outer one. `type` is the offset on the stack of the frame's EtherType.
 */
export function removeHeaders(options: ProgramOptions, headerOctets: number, type: number): readonly Line[] {
  const { fixedGso, decapsulatedFromIpv4, decapsulatedFromIpv6 } = adjustRoomFlags;
  const remove = [
    move(arg1, context),
    move(arg2, -(headerOctets + LINK_OCTETS)),
    move(arg3, adjustRoomModes.link),
    call("skb_adjust_room"),
    jumpIfNotEqual(result, 0, "pass"),
  ];
  if (options.readsProtocol === true) return [loadConstant(arg4, fixedGso), ...remove];
  const own = options.family === 4 ? decapsulatedFromIpv4 : decapsulatedFromIpv6;
  const other = options.family === 4 ? decapsulatedFromIpv6 : decapsulatedFromIpv4;
  const otherType = options.family === 4 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
  return [
    loadConstant(arg4, fixedGso | own),
    load16(arg1, frame, type),
    jumpIfNotEqual(arg1, networkOrder(otherType), "flags"),
    loadConstant(arg4, fixedGso | other),
    label("flags"),
    ...remove,
  ];
}

/**
 * Sets the packet's protocol. The kernel knows IPv4 and IPv6 by now, if it could be told; anything else, and
 * a tag, it must read from the octets. `type` is as in `removeHeaders`.
 */
export function setProtocol(options: ProgramOptions, type: number): readonly Line[] {
  const reread = rereadProtocol(discard("circuit-error"));
  if (options.vlan === "vlan" || options.readsProtocol === true) return reread;
  return [
    load16(arg1, frame, type),
    jumpIfEqual(arg1, networkOrder(ETHERTYPE_IPV4), "known"),
    jumpIfEqual(arg1, networkOrder(ETHERTYPE_IPV6), "known"),
    ...reread,
    label("known"),
  ];
}
