import { Register } from "../../../bpf/instruction.ts";
import { verdicts } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import {
  and,
  call,
  exit,
  jump,
  jumpIfEqual,
  jumpIfNotEqual,
  load16,
  load32,
  move,
  store32,
} from "../../../bpf/mnemonics.ts";
import { skbContext } from "../../../bpf/skb-context.ts";
import { TPID_CUSTOMER } from "../../../wire/ethernet.ts";
import type { MirroredCircuit } from "../../frame-source.ts";
import { context, loadOctets, passEnd } from "./parts.ts";
import { jumpIfTag, networkOrder } from "./vlan-tag.ts";

/**
 * Programs that copy the frames of a circuit to a capture. One stands before all others at a hook of the
 * circuit's device and sends copies to a mirror device; another one stands there and writes the direction to
 * each copy.
 */

const { result, arg1, arg2, arg3, saved2, saved3, frame } = Register;
/** Offset from the frame register. */
const TAG = -8;
/** Of the mark of copies, above the direction: "wsm". */
const MARK = 0x77736d00;

/**
 * TABLE: the VLAN ID of the tag that the second program puts into the metadata of a copy. All tags of the
 * frame itself are in its octets then, where filters look for them.
 */
const mirroredDirections = { inbound: 1, outbound: 2 } as const;
export type MirroredDirection = keyof typeof mirroredDirections;

/** The direction of a copy by its tag, EtherType above the control information. */
export function mirroredDirectionOf(tag: number): MirroredDirection {
  return (tag & 0xfff) === mirroredDirections.outbound ? "outbound" : "inbound";
}

export interface MirrorOptions {
  /** The mirror device. */
  readonly to: number;
  readonly direction: MirroredDirection;
  /** The VLAN whose frames are copied; absent: all frames. */
  readonly vlan: MirroredCircuit["vlan"];
  /** Whether frames are left out that came in by no interface: the host itself sends them. */
  readonly onlyForwarded: boolean;
}

/** The program at the circuit. The packet goes on unchanged. */
export function mirrorProgram({ to, direction, vlan, onlyForwarded }: MirrorOptions): readonly Line[] {
  return [
    move(context, arg1),
    ...(onlyForwarded
      ? [load32(arg1, context, skbContext.ingressInterfaceIndex), jumpIfEqual(arg1, 0, "pass")]
      : []),
    ...(vlan === undefined ? [] : ofVlan(vlan)),
    load32(saved2, context, skbContext.mark),
    move(arg1, MARK + mirroredDirections[direction]),
    store32(context, skbContext.mark, arg1),
    move(arg1, context),
    move(arg2, to),
    move(arg3, 0),
    call("clone_redirect"),
    store32(context, skbContext.mark, saved2),
    ...passEnd(),
  ];
}

/** Goes on at "pass" for frames of other VLANs, wherever the outer tag is. */
function ofVlan({ protocol, id }: NonNullable<MirroredCircuit["vlan"]>): readonly Line[] {
  return [
    load32(arg1, context, skbContext.vlanPresent),
    jumpIfNotEqual(arg1, 0, "aside"),
    load32(arg1, context, skbContext.protocol),
    ...jumpIfTag(arg1, "inside"),
    jump("pass"),
    label("inside"),
    ...loadOctets(12, TAG, 4, "pass"),
    load16(arg1, frame, TAG),
    load16(saved3, frame, TAG + 2),
    jumpIfNotEqual(arg1, networkOrder(protocol), "pass"),
    and(saved3, networkOrder(0x0fff)),
    jumpIfNotEqual(saved3, networkOrder(id), "pass"),
    jump("copied"),
    label("aside"),
    load32(arg1, context, skbContext.vlanProtocol),
    jumpIfNotEqual(arg1, networkOrder(protocol), "pass"),
    load32(arg1, context, skbContext.vlanTci),
    and(arg1, 0x0fff),
    jumpIfNotEqual(arg1, id, "pass"),
    label("copied"),
  ];
}

/** The program at the mirror device: what has not the mark of a copy is dropped. */
export function mirroredProgram(): readonly Line[] {
  return [
    move(context, arg1),
    load32(saved2, context, skbContext.mark),
    move(arg3, saved2),
    and(arg3, 0xff),
    and(saved2, -0x100),
    move(arg1, MARK),
    jumpIfNotEqual(saved2, arg1, "drop"),
    move(arg1, context),
    move(arg2, networkOrder(TPID_CUSTOMER)),
    call("skb_vlan_push"),
    jumpIfNotEqual(result, 0, "drop"),
    move(result, verdicts.next),
    exit(),
    label("drop"),
    move(result, verdicts.drop),
    exit(),
  ];
}
