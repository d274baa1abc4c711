import { concat } from "../bytes/hex.ts";
import type { DigestRequest, MessageName } from "../wire/message.ts";
import { hasMessageDigest, validKeys, verifyMessageDigest } from "../wire/message-digest.ts";
import { type RawControlMessage, rawMessageName, rawNonce } from "../wire/raw-message.ts";
import type { AuthenticationSettings } from "./settings.ts";

const NOTHING = new Uint8Array(0);

/** Result of verifying a message: with "ok", the secrets that its hidden AVPs may be encrypted with. */
export type Verification =
  | { readonly verdict: "ok"; readonly hidingSecrets: readonly Uint8Array[] }
  | { readonly verdict: "wrong-digest" | "missing-digest" };

/**
 * Control message authentication of one control connection: which keys a message is made and checked with
 * (RFC 3931 §4.3).
 */
export class Authentication {
  readonly #settings: AuthenticationSettings;
  readonly #ownNonce: Uint8Array;
  #peerNonce: Uint8Array | undefined;

  constructor(settings: AuthenticationSettings, ownNonce: Uint8Array) {
    this.#settings = settings;
    this.#ownNonce = ownNonce;
  }

  /** Value of our Nonce AVP; undefined unless the mode is "digest". */
  get nonce(): Uint8Array | undefined {
    return this.#settings.mode === "digest" ? this.#ownNonce : undefined;
  }

  /** Whether a ZLB may stand for an ACK: only without any digest (RFC 3931 §6.15). */
  get allowsZlb(): boolean {
    return this.#settings.mode === "none";
  }

  /** The peer's Nonce AVP, once the message that carried it was verified. */
  learnPeerNonce(nonce: Uint8Array | undefined): void {
    if (nonce !== undefined) this.#peerNonce = nonce.slice();
  }

  /** Keys for the digests of a message of ours, one for each secret; empty when none are sent. */
  keysFor(name: MessageName): readonly DigestRequest[] {
    const { mode, digestType, secrets } = this.#settings;
    if (mode === "none") return [];
    if (mode === "integrity") return [{ digestType, secret: NOTHING, nonces: NOTHING }];
    const nonces = name === "SCCRQ" ? NOTHING : concat(this.#ownNonce, this.#peerNonce ?? NOTHING);
    return secrets.map((secret) => ({ digestType, secret, nonces }));
  }

  /**
   * Verifies a received message before anything in it is used; in constant time for each key. `isOpening`:
   * the connection is not established yet, so that the peer may have ended it before it knew our nonce.
   */
  verify(message: RawControlMessage, isOpening = true): Verification {
    const { octets } = message;
    const present = hasMessageDigest(octets);
    if (this.#settings.mode !== "digest") {
      // A digest without nonces and secret is a mere integrity check, which a peer may send by itself (RFC
      // 3931 §4.3).
      const undamaged = !present || verifyMessageDigest(octets, [{ secret: NOTHING, nonces: NOTHING }]);
      return undamaged ? { verdict: "ok", hidingSecrets: [] } : { verdict: "wrong-digest" };
    }
    if (!present) return { verdict: "missing-digest" };
    const keys = this.#noncesOf(message, isOpening).flatMap((nonces) =>
      this.#settings.secrets.map((secret) => ({ secret, nonces })),
    );
    const valid = validKeys(octets, keys);
    if (valid.length === 0) return { verdict: "wrong-digest" };
    // While a secret is being changed, only the one that validated surely reveals: another may seem to (RFC
    // 3931 §5.3).
    return { verdict: "ok", hidingSecrets: valid.map(({ secret }) => secret) };
  }

  /**
   * The nonce prefixes a received message may have been made with, seen from its sender: its nonce, then
   * ours.
   */
  #noncesOf(message: RawControlMessage, isOpening: boolean): readonly Uint8Array[] {
    const name = rawMessageName(message);
    if (name === "SCCRQ") return [NOTHING];
    const own = this.#ownNonce;
    const theirs = this.#peerNonce;
    if (theirs !== undefined) {
      // An initiator that gives up before it saw our SCCRP has only its own nonce to use, and names no id of
      // ours (RFC 3931 §5.4.3).
      const knowsNoNonce = isOpening && name === "StopCCN" && message.header.controlConnectionId === 0;
      return knowsNoNonce ? [concat(theirs, own), theirs] : [concat(theirs, own)];
    }
    if (name === "SCCRP") return [concat(rawNonce(message) ?? NOTHING, own)];
    // A peer that refuses our SCCRQ never told a nonce of its own; both readings of the RFC are in use.
    if (name === "StopCCN") return [own, NOTHING];
    return [own];
  }
}
