/**
 * Filters of classic BPF, as libpcap compiles tcpdump's expressions: two words for each instruction, the
 * first with opcode (16 bits) and the distances to go if true and if false (8 bits each, from the lowest bit
 * on), the second with the operand.
 */

/** Instructions of the longest filter that is taken. */
export const MOST_FILTER_INSTRUCTIONS = 500;
/** Words of memory that a filter has. */
const MEMORY_WORDS = 16;

/** TABLE: the parts of an opcode (linux/bpf_common.h). */
const kind = { load: 0, loadX: 1, store: 2, storeX: 3, compute: 4, jump: 5, return: 6, move: 7 } as const;
const mode = {
  constant: 0x00,
  absolute: 0x20,
  indirect: 0x40,
  memory: 0x60,
  length: 0x80,
  headerLength: 0xa0,
};
const KIND_MASK = 0x07;
const MODE_MASK = 0xe0;
const SIZE_MASK = 0x18;
const OPERATION_MASK = 0xf0;
const FROM_X = 0x08;
const size = { word: 0x00, half: 0x08, octet: 0x10 } as const;
const octetsOf: Readonly<Record<number, number>> = { [size.word]: 4, [size.half]: 2, [size.octet]: 1 };

/**
 * What a computation makes of A and its operand; undefined where the program ends (a division by 0).
 * TABLE: by operation.
 */
const computations: Readonly<Record<number, (a: number, b: number) => number | undefined>> = {
  0: (a, b) => a + b,
  16: (a, b) => a - b,
  32: (a, b) => Math.imul(a, b),
  48: (a, b) => (b === 0 ? undefined : Math.floor(a / b)),
  64: (a, b) => a | b,
  80: (a, b) => a & b,
  96: (a, b) => (b > 31 ? 0 : a << b),
  112: (a, b) => (b > 31 ? 0 : a >>> b),
  128: (a) => -a,
  144: (a, b) => (b === 0 ? undefined : a % b),
  160: (a, b) => a ^ b,
};

/** TABLE: whether a jump goes on as if true, by operation. */
const conditions: Readonly<Record<number, (a: number, b: number) => boolean>> = {
  16: (a, b) => a === b,
  32: (a, b) => a > b,
  48: (a, b) => a >= b,
  64: (a, b) => (a & b) >>> 0 !== 0,
};

/** Why a program is no filter; undefined for a filter, which then ends for each packet. */
export function checkFilter(program: Uint32Array): string | undefined {
  const count = program.length / 2;
  if (!Number.isInteger(count) || count < 1) return "it has no whole instructions";
  if (count > MOST_FILTER_INSTRUCTIONS)
    return `it has ${count} instructions, and ${MOST_FILTER_INSTRUCTIONS} are the most`;
  for (let at = 0; at < count; at += 1) {
    const problem = checkInstruction(program, at, count);
    if (problem !== undefined) return `instruction ${at}: ${problem}`;
  }
  const last = (program[2 * (count - 1)] as number) & KIND_MASK;
  return last === kind.return ? undefined : "it does not end by a return";
}

function checkInstruction(program: Uint32Array, at: number, count: number): string | undefined {
  const first = program[2 * at] as number;
  const operand = program[2 * at + 1] as number;
  const code = first & 0xffff;
  const left = count - at - 1;
  switch (code & KIND_MASK) {
    case kind.load:
    case kind.loadX:
      if ((code & MODE_MASK) > mode.headerLength) return "unknown mode";
      return (code & MODE_MASK) === mode.memory ? checkMemory(operand) : undefined;
    case kind.store:
    case kind.storeX:
      return checkMemory(operand);
    case kind.compute:
      return (code & OPERATION_MASK) in computations ? undefined : "unknown operation";
    case kind.jump: {
      if ((code & OPERATION_MASK) === 0) return operand < left ? undefined : "jumps out of the filter";
      if (!((code & OPERATION_MASK) in conditions)) return "unknown condition";
      return Math.max((first >>> 16) & 0xff, first >>> 24) < left ? undefined : "jumps out of the filter";
    }
    default:
      return undefined;
  }
}

function checkMemory(operand: number): string | undefined {
  return operand < MEMORY_WORDS ? undefined : "uses memory that filters do not have";
}

/** Runs filters that `checkFilter` passed. It allocates nothing for each packet. */
export class PacketFilter {
  readonly #program: Uint32Array;
  readonly #memory = new Uint32Array(MEMORY_WORDS);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;
  #length = 0;

  constructor(program: Uint32Array) {
    this.#program = program;
  }

  /** Whether it accepts the packet of `length` octets at `start`. */
  accepts(view: DataView, start: number, length: number): boolean {
    this.#view = view;
    this.#start = start;
    this.#length = length;
    const program = this.#program;
    let a = 0;
    let x = 0;
    for (let at = 0; at < program.length; at += 2) {
      const first = program[at] as number;
      const operand = program[at + 1] as number;
      const code = first & 0xffff;
      switch (code & KIND_MASK) {
        case kind.load: {
          const loaded = this.#load(code, operand, x);
          if (loaded < 0) return false;
          a = loaded;
          break;
        }
        case kind.loadX: {
          const loaded = this.#load(code, operand, x);
          if (loaded < 0) return false;
          x = loaded;
          break;
        }
        case kind.store:
          this.#memory[operand] = a;
          break;
        case kind.storeX:
          this.#memory[operand] = x;
          break;
        case kind.compute: {
          const computed = computations[code & OPERATION_MASK]?.(a, (code & FROM_X) === 0 ? operand : x);
          if (computed === undefined) return false;
          a = computed >>> 0;
          break;
        }
        case kind.jump:
          at += 2 * distance(first, operand, a, x);
          break;
        case kind.return:
          return ((code & SIZE_MASK) === size.octet ? a : operand) > 0;
        default:
          if ((code & 0x80) === 0) x = a;
          else a = x;
      }
    }
    return false;
  }

  /** What a load gives, from 0 to 2^32 - 1; -1 where the packet ends before. */
  #load(code: number, operand: number, x: number): number {
    switch (code & MODE_MASK) {
      case mode.constant:
        return operand;
      case mode.memory:
        return this.#memory[operand] as number;
      case mode.length:
        return this.#length;
      case mode.headerLength: {
        const octet = this.#packet(operand, 1);
        return octet < 0 ? -1 : (octet & 0x0f) * 4;
      }
      case mode.indirect:
        return this.#packet((operand + x) >>> 0, octetsOf[code & SIZE_MASK] ?? 4);
      default:
        return this.#packet(operand, octetsOf[code & SIZE_MASK] ?? 4);
    }
  }

  #packet(offset: number, octets: number): number {
    if (offset + octets > this.#length) return -1;
    const at = this.#start + offset;
    if (octets === 4) return this.#view.getUint32(at);
    return octets === 2 ? this.#view.getUint16(at) : this.#view.getUint8(at);
  }
}

/** Instructions that a jump passes over. */
function distance(first: number, operand: number, a: number, x: number): number {
  const operation = first & OPERATION_MASK;
  if (operation === 0) return operand;
  const isTrue = conditions[operation]?.(a, (first & FROM_X) === 0 ? operand : x) === true;
  return isTrue ? (first >>> 16) & 0xff : first >>> 24;
}
