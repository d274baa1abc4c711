import { type Expirable, Timers } from "../bytes/timers.ts";
import type { Random } from "../environment.ts";
import {
  type ChannelStatus,
  isSameChannelStatus,
  type SessionParameters,
} from "../wire/session-parameters.ts";
import type { DiscardReason } from "./discard-reasons.ts";
import { type ChannelMessage, hasControlChannel } from "./encapsulation.ts";
import type { AttachmentCircuit, ChannelOptions } from "./plane.ts";

/**
 * The control channels of sessions (RFC 5085), sans-IO: which protocol gets a message, when protocols have to
 * send by themselves, and how many messages a session may receive.
 */

/**
 * What happens to a protocol: the session began, the attachment circuit rose or fell, a message came in, or
 * its deadline is over.
 */
export type ChannelInput =
  | { readonly kind: "begin" | "circuit-status"; readonly circuitActive: boolean }
  | { readonly kind: "message"; readonly message: ChannelMessage }
  | { readonly kind: "deadline" };

/**
 * What a protocol asks for: to send a message to the peer, to give one that came in to the main thread or
 * count it as discarded, or to tell how the session is from now on.
 */
export type ChannelEffect =
  | { readonly kind: "send"; readonly message: ChannelMessage }
  | { readonly kind: "deliver"; readonly message: ChannelMessage }
  | { readonly kind: "discard"; readonly reason: DiscardReason }
  | { readonly kind: "status"; readonly status: ChannelStatus };

/**
 * A protocol on the control channel of one session, such as BFD (RFC 5885), as a state machine. It runs where
 * no work of the main thread can stop it; time is in ms of a monotonic clock.
 */
export interface ChannelProtocol {
  /** Returns what is to be done, in order. A session is taken to be up as long as nothing is told of it. */
  handle(input: ChannelInput, nowMs: number): readonly ChannelEffect[];
  /** When `handle` is to be called although no message came; undefined: not at all. */
  readonly deadlineMs: number | undefined;
}

/** A kind of protocol: the channel types whose messages it gets, and the options that it takes. */
export interface ChannelProtocolKind<Options extends object = object> {
  /** Names its options in `AttachmentCircuit.channelOptions`. */
  readonly name: string;
  readonly channelTypes: readonly number[];
  /**
   * Undefined where a session does not use it; without `options` the configuration says nothing to it.
   * `random` is for discriminators and for intervals that must not fall into step (RFC 5880 §6.8.7).
   */
  create(
    session: SessionParameters,
    options: Options | undefined,
    random: Random,
  ): ChannelProtocol | undefined;
}

/** The options of one protocol, as an attachment has them. */
export function channelOptions<Options extends object>(
  { name }: ChannelProtocolKind<Options>,
  options: NoInfer<Options>,
): ChannelOptions {
  return { [name]: options };
}

/** What is done for protocols; sessions are named by their local ids. */
export interface ChannelTarget {
  /** To the peer. */
  send(localSessionId: number, message: ChannelMessage): void;
  /** To the main thread, which wants what a protocol gives it. */
  deliver(localSessionId: number, message: ChannelMessage): void;
  /** To the main thread, where it is taken: no protocol here does. */
  deliverUnknown(localSessionId: number, message: ChannelMessage): void;
  /** Counted, and no more. */
  discard(localSessionId: number, reason: DiscardReason): void;
  /** To the main thread: a session has another status than before. */
  tell(localSessionId: number, status: ChannelStatus): void;
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
  circuitActive: boolean;
  /** What protocols said last. */
  status: ChannelStatus | undefined;

  constructor(protocols: readonly RunningProtocol[], circuitActive: boolean, nowMs: number) {
    this.protocols = protocols;
    this.circuitActive = circuitActive;
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
  readonly #perform: (effect: ChannelEffect) => void;

  constructor(
    channelTypes: readonly number[],
    protocol: ChannelProtocol,
    timers: Timers,
    perform: (effect: ChannelEffect) => void,
  ) {
    this.channelTypes = channelTypes;
    this.#protocol = protocol;
    this.#timers = timers;
    this.#perform = perform;
  }

  handle(input: ChannelInput, nowMs: number): void {
    for (const effect of this.#protocol.handle(input, nowMs)) this.#perform(effect);
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
  readonly #target: ChannelTarget;
  readonly #random: Random;
  readonly #channels = new Map<number, SessionChannel>();
  readonly #timers = new Timers();

  constructor(kinds: readonly ChannelProtocolKind[], target: ChannelTarget, random: Random) {
    this.#kinds = kinds;
    this.#target = target;
    this.#random = random;
  }

  /** The earliest deadline of a protocol; undefined when there is none. */
  get nextMs(): number | undefined {
    return this.#timers.nextMs;
  }

  /** A session that negotiated no channel has none here. */
  add(session: SessionParameters, attachment: AttachmentCircuit, nowMs: number): void {
    const { localSessionId } = session;
    const { channelOptions: options, active: circuitActive = true } = attachment;
    this.remove(localSessionId);
    if (!hasControlChannel(session)) return;
    const perform = (effect: ChannelEffect) => this.#perform(localSessionId, effect);
    const protocols = this.#kinds.flatMap((kind) => {
      const protocol = kind.create(session, options?.[kind.name], this.#random);
      return protocol === undefined
        ? []
        : [new RunningProtocol(kind.channelTypes, protocol, this.#timers, perform)];
    });
    this.#channels.set(localSessionId, new SessionChannel(protocols, circuitActive, nowMs));
    for (const protocol of protocols) protocol.handle({ kind: "begin", circuitActive }, nowMs);
  }

  /** The attachment of a session may have changed: its protocols hear whether the circuit rose or fell. */
  update(localSessionId: number, { active: circuitActive = true }: AttachmentCircuit, nowMs: number): void {
    const channel = this.#channels.get(localSessionId);
    if (channel === undefined || channel.circuitActive === circuitActive) return;
    channel.circuitActive = circuitActive;
    for (const protocol of channel.protocols)
      protocol.handle({ kind: "circuit-status", circuitActive }, nowMs);
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
    if (protocol === undefined) this.#target.deliverUnknown(localSessionId, message);
    else protocol.handle({ kind: "message", message }, nowMs);
  }

  /** Calls the protocols whose deadline is over, each once: it may set another one that is over too. */
  expire(nowMs: number): void {
    const due: Expirable[] = [];
    for (let next = this.#timers.takeDue(nowMs); next !== undefined; next = this.#timers.takeDue(nowMs))
      due.push(next);
    for (const each of due) each.expire(nowMs);
  }

  #perform(localSessionId: number, effect: ChannelEffect): void {
    if (effect.kind === "send") return this.#target.send(localSessionId, effect.message);
    if (effect.kind === "deliver") return this.#target.deliver(localSessionId, effect.message);
    if (effect.kind === "discard") return this.#target.discard(localSessionId, effect.reason);
    const channel = this.#channels.get(localSessionId);
    if (channel === undefined || isSameChannelStatus(channel.status, effect.status)) return;
    channel.status = effect.status;
    this.#target.tell(localSessionId, effect.status);
  }
}
