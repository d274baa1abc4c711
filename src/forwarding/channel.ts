import { type Expirable, Timers } from "../bytes/timers.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import { type ChannelMessage, hasControlChannel } from "./encapsulation.ts";

/**
 * The control channels of sessions (RFC 5085), sans-IO: which protocol gets a message, when protocols have to
 * send by themselves, and how many messages a session may receive.
 */

/** What happens to a protocol: the session began, a message came in, or its deadline is over. */
export type ChannelInput =
  | { readonly kind: "begin" }
  | { readonly kind: "message"; readonly message: ChannelMessage }
  | { readonly kind: "deadline" };

/**
 * A protocol on the control channel of one session, such as BFD (RFC 5885), as a state machine. It runs where
 * no work of the main thread can stop it; time is in ms of a monotonic clock.
 */
export interface ChannelProtocol {
  /** Returns the messages to send. */
  handle(input: ChannelInput, nowMs: number): readonly ChannelMessage[];
  /** When `handle` is to be called although no message came; undefined: not at all. */
  readonly deadlineMs: number | undefined;
}

/** A kind of protocol, and the channel types whose messages it gets. */
export interface ChannelProtocolKind {
  readonly channelTypes: readonly number[];
  /** Undefined where a session does not use it. */
  create(session: SessionParameters): ChannelProtocol | undefined;
}

/** Effects of a message or a deadline; sessions are named by their local ids. */
export interface ChannelEffects {
  /** To the peer. */
  send(localSessionId: number, message: ChannelMessage): void;
  /** To the main thread, for no protocol here takes it. */
  deliver(localSessionId: number, message: ChannelMessage): void;
}

/**
 * Messages that a session may receive at once, and in a second after that (RFC 5085 §10 asks for a limit, and
 * says no number): BFD of ten messages a second, and pings beside it.
 */
export const CHANNEL_BURST = 100;
export const CHANNEL_RATE = 50;
const MS_A_SECOND = 1000;

/** The control channel of one session. */
class SessionChannel {
  /** Messages that may come in, as of `#countedMs`. */
  #tokens = CHANNEL_BURST;
  #countedMs: number;
  readonly protocols: readonly RunningProtocol[];

  constructor(protocols: readonly RunningProtocol[], nowMs: number) {
    this.protocols = protocols;
    this.#countedMs = nowMs;
  }

  admit(nowMs: number): boolean {
    const earned = ((nowMs - this.#countedMs) * CHANNEL_RATE) / MS_A_SECOND;
    this.#tokens = Math.min(CHANNEL_BURST, this.#tokens + earned);
    this.#countedMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** A protocol of a session, with its deadline among the others. */
class RunningProtocol implements Expirable {
  readonly channelTypes: readonly number[];
  readonly #protocol: ChannelProtocol;
  readonly #timers: Timers;
  readonly #send: (message: ChannelMessage) => void;

  constructor(
    channelTypes: readonly number[],
    protocol: ChannelProtocol,
    timers: Timers,
    send: (message: ChannelMessage) => void,
  ) {
    this.channelTypes = channelTypes;
    this.#protocol = protocol;
    this.#timers = timers;
    this.#send = send;
  }

  handle(input: ChannelInput, nowMs: number): void {
    for (const message of this.#protocol.handle(input, nowMs)) this.#send(message);
    this.#timers.set(this, this.#protocol.deadlineMs);
  }

  expire(nowMs: number): void {
    this.handle({ kind: "deadline" }, nowMs);
  }

  stop(): void {
    this.#timers.set(this, undefined);
  }
}

/** The control channels of all sessions that negotiated one. */
export class SessionChannels {
  readonly #kinds: readonly ChannelProtocolKind[];
  readonly #effects: ChannelEffects;
  readonly #channels = new Map<number, SessionChannel>();
  readonly #timers = new Timers();

  constructor(kinds: readonly ChannelProtocolKind[], effects: ChannelEffects) {
    this.#kinds = kinds;
    this.#effects = effects;
  }

  /** The earliest deadline of a protocol; undefined when there is none. */
  get nextMs(): number | undefined {
    return this.#timers.nextMs;
  }

  /** A session that negotiated no channel has none here. */
  add(session: SessionParameters, nowMs: number): void {
    const { localSessionId } = session;
    this.remove(localSessionId);
    if (!hasControlChannel(session)) return;
    const send = (message: ChannelMessage) => this.#effects.send(localSessionId, message);
    const protocols = this.#kinds.flatMap((kind) => {
      const protocol = kind.create(session);
      return protocol === undefined
        ? []
        : [new RunningProtocol(kind.channelTypes, protocol, this.#timers, send)];
    });
    this.#channels.set(localSessionId, new SessionChannel(protocols, nowMs));
    for (const protocol of protocols) protocol.handle({ kind: "begin" }, nowMs);
  }

  remove(localSessionId: number): void {
    for (const protocol of this.#channels.get(localSessionId)?.protocols ?? []) protocol.stop();
    this.#channels.delete(localSessionId);
  }

  /** Whether one more message may come in now; if so, `receive` is to follow. */
  admit(localSessionId: number, nowMs: number): boolean {
    return this.#channels.get(localSessionId)?.admit(nowMs) ?? false;
  }

  receive(localSessionId: number, message: ChannelMessage, nowMs: number): void {
    const protocols = this.#channels.get(localSessionId)?.protocols ?? [];
    const protocol = protocols.find(({ channelTypes }) => channelTypes.includes(message.channelType));
    if (protocol === undefined) this.#effects.deliver(localSessionId, message);
    else protocol.handle({ kind: "message", message }, nowMs);
  }

  /** Calls the protocols whose deadline is over, each once: it may set another one that is over too. */
  expire(nowMs: number): void {
    const due: Expirable[] = [];
    for (let next = this.#timers.takeDue(nowMs); next !== undefined; next = this.#timers.takeDue(nowMs))
      due.push(next);
    for (const each of due) each.expire(nowMs);
  }
}
