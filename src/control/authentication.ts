import { concat } from "../bytes/hex.ts";
import type { DigestRequest, MessageName } from "../wire/message.ts";
import { hasMessageDigest, verifyMessageDigest } from "../wire/message-digest.ts";
import { peekNonce } from "../wire/peek.ts";
import type { AuthenticationSettings } from "./settings.ts";

const NOTHING = new Uint8Array(0);

/** Message types whose digest is made in a way of its own (RFC 3931 §5.4.1). */
const SCCRQ = 1;
const SCCRP = 2;
const STOPCCN = 4;

/** Control message authentication of one control connection: which keys a message is made and checked with (RFC 3931 §4.3). */
export class Authentication {
  readonly #settings: AuthenticationSettings;
  /** Value of our Nonce AVP; undefined unless the mode is "digest". */
  readonly ownNonce: Uint8Array | undefined;
  #peerNonce: Uint8Array | undefined;

  constructor(settings: AuthenticationSettings, ownNonce: Uint8Array) {
    this.#settings = settings;
    this.ownNonce = settings.mode === "digest" ? ownNonce : undefined;
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
    const nonces = name === "SCCRQ" ? NOTHING : concat(this.ownNonce ?? NOTHING, this.#peerNonce ?? NOTHING);
    return secrets.map((secret) => ({ digestType, secret, nonces }));
  }

  /** Judges a received message before anything in it is used; in constant time for each key. */
  verify(octets: Uint8Array, messageType: number | undefined): "ok" | "wrong-digest" | "missing-digest" {
    const present = hasMessageDigest(octets);
    if (this.#settings.mode !== "digest") {
      if (!present) return "ok";
      // A digest without nonces and secret is a mere integrity check, which a peer may send by itself (RFC 3931 §4.3).
      return verifyMessageDigest(octets, [{ secret: NOTHING, nonces: NOTHING }]) ? "ok" : "wrong-digest";
    }
    if (!present) return "missing-digest";
    const keys = this.#noncesOf(octets, messageType).flatMap((nonces) =>
      this.#settings.secrets.map((secret) => ({ secret, nonces })),
    );
    return verifyMessageDigest(octets, keys) ? "ok" : "wrong-digest";
  }

  /** The nonce prefixes a received message may have been made with, seen from its sender: its nonce, then ours. */
  #noncesOf(octets: Uint8Array, messageType: number | undefined): readonly Uint8Array[] {
    if (messageType === SCCRQ) return [NOTHING];
    const own = this.ownNonce ?? NOTHING;
    if (this.#peerNonce !== undefined) return [concat(this.#peerNonce, own)];
    if (messageType === SCCRP) return [concat(peekNonce(octets) ?? NOTHING, own)];
    // A peer that refuses our SCCRQ never told a nonce of its own; both readings of the RFC are in use.
    if (messageType === STOPCCN) return [own, NOTHING];
    return [concat(NOTHING, own)];
  }
}
