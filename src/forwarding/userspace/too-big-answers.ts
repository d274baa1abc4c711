import { errnoName, linux } from "../../os/libc.ts";
import { VNET_HEADER_OCTETS } from "../../os/memory.ts";
import { discardIndex } from "../discard-reasons.ts";
import { MOST_ANSWER_OCTETS, mtuToTell, NO_ANSWER, pairOf, writeTooBig } from "../too-big.ts";
import { newAnswerBucket, TooBigRate } from "../too-big-rate.ts";
import type { Arena } from "./arena.ts";
import { LONGEST_HEADERS } from "./header-chain.ts";
import { MmsghdrTable, VectorTable } from "./mmsghdr-table.ts";
import { type Segments, segmentOctets, writeSegmentHeaders } from "./segmentation.ts";
import { counterCells } from "./session-record.ts";
import type { DeviceRecord, ForwardedSession } from "./tables.ts";
import { type CounterWriter, kernel, type SendCalls } from "./transmitter.ts";

/** Verdicts of `checkFrame` on frames that are too long, in one way or another. */
const OVERSIZE = -1 - discardIndex.oversize;
const PATH_MTU = -1 - discardIndex["path-mtu"];
const PEER_MRRU = -1 - discardIndex["peer-mrru"];
const ANSWERED = -1 - discardIndex["too-big-answered"];
/** Octets of a segment that an answer may quote. */
const QUOTED_OCTETS = LONGEST_HEADERS + MOST_ANSWER_OCTETS;
/** Makes the IP header of a copied segment start at 0 modulo 4, as that of a received frame does. */
const ALIGNMENT_OCTETS = 2;

/**
 * Answers to packets that are too long for the pseudowire (`packet_too_big`), by the rate that is allowed.
 * They are few, so each is a send of its own.
 */
export class TooBigAnswers {
  readonly #arena: Arena;
  readonly #counters: CounterWriter;
  readonly #calls: SendCalls;
  readonly #nowMs: () => number;
  readonly #rate = new TooBigRate();
  /** A virtio-net header without offloads, and behind it the answer. */
  readonly #answer: number;
  readonly #segment: number;
  readonly #vectors: VectorTable;
  readonly #messages: MmsghdrTable;

  /** `nowMs` is the worker's clock. */
  constructor(
    arena: Arena,
    counters: CounterWriter,
    calls: SendCalls = kernel,
    nowMs = () => performance.now(),
  ) {
    this.#arena = arena;
    this.#counters = counters;
    this.#calls = calls;
    this.#nowMs = nowMs;
    this.#answer = arena.take(VNET_HEADER_OCTETS + MOST_ANSWER_OCTETS);
    this.#segment = arena.take(ALIGNMENT_OCTETS + QUOTED_OCTETS) + ALIGNMENT_OCTETS;
    this.#vectors = new VectorTable(arena, 1);
    this.#messages = new MmsghdrTable(arena, 1);
  }

  /**
   * Whether a frame that is too long was answered, and counted as a discard. One that has no answer goes on
   * as ever. Its checksums are complete.
   */
  takes(session: ForwardedSession, frame: number, length: number): boolean {
    if (!this.#answered(session, frame, length, length, 1)) return false;
    this.#counters.discarded(session.row, ANSWERED);
    return true;
  }

  /**
   * How many segments of a GSO packet, from the first on, which is too long, were answered, and counted as
   * discards: all that are too long, by one answer to the first. `lastVerdict` is that of `checkFrame` on the
   * last one, which may be shorter.
   */
  takesSegments(session: ForwardedSession, segments: Segments, lastVerdict: number): number {
    const { headerOctets, count } = segments;
    const length = headerOctets + segmentOctets(segments, 0);
    const last = headerOctets + segmentOctets(segments, count - 1);
    const long = isTooLong(session, lastVerdict, last) ? count : count - 1;
    const present = this.#copyFirst(segments);
    if (!this.#answered(session, this.#segment, present, length, long)) return 0;
    this.#counters.discarded(session.row, ANSWERED, long);
    return long;
  }

  /** Copies the beginning of the first segment to memory of our own, and returns its octets. */
  #copyFirst(segments: Segments): number {
    const { headerOctets, payload } = segments;
    const quoted = Math.min(QUOTED_OCTETS - headerOctets, segmentOctets(segments, 0));
    writeSegmentHeaders(this.#arena, segments, 0, this.#segment);
    this.#arena.octets.copyWithin(this.#segment + headerOctets, payload, payload + quoted);
    return headerOctets + quoted;
  }

  /** Answers for so many frames, or counts that they would have had an answer. */
  #answered(
    session: ForwardedSession,
    frame: number,
    present: number,
    length: number,
    frames: number,
  ): boolean {
    const { tooBig, row, circuit } = session;
    if (tooBig === undefined) return false;
    const { view } = this.#arena;
    const mtu = mtuToTell(view, frame, present, length, tooBig);
    if (mtu === NO_ANSWER) return false;
    const nowMs = this.#nowMs();
    session.answers ??= newAnswerBucket(nowMs);
    if (this.#rate.admits(session.answers, pairOf(view, frame, present, row), nowMs)) {
      const octets = writeTooBig(view, frame, present, mtu, tooBig, this.#answer + VNET_HEADER_OCTETS);
      if (this.#send(circuit, octets)) return true;
    }
    this.#counters.add(row, counterCells.transmittedUnanswered, frames);
    return false;
  }

  /** Whether the circuit took the answer. */
  #send({ fd, kind }: DeviceRecord, octets: number): boolean {
    const messages = this.#messages;
    this.#vectors.set(0, this.#answer, VNET_HEADER_OCTETS + octets);
    messages.setVectors(0, this.#vectors, 0, 1);
    for (;;) {
      const sent =
        kind === "tap"
          ? this.#calls.writev(fd, messages.vectorsAddress(0), 1)
          : this.#calls.sendmmsg(fd, messages.address(0, 1), 1, linux.MSG_DONTWAIT);
      if (sent > 0) return true;
      if (errnoName(this.#calls.errno()) !== "EINTR") return false;
    }
  }
}

/**
 * Whether a frame, with the verdict of `checkFrame` on it, is longer than the pseudowire or its path takes,
 * of a session that answers such frames.
 */
export function isTooLong({ tooBig }: ForwardedSession, verdict: number, length: number): boolean {
  if (tooBig === undefined) return false;
  if (verdict >= 0) return length > tooBig.frameOctets;
  return verdict === OVERSIZE || verdict === PATH_MTU || verdict === PEER_MRRU;
}
