import type { Random } from "../environment.ts";
import { isDecodingError } from "../wire/errors.ts";
import {
  type ControlMessage,
  type DecodedControlMessage,
  decodeRawMessage,
  encodeControlMessage,
  renumberControlMessage,
} from "../wire/message.ts";
import type { RawControlMessage } from "../wire/raw-message.ts";
import { Authentication } from "./authentication.ts";
import type { MessageCodec } from "./delivery-messages.ts";
import { type AuthenticationSettings, limits } from "./settings.ts";

/**
 * A received message that was verified and decoded, or the reason to discard it unacknowledged (RFC 3931
 * §5.4.1, §7.1).
 */
export type OpenedMessage =
  | { readonly verdict: "ok"; readonly decoded: DecodedControlMessage }
  | { readonly verdict: "wrong-digest" | "missing-digest" | "malformed" };

/**
 * Encodes, signs and hides the messages of one control connection, and verifies and decodes received ones.
 */
export class MessageProtection implements MessageCodec {
  /** Control Connection ID in the header of our messages; 0 while unknown (RFC 3931 §5.4.3). */
  remoteControlConnectionId = 0;
  readonly #settings: AuthenticationSettings;
  readonly #random: Random;
  readonly #authentication: Authentication;
  /**
   * Secret to hide AVPs with; with two secrets, the one that validated the peer's last message (RFC 3931
   * §5.4.1).
   */
  #hidingSecret: Uint8Array | undefined;

  constructor(settings: AuthenticationSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
    this.#authentication = new Authentication(settings, random.octets(limits.nonceOctets));
    // While a secret is being changed, nothing is hidden until a message shows which one the peer has.
    if (settings.secrets.length === 1) this.#hidingSecret = settings.secrets[0];
  }

  /** Value of our Nonce AVP; undefined with authentication off. */
  get nonce(): Uint8Array | undefined {
    return this.#authentication.nonce;
  }

  /** The peer's Nonce AVP, once the message that carried it was verified. */
  learnPeerNonce(nonce: Uint8Array | undefined): void {
    this.#authentication.learnPeerNonce(nonce);
  }

  encode(message: ControlMessage | undefined, ns: number, nr: number, paddedTo = 0): Uint8Array {
    const numbers = { controlConnectionId: this.remoteControlConnectionId, ns, nr };
    if (message === undefined && this.#authentication.allowsZlb)
      return encodeControlMessage(numbers, undefined);
    const content = message ?? { name: "ACK" as const, avps: {} };
    const digest = this.#authentication.keysFor(content.name);
    const { hideAvps } = this.#settings;
    const secret = this.#hidingSecret;
    // With 0 in the header, the id inside is what the receiver finds the connection by (RFC 3931 §5.4.3).
    const mustBeClear =
      content.name === "ACK" || (content.name === "StopCCN" && numbers.controlConnectionId === 0);
    if (!hideAvps || secret === undefined || mustBeClear) {
      return encodeControlMessage(numbers, content, { digest, paddedTo });
    }
    const randomVector = this.#random.octets(limits.randomVectorOctets);
    return encodeControlMessage(numbers, content, { digest, hiding: { secret, randomVector }, paddedTo });
  }

  renumber(octets: Uint8Array, message: ControlMessage, nr: number): Uint8Array {
    const numbers = { controlConnectionId: this.remoteControlConnectionId, nr };
    return renumberControlMessage(octets, numbers, this.#authentication.keysFor(message.name));
  }

  /**
   * Verifies and decodes a message; nothing in it is used before it is verified (RFC 3931 §5.4.1).
   * `isOpening` as in `verify`.
   */
  open(message: RawControlMessage, isOpening: boolean): OpenedMessage {
    const verification = this.#authentication.verify(message, isOpening);
    if (verification.verdict !== "ok") return verification;
    try {
      const { hidingSecrets } = verification;
      this.#hidingSecret = hidingSecrets[0] ?? this.#hidingSecret;
      return { verdict: "ok", decoded: decodeRawMessage(message, { hidingSecrets }) };
    } catch (error) {
      if (isDecodingError(error)) return { verdict: "malformed" };
      throw error;
    }
  }
}
