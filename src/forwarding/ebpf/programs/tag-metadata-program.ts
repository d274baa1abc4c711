import { Register } from "../../../bpf/instruction.ts";
import { verdicts } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import { exit, move } from "../../../bpf/mnemonics.ts";
import { context } from "./parts.ts";
import { moveTagToMetadata } from "./vlan-tag.ts";

const { result, arg1 } = Register;

/**
 * The program at a circuit's egress: an outer tag that stands in a packet's octets is put beside it, where a bridge has it. On the wire
 * that is the same; but a veth pair counts it as part of the packet if it stands there, and drops double-tagged frames of full size.
 */
export function tagMetadataProgram(): readonly Line[] {
  return [move(context, arg1), ...moveTagToMetadata(), label("pass"), move(result, verdicts.next), exit()];
}
