import { AssemblyError } from "./errors.ts";
import { Register } from "./instruction.ts";
import type { Bits } from "./opcodes.ts";

/**
 * Checks of operands, made where a line is written, so that the stack trace of a mistake leads to it. All
 * throw AssemblyError.
 */

const numbers: ReadonlyMap<string, number> = new Map(
  Object.values(Register).map((name, number) => [name, number]),
);

/** Octets of stack below the frame register. */
const STACK_OCTETS = 512;

/** A register's number. */
export function numberOf(where: string, register: Register): number {
  const number = numbers.get(register);
  if (number === undefined) throw new AssemblyError(`${where}: ${String(register)} is no register`);
  return number;
}

/** A register's number, of one that can be written. */
export function writable(where: string, register: Register): number {
  if (register === Register.frame)
    throw new AssemblyError(`${where}: the frame register cannot be written; copy it by move first`);
  return numberOf(where, register);
}

/** An integer from `least` to `most`. */
export function inRange(where: string, what: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new AssemblyError(`${where}: ${what} ${value} is not an integer from ${least} to ${most}`);
}

/** A constant that the machine extends by its sign to 64 bits. */
export function signed32(where: string, value: number): number {
  if (Number.isInteger(value) && value >= -0x8000_0000 && value <= 0x7fff_ffff) return value;
  throw new AssemblyError(
    `${where}: immediate ${value} is not an integer from -2147483648 to 2147483647, ` +
      "which is extended by its sign to 64 bits; " +
      "put it into a register by loadConstant",
  );
}

/** A constant of up to 32 bits, signed or not, as the signed number that stands in the instruction. */
export function anySigned(where: string, value: number, bits: 8 | 16 | 32): number {
  const half = 2 ** (bits - 1);
  return inRange(where, "immediate", value, -half, 2 * half - 1) | 0;
}

/** An offset in octets from a base register; on the stack it must stay there, at a multiple of the size. */
export function displacement(where: string, base: Register, offset: number, bits: Bits): number {
  inRange(where, "offset", offset, -0x8000, 0x7fff);
  if (base !== Register.frame) return offset;
  const octets = bits / 8;
  if (offset < -STACK_OCTETS || offset + octets > 0 || offset % octets !== 0) {
    throw new AssemblyError(
      `${where}: offset ${offset} from the frame: ` +
        `${octets} octets of stack begin at a multiple of ${octets} from ` +
        `${-STACK_OCTETS} to ${-octets}`,
    );
  }
  return offset;
}
