import { noCaseFor } from "../bytes/errors.ts";
import { Timers } from "../bytes/timers.ts";
import type { Random } from "../environment.ts";
import { isDecodingError } from "../wire/errors.ts";
import {
  type RawControlMessage,
  rawAssignedConnectionId,
  rawHostName,
  rawMessageName,
  splitControlMessage,
} from "../wire/raw-message.ts";
import { type PsnPath, pathKey } from "../wire/session-parameters.ts";
import type { Flushable, LcceContext } from "./context.ts";
import type { ControlConnection } from "./control-connection.ts";
import { type ControlDiscardReason, controlDiscards } from "./control-discards.ts";
import type { Effect, Input } from "./effects.ts";
import { Identifiers } from "./identifiers.ts";
import type { PathLimits } from "./path-mtu.ts";
import { Peer } from "./peer.ts";
import { PeerDirectory } from "./peer-directory.ts";
import type { Pseudowire } from "./pseudowire.ts";
import type { Registry } from "./registry.ts";
import type { LocalStatus, Session } from "./session.ts";
import type { LcceIdentity, PeerSettings, PseudowireSettings } from "./settings.ts";
import { type LcceOverview, type LcceSnapshot, overviewOf, pseudowireSnapshotsOf } from "./snapshot.ts";
import { type UnknownCall, UnknownPeers } from "./unknown-peers.ts";

/**
 * The control plane behind `Lcce`: finds the connection, session or peer that an input is about, and collects
 * the effects while it is handled. Methods that `Lcce` has are described there.
 */
