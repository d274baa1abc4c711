import { Register } from "../../../bpf/instruction.ts";
import { verdicts } from "../../../bpf/kernel-numbers.ts";
import { type Line, label } from "../../../bpf/line.ts";
import { exit, move } from "../../../bpf/mnemonics.ts";
import { context } from "./parts.ts";
import { moveTagToMetadata } from "./vlan-tag.ts";

const { result, arg1 } = Register;

/**
 * The program at a circuit's egress that moves an outer VLAN tag from the packet's octets to its metadata,
 * where a bridge has it. On the wire that is the same; but a veth pair counts a tag in the octets towards the
 * length, and drops double-tagged frames of full size.
 */
export function tagMetadataProgram(): readonly Line[] {
  return [move(context, arg1), ...moveTagToMetadata(), label("pass"), move(result, verdicts.next), exit()];
}
