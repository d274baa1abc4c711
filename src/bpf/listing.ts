import { concat } from "../bytes/hex.ts";
import { resolve } from "./assembler.ts";
import { disassemble } from "./disassembler.ts";
import { encodeInstruction } from "./instruction.ts";
import type { Line } from "./line.ts";

/**
 * A program as the kernel sees it, with its author's labels, a line of text for each line. Throws as assemble
 * does.
 */
export function list(lines: readonly Line[]): readonly string[] {
  const { instructions, labels } = resolve(lines);
  return disassemble(concat(...instructions.map(encodeInstruction)), labels);
}
