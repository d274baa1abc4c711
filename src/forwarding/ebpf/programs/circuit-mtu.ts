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

/** No interface has less (RFC 791 §3.2). */
const LEAST_MTU = 68;

/**
 * Goes on at `tooLong` with a frame, or a GSO packet whose longest segment is one, that the circuit's interface has no room for: a
 * virtual one would drop it uncounted. The measure is that of bridges: the MTU, the Ethernet header, a tag's room whether there is one or
 * not, and the outer tag, which is no part of the packet. An interface to which frames go as if it received them takes all. `type` is
 * where the stack holds the frame's first EtherType, `place` what is known of it, and `scratch` four free octets.
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
    // Of a GSO packet the helper says no more than the MTU, which is all that is asked here.
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
