import type { Register, WritableRegister } from "../instruction.ts";
import type { Step } from "../line.ts";
import {
  type ArithmeticName,
  arithmeticOperations,
  instructionClass,
  NEGATE,
  SOURCE_IS_REGISTER,
  SWAP,
} from "../opcodes.ts";
import { anySigned, inRange, numberOf, signed32, writable } from "../operands.ts";

/**
 * An operation on a register and a second operand, which is a register or a constant. A constant of a 64-bit
 * operation has 32 bits and is extended by its sign; of a 32-bit one it may be written signed or not. Throws
 * AssemblyError for what does not fit, for a shift by as many bits as there are, and for a division by the
 * constant 0.
 */
export type Arithmetic = (destination: WritableRegister, value: Register | number) => Step;

/** An operation on one register. */
export type Unary = (destination: WritableRegister) => Step;

function arithmetic(operation: ArithmeticName, bits: 32 | 64): Arithmetic {
  const where = bits === 64 ? operation : `${operation}32`;
  const opcode =
    (bits === 64 ? instructionClass.arithmetic64 : instructionClass.arithmetic32) |
    arithmeticOperations[operation].code;
  return (destination, value) => {
    const to = writable(where, destination);
    const isRegister = typeof value === "string";
    return {
      kind: "step",
      instruction: {
        opcode: isRegister ? opcode | SOURCE_IS_REGISTER : opcode,
        destination: to,
        source: isRegister ? numberOf(where, value) : 0,
        offset: 0,
        immediate: isRegister ? 0 : constantOf(where, operation, value, bits),
      },
    };
  };
}

function constantOf(where: string, operation: ArithmeticName, value: number, bits: 32 | 64): number {
  if (operation.startsWith("shift")) return inRange(where, "shift", value, 0, bits - 1);
  if ((operation === "divide" || operation === "modulo") && value === 0)
    return inRange(where, "divisor", value, 1, 2 ** 31 - 1);
  return bits === 64 ? signed32(where, value) : anySigned(where, value, 32);
}

function unary(where: string, opcode: number, immediate = 0): Unary {
  return (destination) => ({
    kind: "step",
    instruction: { opcode, destination: writable(where, destination), source: 0, offset: 0, immediate },
  });
}

/** `destination = value` */
export const move = arithmetic("move", 64);
/** `destination += value` */
export const add = arithmetic("add", 64);
/** `destination -= value` */
export const subtract = arithmetic("subtract", 64);
/** `destination *= value` */
export const multiply = arithmetic("multiply", 64);
/** `destination = value == 0 ? 0 : destination / value`, unsigned */
export const divide = arithmetic("divide", 64);
/** `if (value != 0) destination %= value`, unsigned */
export const modulo = arithmetic("modulo", 64);
/** `destination &= value` */
export const and = arithmetic("and", 64);
/** `destination |= value` */
export const or = arithmetic("or", 64);
/** `destination ^= value` */
export const xor = arithmetic("xor", 64);
/** `destination <<= value & 63` */
export const shiftLeft = arithmetic("shiftLeft", 64);
/** `destination >>= value & 63`, zeros coming in */
export const shiftRight = arithmetic("shiftRight", 64);
/** `destination = (s64)destination >> (value & 63)`, the sign coming in */
export const shiftRightSigned = arithmetic("shiftRightSigned", 64);
/** `destination = -destination` */
export const negate = unary("negate", instructionClass.arithmetic64 | NEGATE);

/** `destination = (u32)value`; the way to a constant of 32 bits that is not to be extended by its sign */
export const move32 = arithmetic("move", 32);
/** `destination = (u32)(destination + value)` */
export const add32 = arithmetic("add", 32);
/** `destination = (u32)(destination - value)` */
export const subtract32 = arithmetic("subtract", 32);
/** `destination = (u32)(destination * value)` */
export const multiply32 = arithmetic("multiply", 32);
/** `destination = (u32)value == 0 ? 0 : (u32)destination / (u32)value` */
export const divide32 = arithmetic("divide", 32);
/** `destination = (u32)value == 0 ? (u32)destination : (u32)destination % (u32)value` */
export const modulo32 = arithmetic("modulo", 32);
/** `destination = (u32)(destination & value)` */
export const and32 = arithmetic("and", 32);
/** `destination = (u32)(destination | value)` */
export const or32 = arithmetic("or", 32);
/** `destination = (u32)(destination ^ value)` */
export const xor32 = arithmetic("xor", 32);
/** `destination = (u32)destination << (value & 31)`, cut to 32 bits */
export const shiftLeft32 = arithmetic("shiftLeft", 32);
/** `destination = (u32)destination >> (value & 31)` */
export const shiftRight32 = arithmetic("shiftRight", 32);
/** `destination = (u32)((s32)destination >> (value & 31))` */
export const shiftRightSigned32 = arithmetic("shiftRightSigned", 32);
/** `destination = (u32)-destination` */
export const negate32 = unary("negate32", instructionClass.arithmetic32 | NEGATE);

const TO_LITTLE = instructionClass.arithmetic32 | SWAP;
const TO_BIG = TO_LITTLE | SOURCE_IS_REGISTER;

/** `destination = htons((u16)destination)`; the upper 48 bits become 0. It is its own inverse, ntohs, too. */
export const toBigEndian16 = unary("toBigEndian16", TO_BIG, 16);
/** `destination = htonl((u32)destination)`; the upper 32 bits become 0 */
export const toBigEndian32 = unary("toBigEndian32", TO_BIG, 32);
/** `destination = htobe64(destination)` */
export const toBigEndian64 = unary("toBigEndian64", TO_BIG, 64);
/** `destination = htole16((u16)destination)`: on x86-64 and arm64, the upper 48 bits become 0 */
export const toLittleEndian16 = unary("toLittleEndian16", TO_LITTLE, 16);
/** `destination = htole32((u32)destination)`: on x86-64 and arm64, the upper 32 bits become 0 */
export const toLittleEndian32 = unary("toLittleEndian32", TO_LITTLE, 32);
/** `destination = htole64(destination)`: on x86-64 and arm64, nothing */
export const toLittleEndian64 = unary("toLittleEndian64", TO_LITTLE, 64);
