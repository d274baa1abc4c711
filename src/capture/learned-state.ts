import { concat, equalOctets } from "../bytes/hex.ts";
import type { AvpName, AvpValue } from "../wire/avp-table.ts";
import { type MessageName, messageNameOf } from "../wire/message-table.ts";

/** A control message as far as it concerns what a capture teaches. */
export interface ObservedMessage {
  /** Addresses of sender and receiver; ports may change under way. */
  readonly source: string;
  readonly destination: string;
  readonly messageType: number;
  readonly controlConnectionId: number;
  readonly values: ReadonlyMap<AvpName, unknown>;
  /** AVPs that are there and stay hidden. */
  readonly stillHidden: ReadonlySet<AvpName>;
}

/** How data messages towards one LCCE look in one session: as that LCCE asked in its own messages. */
export interface SessionFormat {
  /** Undefined while the capture hides it. */
  readonly cookie: Uint8Array | undefined;
  /** Number of its L2-Specific Sublayer, 0 for none; undefined while the capture hides it. */
  readonly sublayer: number | undefined;
  /** Undefined when no message told it. */
  readonly pseudowireType: number | undefined;
}

/** Nonces that may stand in front of a message under its digest. */
export interface Nonces {
  readonly candidates: readonly Uint8Array[];
  /** Whether no others are possible: a digest that fits none is wrong. */
  readonly isConclusive: boolean;
}

/** One end of a control connection. */
interface ConnectionEnd {
  readonly address: string;
  /** The id it assigned itself; undefined while hidden. */
  id: number | undefined;
  readonly nonce: Uint8Array;
  peer: ConnectionEnd | undefined;
  /** Whether only messages under wrong digests told of it. */
  readonly isDoubtful: boolean;
}

const NOTHING = new Uint8Array(0);

/** Messages in which a sender says how data towards it is to look (RFC 3931 §5.4.4). */
const openings: ReadonlySet<MessageName | undefined> = new Set(["ICRQ", "ICRP", "OCRQ", "OCRP"] as const);
const confirmations: ReadonlySet<MessageName | undefined> = new Set(["ICCN", "OCCN"] as const);

/** What a capture has taught so far: nonces of control connections, and formats of sessions for each direction. */
export class LearnedState {
  readonly #sides = new Map<string, ConnectionEnd>();
  /** The last side that an address opened towards another. */
  readonly #latest = new Map<string, ConnectionEnd>();
  readonly #sessions = new Map<string, SessionFormat>();

  /** How data messages to an address look in the session of that id; undefined when the capture did not show its set-up. */
  sessionFormat(destination: string, sessionId: number): SessionFormat | undefined {
    return this.#sessions.get(key(destination, sessionId));
  }

  /** The nonces for a message's digest: sender's, then receiver's; none in an SCCRQ (RFC 3931 §5.4.1). */
  noncesFor(lesson: ObservedMessage): Nonces {
    const name = messageNameOf(lesson.messageType);
    if (name === "SCCRQ") return { candidates: [NOTHING], isConclusive: true };
    const receiver = this.#find(lesson.destination, lesson.source, lesson.controlConnectionId);
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

  /** Takes in a control message; one that is doubtful, by a wrong digest, never replaces what others taught. */
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
    if (id !== undefined) this.#sides.set(key(source, id), side);
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
    // Without the AVP there is neither cookie nor sublayer; a confirmation only adds to what was said before.
    const absent = isOpening || before === undefined ? { cookie: NOTHING, sublayer: 0 } : before;
    this.#sessions.set(key(source, sessionId), {
      cookie: stillHidden.has("assignedCookie") ? undefined : (told("assignedCookie") ?? absent.cookie),
      sublayer: stillHidden.has("l2SpecificSublayer")
        ? undefined
        : (told("l2SpecificSublayer") ?? absent.sublayer),
      pseudowireType: told("pseudowireType") ?? before?.pseudowireType ?? remote?.pseudowireType,
    });
  }

  /** The side at `address` that messages from `other` under this id are for. */
  #find(address: string, other: string, id: number): ConnectionEnd | undefined {
    const side = this.#sides.get(key(address, id));
    if (side !== undefined || id === 0) return side;
    const latest = this.#latest.get(`${address} ${other}`);
    if (latest === undefined || latest.id !== undefined) return undefined;
    // Its own message hid the id; this one shows it.
    latest.id = id;
    this.#sides.set(key(address, id), latest);
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
