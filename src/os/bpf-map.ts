import { isPerCpu, mapKinds, updateModes } from "../bpf/kernel-numbers.ts";
import { InvariantError } from "../bytes/errors.ts";
import { concat } from "../bytes/hex.ts";
import type { BpfMap, BpfMapDescription, BpfMapKind, MappedMemory } from "../environment.ts";
import { attributeFields, BpfAttribute, commands } from "./bpf-attribute.ts";
import { callError, callOrThrow, checkedObjectName, Handle, nameIn, openPin } from "./bpf-object.ts";
import { SystemError } from "./errors.ts";
import { mapMemory, unmapMemory } from "./mapped-memory.ts";

/** For hash maps: memory for an entry is allocated when it is added. */
const BPF_F_NO_PREALLOC = 1;
/** Arrays only: values may be mapped. */
const BPF_F_MMAPABLE = 0x400;

/** Each CPU's value begins at a multiple of this. */
const ALIGNMENT_OCTETS = 8;

/** Entries per batch call; more than a hash map has in one bucket. */
const BATCH = 1024;
/** Octets of the kernel's cursor between batch calls. */
const CURSOR_OCTETS = 8;

/** Offsets in struct bpf_map_info. */
const info = { kind: 0, keyOctets: 8, valueOctets: 12, maxEntries: 16, flags: 20, name: 24 } as const;

/** A BPF map, held by its descriptor. */
export class KernelMap extends Handle implements BpfMap {
  readonly description: BpfMapDescription;
  readonly #cpus: number;
  readonly #isPerCpu: boolean;
  #memory: MappedMemory | undefined;

  private constructor(fd: number, description: BpfMapDescription, cpus: number) {
    super(fd, "map", description.name);
    this.description = description;
    this.#cpus = cpus;
    this.#isPerCpu = isPerCpu(description.kind);
  }

  /** Creates a map. Throws SystemError. */
  static create(description: BpfMapDescription, cpus: number): KernelMap {
    const at = attributeFields.createMap;
    const attribute = new BpfAttribute()
      .u32(at.kind, mapKinds[description.kind])
      .u32(at.keyOctets, description.keyOctets)
      .u32(at.valueOctets, description.valueOctets)
      .u32(at.maxEntries, description.maxEntries)
      .u32(at.flags, flagsOf(description))
      .name(at.name, checkedObjectName(description.name));
    const fd = callOrThrow(
      attribute,
      commands.createMap,
      `create a BPF map of kind ${description.kind}`,
      description.name,
      `keys of ${description.keyOctets} octets, values of ${description.valueOctets}, ` +
        `${description.maxEntries} entries`,
    );
    return new KernelMap(fd, description, cpus);
  }

