import { decodeInstructions, type Instruction, slotsOf } from "../../src/bpf/instruction.ts";

/**
 * The eBPF machine in the plainest words, for arithmetic and jumps: no memory, no calls. It is what RFC 9669
 * says, written apart from the assembler: opcodes stand here as numbers.
 */

/**
 * Runs a program on registers of 64 bits, unsigned, and gives them back as they are at exit. Throws for what
 * it does not know.
 */
export function interpret(octets: Uint8Array, registers: readonly bigint[]): readonly bigint[] {
  const program = decodeInstructions(octets);
  const bySlot = new Map<number, Instruction>();
  let slots = 0;
  for (const instruction of program) {
    bySlot.set(slots, instruction);
    slots += slotsOf(instruction);
  }
  const r = [...registers];
  for (let slot = 0, steps = 0; steps < 10_000; steps += 1) {
    const instruction = bySlot.get(slot);
    if (instruction === undefined) throw new Error(`no instruction at ${slot}`);
    if (instruction.opcode === 0x95) return r;
    slot += slotsOf(instruction) + step(instruction, r);
  }
  throw new Error("does not end");
}

/** Does one instruction; gives the slots to jump over. */
function step(instruction: Instruction, r: bigint[]): number {
  const { opcode, destination, source, offset, immediate, upper = 0 } = instruction;
  const kind = opcode & 0x07;
  const bits = kind === 4 || kind === 6 ? 32 : 64;
  const truncate = (value: bigint) => BigInt.asUintN(bits, value);
  const left = truncate(r[destination] ?? 0n);
  const right = truncate((opcode & 0x08) !== 0 ? (r[source] ?? 0n) : BigInt(immediate));
  if (opcode === 0x18) {
    r[destination] = (BigInt(upper >>> 0) << 32n) | BigInt(immediate >>> 0);
    return 0;
  }
  if ((opcode & 0xf7) === 0xd4) {
    r[destination] = swap(r[destination] ?? 0n, immediate, opcode === 0xdc);
    return 0;
  }
  if (opcode === 0x05) return offset;
  if (kind === 4 || kind === 7) {
    r[destination] = truncate(compute(opcode & 0xf0, left, right, bits));
    return 0;
  }
  if (kind === 5 || kind === 6) return holds(opcode & 0xf0, left, right, bits) ? offset : 0;
  throw new Error(`opcode 0x${opcode.toString(16)}`);
}

function compute(operation: number, left: bigint, right: bigint, bits: number): bigint {
  const shift = right & BigInt(bits - 1);
  switch (operation) {
    case 0x00:
      return left + right;
    case 0x10:
      return left - right;
    case 0x20:
      return left * right;
    case 0x30:
      return right === 0n ? 0n : left / right;
    case 0x40:
      return left | right;
    case 0x50:
      return left & right;
    case 0x60:
      return left << shift;
    case 0x70:
      return left >> shift;
    case 0x80:
      return -left;
    case 0x90:
      return right === 0n ? left : left % right;
    case 0xa0:
      return left ^ right;
    case 0xb0:
      return right;
    case 0xc0:
      return BigInt.asIntN(bits, left) >> shift;
    default:
      throw new Error(`operation 0x${operation.toString(16)}`);
  }
}

function holds(condition: number, left: bigint, right: bigint, bits: number): boolean {
  const [a, b] = [BigInt.asIntN(bits, left), BigInt.asIntN(bits, right)];
  const answers: Readonly<Record<number, boolean>> = {
    16: left === right,
    32: left > right,
    48: left >= right,
    64: (left & right) !== 0n,
    80: left !== right,
    96: a > b,
    112: a >= b,
    160: left < right,
    176: left <= right,
    192: a < b,
    208: a <= b,
  };
  const answer = answers[condition];
  if (answer === undefined) throw new Error(`condition 0x${condition.toString(16)}`);
  return answer;
}

function swap(value: bigint, bits: number, isBig: boolean): bigint {
  const truncated = BigInt.asUintN(bits, value);
  if (!isBig) return truncated;
  let swapped = 0n;
  for (let shift = 0; shift < bits; shift += 8)
    swapped = (swapped << 8n) | ((truncated >> BigInt(shift)) & 0xffn);
  return swapped;
}
