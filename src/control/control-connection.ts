import { TruncatedError } from "../bytes/errors.ts";
import type { AvpValues } from "../wire/avp-table.ts";
import { ProtocolError } from "../wire/errors.ts";
import {
  type ControlMessage,
  type DecodedControlMessage,
  decodeControlMessage,
  encodeControlMessage,
  type MessageName,
  type MessageProblem,
  renumberControlMessage,
} from "../wire/message.ts";
import { peekMessageType } from "../wire/peek.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { judgeStart, type Refusal, refusalOf, stopResult } from "./acceptance.ts";
import { Authentication } from "./authentication.ts";
import { type Context, earliest, type Settleable } from "./context.ts";
import {
  type ControlConnectionAction,
  type ControlConnectionEvent,
  type ControlConnectionState,
  controlConnectionTable,
} from "./control-connection-table.ts";
import { Delivery, type MessageCodec, type ReceiveVerdict } from "./delivery.ts";
import { randomFraction } from "./identifiers.ts";
import { printable, resultCodeAvp } from "./session.ts";
import { type PseudowireDirectory, SessionSet } from "./session-set.ts";
import { limits, type PeerSettings } from "./settings.ts";
import { lookUp } from "./table.ts";
import type { Expirable } from "./timers.ts";

/** What a peer said of itself in its SCCRQ or SCCRP (RFC 3931 §5.4.3). */
export interface PeerIdentity {
  readonly hostName: string | undefined;
  readonly routerId: number | undefined;
  readonly vendorName: string | undefined;
  readonly pseudowireTypes: readonly number[];
}

/** The peer's side of the bookkeeping, told of what becomes of its connections. */
export interface ConnectionOwner {
  readonly settings: PeerSettings;
  connectionEstablished(connection: ControlConnection): void;
  /** In idle, with its sessions ended; delivery may live on. `retry` "never" when another connection goes on in its place. */
  connectionClosed(connection: ControlConnection, why: string, retry: "backoff" | "never"): void;
  noteRefusal(why: string): void;
  /** Nothing is left of it: its identifiers are free. */
  connectionGone(connection: ControlConnection): void;
  readonly directory: PseudowireDirectory;
}

/** StopCCN result code for a locally decided end, where nothing more telling is at hand (RFC 3931 §5.4.2). */
const stopResultOf: Readonly<Partial<Record<ControlConnectionEvent, number>>> = {
  close: stopResult.requested,
  retire: stopResult.requested,
  "unknown-mandatory": stopResult.generalError,
};

/** HELLO intervals are shortened by up to a tenth, for each connection once: RFC 3931 §4.4 wants the timers of one pair of LCCEs apart. */
const HELLO_JITTER = 0.1;

/** One control connection: its state machine over reliable delivery, its authentication and its sessions (RFC 3931 §7.2). */
export class ControlConnection implements Expirable, Settleable, MessageCodec {
  readonly localControlConnectionId: number;
  readonly tieBreaker: Uint8Array;
  readonly sessions: SessionSet;
  readonly #context: Context;
  readonly #owner: ConnectionOwner;
  readonly #authentication: Authentication;
  readonly #delivery: Delivery<DecodedControlMessage>;
  readonly #jitter: number;
  #path: PsnPath;
  #state: ControlConnectionState = "idle";
  #remoteControlConnectionId = 0;
  #identity: PeerIdentity | undefined;
  #lastReceivedMs: number;
  #establishedMs: number | undefined;
  #setupDeadlineMs: number | undefined;
  #lingerUntilMs: number | undefined;
  #gone = false;
  #isInitiator = false;
  #sent = 0;
  #received = 0;
  #cause: ControlConnectionEvent = "open";
  #refusal: Refusal | undefined;
  #why = "";
  #message: { name: MessageName; avps: AvpValues; problem: MessageProblem | undefined } | undefined;

