import { isSameAddress, isSameEnd, type PsnPath, pathKey } from "../wire/session-parameters.ts";

/**
 * Path of one control connection and its validation. Until a message proves that the peer receives ours, we
 * send at most as many octets as were received, so that a forged or replayed SCCRQ cannot be used for
 * amplification (as RFC 9000 §8.1 has it for QUIC). Octets are those of control messages; the headers around
 * them are the same in both directions.
 *
 * The peer may choose its UDP port (RFC 3931 §4.1.2.2), and no digest covers it: an attacker may send a copy
 * of the peer's message from another port before the original arrives. So with digests the configured port
 * wins as soon as anything valid comes from it, and while nothing is acknowledged both ports are tried in
 * turn.
 *
 * A peer of any address has no configured path, and no digest covers an address either: until the path is
 * pinned it is that of the last valid message, wherever that came from, and retransmissions take turns
 * between it and the one before.
 */
export class ConnectionPath {
  /** Undefined for a peer of any address. */
  readonly #configured: PsnPath | undefined;
  readonly #isAuthenticated: boolean;
  #path: PsnPath;
  /** Path of the last message received, unless the path is pinned. */
  #heard: PsnPath;
  /** The last one that was another. */
  #heardBefore: PsnPath;
  #isValidated = false;
  #isFixed = false;
  #allowanceOctets = 0;

  constructor(configured: PsnPath | undefined, path: PsnPath, isAuthenticated: boolean) {
    this.#configured = configured;
    this.#isAuthenticated = isAuthenticated;
    this.#path = path;
    this.#heard = path;
    this.#heardBefore = path;
  }

  /** We are the initiator: the configured path needs no validation. */
  begin(): void {
    this.#isValidated = true;
  }

  get path(): PsnPath {
    return this.#path;
  }

  /** Whether the peer proved that it receives our messages. */
  get isValidated(): boolean {
    return this.#isValidated;
  }

  /** Whether a message from `path` may belong to this connection. */
  accepts(path: PsnPath): boolean {
    if (this.#configured === undefined && !this.#isFixed) return isSameEnd(this.#path, path);
    const isOpen = this.#isAuthenticated || !this.#isFixed;
    return isOpen ? isSameAddress(this.#path, path) : pathKey(this.#path) === pathKey(path);
  }

  /**
   * Takes note of a verified message of so many octets from `path`; `knowsUs` when it names the id that we
   * assigned, which proves that the peer receives our messages.
   */
  received(path: PsnPath, octets: number, knowsUs: boolean): void {
    if (!this.#isValidated) this.#allowanceOctets += octets;
    if (this.#isFixed) return;
    if (!knowsUs) {
      if (!this.#isValidated) this.#path = path;
      return;
    }
    this.#isValidated = true;
    if (pathKey(path) !== pathKey(this.#heard)) this.#heardBefore = this.#heard;
    this.#heard = path;
    this.#path = path;
    const isConfigured = this.#configured !== undefined && pathKey(path) === pathKey(this.#configured);
    if (!this.#isAuthenticated || isConfigured) this.pin();
  }

  /** Switches to the other candidate port, because nothing was acknowledged. */
  alternate(): void {
    if (this.#isFixed || !this.#isAuthenticated || !this.#isValidated) return;
    const other = this.#configured ?? this.#heardBefore;
    this.#path = this.#path === other ? this.#heard : other;
  }

  /** Whether the path is settled: messages from another port do not change it. */
  get isFixed(): boolean {
    return this.#isFixed;
  }

  /** Takes another path, which is known to lead to the peer or has taken the place of the one in use. */
  moveTo(path: PsnPath): void {
    this.#path = path;
    this.#heard = path;
    this.#isFixed = true;
    this.#isValidated = true;
  }

  /** Pins the path: a message to it was acknowledged. */
  pin(): void {
    this.#isFixed = true;
  }

  /** Whether a message of so many octets may be sent now. */
  allows(octets: number): boolean {
    return this.#isValidated || octets <= this.#allowanceOctets;
  }

  /** As `allows`, and deducts the octets from the allowance. */
  spend(octets: number): boolean {
    if (!this.allows(octets)) return false;
    this.#allowanceOctets -= octets;
    return true;
  }
}