  /** Opens a pinned map. Throws SystemError, EINVAL for what is no map of a kind in the table. */
  static open(path: string, cpus: number): KernelMap {
    const handle = new Handle(openPin(path, "map"), "map", path);
    try {
      return new KernelMap(handle.fd, descriptionOf(handle.describe(), path), cpus);
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  lookUp(key: Uint8Array): Uint8Array | undefined {
    if (this.#isPerCpu) throw new InvariantError(`${this.target} is per CPU: use lookUpPerCpu`);
    return this.#lookUp(key);
  }

  lookUpPerCpu(key: Uint8Array): readonly Uint8Array[] | undefined {
    if (!this.#isPerCpu) throw new InvariantError(`${this.target} is not per CPU: use lookUp`);
    const values = this.#lookUp(key);
    return values && this.#ofCpus(values, 0);
  }

  update(key: Uint8Array, value: Uint8Array, mode: keyof typeof updateModes = "any"): void {
    const attribute = this.#element(key)
      .pointer(attributeFields.element.value, this.#stored(value))
      .u64(attributeFields.element.flags64, updateModes[mode]);
    callOrThrow(attribute, commands.update, "update a BPF map", this.target);
  }

  updateBatch(entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): void {
    if (entries.length === 0) return;
    const at = attributeFields.batch;
    const attribute = new BpfAttribute()
      .pointer(at.keys, concat(...entries.map(([key]) => this.#checked("key", key))))
      .pointer(at.values, concat(...entries.map(([, value]) => this.#stored(value))))
      .u32(at.count, entries.length)
      .u32(at.map, this.fd);
    const answer = attribute.call(commands.updateBatch);
    if (typeof answer !== "string") return;
    const stored = Math.min(attribute.read(at.count), entries.length);
    throw callError(
      "update a BPF map by a batch",
      this.target,
      answer,
      `${stored} of ${entries.length} were stored`,
    );
  }

  remove(key: Uint8Array): boolean {
    const answer = this.#element(key).call(commands.remove);
    if (answer === "ENOENT") return false;
    if (typeof answer === "string") throw callError("remove from a BPF map", this.target, answer);
    return true;
  }

  keys(): readonly Uint8Array[] {
    const keys: Uint8Array[] = [];
    // Others may change the map meanwhile; a key that vanished restarts the walk, which must end.
    for (let key = this.#next(undefined); key !== undefined; key = this.#next(key)) {
      keys.push(key);
      if (keys.length > 2 * this.description.maxEntries)
        throw callError("list the keys of a BPF map", this.target, "EAGAIN");
    }
    return keys;
  }

  *entries(): Iterable<readonly [key: Uint8Array, value: Uint8Array]> {
    if (this.#isPerCpu) throw new InvariantError(`${this.target} is per CPU: use firstPerCpu`);
    const { keyOctets, valueOctets } = this.description;
    for (const { keys, values, count } of this.#batches(BATCH)) {
      for (let index = 0; index < count; index += 1) {
        const value = values.slice(index * valueOctets, (index + 1) * valueOctets);
        yield [keys.slice(index * keyOctets, (index + 1) * keyOctets), value];
      }
    }
  }

  *firstPerCpu(count: number): Iterable<readonly Uint8Array[]> {
    if (this.description.kind !== "perCpuArray")
      throw new InvariantError(`${this.target} is no per-CPU array`);
    let left = count;
    if (left <= 0) return;
    for (const batch of this.#batches(Math.min(count, BATCH))) {
      for (let index = 0; index < batch.count && left > 0; index += 1, left -= 1)
        yield this.#ofCpus(batch.values, index);
      if (left <= 0) return;
    }
  }

  /** Batches of entries, each in the same memory: the caller copies what it keeps. */
  *#batches(most: number): Iterable<{ keys: Uint8Array; values: Uint8Array; count: number }> {
    const at = attributeFields.batch;
    const keys = new Uint8Array(most * this.description.keyOctets);
    const values = new Uint8Array(most * this.#valueRoom);
    const cursor = new Uint8Array(CURSOR_OCTETS);
    for (let begun = false; ; begun = true) {
      const attribute = new BpfAttribute()
        .pointer(at.to, cursor)
        .pointer(at.keys, keys)
        .pointer(at.values, values)
        .u32(at.count, most)
        .u32(at.map, this.fd);
      if (begun) attribute.pointer(at.from, cursor);
      const answer = attribute.call(commands.lookUpBatch);
      // ENOENT: this is the last batch.
      if (typeof answer === "string" && answer !== "ENOENT")
        throw callError("look up in a BPF map by a batch", this.target, answer);
      yield { keys, values, count: attribute.read(at.count) };
      if (answer === "ENOENT") return;
    }
  }

  memory(): MappedMemory {
    const { mappable, maxEntries, valueOctets } = this.description;
    if (mappable !== true) throw new InvariantError(`${this.target} is not mappable`);
    this.#memory ??= mapMemory(this.fd, maxEntries * aligned(valueOctets), this.target);
    return this.#memory;
  }

  override close(): void {
    if (this.#memory !== undefined) unmapMemory(this.#memory);
    this.#memory = undefined;
    super.close();
  }

  #next(key: Uint8Array | undefined): Uint8Array | undefined {
    const next = new Uint8Array(this.description.keyOctets);
    const attribute =
      key === undefined ? new BpfAttribute().u32(attributeFields.element.map, this.fd) : this.#element(key);
    const answer = attribute.pointer(attributeFields.element.value, next).call(commands.nextKey);
    if (answer === "ENOENT") return undefined;
    if (typeof answer === "string") throw callError("list the keys of a BPF map", this.target, answer);
    return next;
  }

  #lookUp(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#valueRoom);
    const answer = this.#element(key).pointer(attributeFields.element.value, value).call(commands.lookUp);
    if (answer === "ENOENT") return undefined;
    if (typeof answer === "string") throw callError("look up in a BPF map", this.target, answer);
    return value;
  }

  /** Octets that the kernel writes for a value: for a per-CPU map, the values of all CPUs. */
  get #valueRoom(): number {
    const { valueOctets } = this.description;
    return this.#isPerCpu ? aligned(valueOctets) * this.#cpus : valueOctets;
  }

  /** The values of all CPUs, of the entry at `index` of a batch. */
  #ofCpus(values: Uint8Array, index: number): readonly Uint8Array[] {
    const { valueOctets } = this.description;
    const stride = aligned(valueOctets);
    return Array.from({ length: this.#cpus }, (_, cpu) => {
      const begin = (index * this.#cpus + cpu) * stride;
      return values.subarray(begin, begin + valueOctets);
    });
  }

  #element(key: Uint8Array): BpfAttribute {
    const at = attributeFields.element;
    return new BpfAttribute().u32(at.map, this.fd).pointer(at.key, this.#checked("key", key));
  }

  /** The value as the kernel reads it: for a per-CPU map, one copy for each CPU. */
  #stored(value: Uint8Array): Uint8Array {
    this.#checked("value", value);
    if (!this.#isPerCpu) return value;
    const one = new Uint8Array(aligned(value.length));
    one.set(value);
    return concat(...Array.from({ length: this.#cpus }, () => one));
  }

  /**
   * Checks a length: the kernel reads and writes as many octets as the map says, whatever the array holds.
   */
  #checked(what: "key" | "value", octets: Uint8Array): Uint8Array {
    const wanted = what === "key" ? this.description.keyOctets : this.description.valueOctets;
    if (octets.length === wanted) return octets;
    throw new InvariantError(`${this.target}: a ${what} has ${wanted} octets, not ${octets.length}`);
  }
}

function aligned(octets: number): number {
  return Math.ceil(octets / ALIGNMENT_OCTETS) * ALIGNMENT_OCTETS;
}

function flagsOf({ onDemand, mappable }: BpfMapDescription): number {
  return (onDemand === true ? BPF_F_NO_PREALLOC : 0) | (mappable === true ? BPF_F_MMAPABLE : 0);
}

function descriptionOf(view: DataView, path: string): BpfMapDescription {
  const number = view.getUint32(info.kind, true);
  const kinds = Object.keys(mapKinds) as BpfMapKind[];
  const kind = kinds.find((each) => mapKinds[each] === number);
  if (kind === undefined)
    throw new SystemError("open the pinned map", {
      errno: "EINVAL",
      target: path,
      hint: `its kind has the number ${number}, which is none of ours`,
    });
  const flags = view.getUint32(info.flags, true);
  return {
    kind,
    name: nameIn(view, info.name),
    keyOctets: view.getUint32(info.keyOctets, true),
    valueOctets: view.getUint32(info.valueOctets, true),
    maxEntries: view.getUint32(info.maxEntries, true),
    onDemand: (flags & BPF_F_NO_PREALLOC) !== 0,
    ...((flags & BPF_F_MMAPABLE) === 0 ? {} : { mappable: true }),
  };
}
