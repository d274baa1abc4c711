import { addressOf, errno, errnoName, syscall } from "./libc.ts";

/** bpf(2): its argument, union bpf_attr of linux/bpf.h, written field by field, and the call itself. */

/** Number of the system call on the machines that there are. */
const callNumbers: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 321, arm64: 280 };

/** TABLE: what the call is asked for (enum bpf_cmd). */
export const commands = {
  createMap: 0,
  lookUp: 1,
  update: 2,
  remove: 3,
  nextKey: 4,
  loadProgram: 5,
  pin: 6,
  openPin: 7,
  run: 10,
  describe: 15,
  query: 16,
  lookUpBatch: 24,
  updateBatch: 26,
  createLink: 28,
  updateLink: 29,
  detachLink: 34,
} as const;

/**
 * TABLE: offsets in octets of the fields that each command has. All are of 32 bits but for pointers and those
 * called flags64.
 */
export const attributeFields = {
  createMap: { kind: 0, keyOctets: 4, valueOctets: 8, maxEntries: 12, flags: 16, name: 28 },
  element: { map: 0, key: 8, value: 16, flags64: 24 },
  batch: { from: 0, to: 8, keys: 16, values: 24, count: 32, map: 36, elementFlags64: 40 },
  loadProgram: {
    kind: 0,
    instructions: 4,
    octets: 8,
    license: 16,
    logLevel: 24,
    logOctets: 28,
    log: 32,
    name: 48,
    attachPoint: 68,
  },
  pin: { path: 0, object: 8 },
  run: {
    program: 0,
    verdict: 4,
    dataOctets: 8,
    dataRoom: 12,
    data: 16,
    dataOut: 24,
    repeat: 32,
    durationNs: 36,
    contextOctets: 40,
    contextRoom: 44,
    context: 48,
    contextOut: 56,
    flags: 64,
    batch: 72,
  },
  describe: { object: 0, octets: 4, description: 8 },
  query: { interfaceIndex: 0, attachPoint: 4, ids: 16, count: 24 },
  createLink: { program: 0, interfaceIndex: 4, attachPoint: 8, flags: 12 },
  updateLink: { link: 0, program: 4 },
  detachLink: { link: 0 },
} as const;

/** Enough for all of these fields; the kernel accepts a larger attribute as long as the rest is 0. */
const ATTRIBUTE_OCTETS = 128;

/**
 * Attributes of calls in progress: the reference keeps them, and the memory they point to, from garbage
 * collection.
 */
const inCall: BpfAttribute[] = [];

/** union bpf_attr, the argument of one bpf(2) call. It keeps alive the memory that it points to. */
export class BpfAttribute {
  readonly #octets = new Uint8Array(ATTRIBUTE_OCTETS);
  readonly #view = new DataView(this.#octets.buffer);
  readonly #held: Uint8Array[] = [];

  u32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: number): this {
    this.#view.setBigUint64(offset, BigInt(value), true);
    return this;
  }

  /** The address of `octets`, which the kernel reads or writes during the call. */
  pointer(offset: number, octets: Uint8Array): this {
    this.#held.push(octets);
    return this.u64(offset, addressOf(octets));
  }

  /** A pointer to a NUL-terminated string. */
  text(offset: number, value: string): this {
    return this.pointer(offset, new TextEncoder().encode(`${value}\0`));
  }

  /** An object's name, stored in the attribute itself. */
  name(offset: number, value: string): this {
    this.#octets.set(new TextEncoder().encode(value), offset);
    return this;
  }

  /** A field of 32 bits, after the call. */
  read(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** Makes the bpf(2) call; returns its result, 0 or a descriptor, or the name of its errno. */
  call(command: number): number | string {
    const number = callNumbers[process.arch];
    if (number === undefined) return "ENOSYS";
    inCall.push(this);
    const answer = syscall(number, command, addressOf(this.#octets), ATTRIBUTE_OCTETS);
    const failed = answer < 0 ? errno() : 0;
    inCall.pop();
    return failed === 0 ? answer : errnoName(failed);
  }
}
