import { assemble } from "../../../bpf/assembler.ts";
import { ignoreOperational } from "../../../bytes/errors.ts";
import type { BpfMap, BpfMapDescription, BpfProgram, KernelBpf } from "../../../environment.ts";
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
import { StormPins } from "./storm-pins.ts";

/** A port of a bridge as it is in the kernel, with its limits; without any it only learns addresses. */
export interface LimitedPort {
  readonly index: number;
  readonly limits: StormLimits;
  /** Whether the bridge learns addresses there: not at a port that is blocked. */
  readonly isLearning: boolean;
}

/** A bridge whose ports have limits. */
export interface LimitedBridge {
  readonly index: number;
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
  index: number;
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
 * brings the frames. They are pinned (storm-pins.ts): frames are limited as before until the next limiter of
 * this owner takes the programs over, with their counts.
 */
export class StormLimiter {
  readonly #owner: string;
  readonly #control: TrafficControl;
  readonly #bridges = new Map<string, KnownBridge>();
  #bpf: KernelBpf | undefined;
  /** Open while there are limits. */
  #pins: StormPins | undefined;
  #isSearched = false;

  constructor(owner: string, control = new TrafficControl({ owner: `${OWNER_PREFIX}${owner}` })) {
    this.#owner = owner;
    this.#control = control;
  }

  /**
   * Has the ports of a bridge limited as they say, and no others; undefined for a bridge that is gone.
   * Rejects with SystemError or VerifierError, and then some ports may have the limits of before.
   */
  async set(bridge: string, wanted: LimitedBridge | undefined): Promise<void> {
    const isLimited = wanted?.ports.some(({ limits }) => Object.keys(limits).length > 0) === true;
    const known = this.#bridges.get(bridge) ?? { index: 0, learnt: undefined, ports: new Map() };
    if (!isLimited) {
      await this.#release(known, []);
      this.#endLearning(known);
      this.#bridges.delete(bridge);
      return;
    }
    this.#bridges.set(bridge, known);
    this.#pins ??= StormPins.open(this.#owner);
    const learns = wanted.ports.some(({ limits }) => limits.unknownUnicast !== undefined);
    const ports = wanted.ports.filter(({ limits }) => learns || Object.keys(limits).length > 0);
    await this.#release(
      known,
      ports.map(({ index }) => index),
    );
    // A bridge that was made anew has learnt nothing.
    if (known.index !== wanted.index) this.#endLearning(known);
    known.index = wanted.index;
    if (learns) {
      known.learnt ??= this.#pins.map(this.#kernel, "learnt", wanted.index, learntMap);
      for (const address of wanted.ownAddresses) known.learnt.update(keyOf(address), neverAges);
    }
    const learnt = learns &&
      known.learnt && { map: known.learnt.fd, id: known.learnt.id, ageingNs: ageingNs(wanted) };
    for (const port of ports) await this.#setPort(this.#pins, known, port, learnt || undefined);
    if (!learns) this.#endLearning(known);
  }

  /**
   * Ends what an earlier limiter of this owner left at other ports than those with limits; `interfaces` are
   * all there are, at which filters are looked for.
   */
  async settle(interfaces: readonly number[]): Promise<void> {
    if (this.#pins === undefined) StormPins.removeFormer(this.#owner);
    else this.#pins.removeRest();
    if (!this.#isSearched) {
      this.#isSearched = true;
      const limited = new Set([...this.#bridges.values()].flatMap(({ ports }) => [...ports.keys()]));
      for (const index of interfaces) if (!limited.has(index)) await this.#removeFilters(index);
    }
    if (this.#bridges.size > 0) return;
    this.#pins?.close();
    this.#pins = undefined;
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
      this.#pins?.remove("link", index);
      this.#pins?.remove("state", index);
    }
  }

  #endLearning(known: KnownBridge): void {
    if (known.learnt === undefined) return;
    known.learnt.close();
    known.learnt = undefined;
    this.#pins?.remove("learnt", known.index);
  }

  get #kernel(): KernelBpf {
    this.#bpf ??= new BpfSyscall();
    return this.#bpf;
  }

  async #setPort(
    pins: StormPins,
    known: KnownBridge,
    { index, limits, isLearning }: LimitedPort,
    learnt: { readonly map: number; readonly id: number; readonly ageingNs: bigint } | undefined,
  ): Promise<void> {
    const there = known.ports.get(index);
    const rates = stormKinds.map(({ kind }) => limits[kind]);
    const madeFor = [...rates, learnt?.id, learnt?.ageingNs, isLearning].join();
    if (there?.madeFor === madeFor) return;
    const state = there?.state ?? pins.map(this.#kernel, "state", index, stateMap);
    try {
      const octets = assemble(
        stormProgram({ limits, learnt: learnt && { ...learnt, isLearning }, state: state.fd }),
      );
      using program = this.#kernel.loadProgram({ name: PROGRAM, octets });
      await there?.attachment.replace(program);
      const attachment =
        there?.attachment ??
        (await this.#takeOver(pins, program, index)) ??
        (await this.#attach(pins, program, index));
      known.ports.set(index, { index, madeFor, state, attachment });
    } catch (error) {
      if (there === undefined) {
        state.close();
        pins.remove("state", index);
      }
      throw error;
    }
  }

  async #attach(pins: StormPins, program: BpfProgram, index: number): Promise<ProgramAttachment> {
    const attachment = await this.#control.attach(program, index, "ingress");
    pins.pinAttachment(index, attachment);
    return attachment;
  }

  /** Puts the program in place of a former limiter's; undefined where there is none that can be used. */
  async #takeOver(
    pins: StormPins,
    program: BpfProgram,
    index: number,
  ): Promise<ProgramAttachment | undefined> {
    const filters = await this.#control.leftOvers(index, "ingress");
    const former = pins.attachment(this.#control, index) ?? filters.get(PROGRAM);
    try {
      await former?.replace(program);
      return former;
    } catch (error) {
      ignoreOperational(error);
      await former?.detach().catch(ignoreOperational);
      pins.remove("link", index);
      return undefined;
    }
  }

  /** Filters outlive the process that added them, where the kernel has no links. */
  async #removeFilters(index: number): Promise<void> {
    try {
      const found = await this.#control.leftOvers(index, "ingress");
      for (const attachment of found.values()) await attachment.detach();
    } catch (error) {
      ignoreOperational(error);
    }
  }
}

const learntMap: BpfMapDescription = {
  kind: "lruHash",
  name: "ws_learnt",
  ...learntEntry,
  maxEntries: MOST_LEARNT,
};

const stateMap: BpfMapDescription = {
  kind: "array",
  name: "ws_storm",
  keyOctets: 4,
  valueOctets: STORM_STATE_OCTETS,
  maxEntries: 1,
};

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
