import { PrefixTable } from "../bytes/prefix-table.ts";
import { isNsAtOrBefore, nextNs } from "../bytes/serial.ts";
import { type ControlMessage, type DecodedControlMessage, isAcknowledgement } from "../wire/message.ts";
import { splitControlMessage } from "../wire/raw-message.ts";
import { isSameEnd, type PsnPath, pathKey } from "../wire/session-parameters.ts";
import type { ConnectionPath } from "./connection-path.ts";
import { earliest, type Flushable, type LcceContext } from "./context.ts";
import type { ControlConnectionState } from "./control-connection-table.ts";
import { DataSilence } from "./data-silence.ts";
import type { Delivery } from "./delivery.ts";
import type { PathChange } from "./effects.ts";
import { natEvidence } from "./nat.ts";
import { limits, type PeerSettings } from "./settings.ts";

/**
 * Why a path is tried. "message": a new control message with a right digest came by it. "hint": something
 * that may be a recording came by it. "configured": it leads to the address that the peer's name has now.
 */
export type PathSign = "message" | "hint" | "configured";

/** The control connection, as far as following its peer needs it. */
export interface FollowingConnection extends Flushable {
  readonly peerName: string;
  readonly localControlConnectionId: number;
  readonly state: ControlConnectionState;
  readonly peerPath: ConnectionPath;
  send(message: ControlMessage): void;
  /** Ends the connection: the peer is not reached by it any more. */
  end(kind: "lost", why: string): void;
  /** The path is another: sessions go along. */
  pathChanged(): void;
}

/** Reliable delivery of the connection, as far as a try needs it. */
type FollowingDelivery = Pick<
  Delivery<unknown>,
  "isIdle" | "isInDoubt" | "isNext" | "nextNs" | "transmitAgain" | "startAgain"
>;

/** A path that the peer may have now. It gets copies of what is sent by the path in use, and nothing else. */
interface Candidate {
  readonly path: PsnPath;
  readonly sign: PathSign;
  /** Octets that may be sent there still: never more than came from there. */
  allowanceOctets: number;
  copiesLeft: number;
  /** Octets of a message that was too long to be sent there. */
  wantedOctets: number;
  /** The least Nr that acknowledges what was sent there; undefined before. */
  proofNr?: number;
  isTried: boolean;
  /** When it is tried, and then when it is given up. */
  dueMs: number;
}

/** The path before a move that was just made: it is taken again if it answers as well. */
interface WayBack {
  readonly path: PsnPath;
  readonly proofNr: number;
  readonly untilMs: number;
}

/** What became of the path of one control connection. Times in ms of the injected clock. */
export interface PathHistory {
  readonly sinceMs: number;
  readonly moves: number;
  /** The path before the last move. */
  readonly former: PsnPath | undefined;
}

/**
 * Follows the peer of an established connection with digests to another address or UDP port. A path by which
 * a sign of the peer came is a candidate: a HELLO goes there and by the path in use, and the path by which
 * its first acknowledgement comes is the path from then on. So a recording changes nothing; and where
 * somebody relays faster than the path, the acknowledgement by the path itself takes the move back. The
 * newest candidate wins.
 */
export class PathFollower {
  readonly #context: LcceContext;
  readonly #connection: FollowingConnection;
  readonly #owner: { readonly settings: PeerSettings };
  readonly #peerPath: ConnectionPath;
  readonly #delivery: FollowingDelivery;
  readonly #silence: DataSilence;
  #candidate: Candidate | undefined;
  #wayBack: WayBack | undefined;
  /** When the path moved after the peer, the last few times. */
  readonly #movedMs: number[] = [];
  #hintedMs = Number.NEGATIVE_INFINITY;
  #history: PathHistory;
  /** Until when the peer must have acknowledged something by another path of ours. */
  #followedByMs: number | undefined;

