import { assemble } from "../../../bpf/assembler.ts";
import type { BpfMap, KernelBpf } from "../../../environment.ts";
import { BpfSyscall } from "../../../os/bpf-syscall.ts";
import { type ProgramAttachment, TrafficControl } from "../../../os/traffic-control.ts";
import { type StormDiscards, type StormLimits, stormKinds } from "../../storm-kinds.ts";
import {
  learntEntry,
  NEVER_AGES_NS,
  STORM_STATE_OCTETS,
  stormCountOffset,
  stormProgram,
} from "../programs/storm-program.ts";

/** A port of a bridge as it is in the kernel, with its limits; without any it only learns addresses. */
export interface LimitedPort {
  readonly index: number;
  readonly limits: StormLimits;
}

/** A bridge whose ports have limits. */
export interface LimitedBridge {
  /** All its ports. */
  readonly ports: readonly LimitedPort[];
  readonly ageingMs: number;
  /** MAC addresses of this machine, which send nothing into the bridge by a port. */
  readonly ownAddresses: readonly Uint8Array[];
}

interface AttachedPort {
  readonly index: number;
  /** What the program was made for. */
  readonly madeFor: string;
  readonly state: BpfMap;
  readonly attachment: ProgramAttachment;
}

interface KnownBridge {
  learnt: BpfMap | undefined;
  readonly ports: Map<number, AttachedPort>;
}

/**
 * Addresses that a bridge may have learnt. Beyond them those that are not in use make room: frames to them
 * count as unknown until they send again.
 */
const MOST_LEARNT = 32_768;
const PROGRAM = "ws_storm";
/** Beside the owner: filters of the plane and of the limiter have different names. */
const OWNER_PREFIX = "storm-";

/**
 * Limits storms at ports of bridges by a program at the ingress of each (storm-program.ts), whichever plane
 * brings the frames. The programs are this process's: they end with it.
 */
export class StormLimiter {
  readonly #control: TrafficControl;
  readonly #bridges = new Map<string, KnownBridge>();
  #bpf: KernelBpf | undefined;

  constructor(owner: string, control = new TrafficControl({ owner: `${OWNER_PREFIX}${owner}` })) {
    this.#control = control;
  }

  /**
   * Has the ports of a bridge limited as they say, and no others; undefined for a bridge that is gone.
   * Rejects with SystemError or VerifierError, and then some ports may have the limits of before.
   */
  async set(bridge: string, wanted: LimitedBridge | undefined): Promise<void> {
    const isLimited = wanted?.ports.some(({ limits }) => Object.keys(limits).length > 0) === true;
    const known = this.#bridges.get(bridge) ?? { learnt: undefined, ports: new Map() };
    if (!isLimited) {
      await this.#release(known, []);
      known.learnt?.close();
      this.#bridges.delete(bridge);
      return;
    }
    this.#bridges.set(bridge, known);
    const learns = wanted.ports.some(({ limits }) => limits.unknownUnicast !== undefined);
    const ports = wanted.ports.filter(({ limits }) => learns || Object.keys(limits).length > 0);
    await this.#release(
      known,
      ports.map(({ index }) => index),
    );
    if (learns) {
      known.learnt ??= this.#kernel.createMap({
        kind: "lruHash",
        name: "ws_learnt",
        ...learntEntry,
        maxEntries: MOST_LEARNT,
      });
      for (const address of wanted.ownAddresses) known.learnt.update(keyOf(address), neverAges);
    }
    const learnt = learns && known.learnt && { map: known.learnt.fd, ageingNs: ageingNs(wanted) };
    for (const { index, limits } of ports) await this.#setPort(known, index, limits, learnt || undefined);
    if (!learns) {
      known.learnt?.close();
      known.learnt = undefined;
    }
  }

  /** What was dropped at a port; undefined for one without a program. Throws SystemError. */
  discards(interfaceIndex: number): StormDiscards | undefined {
    for (const { ports } of this.#bridges.values()) {
      const port = ports.get(interfaceIndex);
      const value = port?.state.lookUp(FIRST);
      if (value === undefined) continue;
      const view = new DataView(value.buffer, value.byteOffset);
      const counts = stormKinds.map(({ kind, reason }) => [
        reason,
        Number(view.getBigUint64(stormCountOffset(kind), true)),
      ]);
      return Object.fromEntries(counts) as StormDiscards;
    }
    return undefined;
  }

  /** The bridges whose ports have limits. */
  get bridges(): readonly string[] {
    return [...this.#bridges.keys()];
  }

  /** Detaches what is at other interfaces. An interface that is gone took its program with it. */
  async #release(known: KnownBridge, wanted: readonly number[]): Promise<void> {
    for (const { index, attachment, state } of [...known.ports.values()]) {
      if (wanted.includes(index)) continue;
      known.ports.delete(index);
      state.close();
      await attachment.detach();
    }
  }

  get #kernel(): KernelBpf {
    this.#bpf ??= new BpfSyscall();
    return this.#bpf;
  }

  async #setPort(
    known: KnownBridge,
    index: number,
    limits: StormLimits,
    learnt: { readonly map: number; readonly ageingNs: bigint } | undefined,
  ): Promise<void> {
    const there = known.ports.get(index);
    const rates = stormKinds.map(({ kind }) => limits[kind]);
    const madeFor = [...rates, learnt?.map, learnt?.ageingNs].join();
    if (there?.madeFor === madeFor) return;
    const state = there?.state ?? this.#newState();
    try {
      const octets = assemble(stormProgram({ limits, learnt, state: state.fd }));
      using program = this.#kernel.loadProgram({ name: PROGRAM, octets });
      if (there === undefined) await this.#removeLeftOvers(index);
      else await there.attachment.replace(program);
      const attachment = there?.attachment ?? (await this.#control.attach(program, index, "ingress"));
      known.ports.set(index, { index, madeFor, state, attachment });
    } catch (error) {
      if (there === undefined) state.close();
      throw error;
    }
  }

  #newState(): BpfMap {
    const name = "ws_storm";
    return this.#kernel.createMap({
      kind: "array",
      name,
      keyOctets: 4,
      valueOctets: STORM_STATE_OCTETS,
      maxEntries: 1,
    });
  }

  /** Filters outlive the process that added them, where the kernel has no links. */
  async #removeLeftOvers(index: number): Promise<void> {
    const found = await this.#control.leftOvers(index, "ingress");
    for (const attachment of found.values()) await attachment.detach();
  }
}

const FIRST = new Uint8Array(4);

const neverAges = new Uint8Array(new BigUint64Array([NEVER_AGES_NS]).buffer);

function keyOf(address: Uint8Array): Uint8Array {
  const key = new Uint8Array(learntEntry.keyOctets);
  key.set(address.subarray(0, 6));
  return key;
}

function ageingNs({ ageingMs }: LimitedBridge): bigint {
  return BigInt(ageingMs) * 1_000_000n;
}
