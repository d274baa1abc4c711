/** What opcodes are made of (RFC 9669 §3), and how the kernel's verifier writes each. */

/** TABLE: the lowest three bits: what kind of instruction it is. */
export const instructionClass = {
  loadImmediate: 0x00,
  load: 0x01,
  storeImmediate: 0x02,
  store: 0x03,
  arithmetic32: 0x04,
  jump: 0x05,
  jump32: 0x06,
  arithmetic64: 0x07,
} as const;

export const CLASS_MASK = 0x07;

/** In arithmetic and jumps: the second operand is a register, not the immediate. */
export const SOURCE_IS_REGISTER = 0x08;

/** TABLE: arithmetic, in bits 4 to 7. */
export const arithmeticOperations = {
  add: { code: 0x00, symbol: "+=" },
  subtract: { code: 0x10, symbol: "-=" },
  multiply: { code: 0x20, symbol: "*=" },
  divide: { code: 0x30, symbol: "/=" },
  or: { code: 0x40, symbol: "|=" },
  and: { code: 0x50, symbol: "&=" },
  shiftLeft: { code: 0x60, symbol: "<<=" },
  shiftRight: { code: 0x70, symbol: ">>=" },
  modulo: { code: 0x90, symbol: "%=" },
  xor: { code: 0xa0, symbol: "^=" },
  move: { code: 0xb0, symbol: "=" },
  shiftRightSigned: { code: 0xc0, symbol: "s>>=" },
} as const;
export type ArithmeticName = keyof typeof arithmeticOperations;

/** The two operations of the arithmetic class that have one operand. */
export const NEGATE = 0x80;
export const SWAP = 0xd0;

/** TABLE: conditions of jumps, in bits 4 to 7. */
export const conditions = {
  jumpIfEqual: { code: 0x10, symbol: "==" },
  jumpIfGreater: { code: 0x20, symbol: ">" },
  jumpIfAtLeast: { code: 0x30, symbol: ">=" },
  jumpIfSet: { code: 0x40, symbol: "&" },
  jumpIfNotEqual: { code: 0x50, symbol: "!=" },
  jumpIfSignedGreater: { code: 0x60, symbol: "s>" },
  jumpIfSignedAtLeast: { code: 0x70, symbol: "s>=" },
  jumpIfLess: { code: 0xa0, symbol: "<" },
  jumpIfAtMost: { code: 0xb0, symbol: "<=" },
  jumpIfSignedLess: { code: 0xc0, symbol: "s<" },
  jumpIfSignedAtMost: { code: 0xd0, symbol: "s<=" },
} as const;
export type ConditionName = keyof typeof conditions;

/** Whole opcodes of jumps without a condition. */
export const JUMP = 0x05;
export const CALL = 0x85;
export const EXIT = 0x95;

/** TABLE: how much memory is loaded or stored, by bits, in bits 3 and 4. */
export const sizes = {
  8: { code: 0x10, type: "u8" },
  16: { code: 0x08, type: "u16" },
  32: { code: 0x00, type: "u32" },
  64: { code: 0x18, type: "u64" },
} as const;
export type Bits = keyof typeof sizes;

/** How memory is reached, in bits 5 to 7: plainly, or in one piece that no other CPU can come between. */
export const PLAIN = 0x60;
export const ATOMIC = 0xc0;

/** In the immediate of an atomic instruction: what is done, and whether the old value is given back. */
export const ATOMIC_ADD = 0x00;
export const ATOMIC_FETCH = 0x01;

/** The only opcode of two slots: a constant of 64 bits. */
export const WIDE = 0x18;

/** What the constant of a wide instruction stands for, in its source register's field. */
export const WIDE_NUMBER = 0;
export const WIDE_MAP = 1;
export const WIDE_MAP_VALUE = 2;
