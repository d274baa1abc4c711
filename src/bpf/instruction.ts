import { TruncatedError } from "../bytes/errors.ts";
import { AssemblyError } from "./errors.ts";
import { WIDE } from "./opcodes.ts";

/**
 * The registers of a program, 64 bits each, by what the calling convention makes of them: a program finds its
 * context in `arg1`; a call takes `arg1` to `arg5`, leaves them undefined and answers in `result`; `saved1`
 * to `saved4` outlive it. `frame` cannot be written; below it lie 512 octets of stack. `exit` gives back
 * `result`.
 */
export const Register = {
  result: "r0",
  arg1: "r1",
  arg2: "r2",
  arg3: "r3",
  arg4: "r4",
  arg5: "r5",
  saved1: "r6",
  saved2: "r7",
  saved3: "r8",
  saved4: "r9",
  frame: "r10",
} as const;
export type Register = (typeof Register)[keyof typeof Register];

/** Any register but `frame`. */
export type WritableRegister = Exclude<Register, "r10">;

/** One instruction, field by field as it stands in memory (RFC 9669 §3). */
export interface Instruction {
  /** What it does, 8 bits. */
  readonly opcode: number;
  /** Number of the first register, 0 to 15. */
  readonly destination: number;
  /** Number of the second register, or what the immediate stands for; 0 to 15. */
  readonly source: number;
  /** Signed, 16 bits: octets from a base register, or slots to jump over. */
  readonly offset: number;
  /** Signed, 32 bits. */
  readonly immediate: number;
  /** The upper 32 bits, signed, of a constant of 64; there in instructions of two slots, and only there. */
  readonly upper?: number;
}

/** Octets of one slot: jumps count in them, and a wide instruction takes two. */
export const SLOT_OCTETS = 8;

/** How many slots an instruction takes: 1 or 2. */
export function slotsOf(instruction: Instruction): 1 | 2 {
  return instruction.upper === undefined ? 1 : 2;
}

/**
 * The 8 or 16 octets of an instruction, in the order of little-endian machines, which x86-64 and arm64 are.
 */
export function encodeInstruction(instruction: Instruction): Uint8Array {
  const { opcode, destination, source, offset, immediate, upper } = instruction;
  if ((opcode === WIDE) !== (upper !== undefined)) {
    throw new AssemblyError(
      `encode opcode 0x${opcode.toString(16)}: the upper 32 bits go with opcode 0x18, and only with it`,
    );
  }
  const view = new DataView(new ArrayBuffer(SLOT_OCTETS * slotsOf(instruction)));
  view.setUint8(0, opcode);
  view.setUint8(1, (source << 4) | destination);
  view.setInt16(2, offset, true);
  view.setInt32(4, immediate, true);
  if (upper !== undefined) view.setInt32(SLOT_OCTETS + 4, upper, true);
  return new Uint8Array(view.buffer);
}

/**
 * The instruction that begins at `offset`. Throws TruncatedError, and AssemblyError where a wide one's second
 * slot is another's.
 */
export function decodeInstruction(octets: Uint8Array, offset = 0): Instruction {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const need = (length: number) => {
    if (octets.length < offset + length)
      throw new TruncatedError("instruction", offset, length, octets.length - offset);
  };
  need(SLOT_OCTETS);
  const registers = view.getUint8(offset + 1);
  const first = {
    opcode: view.getUint8(offset),
    destination: registers & 0x0f,
    source: registers >> 4,
    offset: view.getInt16(offset + 2, true),
    immediate: view.getInt32(offset + 4, true),
  };
  if (first.opcode !== WIDE) return first;
  need(2 * SLOT_OCTETS);
  if (view.getUint32(offset + SLOT_OCTETS, true) !== 0) {
    throw new AssemblyError(
      `decode the constant at octet ${offset}: its second slot is an instruction of its own`,
    );
  }
  return { ...first, upper: view.getInt32(offset + SLOT_OCTETS + 4, true) };
}

/** All instructions of a program. Throws as decodeInstruction does. */
export function decodeInstructions(octets: Uint8Array): readonly Instruction[] {
  const instructions: Instruction[] = [];
  for (let offset = 0; offset < octets.length; ) {
    const instruction = decodeInstruction(octets, offset);
    instructions.push(instruction);
    offset += SLOT_OCTETS * slotsOf(instruction);
  }
  return instructions;
}
