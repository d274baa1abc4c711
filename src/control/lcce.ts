import { TruncatedError } from "../bytes/errors.ts";
import type { Random } from "../ports.ts";
import type { AvpValues } from "../wire/avp-table.ts";
import { type ControlHeader, decodeControlHeader } from "../wire/control-header.ts";
import { ProtocolError } from "../wire/errors.ts";
import { type DecodedControlMessage, decodeControlMessage, encodeControlMessage } from "../wire/message.ts";
import { peekAssignedControlConnectionId, peekMessageType } from "../wire/peek.ts";
import { type PsnPath, pathKey } from "../wire/session-parameters.ts";
import { judgeStart, type Refusal, stopResult } from "./acceptance.ts";
import { Authentication } from "./authentication.ts";
import type { Context, Settleable } from "./context.ts";
import type { ControlConnection } from "./control-connection.ts";
import { type ControlDiscardReason, controlDiscards } from "./control-discards.ts";
import type { Effect, Input } from "./effects.ts";
import { Identifiers } from "./identifiers.ts";
import { Peer, type Registry } from "./peer.ts";
import type { Pseudowire } from "./pseudowire.ts";
import type { Session } from "./session.ts";
import { resultCodeAvp } from "./session.ts";
import type { LcceIdentity, PseudowireSettings } from "./settings.ts";
import { type LcceSnapshot, snapshotOf } from "./snapshot.ts";
import { Timers } from "./timers.ts";
import { authenticationFailed } from "./words.ts";

const SCCRQ = 1;
const STOPCCN = 4;
const NOTHING = new Uint8Array(0);

/**
 * All control connections of this node. The whole control plane is this one function of an input and a time: it reads
 * no clock, opens no socket, and its only randomness is the source it was given.
 */
