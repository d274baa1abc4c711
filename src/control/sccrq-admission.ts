import type { AvpValues } from "../wire/avp-table.ts";
import { isDecodingError } from "../wire/errors.ts";
import {
  type DecodedControlMessage,
  type DecodedMessage,
  decodeRawMessage,
  encodeControlMessage,
} from "../wire/message.ts";
import { type RawControlMessage, rawHostName } from "../wire/raw-message.ts";
import { stopResult } from "../wire/result-codes.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { checkSccrqOrSccrp, type Refusal, resultCodeAvp } from "./acceptance.ts";
import { Authentication } from "./authentication.ts";
import type { LcceContext } from "./context.ts";
import type { ControlConnection } from "./control-connection.ts";
import { SccrqReplayCache } from "./sccrq-replay-cache.ts";
import type { PeerSettings } from "./settings.ts";

/**
 * Highest Nr of an SCCRQ. Its sender heard nothing yet of the connection that it begins, so 0 is right; but
 * freeRtr, which tells connections by addresses alone, counts our own SCCRQ.
 */
const MOST_NR = 1;
const NOTHING = new Uint8Array(0);

/**
 * Log text for a peer whose SCCRQ loses because it has no tie breaker: such a peer may answer no SCCRQ, and
 * is then accepted late.
 */
const NO_TIE_BREAKER =
  "refused the peer's SCCRQ: ours is out, and one without a tie breaker gives way; " +
  "if this peer only dials, set role: responder, and it is let in at once";

/** The peer, as far as admission of its SCCRQs needs it. */
export interface AdmittingPeer {
  readonly settings: PeerSettings;
  noteRefusal(why: string, path: PsnPath): void;
  noteFailure(verdict: "wrong-digest" | "missing-digest", path: PsnPath): void;
  /** Whether the SCCRQ is one of our own that is still in use. */
  isOurs(sccrq: AvpValues): boolean;
  /** The connection that the same SCCRQ began, if its peer may repeat it from there. */
  connectionBegunBy(path: PsnPath, sccrq: AvpValues): ControlConnection | undefined;
  /**
   * Takes in an SCCRQ of so many octets that opens a new connection, unless our own stands instead or too
   * many wait.
   */
  acceptConnection(path: PsnPath, sccrq: DecodedMessage, octets: number): "accepted" | "tie-won" | "no-room";
}

/**
 * Decides which SCCRQs from a peer's address open a control connection. With authentication, an SCCRQ without
 * a valid digest is not answered at all, as a StopCCN would be signed for a stranger (RFC 3931 §4.3, §5.4.1).
 * A valid digest proves only that the peer sent the SCCRQ once: it may be a replay.
 */
export class SccrqAdmission {
  readonly #context: LcceContext;
  readonly #peer: AdmittingPeer;
  readonly #replayCache = new SccrqReplayCache();

  constructor(context: LcceContext, peer: AdmittingPeer) {
    this.#context = context;
    this.#peer = peer;
  }

  receive(path: PsnPath, message: RawControlMessage): void {
    const sccrq = this.#open(path, message);
    if (sccrq === undefined) return;
    const { avps } = sccrq.message;
    const peer = this.#peer;
    if (peer.isOurs(avps)) return this.#context.discard("reflected", path);
    const repeated = peer.connectionBegunBy(path, avps);
    if (repeated !== undefined) return repeated.receive(message, path);
    if (this.#replayCache.has(avps)) return this.#context.discard("replayed", path);
    if (peer.settings.role === "initiator") {
      peer.noteRefusal("the peer opens control connections too, and with role: initiator only we do", path);
      return this.#context.discard("not-answered", path);
    }
    if (sccrq.header.nr > MOST_NR) return this.#context.discard("beyond-nr", path);
    const refusal = checkSccrqOrSccrp(avps, sccrq.problem, peer.settings);
    if (refusal === undefined) return this.#accept(path, sccrq, message.octets.length);
    peer.noteRefusal(`refused the peer's SCCRQ: ${refusal.text}`, path);
    // Who asks for version 2 alone could not read an answer of ours (RFC 3931 §4.7).
    if (sccrq.header.version !== 3) return this.#context.discard("version", path);
    this.#refuse(path, avps, refusal, message.octets.length);
  }

  /** The SCCRQ, verified and read; undefined when it was discarded. */
  #open(path: PsnPath, message: RawControlMessage): DecodedMessage | undefined {
    const { authentication } = this.#peer.settings;
    const verification = new Authentication(authentication, NOTHING).verify(message);
    if (verification.verdict !== "ok") {
      this.#discardFailed(path, message, verification.verdict);
      return undefined;
    }
    const decoded = decode(message, verification.hidingSecrets);
    if (decoded?.kind === "message" && decoded.header.ns === 0) return decoded;
    this.#context.discard("malformed", path);
    return undefined;
  }

  /** Anybody may say that he is a peer of any address: what fails there is told of him, not of the peer. */
  #discardFailed(path: PsnPath, message: RawControlMessage, reason: "wrong-digest" | "missing-digest"): void {
    const { from, name: peer } = this.#peer.settings;
    if (from !== undefined)
      return this.#context.discardUnknown(path, { reason, hostName: rawHostName(message), peer });
    this.#peer.noteFailure(reason, path);
    this.#context.discard(reason, path);
  }

  #accept(path: PsnPath, sccrq: DecodedMessage, octets: number): void {
    const { avps } = sccrq.message;
    switch (this.#peer.acceptConnection(path, sccrq, octets)) {
      case "accepted":
        return this.#replayCache.add(avps);
      case "no-room":
        return this.#context.discard("no-room", path);
      case "tie-won":
        if (avps.tieBreaker === undefined) this.#reportMissingTieBreaker(path);
        return this.#refuse(path, avps, { resultCode: stopResult.alreadyExists, text: "" }, octets);
    }
  }

  #reportMissingTieBreaker(path: PsnPath): void {
    const { name: peer } = this.#peer.settings;
    const event = {
      event: "refused",
      peer,
      path,
      isAuthentication: false,
      detail: NO_TIE_BREAKER,
    } as const;
    this.#context.emit({ kind: "report", event });
  }

  /**
   * Answers with a StopCCN without creating a connection, so that SCCRQs in any number take no memory. It is
   * never longer than the SCCRQ, to allow no amplification.
   */
  #refuse(path: PsnPath, sccrq: AvpValues, refusal: Refusal, room: number): void {
    const authentication = new Authentication(this.#peer.settings.authentication, NOTHING);
    // We never told a nonce of ours; the peer's makes the answer one that cannot be replayed (RFC 3931
    // §5.4.1).
    authentication.learnPeerNonce(sccrq.controlMessageAuthenticationNonce);
    for (const text of [refusal.text, ""]) {
      const octets = encodeControlMessage(
        { controlConnectionId: sccrq.assignedControlConnectionId ?? 0, ns: 0, nr: 1 },
        { name: "StopCCN", avps: { resultCode: resultCodeAvp({ ...refusal, text }) } },
        { digest: authentication.keysFor("StopCCN") },
      );
      if (octets.length <= room) return this.#context.emit({ kind: "transmit", path, octets });
    }
  }
}

function decode(
  message: RawControlMessage,
  hidingSecrets: readonly Uint8Array[],
): DecodedControlMessage | undefined {
  try {
    return decodeRawMessage(message, { hidingSecrets });
  } catch (error) {
    if (isDecodingError(error)) return undefined;
    throw error;
  }
}
