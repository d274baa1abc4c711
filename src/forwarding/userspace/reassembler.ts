import { InvariantError } from "../../bytes/errors.ts";
import { nextSequence } from "../../bytes/serial.ts";
import { FRAGMENT_BITS, fragmentBits, SEQUENCE_MASK } from "../../wire/data-header.ts";
import { type DiscardReason, discardIndex } from "../discard-reasons.ts";
import { REASSEMBLY_TIMEOUT_MS } from "../fragments.ts";
import type { Arena } from "./arena.ts";
import { SLOT_HEADROOM_OCTETS, slotKinds, slotOctets } from "./reassembly-slots.ts";
import { counterCells, NO_SLOT } from "./session-record.ts";
import type { ForwardedSession } from "./tables.ts";
import type { CounterWriter } from "./transmitter.ts";

const SUBLAYER_OCTETS = 4;
const SLOTS = slotKinds.reduce((sum, { count }) => sum + count, 0);
/** How often incomplete frames are looked at. */
const EXPIRY_MS = 250;
const verdictOf = (reason: DiscardReason): number => -1 - discardIndex[reason];
const LOST = verdictOf("reassembly-lost");
const TOO_LONG = verdictOf("reassembly-too-long");
const OVERFLOW = verdictOf("reassembly-overflow");

/** The slots of one kind. */
interface SlotPool {
  readonly first: number;
  readonly count: number;
  readonly octets: number;
  /** Slots without a frame: a stack. */
  readonly free: Int32Array;
  freeCount: number;
  /** The slot whose frame is given up next where all have one. */
  next: number;
}

/**
 * Puts frames together of pseudowire fragments (RFC 4623), without allocation: the worker's equivalent of
 * `decapsulateFragments` of forwarding/fragments.ts. A session has one incomplete frame at most, in a slot of
 * memory that all share. A frame that is complete stays where it is until it was sent to the circuit.
 */
export class Reassembler {
  readonly #arena: Arena;
  readonly #counters: CounterWriter;
  readonly #sendComplete: () => void;
  readonly #pools: readonly SlotPool[];
  /** Of each slot: the offset of its frame, whose frame it has, and since when. */
  readonly #frames = new Int32Array(SLOTS);
  readonly #owners: (ForwardedSession | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #sinceMs = new Float64Array(SLOTS);
  /** Slots whose frame is complete, and perhaps not sent yet. */
  readonly #complete = new Int32Array(SLOTS);
  #completeCount = 0;
  #incompleteCount = 0;
  #nowMs = 0;
  #expireAtMs = 0;
  /** The frame that `receive` completed: its offset and length. */
  frame = 0;
  frameOctets = 0;

