import { concat, equalOctets } from "../bytes/hex.ts";
import type { AvpName, AvpValue } from "../wire/avp-table.ts";
import { type MessageName, messageNameOf } from "../wire/message-table.ts";

/** A captured control message, reduced to what later packets are decoded by. */
export interface ObservedMessage {
  /** Addresses of sender and receiver; ports may change under way. */
  readonly source: string;
  readonly destination: string;
  readonly messageType: number;
  readonly controlConnectionId: number;
  readonly values: ReadonlyMap<AvpName, unknown>;
  /** AVPs that are present and cannot be revealed. */
  readonly stillHidden: ReadonlySet<AvpName>;
}

/** Format of data messages to one LCCE in one session, as that LCCE requested it. */
export interface SessionFormat {
  /** Undefined while the capture hides it. */
  readonly cookie: Uint8Array | undefined;
  /** Number of its L2-Specific Sublayer, 0 for none; undefined while the capture hides it. */
  readonly sublayer: number | undefined;
  /** Undefined when no message told it. */
  readonly pseudowireType: number | undefined;
}

/** Nonces that a message's digest may have been made with. */
export interface Nonces {
  readonly candidates: readonly Uint8Array[];
  /** Whether these are all possible ones: a digest that matches none is wrong. */
  readonly isConclusive: boolean;
}

/** One end of a control connection. */
interface ConnectionEnd {
  readonly address: string;
  /** The id it assigned itself; undefined while hidden. */
  id: number | undefined;
  readonly nonce: Uint8Array;
  peer: ConnectionEnd | undefined;
  /** Whether only messages with wrong digests named it. */
  readonly isDoubtful: boolean;
}

const NOTHING = new Uint8Array(0);

/** Values by their ids alone, as long as an id has one place; a later value of that place replaces it. */
class OnlyById<Value> {
  readonly #known = new Map<number, { readonly place: string; readonly value: Value | undefined }>();

  set(id: number, place: string, value: Value): void {
    const before = this.#known.get(id);
    const isOnly = before === undefined || before.place === place;
    this.#known.set(id, { place, value: isOnly ? value : undefined });
  }

  /** Undefined where there is none, or several. */
  get(id: number): Value | undefined {
    return this.#known.get(id)?.value;
  }
}

/** Messages in which a sender requests the format of data messages to it (RFC 3931 §5.4.4). */
const openings: ReadonlySet<MessageName | undefined> = new Set(["ICRQ", "ICRP", "OCRQ", "OCRP"] as const);
const confirmations: ReadonlySet<MessageName | undefined> = new Set(["ICCN", "OCCN"] as const);

/**
 * State learned from the control messages of a capture: nonces of control connections, and data formats of
 * sessions by direction. Each is known by the address that it was learned with, and where nothing is known by
 * an address, by its id alone: an end may have another address by now.
 */
export class LearnedState {
  readonly #sides = new Map<string, ConnectionEnd>();
  /** The last connection end that an address opened towards another. */
  readonly #latest = new Map<string, ConnectionEnd>();
  readonly #sessions = new Map<string, SessionFormat>();
  readonly #sidesById = new OnlyById<ConnectionEnd>();
  readonly #sessionsById = new OnlyById<SessionFormat>();

  /**
   * Format of the data messages to an address with that session id; undefined when the capture does not hold
   * the set-up.
   */
  sessionFormat(destination: string, sessionId: number): SessionFormat | undefined {
    return this.#sessions.get(key(destination, sessionId)) ?? this.#sessionsById.get(sessionId);
  }

  /** The nonces for a message's digest: sender's, then receiver's; none in an SCCRQ (RFC 3931 §5.4.1). */
  noncesFor(lesson: ObservedMessage): Nonces {
    const name = messageNameOf(lesson.messageType);
    if (name === "SCCRQ") return { candidates: [NOTHING], isConclusive: true };
    const receiver = this.#find(lesson.destination, lesson.source, lesson.controlConnectionId);
    const moved = receiver === undefined ? this.#sidesById.get(lesson.controlConnectionId) : undefined;
    if (moved?.peer !== undefined && name !== "SCCRP")
      return { candidates: [concat(moved.peer.nonce, moved.nonce)], isConclusive: false };
    if (name === "SCCRP") {
      const candidates = [concat(nonceOf(lesson), receiver?.nonce ?? NOTHING)];
      return { candidates, isConclusive: receiver !== undefined };
    }
    const sender = this.#senderOf(lesson, receiver);
    const both = concat(sender?.nonce ?? NOTHING, receiver?.nonce ?? NOTHING);
    if (name === "StopCCN") {
      // A peer that refuses an SCCRQ never told a nonce of its own; several readings of the RFC are in use.
      const candidates = [both, sender?.nonce ?? NOTHING, receiver?.nonce ?? NOTHING, NOTHING];
      return { candidates, isConclusive: sender !== undefined || receiver !== undefined };
    }
    return { candidates: [both], isConclusive: sender !== undefined && receiver !== undefined };
  }

