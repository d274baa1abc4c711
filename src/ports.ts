/** The interfaces through which pure code meets the world. Types only. */

/** A source of octets that nobody can predict; the simulation gives a seeded one. */
export interface Random {
  /** `length` fresh octets that the caller owns. */
  octets(length: number): Uint8Array;
}

/** Milliseconds that never go back. */
export interface Clock {
  nowMs(): number;
}
