import { AssemblyError } from "../errors.ts";
import type { Register, WritableRegister } from "../instruction.ts";
import type { Step } from "../line.ts";
import {
  ATOMIC,
  ATOMIC_ADD,
  ATOMIC_FETCH,
  type Bits,
  instructionClass,
  PLAIN,
  sizes,
  WIDE,
  WIDE_MAP,
  WIDE_MAP_VALUE,
  WIDE_NUMBER,
} from "../opcodes.ts";
import { anySigned, displacement, inRange, numberOf, signed32, writable } from "../operands.ts";

/**
 * Fills a register from memory at `base + offset`, with zeros above. `offset` is in octets, from -32768 to
 * 32767. Octets are taken in the machine's order: what came from a network wants toBigEndian16, 32 or 64
 * behind it. Throws AssemblyError.
 */
export type Load = (destination: WritableRegister, base: Register, offset: number) => Step;

/**
 * Writes a register's lowest bits, or a constant, to memory at `base + offset` in the machine's order.
 * Constants are written signed or not; those of 64 bits are 32 bits extended by the sign. Throws
 * AssemblyError.
 */
export type Store = (base: Register, offset: number, value: Register | number) => Step;

/** Does something with memory at `base + offset` that no other CPU can come between. Throws AssemblyError. */
export type Atomic<R extends Register> = (base: Register, offset: number, value: R) => Step;

function load(bits: Bits): Load {
  const where = `load${bits}`;
  const opcode = instructionClass.load | PLAIN | sizes[bits].code;
  return (destination, base, offset) => ({
    kind: "step",
    instruction: {
      opcode,
      destination: writable(where, destination),
      source: numberOf(where, base),
      offset: displacement(where, base, offset, bits),
      immediate: 0,
    },
  });
}

function store(bits: Bits): Store {
  const where = `store${bits}`;
  const constant = (value: number) => (bits === 64 ? signed32(where, value) : anySigned(where, value, bits));
  return (base, offset, value) => {
    const isRegister = typeof value === "string";
    const kind = isRegister ? instructionClass.store : instructionClass.storeImmediate;
    return {
      kind: "step",
      instruction: {
        opcode: kind | PLAIN | sizes[bits].code,
        destination: numberOf(where, base),
        source: isRegister ? numberOf(where, value) : 0,
        offset: displacement(where, base, offset, bits),
        immediate: isRegister ? 0 : constant(value),
      },
    };
  };
}

function atomic<R extends Register>(where: string, bits: 32 | 64, immediate: number): Atomic<R> {
  const opcode = instructionClass.store | ATOMIC | sizes[bits].code;
  return (base, offset, value) => ({
    kind: "step",
    instruction: {
      opcode,
      destination: numberOf(where, base),
      source: (immediate & ATOMIC_FETCH) === 0 ? numberOf(where, value) : writable(where, value),
      offset: displacement(where, base, offset, bits),
      immediate,
    },
  });
}

function wide(where: string, destination: Register, source: number, lower: number, upper: number): Step {
  const to = writable(where, destination);
  return {
    kind: "step",
    instruction: { opcode: WIDE, destination: to, source, offset: 0, immediate: lower | 0, upper: upper | 0 },
  };
}

/** `destination = *(u8 *)(base + offset)` */
export const load8 = load(8);
/** `destination = *(u16 *)(base + offset)` */
export const load16 = load(16);
/** `destination = *(u32 *)(base + offset)` */
export const load32 = load(32);
/** `destination = *(u64 *)(base + offset)` */
export const load64 = load(64);

/** `*(u8 *)(base + offset) = value` */
export const store8 = store(8);
/** `*(u16 *)(base + offset) = value` */
export const store16 = store(16);
/** `*(u32 *)(base + offset) = value` */
export const store32 = store(32);
/** `*(u64 *)(base + offset) = value` */
export const store64 = store(64);

/** `*(u32 *)(base + offset) += value`, in one piece */
export const atomicAdd32: Atomic<Register> = atomic("atomicAdd32", 32, ATOMIC_ADD);
/** `*(u64 *)(base + offset) += value`, in one piece */
export const atomicAdd64: Atomic<Register> = atomic("atomicAdd64", 64, ATOMIC_ADD);
/**
 * `value = __sync_fetch_and_add((u32 *)(base + offset), value)`: adds, and leaves in `value` what was there
 * before
 */
export const atomicFetchAdd32: Atomic<WritableRegister> = atomic(
  "atomicFetchAdd32",
  32,
  ATOMIC_ADD | ATOMIC_FETCH,
);
/**
 * `value = __sync_fetch_and_add((u64 *)(base + offset), value)`: adds, and leaves in `value` what was there
 * before
 */
export const atomicFetchAdd64: Atomic<WritableRegister> = atomic(
  "atomicFetchAdd64",
  64,
  ATOMIC_ADD | ATOMIC_FETCH,
);

/** `destination = value`, any 64 bits, from -2^63 to 2^64 - 1; takes two slots. Throws AssemblyError. */
export function loadConstant(destination: WritableRegister, value: bigint | number): Step {
  const where = "loadConstant";
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new AssemblyError(
      `${where}: ${value} is no integer that a number holds exactly; write it as a bigint`,
    );
  }
  const whole = BigInt(value);
  if (whole < -(2n ** 63n) || whole >= 2n ** 64n)
    throw new AssemblyError(`${where}: ${whole} does not fit 64 bits`);
  const part = (shift: bigint) => Number(BigInt.asIntN(32, whole >> shift));
  return wide(where, destination, WIDE_NUMBER, part(0n), part(32n));
}

/**
 * `destination = (struct bpf_map *)map`: what helpers take for a map. `fd` is a descriptor of the map in the
 * process that loads the program; the kernel puts the map in its place. Takes two slots. Throws
 * AssemblyError.
 */
export function loadMapFd(destination: WritableRegister, fd: number): Step {
  const where = "loadMapFd";
  return wide(where, destination, WIDE_MAP, inRange(where, "descriptor", fd, 0, 0x7fff_ffff), 0);
}

/**
 * `destination = (void *)map->value + offset`: an address in the value of an array map of one entry, without
 * a look-up and never null. `offset` is in octets. Takes two slots. Throws AssemblyError.
 */
export function loadMapValue(destination: WritableRegister, fd: number, offset = 0): Step {
  const where = "loadMapValue";
  return wide(
    where,
    destination,
    WIDE_MAP_VALUE,
    inRange(where, "descriptor", fd, 0, 0x7fff_ffff),
    inRange(where, "offset", offset, 0, 0x1fff_ffff),
  );
}
