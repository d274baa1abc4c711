import type { Random } from "../environment.ts";

/** Chooses 32-bit identifiers that are random, never 0 and not in use (RFC 3931 §4.1, §5.4.3, §5.4.4). */
export class Identifiers {
  readonly #random: Random;
  readonly #used = new Set<number>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** A fresh identifier, in use until `release`. */
  allocate(): number {
    for (;;) {
      const octets = this.#random.octets(4);
      const id = new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0);
      if (id !== 0 && !this.#used.has(id)) {
        this.#used.add(id);
        return id;
      }
    }
  }

  reserve(id: number): void {
    this.#used.add(id);
  }

  release(id: number): void {
    this.#used.delete(id);
  }
}

/** A number from 0 to just under 1, of 32 random bits. */
export function randomFraction(random: Random): number {
  const octets = random.octets(4);
  return new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0) / 0x1_0000_0000;
}