  constructor(
    context: LcceContext,
    connection: FollowingConnection,
    owner: { readonly settings: PeerSettings },
    delivery: FollowingDelivery,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#owner = owner;
    this.#peerPath = connection.peerPath;
    this.#delivery = delivery;
    this.#history = { sinceMs: context.nowMs, moves: 0, former: undefined };
    this.#silence = new DataSilence(context, {
      get isIdle() {
        return delivery.isIdle;
      },
      sendHello: () => connection.send({ name: "HELLO", avps: {} }),
      doubted: () => this.#report("doubted", this.#peerPath.path, "its data stopped, and it does not answer"),
    });
  }

  get history(): PathHistory {
    return this.#history;
  }

  /** When `expire` is next due; undefined while nothing is tried. */
  get dueMs(): number | undefined {
    return earliest(this.#candidate?.dueMs, this.#silence.dueMs);
  }

  /** When the connection is lost because the peer did not follow us; undefined while it need not. */
  get lostDueMs(): number | undefined {
    return this.#followedByMs;
  }

  /** What tells that a NAT is between us and the peer, as text. */
  get natEvidence(): string | undefined {
    const { path, from } = this.#owner.settings;
    return natEvidence(path, this.#peerPath.path, from !== undefined);
  }

  /** The longest silence of ours in ms; 0 for no limit. */
  get keepaliveMs(): number {
    const usual = this.natEvidence === undefined ? 0 : limits.natKeepaliveMs;
    return this.#owner.settings.natKeepaliveMs ?? usual;
  }

  /** Whether a message from `path` may be the peer's. */
  accepts(path: PsnPath): boolean {
    return this.#peerPath.accepts(path) || this.#mayBe(path);
  }

  /**
   * Whether a message from another address than the peer's may tell anything: a recording, which has an old
   * Ns, costs no HMAC. The last one over again may come from a peer that moved before our acknowledgement
   * came; that counts as a hint, and only while the path in use does not answer.
   */
  isWorthVerifying(ns: number, path: PsnPath): boolean {
    if (this.isCandidate(path) || this.#delivery.isNext(ns)) return true;
    return this.#delivery.isInDoubt && this.#delivery.isNext(nextNs(ns));
  }

  /** Whether a message is an acknowledgement that may settle a try. */
  isAnswer(decoded: DecodedControlMessage, path: PsnPath): boolean {
    const isTried = this.isCandidate(path) || (this.#wayBack && isSamePath(this.#wayBack.path, path));
    return isTried === true && isAcknowledgement(decoded);
  }

  /** The peer acknowledged something, and so has followed us. */
  followed(): void {
    this.#followedByMs = undefined;
    this.#silence.answered();
  }

  /**
   * The data of a session stopped, and the peer was not heard otherwise. One of any address is not asked: it
   * is for that peer to find us, and a NAT before it lets in only what comes from where it sends to.
   */
  dataStopped(): void {
    if (!this.#isFollowing || this.#owner.settings.from !== undefined) return;
    this.#silence.begin();
    this.#context.markDirty(this.#connection);
  }

  /** A data message of so many octets came by another path, and may be a recording. */
  dataElsewhere(path: PsnPath, octets: number): void {
    this.suggest(path, octets, "hint");
  }

  /**
   * The configured path is `path` now, and was `before`. With another end of ours the connection moves, or
   * ends where no digest tells the peer that it is we.
   */
  changePath(before: PsnPath, path: PsnPath): void {
    this.#context.markDirty(this.#connection);
    if (isSameEnd(before, path)) return this.suggest(path, limits.pathConfiguredOctets, "configured");
    const { localAddress, localPort } = path;
    if (this.#owner.settings.authentication.mode !== "digest")
      return this.#connection.end("lost", `our address is ${localAddress} now`);
    const inUse = this.#peerPath.path;
    const isSameFamily = inUse.remoteAddress.includes(":") === localAddress.includes(":");
    this.#move(isSameFamily ? { ...inUse, localAddress, localPort } : path, "our own end changed");
    this.#followedByMs = this.#context.nowMs + limits.followedMs;
    this.#query("message");
    if (isSameFamily && path.remoteAddress !== before.remoteAddress)
      this.suggest(path, limits.pathConfiguredOctets, "configured");
  }

  /** Has the peer acknowledge something: a HELLO, or once more what waits for its acknowledgement. */
  #query(sign: PathSign): void {
    if (this.#delivery.isIdle) this.#connection.send({ name: "HELLO", avps: {} });
    else if (sign === "hint") this.#delivery.transmitAgain();
    else this.#delivery.startAgain();
  }

  get #isFollowing(): boolean {
    const { authentication, roaming } = this.#owner.settings;
    return (
      this.#connection.state === "established" &&
      this.#peerPath.isFixed &&
      authentication.mode === "digest" &&
      roaming === "control"
    );
  }

  /** Whether the peer may be at the other end of `path` by now: from the same address and port of ours. */
  #mayBe(path: PsnPath): boolean {
    return this.#isFollowing && isSameEnd(path, this.#peerPath.path) && this.#isFromPrefixes(path);
  }

  /** Whether `path` is from where a peer of any address may come; true of one with an address of its own. */
  #isFromPrefixes({ remoteAddress }: PsnPath): boolean {
    const { from = [] } = this.#owner.settings;
    if (from.length === 0) return true;
    const prefixes = new PrefixTable<true>();
    for (const prefix of from) prefixes.add(prefix, true);
    return prefixes.find(remoteAddress) === true;
  }

  isCandidate(path: PsnPath): boolean {
    return this.#candidate !== undefined && isSamePath(this.#candidate.path, path);
  }

  /**
   * A sign of the peer came by `path`, in a message of so many octets; with "configured" the octets are those
   * that may be sent there.
   */
  suggest(path: PsnPath, octets: number, sign: PathSign): void {
    if (!this.#mayBe(path) || isSamePath(path, this.#peerPath.path)) return;
    const { nowMs } = this.#context;
    this.#context.markDirty(this.#connection);
    const known = this.#candidate;
    if (known !== undefined && this.isCandidate(path)) {
      if (known.sign !== "configured") known.allowanceOctets += octets;
      if (known.sign !== "hint" || sign === "hint") {
        const isWanted = known.wantedOctets > 0 && known.wantedOctets <= known.allowanceOctets;
        if (isWanted) this.#query("hint");
        return;
      }
    }
    if (sign === "hint") {
      // It is worth less than what it would displace, and anybody on the path may give any number of them.
      if (known !== undefined && known.sign !== "hint") return;
      if (nowMs - this.#hintedMs < limits.pathHintIntervalMs) return;
      this.#hintedMs = nowMs;
    }
    const copiesLeft = sign === "hint" ? 1 : limits.pathCopies;
    const dueMs = Math.max(nowMs, this.#mayMoveMs);
    const allowanceOctets = this.isCandidate(path) ? (known?.allowanceOctets ?? octets) : octets;
    this.#candidate = { path, sign, allowanceOctets, copiesLeft, isTried: false, dueMs, wantedOctets: 0 };
    this.expire(nowMs);
  }

  /** Tries the candidate when its time has come, and gives it up when it does not answer. */
  expire(nowMs: number): void {
    this.#silence.expire(nowMs);
    const candidate = this.#candidate;
    if (candidate === undefined || nowMs < candidate.dueMs) return;
    if (!this.#mayBe(candidate.path)) {
      this.#candidate = undefined;
    } else if (candidate.isTried) {
      this.#refute(candidate, "no acknowledgement came from there");
    } else {
      candidate.isTried = true;
      candidate.dueMs = nowMs + limits.pathAnswerMs;
      this.#query(candidate.sign);
    }
  }

  /** Where a copy goes of what is sent by the path in use; undefined for nowhere, as of acknowledgements. */
  copyTo(message: Uint8Array): PsnPath | undefined {
    const candidate = this.#candidate;
    if (candidate === undefined || !candidate.isTried || candidate.copiesLeft === 0) return undefined;
    const { ns } = splitControlMessage(message).header;
    if (ns === this.#delivery.nextNs) return undefined;
    candidate.wantedOctets = message.length > candidate.allowanceOctets ? message.length : 0;
    if (candidate.wantedOctets > 0) return undefined;
    candidate.allowanceOctets -= message.length;
    candidate.copiesLeft -= 1;
    candidate.proofNr ??= nextNs(ns);
    return candidate.path;
  }

  /** A verified message came by `path` that acknowledges everything before this Nr: it may settle a try. */
  acknowledged(path: PsnPath, nr: number): void {
    this.#takeBack(path, nr);
    const candidate = this.#candidate;
    if (candidate?.proofNr === undefined || !isNsAtOrBefore(candidate.proofNr, nr)) return;
    const inUse = this.#peerPath.path;
    if (isSamePath(path, inUse)) {
      this.#refute(candidate, "the path in use was acknowledged first");
    } else if (this.isCandidate(path) && this.#mayBe(path)) {
      const { nowMs } = this.#context;
      this.#candidate = undefined;
      this.#movedMs.push(nowMs);
      if (this.#movedMs.length > limits.pathMoves) this.#movedMs.shift();
      this.#move(path, "the peer is there now");
      const untilMs = nowMs + limits.pathMoveIntervalMs;
      this.#wayBack = { path: inUse, proofNr: candidate.proofNr, untilMs };
      if (this.#isMoving) this.#report("held", path, `it moved ${limits.pathMoves} times within a minute`);
    }
  }

  /** The former path answers to the same HELLO: what answered before it was a relay. */
  #takeBack(path: PsnPath, nr: number): void {
    const back = this.#wayBack;
    if (back === undefined || !isSamePath(path, back.path) || this.#context.nowMs > back.untilMs) return;
    if (isNsAtOrBefore(back.proofNr, nr)) this.#move(path, "the peer answers by its former path as well");
  }

  /** Moves the connection and its sessions; `why` is for people. */
  #move(path: PsnPath, why: string): void {
    const former = this.#peerPath.path;
    if (this.isCandidate(path)) this.#candidate = undefined;
    this.#wayBack = undefined;
    this.#peerPath.moveTo(path);
    this.#history = { sinceMs: this.#context.nowMs, moves: this.#history.moves + 1, former };
    this.#report("moved", path, why, former);
    this.#connection.pathChanged();
  }

  /** Whether the path moved as often within a minute as it may. */
  get #isMoving(): boolean {
    const [first = 0] = this.#movedMs;
    return (
      this.#movedMs.length === limits.pathMoves && (this.#movedMs.at(-1) ?? 0) - first < limits.pathMovesMs
    );
  }

  /** When the path may move next. */
  get #mayMoveMs(): number {
    const lastMs = this.#movedMs.at(-1) ?? Number.NEGATIVE_INFINITY;
    return lastMs + (this.#isMoving ? limits.pathHoldMs : limits.pathMoveIntervalMs);
  }

  #refute(candidate: Candidate, why: string): void {
    this.#candidate = undefined;
    this.#report("refuted", candidate.path, why);
  }

  #report(change: PathChange, path: PsnPath, detail: string, former?: PsnPath): void {
    const { peerName: peer, localControlConnectionId } = this.#connection;
    const from = former === undefined ? {} : { former };
    const event = { event: "path", peer, localControlConnectionId, change, path, ...from, detail } as const;
    this.#context.emit({ kind: "report", event });
  }
}

function isSamePath(one: PsnPath, other: PsnPath): boolean {
  return pathKey(one) === pathKey(other);
}
