import { assemble } from "../../../bpf/assembler.ts";
import { ignoreOperational } from "../../../bytes/errors.ts";
import { KernelLink } from "../../../os/bpf-link.ts";
import { BpfSyscall } from "../../../os/bpf-syscall.ts";
import { interfaceIndexOf } from "../../../os/interface-index.ts";
import { findInterface } from "../../../os/interface-pairs.ts";
import { tagMetadataProgram } from "../programs/tag-metadata-program.ts";

/**
 * Attaches a program to the egress of a veth interface that moves outer VLAN tags into metadata, so that the
 * veth takes double-tagged frames of full size from a packet socket, until the result is disposed of.
 * Undefined for other interfaces, and where this kernel or our rights do not allow it: there the veth drops
 * such frames.
 */
export async function moveTagsToMetadata(interfaceName: string): Promise<Disposable | undefined> {
  try {
    if ((await findInterface(interfaceName))?.kind !== "veth") return undefined;
    using program = new BpfSyscall().loadProgram({ name: "ws_tag", octets: assemble(tagMetadataProgram()) });
    return KernelLink.create(program, interfaceIndexOf(interfaceName), "egress");
  } catch (error) {
    ignoreOperational(error);
    return undefined;
  }
}