  /** `sendComplete` sends the frames that are complete; they are not needed any more when it returns. */
  constructor(arena: Arena, counters: CounterWriter, sendComplete: () => void) {
    this.#arena = arena;
    this.#counters = counters;
    this.#sendComplete = sendComplete;
    let first = 0;
    this.#pools = slotKinds.map((kind) => {
      const { octets, count } = kind;
      const stride = slotOctets(kind);
      const region = arena.take(count * stride);
      for (let index = 0; index < count; index += 1)
        this.#frames[first + index] = region + index * stride + SLOT_HEADROOM_OCTETS;
      const free = Int32Array.from({ length: count }, (_, index) => first + count - 1 - index);
      const pool = { first, count, octets, free, freeCount: count, next: 0 };
      first += count;
      return pool;
    });
  }

  /** Takes the time, in ms of the worker's clock, and gives up frames that have waited for too long. */
  expire(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#incompleteCount === 0 || nowMs < this.#expireAtMs) return;
    this.#expireAtMs = nowMs + EXPIRY_MS;
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const owner = this.#owners[slot];
      if (owner !== undefined && nowMs - (this.#sinceMs[slot] as number) >= REASSEMBLY_TIMEOUT_MS)
        this.#giveUp(owner, LOST);
    }
  }

  /**
   * Takes in a fragment whose number was accepted; `length` octets from `sublayer` on. True where it
   * completed a frame: then that is `frame`, in front of which there is room for a virtio-net header, until
   * `sent` is called.
   */
  receive(session: ForwardedSession, sublayer: number, length: number): boolean {
    const { incomplete, row, receiveMrru } = session;
    const word = this.#arena.view.getUint32(sublayer);
    const bits = word & FRAGMENT_BITS;
    const number = word & SEQUENCE_MASK;
    const octets = length - SUBLAYER_OCTETS;
    const isFirst = bits === fragmentBits.first;
    if (incomplete.slot !== NO_SLOT && (isFirst || number !== incomplete.next)) this.#giveUp(session, LOST);
    if (incomplete.slot === NO_SLOT) {
      if (!isFirst) {
        this.#counters.discarded(row, LOST);
        return false;
      }
      if (octets > receiveMrru) {
        this.#counters.discarded(row, TOO_LONG);
        return false;
      }
      this.#begin(session);
    }
    incomplete.fragments += 1;
    if (incomplete.octets + octets > receiveMrru) {
      this.#giveUp(session, TOO_LONG);
      return false;
    }
    const frame = this.#frames[incomplete.slot] as number;
    const payload = sublayer + SUBLAYER_OCTETS;
    this.#arena.octets.copyWithin(frame + incomplete.octets, payload, payload + octets);
    incomplete.octets += octets;
    incomplete.next = nextSequence(number);
    if (bits !== fragmentBits.last) return false;
    this.#end(session, frame);
    return true;
  }

  /** Gives up the frame of a session, of which a whole frame has come instead, or which is removed. */
  abandon(session: ForwardedSession): void {
    if (session.incomplete.slot !== NO_SLOT) this.#giveUp(session, LOST);
  }

  /** Frames that were complete are sent: their memory is free again. */
  sent(): void {
    for (let index = 0; index < this.#completeCount; index += 1) this.#free(this.#complete[index] as number);
    this.#completeCount = 0;
  }

  #begin(session: ForwardedSession): void {
    const { incomplete } = session;
    const pool = this.#poolFor(session.receiveMrru);
    if (pool.freeCount === 0) {
      this.#sendComplete();
      this.sent();
    }
    if (pool.freeCount === 0) {
      // All have incomplete frames then.
      const owner = this.#owners[pool.first + pool.next];
      pool.next = (pool.next + 1) % pool.count;
      if (owner !== undefined) this.#giveUp(owner, OVERFLOW);
    }
    pool.freeCount -= 1;
    const slot = pool.free[pool.freeCount] as number;
    this.#owners[slot] = session;
    this.#sinceMs[slot] = this.#nowMs;
    this.#incompleteCount += 1;
    incomplete.slot = slot;
    incomplete.octets = 0;
    incomplete.fragments = 0;
  }

  #end(session: ForwardedSession, frame: number): void {
    const { incomplete, row } = session;
    this.#counters.add(row, counterCells.receivedReassembled);
    this.#counters.add(row, counterCells.receivedFragments, incomplete.fragments);
    this.frame = frame;
    this.frameOctets = incomplete.octets;
    this.#complete[this.#completeCount] = this.#disown(session);
    this.#completeCount += 1;
  }

  #giveUp(session: ForwardedSession, verdict: number): void {
    this.#counters.discarded(session.row, verdict, session.incomplete.fragments);
    this.#free(this.#disown(session));
  }

  /** The session has no incomplete frame any more; returns the slot. */
  #disown({ incomplete }: ForwardedSession): number {
    const { slot } = incomplete;
    this.#owners[slot] = undefined;
    this.#incompleteCount -= 1;
    incomplete.slot = NO_SLOT;
    return slot;
  }

  #free(slot: number): void {
    const pool = this.#poolOf(slot);
    pool.free[pool.freeCount] = slot;
    pool.freeCount += 1;
  }

  #poolOf(slot: number): SlotPool {
    for (const pool of this.#pools) if (slot < pool.first + pool.count) return pool;
    throw new InvariantError(`free slot ${slot} of ${SLOTS}`);
  }

  #poolFor(octets: number): SlotPool {
    for (const pool of this.#pools) if (octets <= pool.octets) return pool;
    throw new InvariantError(`put a frame together: an MRRU of ${octets} octets`);
  }
}
