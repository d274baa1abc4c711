import { AssemblyError } from "./errors.ts";
import type { Instruction } from "./instruction.ts";

/** A label: a location in a program that jumps can name. */
export interface Label {
  readonly kind: "label";
  readonly name: string;
}

/** An instruction; of a jump, the name of the label it goes to, which the assembler makes an offset of. */
export interface Step {
  readonly kind: "step";
  readonly instruction: Instruction;
  readonly target?: string;
}

/** What programs are written in. A program is a `Line[]`, and best made by a function from options to it. */
export type Line = Label | Step;

const NAME = /^[A-Za-z_][\w.-]*$/;

/** Labels the next instruction. A part that occurs twice in a program needs other names the second time. */
export function label(name: string): Label {
  return { kind: "label", name: checkedLabel("label", name) };
}

/** Throws AssemblyError unless it can be a label's name. */
export function checkedLabel(where: string, name: string): string {
  if (NAME.test(name)) return name;
  throw new AssemblyError(
    `${where}: ${JSON.stringify(name)} is no name of a label; ` +
      'letters, digits, "_", "." and "-" are, after a letter or "_"',
  );
}
