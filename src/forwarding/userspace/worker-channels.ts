import { errno, errnoName, linux, sendto } from "../../os/libc.ts";
import { cryptoRandom } from "../../os/random.ts";
import type { ChannelStatus, SessionParameters } from "../../wire/session-parameters.ts";
import { type ChannelProtocolKind, type ChannelTarget, SessionChannels } from "../channel.ts";
import { type DiscardReason, discardIndex } from "../discard-reasons.ts";
import type { ChannelMessage } from "../encapsulation.ts";
import type { AttachmentCircuit } from "../plane.ts";
import type { Arena } from "./arena.ts";
import { MOST_STATUSES, type SessionStatus } from "./commands.ts";
import { LONGEST_HEADER_OCTETS, writeChannelHeader } from "./fast-path.ts";
import type { ForwardedSession, Tables } from "./tables.ts";
import { type CounterWriter, psnVerdict } from "./transmitter.ts";

const SUBLAYER_OCTETS = 4;
/** Octets of the longest channel message: no IP packet has more. */
const LONGEST_MESSAGE_OCTETS = 65_535;

/** The main thread, to which messages and statuses are given. */
export interface MainThread {
  /** Gives it a message of a protocol, or of none ("unknown"); or returns why not. */
  postMessage(
    localSessionId: number,
    message: ChannelMessage,
    of: "protocol" | "unknown",
  ): DiscardReason | undefined;
  /** Gives it the statuses that `take` returns, unless it has not handled the last ones. */
  postStatuses(take: () => readonly SessionStatus[]): void;
}

/** The control channels of the worker's sessions, with the socket calls and counters that they need. */
export class WorkerChannels {
  readonly #arena: Arena;
  readonly #tables: Tables;
  readonly #counters: CounterWriter;
  readonly #channels: SessionChannels;
  readonly #mainThread: MainThread;
  /** What the main thread does not know yet, by local session id: of each session the last status alone. */
  readonly #statuses = new Map<number, ChannelStatus>();
  /** Where a message is put together. */
  readonly #octets: number;

  constructor(
    arena: Arena,
    tables: Tables,
    counters: CounterWriter,
    kinds: readonly ChannelProtocolKind[],
    mainThread: MainThread,
  ) {
    this.#mainThread = mainThread;
    this.#arena = arena;
    this.#tables = tables;
    this.#counters = counters;
    this.#octets = arena.take(LONGEST_HEADER_OCTETS + LONGEST_MESSAGE_OCTETS);
    const target: ChannelTarget = {
      send: (id, message) => this.send(id, message),
      deliver: (id, message) => this.#post(id, message, "protocol"),
      deliverUnknown: (id, message) => this.#post(id, message, "unknown"),
      discard: (id, reason) => this.#discardedOf(id, reason),
      tell: (id, status) => this.#statuses.set(id, status),
    };
    this.#channels = new SessionChannels(kinds, target, cryptoRandom);
  }

  add(session: SessionParameters, attachment: AttachmentCircuit): void {
    this.#statuses.delete(session.localSessionId);
    this.#channels.add(session, attachment, performance.now());
  }

  update(localSessionId: number, attachment: AttachmentCircuit): void {
    this.#channels.update(localSessionId, attachment, performance.now());
  }

  remove(localSessionId: number): void {
    this.#statuses.delete(localSessionId);
    this.#channels.remove(localSessionId);
  }

  /** Gives the main thread statuses that it does not know yet, as many as one message may have. */
  postStatuses(): void {
    if (this.#statuses.size > 0) this.#mainThread.postStatuses(() => this.#takeStatuses());
  }

  /** Ms until a protocol's deadline, 0 where it is over; at most `most`. */
  remainingMs(most: number): number {
    const { nextMs } = this.#channels;
    if (nextMs === undefined) return most;
    return Math.min(most, Math.max(0, Math.ceil(nextMs - performance.now())));
  }

  /** Calls the protocols whose deadline is over. */
  expire(): void {
    if (this.#channels.nextMs !== undefined) this.#channels.expire(performance.now());
  }

  /** Takes a message in; `start` and `length` are of what follows the cookie. */
  receive(session: ForwardedSession, start: number, length: number): void {
    const id = session.localSessionId >>> 0;
    const nowMs = performance.now();
    if (!this.#channels.admit(id, nowMs)) return this.#discarded(session, "channel-overflow");
    const { octets, view } = this.#arena;
    const channelType = view.getUint16(start + 2);
    const payload = octets.slice(start + SUBLAYER_OCTETS, start + length);
    this.#channels.receive(id, { channelType, payload }, nowMs);
  }

  /** Sends a message to the peer; a session that is not there, or negotiated no channel, sends nothing. */
  send(localSessionId: number, { channelType, payload }: ChannelMessage): void {
    const session = this.#tables.sessions.get(localSessionId | 0);
    if (session === undefined || !session.hasControlChannel) return;
    const { row, fd, name, nameOctets } = session;
    if (payload.length > LONGEST_MESSAGE_OCTETS) return this.#counters.discarded(row, psnVerdict("EMSGSIZE"));
    const { octets, tables, view } = this.#arena;
    const headerOctets = writeChannelHeader(view, this.#octets, session, channelType);
    octets.set(payload, this.#octets + headerOctets);
    const length = headerOctets + payload.length;
    const message = this.#arena.address(this.#octets, length);
    const sent = sendto(
      fd,
      message,
      length,
      linux.MSG_DONTWAIT,
      tables.address(name, nameOctets),
      nameOctets,
    );
    if (sent < 0) this.#counters.discarded(row, psnVerdict(errnoName(errno())));
  }

  #takeStatuses(): readonly SessionStatus[] {
    const taken: SessionStatus[] = [];
    for (const status of this.#statuses) {
      if (taken.length === MOST_STATUSES) break;
      taken.push(status);
      this.#statuses.delete(status[0]);
    }
    return taken;
  }

  #post(localSessionId: number, message: ChannelMessage, of: "protocol" | "unknown"): void {
    const reason = this.#mainThread.postMessage(localSessionId, message, of);
    if (reason !== undefined) this.#discardedOf(localSessionId, reason);
  }

  #discardedOf(localSessionId: number, reason: DiscardReason): void {
    const session = this.#tables.sessions.get(localSessionId | 0);
    if (session !== undefined) this.#discarded(session, reason);
  }

  #discarded({ row }: ForwardedSession, reason: DiscardReason): void {
    this.#counters.discarded(row, -1 - discardIndex[reason]);
  }
}
