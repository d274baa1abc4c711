/**
 * One function for each instruction, named in words; the docstring of each is its effect in C. A second
 * operand is a register where a register is given and a constant where a number is. Registers have 64 bits; a
 * function whose name ends in 32 works on the lower half, and one that writes sets the upper half to 0.
 * Ranges are checked at the call: a mistake throws AssemblyError there.
 */
export * from "./mnemonics/arithmetic.ts";
export * from "./mnemonics/control.ts";
export * from "./mnemonics/memory.ts";