  /**
   * Learns from a control message; a doubtful one, with a wrong digest, never replaces what was learned from
   * others.
   */
  learn(lesson: ObservedMessage, isDoubtful: boolean): void {
    const name = messageNameOf(lesson.messageType);
    if (name === "SCCRQ" || name === "SCCRP") this.#learnConnection(name, lesson, isDoubtful);
    if (openings.has(name) || confirmations.has(name)) this.#learnSession(name, lesson, isDoubtful);
  }

  #learnConnection(name: "SCCRQ" | "SCCRP", lesson: ObservedMessage, isDoubtful: boolean): void {
    const { source, destination } = lesson;
    const id = lesson.values.get("assignedControlConnectionId") as number | undefined;
    const nonce = nonceOf(lesson);
    const known = id === undefined ? undefined : this.#sides.get(key(source, id));
    const receiver =
      name === "SCCRQ" ? undefined : this.#find(destination, source, lesson.controlConnectionId);
    if (isDoubtful && (known?.isDoubtful === false || receiver?.peer?.isDoubtful === false)) return;
    // A retransmission must not part the two ends.
    const isSame = known?.isDoubtful === isDoubtful && equalOctets(known.nonce, nonce);
    const side: ConnectionEnd = isSame ? known : { address: source, id, nonce, peer: undefined, isDoubtful };
    if (id !== undefined) this.#knowSide(source, id, side);
    this.#latest.set(`${source} ${destination}`, side);
    if (receiver === undefined) return;
    side.peer = receiver;
    receiver.peer = side;
  }

  #learnSession(name: MessageName | undefined, lesson: ObservedMessage, isDoubtful: boolean): void {
    const { source, destination, values, stillHidden } = lesson;
    const sessionId = values.get("localSessionId") as number | undefined;
    if (sessionId === undefined || sessionId === 0) return;
    const told = <N extends AvpName>(avp: N) => values.get(avp) as AvpValue<N> | undefined;
    const before = this.#sessions.get(key(source, sessionId));
    if (isDoubtful && before !== undefined) return;
    const remote = this.#sessions.get(key(destination, told("remoteSessionId") ?? 0));
    const isOpening = openings.has(name);
    // An absent AVP means no cookie and no sublayer; a confirmation only adds to the opening message.
    const absent = isOpening || before === undefined ? { cookie: NOTHING, sublayer: 0 } : before;
    const format: SessionFormat = {
      cookie: stillHidden.has("assignedCookie") ? undefined : (told("assignedCookie") ?? absent.cookie),
      sublayer: stillHidden.has("l2SpecificSublayer")
        ? undefined
        : (told("l2SpecificSublayer") ?? absent.sublayer),
      pseudowireType: told("pseudowireType") ?? before?.pseudowireType ?? remote?.pseudowireType,
    };
    this.#sessions.set(key(source, sessionId), format);
    this.#sessionsById.set(sessionId, source, format);
  }

  #knowSide(address: string, id: number, side: ConnectionEnd): void {
    this.#sides.set(key(address, id), side);
    this.#sidesById.set(id, address, side);
  }

  /** The connection end at `address` that messages from `other` with this id are for. */
  #find(address: string, other: string, id: number): ConnectionEnd | undefined {
    const side = this.#sides.get(key(address, id));
    if (side !== undefined || id === 0) return side;
    const latest = this.#latest.get(`${address} ${other}`);
    if (latest === undefined || latest.id !== undefined) return undefined;
    // Its own message hid the id; this one shows it.
    latest.id = id;
    this.#knowSide(address, id, latest);
    return latest;
  }

  #senderOf(lesson: ObservedMessage, receiver: ConnectionEnd | undefined): ConnectionEnd | undefined {
    if (receiver !== undefined) return receiver.peer;
    const id = lesson.values.get("assignedControlConnectionId") as number | undefined;
    return id === undefined ? undefined : this.#sides.get(key(lesson.source, id));
  }
}

function key(address: string, id: number): string {
  return `${address} ${id}`;
}

function nonceOf({ values }: ObservedMessage): Uint8Array {
  return (values.get("controlMessageAuthenticationNonce") as Uint8Array | undefined) ?? NOTHING;
}
