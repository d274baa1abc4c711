import { isSameAddress, type PsnPath, pathKey } from "../wire/session-parameters.ts";

/**
 * Where the peer of one control connection is. Until a message from there proved that ours reach it, we send at most as many octets
 * as came, so that a forged or replayed SCCRQ makes nobody receive more than its sender sent (as RFC 9000 §8.1 has it for QUIC).
 * Octets are those of control messages; the headers around them weigh the same in both directions.
 */
export class ConnectionPath {
  #path: PsnPath;
  #isValidated = false;
  /** Whether the peer may still choose its UDP port (RFC 3931 §4.1.2.2). */
  #isOpen = true;
  #allowanceOctets = 0;

  constructor(path: PsnPath) {
    this.#path = path;
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
  takes(path: PsnPath): boolean {
    return this.#isOpen ? isSameAddress(this.#path, path) : pathKey(this.#path) === pathKey(path);
  }

  /** The peer chose its address and port for good. */
  fix(path: PsnPath): void {
    this.#path = path;
    this.#isOpen = false;
  }

  /** A message of so many octets came from `path`; `knowsUs` when it names the id that we assigned ourselves, which only who hears us can. */
  received(path: PsnPath, octets: number, knowsUs: boolean): void {
    if (this.#isValidated) return;
    this.#path = path;
    this.#allowanceOctets += octets;
    if (!knowsUs) return;
    this.#isValidated = true;
    this.fix(path);
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