  readonly #actions: Readonly<Record<ControlConnectionAction, () => void>> = {
    "send-sccrq": () =>
      this.send({ name: "SCCRQ", avps: { ...this.#introduction(), tieBreaker: this.tieBreaker } }),
    "send-sccrp": () => {
      this.#setupDeadlineMs = this.#context.nowMs + limits.establishMs;
      this.#delivery.waiveAcknowledgement();
      this.send({ name: "SCCRP", avps: this.#introduction() });
    },
    "send-scccn": () => this.send({ name: "SCCCN", avps: {} }),
    "send-stopccn": () => this.#sendStopCcn(),
    "open-sessions": () => {
      this.#setupDeadlineMs = undefined;
      this.#establishedMs = this.#context.nowMs;
    },
    "clean-up": () => this.sessions.connectionLost(),
    forget: () => this.#vanish(),
    linger: () => {
      this.#delivery.abandon();
      this.#lingerUntilMs ??= this.#context.nowMs + limits.lingerMs;
    },
    "deliver-to-session": () => {
      const message = this.#message;
      if (message !== undefined) this.sessions.receive(message.name, message.avps, message.problem);
    },
    ignore: () => {},
  };

  constructor(context: Context, owner: ConnectionOwner, path: PsnPath) {
    const { settings } = owner;
    this.#context = context;
    this.#owner = owner;
    this.#path = path;
    this.localControlConnectionId = context.controlConnectionIds.allocate();
    this.tieBreaker = context.random.octets(8);
    this.#authentication = new Authentication(
      settings.authentication,
      context.random.octets(limits.nonceOctets),
    );
    this.#delivery = new Delivery(this, settings.delivery);
    this.#jitter = 1 - randomFraction(context.random) * HELLO_JITTER;
    this.#lastReceivedMs = context.nowMs;
    this.sessions = new SessionSet(context, owner.directory, this);
  }

  get state(): ControlConnectionState {
    return this.#state;
  }

  get path(): PsnPath {
    return this.#path;
  }

  get peerName(): string {
    return this.#owner.settings.name;
  }

  get remoteControlConnectionId(): number {
    return this.#remoteControlConnectionId;
  }

  get identity(): PeerIdentity | undefined {
    return this.#identity;
  }

  get establishedMs(): number | undefined {
    return this.#establishedMs;
  }

  /** Whether the connection began with our SCCRQ. */
  get isInitiator(): boolean {
    return this.#isInitiator;
  }

  get counters(): { readonly sent: number; readonly received: number; readonly retransmitted: number } {
    return { sent: this.#sent, received: this.#received, retransmitted: this.#delivery.retransmitted };
  }

  /** Starts as initiator: SCCRQ. */
  open(): void {
    this.#isInitiator = true;
    this.#apply("open");
  }

  /** Starts as responder of an SCCRQ that was verified and judged acceptable. */
  accept(sccrq: DecodedControlMessage & { kind: "message" }): void {
    this.#received += 1;
    this.#delivery.receive(sccrq.header.ns, sccrq.header.nr, false, sccrq, this.#context.nowMs);
    this.#learnPeer(sccrq.message.avps);
    this.#apply("sccrq");
    this.#context.touch(this);
  }

  /** Ends it from our side; `why` is for people. */
  end(event: "close" | "retire" | "tie-lost" | "tie-equal", why: string, resultCode?: number): void {
    if (event === "close" && this.#state === "established") {
      this.#delivery.dropUnsent();
      this.sessions.sayGoodbye();
    }
    const code = resultCode ?? stopResultOf[event] ?? stopResult.stateMachine;
    this.#refuse(event, { resultCode: code, text: why });
  }

  /** The same peer has other timers and limits now. */
  settingsChanged(): void {
    this.#delivery.update(this.#owner.settings.delivery);
    this.#context.touch(this);
  }

  /** Data of a session came in: the peer lives (RFC 3931 §4.4). */
  dataReceived(): void {
    this.#lastReceivedMs = this.#context.nowMs;
    this.#context.touch(this);
  }

  /** Queues a message; it leaves when the input at hand was handled and the window allows. */
  send(message: ControlMessage): void {
    this.#delivery.send(message);
    this.#context.touch(this);
  }

  /** Takes in a control message whose header names this connection (or that found it by its Assigned CCID). */
  receive(octets: Uint8Array, path: PsnPath): void {
    const verdict = this.#authentication.verify(octets, peekMessageType(octets));
    if (verdict !== "ok") {
      this.#owner.noteRefusal(authenticationFailed(verdict, this.#owner.settings.authentication.mode));
      return this.#context.discard(verdict, path);
    }
    const decoded = this.#decode(octets);
    if (decoded === undefined) return this.#context.discard("malformed", path);
    // Verified and read: only now may anything in it change our state (RFC 3931 §5.4.1).
    this.#lastReceivedMs = this.#context.nowMs;
    this.#received += 1;
    this.#context.touch(this);
    const order = this.#order(decoded);
    if (order === "beyond-nr" || order === "duplicate" || order === "ahead-of-window") {
      return this.#context.discard(order, path);
    }
    if (order !== "deliver") return;
    this.#take(decoded, path);
    for (let held = this.#delivery.takeHeld(); held !== undefined; held = this.#delivery.takeHeld()) {
      this.#take(held, path);
    }
  }

  expire(nowMs: number): void {
    this.#context.touch(this);
    if (this.#lingerUntilMs !== undefined && nowMs >= this.#lingerUntilMs) return this.#vanish();
    if (this.#setupDeadlineMs !== undefined && nowMs >= this.#setupDeadlineMs) {
      this.#setupDeadlineMs = undefined;
      if (this.#state === "wait-ctl-conn") this.#refuse("timeout", stateMachine("no SCCCN came"));
    }
    if (this.#delivery.expire(nowMs) === "dead") this.#applyWhy("lost", "the peer does not answer");
    const hello = this.#helloDueMs();
    if (hello !== undefined && nowMs >= hello) this.send({ name: "HELLO", avps: {} });
  }

  settle(): void {
    if (this.#gone) return;
    for (const octets of this.#delivery.flush(this.#context.nowMs)) {
      this.#sent += 1;
      this.#context.emit({ kind: "transmit", path: this.#path, octets });
    }
    const stopDelivered =
      this.#state === "idle" && this.#lingerUntilMs === undefined && this.#delivery.isIdle;
    if (stopDelivered) return this.#vanish();
    const deadline = earliest(
      this.#delivery.deadlineMs,
      this.#helloDueMs(),
      this.#setupDeadlineMs,
      this.#lingerUntilMs,
    );
    this.#context.timers.set(this, deadline);
  }

  encode(message: ControlMessage | undefined, ns: number, nr: number): Uint8Array {
    const numbers = { controlConnectionId: this.#remoteControlConnectionId, ns, nr };
    if (message === undefined && this.#authentication.allowsZlb)
      return encodeControlMessage(numbers, undefined);
    const content = message ?? { name: "ACK" as const, avps: {} };
    const digest = this.#authentication.keysFor(content.name);
    const { hideAvps, secrets } = this.#owner.settings.authentication;
    const secret = secrets[0];
    if (!hideAvps || secret === undefined || content.name === "ACK") {
      return encodeControlMessage(numbers, content, { digest });
    }
    const randomVector = this.#context.random.octets(limits.randomVectorOctets);
    return encodeControlMessage(numbers, content, { digest, hiding: { secret, randomVector } });
  }

  renumber(octets: Uint8Array, message: ControlMessage, nr: number): Uint8Array {
    return renumberControlMessage(octets, nr, this.#authentication.keysFor(message.name));
  }

  /** Nothing to prove while messages are in flight: their acknowledgement is as good as a HELLO's. */
  #helloDueMs(): number | undefined {
    const interval = this.#owner.settings.helloIntervalMs;
    if (this.#state !== "established" || interval === 0 || !this.#delivery.isIdle) return undefined;
    return this.#lastReceivedMs + Math.round(interval * this.#jitter);
  }

  /** Undefined for a message that is to be discarded unacknowledged (RFC 3931 §7.1). */
  #decode(octets: Uint8Array): DecodedControlMessage | undefined {
    try {
      return decodeControlMessage(octets, { hidingSecrets: this.#owner.settings.authentication.secrets });
    } catch (error) {
      if (error instanceof TruncatedError || error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  #order(decoded: DecodedControlMessage): ReceiveVerdict {
    const { ns, nr, controlConnectionId } = decoded.header;
    const name = decoded.kind === "message" ? decoded.message.name : undefined;
    const isAcknowledgement = decoded.kind === "zlb" || name === "ACK";
    const order = this.#delivery.receive(ns, nr, isAcknowledgement, decoded, this.#context.nowMs);
    // A repeated SCCRQ is answered by the SCCRP: its sender could not verify an ACK (RFC 3931 §4.3).
    if (controlConnectionId === 0 && name === "SCCRQ") this.#delivery.waiveAcknowledgement();
    return order;
  }

  #take(decoded: DecodedControlMessage, path: PsnPath): void {
    if (decoded.kind === "zlb") return;
    if (decoded.kind === "unknown-type") {
      if (!decoded.mandatory) return this.#context.discard("unknown-message", path);
      const text = `message type ${decoded.messageType} is unknown here`;
      return this.#refuse("unknown-mandatory", { resultCode: stopResult.generalError, errorCode: 8, text });
    }
    this.#dispatch(decoded.message, decoded.problem, path);
  }

  #dispatch({ name, avps }: ControlMessage, problem: MessageProblem | undefined, path: PsnPath): void {
    switch (name) {
      case "SCCRQ":
        return this.#refuse("sccrq", stateMachine("SCCRQ on a connection in use"));
      case "SCCRP": {
        const refusal =
          this.#state === "wait-ctl-reply" ? judgeStart(avps, problem, this.#owner.settings) : undefined;
        if (this.#state === "wait-ctl-reply" && avps.assignedControlConnectionId) this.#learnPeer(avps, path);
        if (refusal !== undefined) return this.#refuse("sccrp-bad", refusal);
        return this.#refuse("sccrp", stateMachine("SCCRP out of state"));
      }
      case "SCCCN":
        if (problem !== undefined) return this.#refuse("scccn-bad", refusalOf(problem));
        return this.#refuse("scccn", stateMachine("SCCCN out of state"));
      case "StopCCN":
        return this.#applyWhy("stopccn", describeStop(avps.resultCode));
      case "HELLO":
        if (problem !== undefined) return this.#refuse("hello-bad", refusalOf(problem));
        return this.#refuse("hello", stateMachine("HELLO out of state"));
      default:
        this.#message = { name, avps, problem };
        return this.#refuse("session-message", stateMachine(`${name} before the connection is established`));
    }
  }

  /** Applies an event together with the answer to give should its row send a StopCCN. */
  #refuse(event: ControlConnectionEvent, refusal: Refusal): void {
    this.#refusal = refusal;
    this.#applyWhy(event, refusal.text);
    this.#refusal = undefined;
  }

  #applyWhy(event: ControlConnectionEvent, why: string): void {
    this.#why = why;
    this.#apply(event);
  }

  /** Applies one event: the only way a connection changes its state. */
  #apply(event: ControlConnectionEvent): void {
    const from = this.#state;
    const row = lookUp(controlConnectionTable, from, event);
    this.#cause = event;
    this.#state = row.to;
    for (const action of row.actions) this.#actions[action]();
    if (from === row.to) return;
    this.#report(from, event, row.to);
    if (row.to === "established") this.#owner.connectionEstablished(this);
    if (row.to !== "idle") return;
    const retry = event === "tie-lost" || event === "retire" ? "never" : "backoff";
    this.#owner.connectionClosed(this, this.#why, retry);
  }

  /** AVPs of SCCRQ and SCCRP alike; the nonce only with authentication on (RFC 3931 §6.1, §6.2). */
  #introduction(): AvpValues {
    const { hostName, routerId, vendorName } = this.#context.identity;
    const nonce = this.#authentication.ownNonce;
    return {
      ...(nonce === undefined ? {} : { controlMessageAuthenticationNonce: nonce }),
      hostName,
      routerId,
      assignedControlConnectionId: this.localControlConnectionId,
      pseudowireCapabilitiesList: [0x0005, 0x0004],
      receiveWindowSize: this.#owner.settings.delivery.receiveWindowSize,
      vendorName,
    };
  }

  #learnPeer(avps: AvpValues, path?: PsnPath): void {
    this.#authentication.learnPeerNonce(avps.controlMessageAuthenticationNonce);
    this.#remoteControlConnectionId = avps.assignedControlConnectionId ?? 0;
    this.#delivery.setPeerWindow(avps.receiveWindowSize || 4);
    this.#identity = {
      hostName: avps.hostName === undefined ? undefined : printable(avps.hostName),
      routerId: avps.routerId,
      vendorName: avps.vendorName === undefined ? undefined : printable(avps.vendorName),
      pseudowireTypes: avps.pseudowireCapabilitiesList ?? [],
    };
    // The responder may answer from a UDP port of its own choice (RFC 3931 §4.1.2.2).
    if (path !== undefined) this.#path = path;
  }

  #sendStopCcn(): void {
    const refusal = this.#refusal ?? stateMachine(this.#cause);
    if (this.#cause !== "close") this.#delivery.dropUnsent();
    const assignedControlConnectionId = this.localControlConnectionId;
    this.send({ name: "StopCCN", avps: { resultCode: resultCodeAvp(refusal), assignedControlConnectionId } });
  }

  #vanish(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#context.timers.set(this, undefined);
    this.#context.controlConnectionIds.release(this.localControlConnectionId);
    this.#owner.connectionGone(this);
  }

  #report(from: ControlConnectionState, cause: ControlConnectionEvent, to: ControlConnectionState): void {
    this.#context.emit({
      kind: "report",
      event: {
        event: "control-connection",
        peer: this.peerName,
        localControlConnectionId: this.localControlConnectionId,
        from,
        cause,
        to,
        ...(to === "idle" && this.#why !== "" ? { detail: this.#why } : {}),
      },
    });
  }
}

/** Words for a failed verification: most often the secrets differ. */
export function authenticationFailed(verdict: "wrong-digest" | "missing-digest", mode: string): string {
  if (mode !== "digest") return "messages from the peer are authenticated, and no secret is configured here";
  if (verdict === "wrong-digest")
    return "messages from the peer fail authentication: do both ends have the same secret?";
  return "messages from the peer carry no digest: is a secret configured at its end?";
}

function stateMachine(text: string): Refusal {
  return { resultCode: stopResult.stateMachine, text };
}

/** TABLE: StopCCN result codes in words (RFC 3931 §5.4.2). */
const stopWords: Readonly<Record<number, string>> = {
  1: "closed by its operator",
  2: "general error",
  3: "a control connection already exists",
  4: "not authorized",
  5: "protocol version not supported",
  6: "it goes out of service",
  7: "state machine error or timeout",
};

function describeStop(result: AvpValues["resultCode"]): string {
  if (result === undefined) return "the peer stopped it without a reason";
  const words = stopWords[result.resultCode] ?? "unnamed reason";
  const error = result.errorCode ? `, error ${result.errorCode}` : "";
  const message = result.errorMessage ? `: ${printable(result.errorMessage)}` : "";
  return `the peer stopped it: ${words} (result ${result.resultCode}${error})${message}`;
}
