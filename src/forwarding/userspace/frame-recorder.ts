import { addressOf, clockGettime, linux } from "../../os/libc.ts";
import { discardIndex, discardReasons } from "../discard-reasons.ts";
import { FrameRingWriter } from "../frame-ring.ts";
import type { RecordingScope } from "../frame-source.ts";
import { PacketFilter } from "../packet-filter.ts";
import type { Arena } from "./arena.ts";
import type { CircuitSender } from "./circuit-sender.ts";
import type { WorkerRecording } from "./commands.ts";
import type { ForwardedSession } from "./tables.ts";

interface Recording {
  readonly pseudowire: string;
  readonly snapOctets: number;
  readonly filter: PacketFilter | undefined;
  readonly ring: FrameRingWriter;
  readonly scope: RecordingScope;
}

/**
 * TABLE: discards of messages from the peer in which a whole frame is found: others are of no frame, or of a
 * part of one.
 */
const discardsWithFrame: ReadonlySet<number> = new Set(
  (["wrong-peer", "wrong-cookie", "out-of-sequence", "standby", "untagged"] as const).map(
    (name) => -1 - discardIndex[name],
  ),
);

/** Copies frames of some sessions to captures. Where there is none, nobody asks for anything. */
export class FrameRecorder {
  readonly #arena: Arena;
  readonly #recordings = new Map<number, Recording>();
  /** Those of the frame that is staged. */
  readonly #staged: Recording[] = [];
  readonly #time = new BigInt64Array(2);
  readonly #timeAddress: Uint8Array;
  /** Whether somebody wants frames; asked once for each batch. */
  isUsed = false;
  #seconds = 0;
  #nanoseconds = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#timeAddress = new Uint8Array(this.#time.buffer);
  }

  /** Begins a recording, or changes what of it may change. */
  start({ id, pseudowire, snapOctets, filter, ring, scope }: WorkerRecording): void {
    this.#recordings.set(id, {
      pseudowire,
      snapOctets,
      filter: filter === undefined ? undefined : new PacketFilter(filter),
      ring: new FrameRingWriter(ring),
      scope,
    });
    this.isUsed = true;
  }

  stop(id: number): void {
    this.#recordings.delete(id);
    this.isUsed = this.#recordings.size > 0;
  }

  /** Whether somebody wants frames of the batch; then it has the time of its frames. */
  beginBatch(): boolean {
    if (!this.isUsed) return false;
    clockGettime(linux.CLOCK_REALTIME, addressOf(this.#timeAddress));
    this.#seconds = Number(this.#time[0]);
    this.#nanoseconds = Number(this.#time[1]);
    return true;
  }

  /** Copies a frame before it is changed; `publish` says what became of it. */
  stage({ pseudowire }: ForwardedSession, frame: number, length: number): void {
    this.#staged.length = 0;
    for (const recording of this.#recordings.values()) {
      if (recording.pseudowire !== pseudowire) continue;
      const { filter, ring, snapOctets } = recording;
      if (filter?.accepts(this.#arena.view, frame, length) === false) continue;
      const kept = Math.min(length, snapOctets);
      if (ring.stage(this.#arena.octets, frame, kept, length)) this.#staged.push(recording);
    }
  }

  /** Gives away the staged frame with its verdict, 0 for none (fast-path.ts). */
  publish(isToCircuit: boolean, verdict: number): void {
    const discard = verdict < 0 && -1 - verdict < discardReasons.length ? -1 - verdict : -1;
    for (const { ring, scope } of this.#staged) {
      const isWanted = isToCircuit ? discard >= 0 || scope.toCircuit : scope.fromCircuit;
      if (isWanted) ring.publish(isToCircuit, discard, this.#seconds, this.#nanoseconds);
      else ring.withdraw();
    }
    this.#staged.length = 0;
  }

  /** Stands in front of the sender to circuits, and takes the frames that it is given. */
  inFrontOf(sender: Pick<CircuitSender, "push">): Pick<CircuitSender, "push"> {
    return {
      push: (session, frame, length, free) => {
        this.stage(session, frame, length);
        this.publish(true, 0);
        sender.push(session, frame, length, free);
      },
    };
  }

  /** A message from the peer that was discarded; what follows its Session ID is at `start`. */
  discardedMessage(session: ForwardedSession, start: number, length: number, verdict: number): void {
    if (!discardsWithFrame.has(verdict)) return;
    const headerOctets = session.receiveCookieOctets + (session.receiveSublayer ? 4 : 0);
    if (length <= headerOctets) return;
    this.stage(session, start + headerOctets, length - headerOctets);
    this.publish(true, verdict);
  }
}
