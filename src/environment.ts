/** The interfaces of the environment of pure code: clock, randomness, bpf(2), memory. Types only. */

/** A source of random octets: the operating system's, or a seeded one in simulations. */
export interface Random {
  /** `length` fresh octets that the caller owns. */
  octets(length: number): Uint8Array;
}

/** A monotonic clock in milliseconds. */
export interface Clock {
  nowMs(): number;
}

/** A BPF object of the kernel. It lives as long as a descriptor, a pin or another object refers to it. */
export interface BpfObject extends Disposable {
  /** File descriptor; programs refer to maps by it. Throws InvariantError after close. */
  readonly fd: number;
  /** The kernel's id of the object, the same in every process. */
  readonly id: number;
  /** Pins the object at a path in a bpf file system; it lives until that is unlinked. Throws SystemError. */
  pin(path: string): void;
  /** Closes the descriptor; closing twice is no error. Symbol.dispose does the same. */
  close(): void;
}

/** Kinds of maps. A per-CPU map has one value for each key and CPU, so that CPUs never contend for it. */
export type BpfMapKind = "hash" | "array" | "programArray" | "perCpuHash" | "perCpuArray" | "lruHash";

export interface BpfMapDescription {
  readonly kind: BpfMapKind;
  /** Shown by bpftool: at most 15 letters, digits, "_" and ".". */
  readonly name: string;
  /** 4 for arrays, whose key is an index in host byte order. */
  readonly keyOctets: number;
  readonly valueOctets: number;
  readonly maxEntries: number;
  /** Whether a hash allocates entries when they are added (BPF_F_NO_PREALLOC); default false. */
  readonly onDemand?: boolean;
  /** Whether the values of an array can be mapped into memory (BPF_F_MMAPABLE, Linux 5.5); default false. */
  readonly mappable?: boolean;
}

/** A memory mapping shared with the kernel and other threads, by its address in this process. */
export interface MappedMemory {
  readonly address: number;
  readonly octets: number;
}

/**
 * A BPF map. Keys and values must have the map's sizes, else InvariantError is thrown. Errors of the kernel
 * throw SystemError; an absent key is no error.
 */
export interface BpfMap extends BpfObject {
  readonly description: BpfMapDescription;
  /** The value of a key, a copy; undefined for an absent key. Throws InvariantError for a per-CPU map. */
  lookUp(key: Uint8Array): Uint8Array | undefined;
  /**
   * The values of a key for all possible CPUs, in order; undefined for an absent key. Only for per-CPU maps.
   */
  lookUpPerCpu(key: Uint8Array): readonly Uint8Array[] | undefined;
  /** Stores a value; in a per-CPU map, for every CPU. */
  update(key: Uint8Array, value: Uint8Array, mode?: "any" | "onlyNew" | "onlyExisting"): void;
  /**
   * Stores many entries by one system call (Linux 5.6, per-CPU arrays 5.13); the error says how many were
   * stored.
   */
  updateBatch(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): void;
  /** Removes a key; false when it was absent. */
  remove(key: Uint8Array): boolean;
  /** All keys, in no order; keys that are added or removed meanwhile may be missing. */
  keys(): readonly Uint8Array[];
  /** All entries, read in batches (Linux 5.6); not for per-CPU maps. */
  entries(): Iterable<readonly [key: Uint8Array, value: Uint8Array]>;
  /**
   * The first `count` entries of a per-CPU array, read in batches (Linux 5.13): the values for all possible
   * CPUs. Each is valid until the next one is taken.
   */
  firstPerCpu(count: number): Iterable<readonly Uint8Array[]>;
  /**
   * Maps the values of a mappable array into memory, each at a multiple of 8 octets, until the map is closed.
   * Throws SystemError, and InvariantError for any other map.
   */
  memory(): MappedMemory;
}

export interface BpfProgramDescription {
  /** Shown by bpftool: at most 15 letters, digits, "_" and ".". */
  readonly name: string;
  /** Encoded instructions, the output of the assembler. */
  readonly octets: Uint8Array;
  /** Program type; default "trafficControl". */
  readonly kind?: "trafficControl" | "expressDataPath";
  /** Whether `log` holds the full log of the verifier, which takes time; default false. */
  readonly trace?: boolean;
}

/** A loaded BPF program. */
export interface BpfProgram extends BpfObject {
  readonly name: string;
  /** The verifier's log; empty unless `trace` was set. */
  readonly log: string;
  /** Runs the program on a given packet (BPF_PROG_TEST_RUN). Throws SystemError. */
  run(test: BpfTestRun): BpfTestResult;
}

export interface BpfTestRun {
  /** The packet from its Ethernet header on, at least 14 octets. */
  readonly data: Uint8Array;
  /** struct __sk_buff; default: derived from the packet by the kernel. */
  readonly context?: Uint8Array;
  /** Number of runs, all on the same packet as changed by those before; default 1. */
  readonly repeat?: number;
  /** Room in octets for the packet to grow; default 256. */
  readonly growthOctets?: number;
}

export interface BpfTestResult {
  /** Return value of the program, as a signed number. */
  readonly verdict: number;
  /** The packet after the run. */
  readonly data: Uint8Array;
  /** The context after the run; empty unless one was given. */
  readonly context: Uint8Array;
  /** Mean duration of one run. */
  readonly durationNs: number;
}

/** A BPF link: the attachment of a program to an interface, for as long as the link exists. */
export interface BpfLink extends BpfObject {
  /** Interface index; 0 once the interface was removed or the link detached. */
  readonly interfaceIndex: number;
  readonly programId: number;
  /** Replaces the program atomically. Throws SystemError. */
  update(program: BpfProgram): void;
  /** Detaches the program, even if others hold the link. Throws SystemError. */
  detach(): void;
}

/**
 * The bpf(2) system call. Errors throw SystemError, with a hint where rights are missing; a program that the
 * verifier rejects throws VerifierError. After an error nothing stays open.
 */
export interface KernelBpf {
  /** Number of possible CPUs: a key of a per-CPU map has as many values. */
  readonly possibleCpus: number;
  createMap(description: BpfMapDescription): BpfMap;
  loadProgram(description: BpfProgramDescription): BpfProgram;
  /**
   * Attaches a program to an interface of the caller's network namespace, behind those attached before (TCX,
   * Linux 6.6).
   */
  attach(program: BpfProgram, interfaceIndex: number, at: "ingress" | "egress"): BpfLink;
  /** Ids of the programs attached by links, in the order in which they run. */
  attached(interfaceIndex: number, at: "ingress" | "egress"): readonly number[];
  openMap(path: string): BpfMap;
  openProgram(path: string): BpfProgram;
  openLink(path: string): BpfLink;
}
