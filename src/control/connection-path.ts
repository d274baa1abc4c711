import { isSameAddress, type PsnPath, pathKey } from "../wire/session-parameters.ts";

/**
 * Where the peer of one control connection is. Until a message from there proved that ours reach it, we send at most as many octets
 * as came, so that a forged or replayed SCCRQ makes nobody receive more than its sender sent (as RFC 9000 §8.1 has it for QUIC).
 * Octets are those of control messages; the headers around them weigh the same in both directions.
 *
 * The peer may choose its UDP port (RFC 3931 §4.1.2.2), and no digest covers that: whoever is faster than the peer's message may send a
 * copy of it from another port. So with digests the configured port wins over others as soon as anything valid comes from
 * there, and is tried in turns with the other one where nothing is acknowledged.
 */
export class ConnectionPath {
  readonly #configured: PsnPath;
  readonly #isAuthenticated: boolean;
  #path: PsnPath;
  /** From where a message came last, unless that is fixed. */
  #heard: PsnPath;
  #isValidated = false;
  #isFixed = false;
  #allowanceOctets = 0;

  constructor(configured: PsnPath, path: PsnPath, isAuthenticated: boolean) {
    this.#configured = configured;
    this.#isAuthenticated = isAuthenticated;
    this.#path = path;
    this.#heard = path;
  }

  /** We begin by ourselves, with a peer that the operator named. */
  begin(): void {
    this.#isValidated = true;
  }

  get path(): PsnPath {
    return this.#path;
  }

  /** Whether the peer proved to hear us. */
  get isValidated(): boolean {
    return this.#isValidated;
  }

  /** Whether a message from there may be of this connection. */
  accepts(path: PsnPath): boolean {
    const isOpen = this.#isAuthenticated || !this.#isFixed;
    return isOpen ? isSameAddress(this.#path, path) : pathKey(this.#path) === pathKey(path);
  }

  /**
   * A verified message of so many octets came from `path`; `knowsUs` when it names the id that we assigned ourselves, which only
   * who hears us can.
   */
  received(path: PsnPath, octets: number, knowsUs: boolean): void {
    if (!this.#isValidated) this.#allowanceOctets += octets;
    if (this.#isFixed) return;
    if (!knowsUs) {
      if (!this.#isValidated) this.#path = path;
      return;
    }
    this.#isValidated = true;
    this.#heard = path;
    this.#path = path;
    if (!this.#isAuthenticated || pathKey(path) === pathKey(this.#configured)) this.pin();
  }

  /** What we sent is not acknowledged: the next goes to the other port that may be the peer's. */
  alternate(): void {
    if (this.#isFixed || !this.#isAuthenticated || !this.#isValidated) return;
    this.#path = this.#path === this.#configured ? this.#heard : this.#configured;
  }

  /** What went there lately was acknowledged: the peer stays there. */
  pin(): void {
    this.#isFixed = true;
  }

  /** Whether a message of so many octets may be sent now. */
  allows(octets: number): boolean {
    return this.#isValidated || octets <= this.#allowanceOctets;
  }

  /** The same, and what may be sent counts as sent. */
  spend(octets: number): boolean {
    if (!this.allows(octets)) return false;
    this.#allowanceOctets -= octets;
    return true;
  }
}
