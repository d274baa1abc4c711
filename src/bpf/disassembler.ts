import { helperName } from "./helpers-table.ts";
import { decodeInstructions, type Instruction, slotsOf } from "./instruction.ts";
import {
  ATOMIC,
  ATOMIC_ADD,
  ATOMIC_FETCH,
  arithmeticOperations,
  CALL,
  CLASS_MASK,
  conditions,
  EXIT,
  instructionClass,
  JUMP,
  NEGATE,
  PLAIN,
  SOURCE_IS_REGISTER,
  SWAP,
  sizes,
  WIDE,
  WIDE_MAP,
  WIDE_MAP_VALUE,
  WIDE_NUMBER,
} from "./opcodes.ts";

const OPERATION_MASK = 0xf0;
const SIZE_MASK = 0x18;
const MODE_MASK = 0xe0;

const arithmeticSymbols = symbolsOf(arithmeticOperations);
const conditionSymbols = symbolsOf(conditions);
const types: ReadonlyMap<number, string> = new Map(
  Object.values(sizes).map(({ code, type }) => [code as number, type]),
);

function symbolsOf(table: Readonly<Record<string, { code: number; symbol: string }>>) {
  return new Map(Object.values(table).map(({ code, symbol }) => [code, symbol]));
}

/**
 * A program as text, a line for each instruction with the number of its slot, as the kernel's verifier writes
 * it: what stands in its log can be searched for here. A jump's target has a line of its own before it, and
 * its name stands behind the jump. `labels` are names and their slots; targets without one are called after
 * their slot. Throws as decodeInstructions does.
 */
export function disassemble(
  octets: Uint8Array,
  labels: ReadonlyMap<string, number> = new Map(),
): readonly string[] {
  const instructions = decodeInstructions(octets);
  const slots = slotNumbers(instructions);
  const names = labelNames(instructions, slots, labels);
  return instructions.flatMap((instruction, index) => {
    const slot = slots[index] ?? 0;
    const target = isJump(instruction) ? slot + 1 + instruction.offset : undefined;
    const name = target === undefined ? undefined : names.get(target)?.[0];
    const text = `${String(slot).padStart(4)}: ${instructionText(instruction)}`;
    return [
      ...(names.get(slot) ?? []).map((own) => `${own}:`),
      name === undefined ? text : `${text} <${name}>`,
    ];
  });
}

function slotNumbers(instructions: readonly Instruction[]): readonly number[] {
  let next = 0;
  return instructions.map((instruction) => {
    const slot = next;
    next += slotsOf(instruction);
    return slot;
  });
}

/** Names by slot: those given, and one for each target that has none. */
function labelNames(
  instructions: readonly Instruction[],
  slots: readonly number[],
  labels: ReadonlyMap<string, number>,
): ReadonlyMap<number, readonly string[]> {
  const names = new Map<number, readonly string[]>();
  for (const [name, slot] of labels) names.set(slot, [...(names.get(slot) ?? []), name]);
  for (const [index, instruction] of instructions.entries()) {
    const target = (slots[index] ?? 0) + 1 + instruction.offset;
    if (isJump(instruction) && !names.has(target)) names.set(target, [`L${target}`]);
  }
  return names;
}

function isJump({ opcode }: Instruction): boolean {
  const kind = opcode & CLASS_MASK;
  if (kind !== instructionClass.jump && kind !== instructionClass.jump32) return false;
  return opcode === JUMP || conditionSymbols.has(opcode & OPERATION_MASK);
}

/**
 * One instruction as the kernel's verifier writes it, such as `(15) if r6 == 0x8 goto pc+1`; with `target`,
 * the label's name stands where the distance would. Maps are told by their descriptors, which the kernel no
 * longer knows when it writes.
 */
export function instructionText(instruction: Instruction, target?: string): string {
  const code = instruction.opcode.toString(16).padStart(2, "0");
  return `(${code}) ${effectOf(instruction, target) ?? "unknown"}`;
}

function effectOf(instruction: Instruction, target: string | undefined): string | undefined {
  switch (instruction.opcode & CLASS_MASK) {
    case instructionClass.arithmetic64:
      return arithmeticText(instruction, "r");
    case instructionClass.arithmetic32:
      return swapText(instruction) ?? arithmeticText(instruction, "w");
    case instructionClass.jump:
      return controlText(instruction, target) ?? jumpText(instruction, "r", target);
    case instructionClass.jump32:
      return jumpText(instruction, "w", target);
    case instructionClass.loadImmediate:
      return wideText(instruction);
    default:
      return memoryText(instruction);
  }
}

