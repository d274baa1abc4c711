/** The interfaces through which pure code meets the world. Types only. */

/** A source of octets that nobody can predict; the simulation gives a seeded one. */
export interface Random {
  /** `length` fresh octets that the caller owns. */
  octets(length: number): Uint8Array;
}

/** Milliseconds that never go back. */
export interface Clock {
  nowMs(): number;
}

/** What every object of the kernel's BPF has in common. It lives as long as someone holds it: a descriptor, a pin, a user. */
export interface BpfObject extends Disposable {
  /** The descriptor, by which programs name maps. Throws InvariantError after close. */
  readonly fd: number;
  /** The kernel's number for it, unlike the descriptor the same for everyone. */
  readonly id: number;
  /** Keeps it alive under a path in a bpf file system, until that is unlinked. Throws SystemError. */
  pin(path: string): void;
  /** Lets go of it; once is enough, again is no error. Symbol.dispose does the same. */
  close(): void;
}

/** Kinds of maps; a per-CPU one has a value of its own for each key and CPU, and nobody waits for another. */
export type BpfMapKind = "hash" | "array" | "programArray" | "perCpuHash" | "perCpuArray" | "lruHash";

export interface BpfMapDescription {
  readonly kind: BpfMapKind;
  /** For people: at most 15 letters, digits, "_" and ".". */
  readonly name: string;
  /** Of arrays always 4: a number in the machine's order. */
  readonly keyOctets: number;
  readonly valueOctets: number;
  readonly maxEntries: number;
  /** Whether a hash takes memory for an entry when it comes, not for all at once; default false. */
  readonly onDemand?: boolean;
  /** Whether the values of an array may appear in a process's memory (Linux 5.5); default false. */
  readonly mappable?: boolean;
}

/** Memory that several threads, and the kernel, read and write, by its address in this process. */
export interface MappedMemory {
  readonly address: number;
  readonly octets: number;
}

/**
 * A map. Keys and values are octets of the map's sizes; others throw InvariantError. What the kernel refuses throws SystemError;
 * a key that is not there is no error.
 */
export interface BpfMap extends BpfObject {
  readonly description: BpfMapDescription;
  /** A copy; undefined where the key is not there. Throws InvariantError for a per-CPU map. */
  lookUp(key: Uint8Array): Uint8Array | undefined;
  /** The values of all possible CPUs, in order; undefined where the key is not there. Only for per-CPU maps. */
  lookUpPerCpu(key: Uint8Array): readonly Uint8Array[] | undefined;
  /** Stores; in a per-CPU map, the value for every CPU. */
  update(key: Uint8Array, value: Uint8Array, mode?: "any" | "onlyNew" | "onlyExisting"): void;
  /** Stores all in one call (Linux 5.6, per-CPU arrays 5.13); its error tells how many were stored. */
  updateBatch(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): void;
  /** Whether the key was there. */
  remove(key: Uint8Array): boolean;
  /** All keys that stay while it runs, in no order. */
  keys(): readonly Uint8Array[];
  /** All entries that stay while it runs, many a call (Linux 5.6); not for per-CPU maps. */
  entries(): Iterable<readonly [key: Uint8Array, value: Uint8Array]>;
  /**
   * The first `count` entries of a per-CPU array, many a call (Linux 5.13): their values of all possible CPUs. They are good until
   * the next ones are asked for.
   */
  firstPerCpu(count: number): Iterable<readonly Uint8Array[]>;
  /**
   * The values of a mappable array, one behind the other, each at a multiple of 8 octets, until the map is closed. Throws SystemError;
   * InvariantError for another map.
   */
  memory(): MappedMemory;
}

export interface BpfProgramDescription {
  /** For people: at most 15 letters, digits, "_" and ".". */
  readonly name: string;
  /** Instructions, as the assembler makes them. */
  readonly octets: Uint8Array;
  /** Where it is to run; default "trafficControl". */
  readonly kind?: "trafficControl" | "expressDataPath";
  /** Whether `log` tells every step of the verifier, which takes time; default false. */
  readonly trace?: boolean;
}

/** A program in the kernel. */
export interface BpfProgram extends BpfObject {
  readonly name: string;
  /** What the verifier said; empty unless `trace` was asked for. */
  readonly log: string;
  /** Runs it here and now, on octets that came from nowhere and go nowhere. Throws SystemError. */
  run(test: BpfTestRun): BpfTestResult;
}

export interface BpfTestRun {
  /** The packet from its Ethernet header on, at least 14 octets. */
  readonly data: Uint8Array;
  /** struct __sk_buff; default: what the kernel makes of the packet. */
  readonly context?: Uint8Array;
  /** How often, on the same packet, whatever became of it; default 1. */
  readonly repeat?: number;
  /** Octets that the packet may grow by; default 256. */
  readonly growthOctets?: number;
}

export interface BpfTestResult {
  /** What the program gave back, as a signed number. */
  readonly verdict: number;
  /** The packet afterwards. */
  readonly data: Uint8Array;
  /** The context afterwards; empty unless one was given. */
  readonly context: Uint8Array;
  /** Of one run, on average. */
  readonly durationNs: number;
}

/** A program's place at an interface, which it has as long as the link lives. */
export interface BpfLink extends BpfObject {
  /** 0 after the interface is gone, or the link was detached. */
  readonly interfaceIndex: number;
  readonly programId: number;
  /** Puts another program in the place without a gap. Throws SystemError. */
  update(program: BpfProgram): void;
  /** Gives up the place, even if others hold the link. Throws SystemError. */
  detach(): void;
}

/**
 * The kernel's BPF. What it refuses throws SystemError, with a hint where rights are missing; a program that its verifier refuses
 * throws VerifierError. Nothing stays open of what failed.
 */
export interface BpfPort {
  /** CPUs that the kernel may ever have; as many values has a key of a per-CPU map. */
  readonly possibleCpus: number;
  createMap(description: BpfMapDescription): BpfMap;
  loadProgram(description: BpfProgramDescription): BpfProgram;
  /** Runs a program for every packet of an interface of the caller's network namespace, after those that are there (Linux 6.6). */
  attach(program: BpfProgram, interfaceIndex: number, at: "ingress" | "egress"): BpfLink;
  /** Ids of the programs attached there by links, in the order in which they run. */
  attached(interfaceIndex: number, at: "ingress" | "egress"): readonly number[];
  openMap(path: string): BpfMap;
  openProgram(path: string): BpfProgram;
  openLink(path: string): BpfLink;
}
