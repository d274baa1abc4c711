import { Register } from "../../../bpf/instruction.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  add,
  call,
  jump,
  jumpIfAtMost,
  jumpIfGreater,
  jumpIfNotEqual,
  jumpIfSignedLess,
  load16,
  load32,
  move,
  store32,
} from "../../../bpf/mnemonics.ts";
import { TAG_OCTETS } from "../../../wire/ethernet.ts";
import { parsed } from "./inner-headers.ts";
import { peerValue } from "./map-layout.ts";
import { LINK_OCTETS } from "./options.ts";
import { context, entry, stackAt } from "./parts.ts";
import { jumpIfTag } from "./vlan-tag.ts";

const { result, arg1, arg2, arg3, arg4, arg5, frame } = Register;

/** The least MTU of an interface with IPv4 (RFC 791 §3.2). */
const LEAST_MTU = 68;

/**
 * Goes on at `tooLong` with a frame, or a GSO packet with a segment, that is longer than the circuit's
 * interface takes: a virtual interface would drop it uncounted. The limit is that of Linux bridges: the MTU,
 * the Ethernet header, room for one tag whether there is one or not, and the outer tag, which is in the
 * metadata. An interface that is given frames as received has no limit. `type` is the offset on the stack of
 * the frame's first EtherType, `base` that of its parsed headers, and `scratch` that of four free octets.
 */
export function checkCircuitMtu(
  frameOctets: Register,
  offsets: { readonly type: number; readonly base: number; readonly scratch: number },
  tooLong: string,
): readonly Line[] {
  const { type, base, scratch } = offsets;
  return [
    jumpIfAtMost(frameOctets, LINK_OCTETS + LEAST_MTU, "fit"),
    load32(arg1, entry, peerValue.redirectFlags.offset),
    jumpIfNotEqual(arg1, 0, "fit"),
    // For a GSO packet the helper only tells the MTU, and nothing else is needed here.
    store32(frame, scratch, 0),
    move(arg1, context),
    load32(arg2, entry, peerValue.interfaceIndex.offset),
    ...stackAt(arg3, scratch),
    move(arg4, 0),
    move(arg5, 0),
    call("check_mtu"),
    jumpIfSignedLess(result, 0, tooLong),
    load32(arg1, frame, scratch),
    add(arg1, LINK_OCTETS + TAG_OCTETS),
    load16(arg2, frame, type),
    ...jumpIfTag(arg2, "fit.tag"),
    jump("fit.room"),
    label("fit.tag"),
    add(arg1, TAG_OCTETS),
    label("fit.room"),
    load32(arg2, frame, base + parsed.longest),
    jumpIfNotEqual(arg2, 0, "fit.longest"),
    move(arg2, frameOctets),
    label("fit.longest"),
    jumpIfGreater(arg2, arg1, tooLong),
    label("fit"),
  ];
}
