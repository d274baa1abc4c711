/**
 * An assembler for eBPF (RFC 9669), the instruction set of the Linux kernel's virtual machine. A program is
 * written as an array of lines, each made by a function named after what it does, and becomes octets for
 * bpf(2), or text for people. It needs no compiler, and knows nothing of what programs are for: docs/bpf.md
 * teaches it.
 *  const program = [ load32(Register.saved1, Register.arg1, skbContext.protocol), move(Register.result,
 * verdicts.pass), jumpIfEqual(Register.saved1, 0x0008, "done"), move(Register.result, verdicts.drop),
 * label("done"), exit(), ]; assemble(program); // octets list(program).join("\n"); // text
 */
export { assemble } from "./assembler.ts";
export { disassemble, instructionText } from "./disassembler.ts";
export { AssemblyError } from "./errors.ts";
export { type HelperName, helperName, helpers } from "./helpers-table.ts";
export {
  decodeInstruction,
  decodeInstructions,
  encodeInstruction,
  type Instruction,
  Register,
  type WritableRegister,
} from "./instruction.ts";
export * from "./kernel-numbers.ts";
export { type Label, type Line, label, type Step } from "./line.ts";
export { list } from "./listing.ts";
export * from "./mnemonics.ts";
export { SKB_CONTEXT_OCTETS, skbContext } from "./skb-context.ts";
export { VerifierError } from "./verifier-error.ts";