export class LcceCore implements LcceContext, Registry {
  readonly identity: LcceIdentity;
  readonly random: Random;
  readonly controlConnectionIds: Identifiers;
  readonly sessionIds: Identifiers;
  readonly timers = new Timers();
  readonly #peers = new PeerDirectory<Peer>();
  readonly #pseudowires = new Map<string, { readonly peer: Peer; readonly pseudowire: Pseudowire }>();
  readonly #connections = new Map<number, ControlConnection>();
  /** The connections whose remote id is known, by it; the newest comes last. */
  readonly #byRemoteId = new Map<number, Set<ControlConnection>>();
  readonly #sessions = new Map<
    number,
    { readonly session: Session; readonly connection: ControlConnection }
  >();
  readonly #discards = Object.fromEntries(
    Object.keys(controlDiscards).map((reason) => [reason, 0]),
  ) as Record<ControlDiscardReason, number>;
  readonly #dirty = new Set<Flushable>();
  #effects: Effect[] = [];
  #nowMs = 0;
  #serialNumber = 0;
  readonly #unknownPeers = new UnknownPeers();

  constructor(identity: LcceIdentity, random: Random) {
    this.identity = identity;
    this.random = random;
    this.controlConnectionIds = new Identifiers(random);
    this.sessionIds = new Identifiers(random);
  }

  handle(input: Input, nowMs: number): readonly Effect[] {
    this.#nowMs = nowMs;
    this.#handleInput(input);
    return this.#finish();
  }

  expire(nowMs: number): readonly Effect[] {
    this.#nowMs = nowMs;
    for (let due = this.timers.takeDue(nowMs); due !== undefined; due = this.timers.takeDue(nowMs)) {
      due.expire(nowMs);
      this.#flushDirty();
    }
    return this.#finish();
  }

  get deadlineMs(): number | undefined {
    return this.timers.nextMs;
  }

  get hasNoConnections(): boolean {
    return this.#connections.size === 0;
  }

  get isDrained(): boolean {
    return [...this.#connections.values()].every(
      ({ lingerUntilMs, peerPath }) => lingerUntilMs !== undefined || !peerPath.isValidated,
    );
  }

  overview(nowMs = this.#nowMs): LcceOverview {
    this.#nowMs = nowMs;
    const unknownPeers = this.#unknownPeers.at(nowMs);
    return overviewOf([...this.#peers.all], { ...this.#discards }, nowMs, unknownPeers);
  }

  snapshot(nowMs = this.#nowMs): LcceSnapshot {
    return { ...this.overview(nowMs), pseudowires: [...this.#peers.all].flatMap(pseudowireSnapshotsOf) };
  }

  peerOf(direction: "sent" | "received", path: PsnPath, controlConnectionId: number): string | undefined {
    const connection =
      direction === "received"
        ? this.#connections.get(controlConnectionId)
        : this.#findByRemoteId(path, controlConnectionId).at(-1);
    return connection?.peerName ?? this.#peers.findByPath(path)?.settings.name;
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

  discardUnknown(path: PsnPath, call: UnknownCall): void {
    this.#discards[call.reason] += 1;
    this.#unknownPeers.add(path, call, this.#nowMs);
    this.emit({ kind: "report", event: { event: "unknown-peer", path, ...call } });
  }

  markDirty(flushable: Flushable): void {
    this.#dirty.add(flushable);
  }

  connectionOpened(connection: ControlConnection): void {
    this.#connections.set(connection.localControlConnectionId, connection);
    this.#noteRemoteId(connection);
  }

  connectionGone(connection: ControlConnection): void {
    this.#connections.delete(connection.localControlConnectionId);
    const id = connection.remoteControlConnectionId;
    const known = this.#byRemoteId.get(id);
    known?.delete(connection);
    if (known?.size === 0) this.#byRemoteId.delete(id);
  }

  sessionOpened(session: Session, connection: ControlConnection): void {
    this.#sessions.set(session.localSessionId, { session, connection });
  }

  sessionClosed(session: Session): void {
    this.#sessions.delete(session.localSessionId);
  }

  #flushDirty(): void {
    for (const flushable of this.#dirty) flushable.flush();
    this.#dirty.clear();
  }

  #finish(): readonly Effect[] {
    this.#flushDirty();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #handleInput(input: Input): void {
    switch (input.kind) {
      case "datagram":
        return this.#receive(input.path, input.octets);
      case "open-connection": {
        const peer = new Peer(this, this, input.peer);
        this.#peers.add(peer);
        return peer.open();
      }
      case "update-connection":
        return this.#updatePeer(input.peer);
      case "rename-connections":
        return this.#renamePeers(input.newNames);
      case "close-connection":
        return this.#closePeer(input.peer, input.resultCode);
      case "open-session":
        return this.#openSession(input.peer, input.pseudowire, {
          active: input.circuitActive,
          standby: input.standby ?? false,
        });
      case "close-session":
        this.#pseudowires.get(input.pseudowire)?.peer.removePseudowire(input.pseudowire);
        this.#pseudowires.delete(input.pseudowire);
        return;
      case "circuit-status":
        return this.#circuitStatus(input.pseudowire, { active: input.active });
      case "pseudowire-standby":
        return this.#circuitStatus(input.pseudowire, { standby: input.standby });
      case "channel-status":
        return this.#established(input.localSessionId)?.apply({ kind: input.kind, status: input.status });
      case "data-received":
      case "data-sent":
      case "data-stopped":
        return this.#sessions.get(input.localSessionId)?.connection.dataPassed(input.kind);
      case "data-elsewhere":
        return this.#sessions
          .get(input.localSessionId)
          ?.connection.follower.dataElsewhere(input.path, input.octets);
      case "change-path":
        return this.#changePath(input.peer, input.path);
      case "forwarding-failed":
        return this.#established(input.localSessionId)?.apply({ kind: input.kind, why: input.problem });
      case "path-limits":
        return this.#limitPath(this.#peers.get(input.peer), input.limits);
      case "echo-reply":
        return this.#peers.get(input.peer)?.connection?.pathMtu.answered(input.nonce);
      case "reserve-session-id":
        return this.sessionIds.reserve(input.localSessionId);
      case "release-session-id":
        return this.sessionIds.release(input.localSessionId);
      default:
        return noCaseFor(input);
    }
  }

  #established(localSessionId: number): Session | undefined {
    const session = this.#sessions.get(localSessionId)?.session;
    return session?.state === "established" ? session : undefined;
  }

  #updatePeer(settings: PeerSettings): void {
    const peer = this.#peers.get(settings.name);
    if (peer === undefined) return;
    const { pathLimits } = peer.settings;
    peer.helloRefusal.forget();
    peer.update({ ...(pathLimits && { pathLimits }), ...settings });
    this.#peers.changed(peer);
  }

  #changePath(name: string, path: PsnPath): void {
    const peer = this.#peers.get(name);
    if (peer === undefined || pathKey(peer.settings.path) === pathKey(path)) return;
    peer.changePath(path);
    this.#peers.changed(peer);
  }

  #limitPath(peer: Peer | undefined, pathLimits: PathLimits): void {
    peer?.update({ ...peer.settings, pathLimits });
  }

  #renamePeers(newNames: ReadonlyMap<string, string>): void {
    for (const peer of this.#peers.all) peer.rename(newNames.get(peer.settings.name) ?? peer.settings.name);
    this.#peers.rename(newNames);
  }

  #closePeer(name: string, resultCode: 1 | 6): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    peer.close(resultCode);
    for (const pseudowire of peer.pseudowires) this.#pseudowires.delete(pseudowire.settings.name);
    this.#peers.remove(name);
  }

  #openSession(peerName: string, settings: PseudowireSettings, status: LocalStatus): void {
    const peer = this.#peers.get(peerName);
    if (peer === undefined) return;
    this.#pseudowires.set(settings.name, { peer, pseudowire: peer.addPseudowire(settings, status) });
  }

  #circuitStatus(name: string, change: Partial<LocalStatus>): void {
    const pseudowire = this.#pseudowires.get(name)?.pseudowire;
    if (pseudowire === undefined) return;
    const { localStatus: before } = pseudowire;
    const after = { ...before, ...change };
    if (after.active === before.active && after.standby === before.standby) return;
    pseudowire.localStatus = after;
    pseudowire.session?.apply({ kind: "circuit-status" });
  }

  #receive(path: PsnPath, octets: Uint8Array): void {
    let message: RawControlMessage;
    try {
      message = splitControlMessage(octets);
    } catch (error) {
      return this.#discardUnreadable(error, path);
    }
    const { header } = message;
    if (header.version !== 3 && !isFallbackRequest(message, path)) return this.discard("version", path);
    if (header.controlConnectionId === 0) return this.#receiveUnaddressed(path, message);
    const connection = this.#connections.get(header.controlConnectionId);
    if (connection === undefined) return this.#discardStray(path);
    if (!connection.follower.accepts(path)) return this.discard("wrong-path", path);
    connection.receive(message, path);
    if (!connection.isGone) this.#noteRemoteId(connection);
  }

  /** The id that the peer assigned, once it is known, and for good. */
  #noteRemoteId(connection: ControlConnection): void {
    const id = connection.remoteControlConnectionId;
    if (id === 0) return;
    const known = this.#byRemoteId.get(id);
    if (known === undefined) this.#byRemoteId.set(id, new Set([connection]));
    else known.add(connection);
  }

  /** For no connection of ours: its sender, if it is the peer, may know nothing of the one that we have. */
  #discardStray(path: PsnPath): void {
    this.#peers.findByPath(path)?.noteStrayMessage();
    this.discard("unknown-connection", path);
  }

  #discardUnreadable(error: unknown, path: PsnPath): void {
    if (isDecodingError(error)) return this.discard("malformed", path);
    throw error;
  }

  /** Control Connection ID 0: an SCCRQ, or a StopCCN whose sender does not know ours (RFC 3931 §5.4.3). */
  #receiveUnaddressed(path: PsnPath, message: RawControlMessage): void {
    const name = rawMessageName(message);
    if (name === "SCCRQ") {
      const peer = this.#peers.findByClaim(path, message);
      if (peer !== undefined) return peer.admission.receive(path, message);
      const hostName = rawHostName(message);
      return this.discardUnknown(path, { reason: "unknown-peer", hostName, peer: undefined });
    }
    const known =
      name === "StopCCN" ? this.#findByRemoteId(path, rawAssignedConnectionId(message)).at(-1) : undefined;
    if (known === undefined) return this.#discardStray(path);
    known.receive(message, path);
  }

  /**
   * A StopCCN may name no id but the one that its sender assigned itself; the newest connection comes last.
   */
  #findByRemoteId(path: PsnPath, remoteId: number | undefined): readonly ControlConnection[] {
    if (!remoteId) return [];
    return [...(this.#byRemoteId.get(remoteId) ?? [])].filter(({ peerPath }) => peerPath.accepts(path));
  }
}

/** Whether this is an SCCRQ of version 2 over UDP, which offers L2TPv3 as well (RFC 3931 §4.7.3). */
function isFallbackRequest(message: RawControlMessage, path: PsnPath): boolean {
  return path.encapsulation === "udp" && rawMessageName(message) === "SCCRQ";
}