function hasRegister(opcode: number): boolean {
  return (opcode & SOURCE_IS_REGISTER) !== 0;
}

function arithmeticText(instruction: Instruction, letter: "r" | "w"): string | undefined {
  const { opcode, destination, source, immediate, offset } = instruction;
  // An offset makes another operation of it, which this assembler does not write.
  if (offset !== 0) return undefined;
  const to = `${letter}${destination}`;
  if ((opcode & OPERATION_MASK) === NEGATE) return `${to} = -${to}`;
  const symbol = arithmeticSymbols.get(opcode & OPERATION_MASK);
  if (symbol === undefined) return undefined;
  return `${to} ${symbol} ${hasRegister(opcode) ? `${letter}${source}` : immediate}`;
}

function swapText({ opcode, destination, immediate }: Instruction): string | undefined {
  if ((opcode & OPERATION_MASK) !== SWAP || ![16, 32, 64].includes(immediate)) return undefined;
  return `r${destination} = ${hasRegister(opcode) ? "be" : "le"}${immediate} r${destination}`;
}

function controlText(
  { opcode, source, offset, immediate }: Instruction,
  target: string | undefined,
): string | undefined {
  if (opcode === EXIT) return "exit";
  if (opcode === JUMP) return `goto ${distanceText(offset, target)}`;
  if (opcode !== CALL || source !== 0) return undefined;
  const name = helperName(immediate);
  return `call ${name === undefined ? "unknown" : `bpf_${name}`}#${immediate}`;
}

function jumpText(
  { opcode, destination, source, offset, immediate }: Instruction,
  letter: "r" | "w",
  target: string | undefined,
): string | undefined {
  const symbol = conditionSymbols.get(opcode & OPERATION_MASK);
  if (symbol === undefined) return undefined;
  const right = hasRegister(opcode) ? `${letter}${source}` : `0x${(immediate >>> 0).toString(16)}`;
  return `if ${letter}${destination} ${symbol} ${right} goto ${distanceText(offset, target)}`;
}

function distanceText(offset: number, target: string | undefined): string {
  return target ?? `pc${signedText(offset)}`;
}

function signedText(value: number): string {
  return value < 0 ? `${value}` : `+${value}`;
}

function memoryText(instruction: Instruction): string | undefined {
  const { opcode, destination, source, offset, immediate } = instruction;
  const type = types.get(opcode & SIZE_MASK);
  const at = (base: number) => `*(${type} *)(r${base} ${signedText(offset)})`;
  if ((opcode & MODE_MASK) === ATOMIC) return atomicText(instruction, at(destination));
  if ((opcode & MODE_MASK) !== PLAIN) return undefined;
  switch (opcode & CLASS_MASK) {
    case instructionClass.load:
      return `r${destination} = ${at(source)}`;
    case instructionClass.store:
      return `${at(destination)} = r${source}`;
    default:
      return `${at(destination)} = ${immediate}`;
  }
}

function atomicText({ opcode, source, immediate }: Instruction, operand: string): string | undefined {
  const size = opcode & SIZE_MASK;
  if ((opcode & CLASS_MASK) !== instructionClass.store) return undefined;
  if (size !== sizes[32].code && size !== sizes[64].code) return undefined;
  if (immediate === ATOMIC_ADD) return `lock ${operand} += r${source}`;
  if (immediate !== (ATOMIC_ADD | ATOMIC_FETCH)) return undefined;
  const width = size === sizes[64].code ? "64" : "";
  return `r${source} = atomic${width}_fetch_add(${operand.slice(1)}, r${source})`;
}

function wideText({ opcode, destination, source, immediate, upper = 0 }: Instruction): string | undefined {
  if (opcode !== WIDE) return undefined;
  const to = `r${destination} =`;
  if (source === WIDE_MAP) return `${to} map[fd:${immediate}]`;
  if (source === WIDE_MAP_VALUE) return `${to} map[fd:${immediate}][0]+${upper >>> 0}`;
  if (source !== WIDE_NUMBER) return undefined;
  const whole = (BigInt(upper >>> 0) << 32n) | BigInt(immediate >>> 0);
  return `${to} 0x${whole.toString(16)}`;
}