export class Lcce implements Context, Registry {
  readonly identity: LcceIdentity;
  readonly random: Random;
  readonly controlConnectionIds: Identifiers;
  readonly sessionIds: Identifiers;
  readonly timers = new Timers();
  readonly #peers = new Map<string, Peer>();
  readonly #pseudowires = new Map<string, { readonly peer: Peer; readonly pseudowire: Pseudowire }>();
  readonly #connections = new Map<number, ControlConnection>();
  readonly #sessions = new Map<
    number,
    { readonly session: Session; readonly connection: ControlConnection }
  >();
  readonly #discards = Object.fromEntries(
    Object.keys(controlDiscards).map((reason) => [reason, 0]),
  ) as Record<ControlDiscardReason, number>;
  readonly #touched = new Set<Settleable>();
  #effects: Effect[] = [];
  #nowMs = 0;
  #serialNumber = 0;

  constructor(identity: LcceIdentity, random: Random) {
    this.identity = identity;
    this.random = random;
    this.controlConnectionIds = new Identifiers(random);
    this.sessionIds = new Identifiers(random);
  }

  /** Takes in one input that happened at `nowMs`; the effects are to be performed in order. */
  handle(input: Input, nowMs: number): readonly Effect[] {
    this.#nowMs = nowMs;
    this.#take(input);
    return this.#finish();
  }

  /** Lets deadlines pass: to be called at or after `deadlineMs`; early calls do nothing. */
  expire(nowMs: number): readonly Effect[] {
    this.#nowMs = nowMs;
    for (let due = this.timers.takeDue(nowMs); due !== undefined; due = this.timers.takeDue(nowMs)) {
      due.expire(nowMs);
      this.#settle();
    }
    return this.#finish();
  }

  /** When `expire` is next due, in ms of the injected clock; undefined when nothing waits. */
  get deadlineMs(): number | undefined {
    return this.timers.nextMs;
  }

  /** Whether no connection is left, not even one whose StopCCN is on its way. */
  get isSilent(): boolean {
    return this.#connections.size === 0;
  }

  /** Whether all that was said was heard: who leaves now owes nobody more than the acknowledgement of a repeated StopCCN. */
  get isHeard(): boolean {
    return [...this.#connections.values()].every(({ lingerUntilMs }) => lingerUntilMs !== undefined);
  }

  /** How everything stands; plain data. */
  snapshot(): LcceSnapshot {
    return snapshotOf([...this.#peers.values()], { ...this.#discards });
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  nextSerialNumber(): number {
    this.#serialNumber = (this.#serialNumber + 1) >>> 0;
    return this.#serialNumber;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  discard(reason: ControlDiscardReason, path: PsnPath): void {
    this.#discards[reason] += 1;
    this.emit({ kind: "report", event: { event: "discard", reason, path } });
  }

  touch(settleable: Settleable): void {
    this.#touched.add(settleable);
  }

  connectionOpened(connection: ControlConnection): void {
    this.#connections.set(connection.localControlConnectionId, connection);
  }

  connectionGone(connection: ControlConnection): void {
    this.#connections.delete(connection.localControlConnectionId);
  }

  sessionOpened(session: Session, connection: ControlConnection): void {
    this.#sessions.set(session.localSessionId, { session, connection });
  }

  sessionClosed(session: Session): void {
    this.#sessions.delete(session.localSessionId);
  }

  #settle(): void {
    for (const settleable of this.#touched) settleable.settle();
    this.#touched.clear();
  }

  #finish(): readonly Effect[] {
    this.#settle();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #take(input: Input): void {
    switch (input.kind) {
      case "datagram":
        return this.#receive(input.path, input.octets);
      case "open-connection": {
        const peer = new Peer(this, this, input.peer);
        this.#peers.set(input.peer.name, peer);
        return peer.open();
      }
      case "update-connection":
        return this.#peers.get(input.peer.name)?.update(input.peer);
      case "close-connection":
        return this.#closePeer(input.peer, input.resultCode);
      case "open-session":
        return this.#openSession(input.peer, input.pseudowire, input.circuitActive);
      case "close-session":
        this.#pseudowires.get(input.pseudowire)?.peer.removePseudowire(input.pseudowire);
        this.#pseudowires.delete(input.pseudowire);
        return;
      case "circuit-status":
        return this.#circuitStatus(input.pseudowire, input.active);
      case "data-received":
        return this.#sessions.get(input.localSessionId)?.connection.dataReceived();
      case "forwarding-failed": {
        const session = this.#sessions.get(input.localSessionId)?.session;
        if (session?.state === "established") session.apply("forwarding-failed", input.problem);
        return;
      }
      case "reserve-session-id":
        return this.sessionIds.reserve(input.localSessionId);
      case "release-session-id":
        return this.sessionIds.release(input.localSessionId);
    }
  }

  #closePeer(name: string, resultCode: 1 | 6): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    peer.close(resultCode);
    for (const pseudowire of peer.pseudowires) this.#pseudowires.delete(pseudowire.settings.name);
    this.#peers.delete(name);
  }

  #openSession(peerName: string, settings: PseudowireSettings, circuitActive: boolean): void {
    const peer = this.#peers.get(peerName);
    if (peer === undefined) return;
    this.#pseudowires.set(settings.name, { peer, pseudowire: peer.addPseudowire(settings, circuitActive) });
  }

  #circuitStatus(name: string, active: boolean): void {
    const pseudowire = this.#pseudowires.get(name)?.pseudowire;
    if (pseudowire === undefined || pseudowire.circuitActive === active) return;
    pseudowire.circuitActive = active;
    pseudowire.session?.apply("circuit-status");
  }

  #receive(path: PsnPath, octets: Uint8Array): void {
    let header: ControlHeader;
    try {
      header = decodeControlHeader(octets);
    } catch (error) {
      return this.#discardUnreadable(error, path);
    }
    // Octets after Length are not part of the message.
    const message = octets.subarray(0, header.length);
    // Only an SCCRQ over UDP may wear version 2, to reach peers of both (RFC 3931 §4.7.3).
    const probes = path.encapsulation === "udp" && peekMessageType(message) === SCCRQ;
    if (header.version !== 3 && !probes) return this.discard("version", path);
    if (header.controlConnectionId === 0) return this.#receiveUnaddressed(path, message);
    const connection = this.#connections.get(header.controlConnectionId);
    if (connection === undefined) return this.discard("unknown-connection", path);
    if (!isSamePath(connection, path)) return this.discard("wrong-path", path);
    connection.receive(message, path);
  }

  #discardUnreadable(error: unknown, path: PsnPath): void {
    if (error instanceof TruncatedError || error instanceof ProtocolError)
      return this.discard("malformed", path);
    throw error;
  }

  /** Control Connection ID 0: an SCCRQ, or a StopCCN whose sender does not know ours (RFC 3931 §5.4.3). */
  #receiveUnaddressed(path: PsnPath, octets: Uint8Array): void {
    const messageType = peekMessageType(octets);
    if (messageType === SCCRQ) return this.#receiveSccrq(path, octets);
    const known =
      messageType === STOPCCN
        ? this.#findByRemoteId(path, peekAssignedControlConnectionId(octets)).at(-1)
        : undefined;
    if (known === undefined) return this.discard("unknown-connection", path);
    known.receive(octets, path);
  }

  #receiveSccrq(path: PsnPath, octets: Uint8Array): void {
    const peer = this.#findPeer(path);
    if (peer === undefined) return this.discard("unknown-peer", path);
    const { authentication } = peer.settings;
    const verification = new Authentication(authentication, NOTHING).verify(octets, SCCRQ);
    const { verdict } = verification;
    if (verdict === "wrong-digest") {
      peer.noteRefusal(authenticationFailed(verdict, authentication.mode));
      return this.discard(verdict, path);
    }
    const hidingSecrets = verdict === "ok" ? verification.hidingSecrets : [];
    let decoded: DecodedControlMessage;
    try {
      decoded = decodeControlMessage(octets, { hidingSecrets });
    } catch (error) {
      return this.#discardUnreadable(error, path);
    }
    if (decoded.kind !== "message" || decoded.header.ns !== 0) return this.discard("malformed", path);
    const { avps } = decoded.message;
    const repeated = this.#findByRemoteId(path, avps.assignedControlConnectionId).find((connection) =>
      connection.isBegunBy(avps),
    );
    if (repeated !== undefined) return repeated.receive(octets, path);
    const refusal = judgeStart(avps, decoded.problem, peer.settings);
    if (refusal === undefined && verdict === "missing-digest") return this.discard(verdict, path);
    if (refusal !== undefined) {
      peer.noteRefusal(`refused the peer's SCCRQ: ${refusal.text}`);
      return this.#refuse(path, peer, avps, refusal);
    }
    if (!peer.acceptConnection(path, decoded)) {
      this.#refuse(path, peer, avps, { resultCode: stopResult.alreadyExists, text: "" });
    }
  }

  /** A StopCCN without a connection: nothing is kept of it, so that requests in any number cost no memory. */
  #refuse(path: PsnPath, peer: Peer, sccrq: AvpValues, refusal: Refusal): void {
    const authentication = new Authentication(peer.settings.authentication, NOTHING);
    // We never told a nonce of ours; the peer's makes the answer one that cannot be replayed (RFC 3931 §5.4.1).
    authentication.learnPeerNonce(sccrq.controlMessageAuthenticationNonce);
    const octets = encodeControlMessage(
      { controlConnectionId: sccrq.assignedControlConnectionId ?? 0, ns: 0, nr: 1 },
      { name: "StopCCN", avps: { resultCode: resultCodeAvp(refusal) } },
      { digest: authentication.keysFor("StopCCN") },
    );
    this.emit({ kind: "transmit", path, octets });
  }

  /** The peer whose SCCRQ this may be: addresses decide, and among several the port. */
  #findPeer(path: PsnPath): Peer | undefined {
    const candidates = [...this.#peers.values()].filter(({ settings }) => isFromPeer(settings.path, path));
    return candidates.find(({ settings }) => settings.path.remotePort === path.remotePort) ?? candidates[0];
  }

  /** A repeated SCCRQ, or a StopCCN, names the id that its sender assigned itself; the newest connection comes last. */
  #findByRemoteId(path: PsnPath, remoteId: number | undefined): readonly ControlConnection[] {
    if (!remoteId) return [];
    const key = pathKey(path);
    return [...this.#connections.values()].filter(
      (connection) => connection.remoteControlConnectionId === remoteId && pathKey(connection.path) === key,
    );
  }
}

function isFromPeer(configured: PsnPath, path: PsnPath): boolean {
  return (
    configured.encapsulation === path.encapsulation &&
    configured.localAddress === path.localAddress &&
    configured.localPort === path.localPort &&
    configured.remoteAddress === path.remoteAddress
  );
}

/** From where a connection's messages may come: only until its first answer is the peer's UDP port open (RFC 3931 §4.1.2.2). */
function isSamePath(connection: ControlConnection, path: PsnPath): boolean {
  if (connection.remoteControlConnectionId === 0) return isFromPeer(connection.path, path);
  return pathKey(connection.path) === pathKey(path);
}
