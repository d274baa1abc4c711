import { addressOctets, addressText } from "./ip-address.ts";

/**
 * Values by prefix of IP addresses, such as 198.51.100.0/24 in canonical form: the longest prefix that an
 * address is in decides, as in a routing table. What a look-up costs grows with the number of different
 * lengths alone.
 */
export class PrefixTable<Value> {
  readonly #values = new Map<string, Value>();
  /** How many prefixes there are of each length, the longest first. */
  #lengths: readonly (readonly [length: number, count: number])[] = [];

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  /** Adds a prefix, unless it is there already. */
  add(prefix: string, value: Value): void {
    if (this.#values.has(prefix)) return;
    this.#values.set(prefix, value);
    this.#count(prefix, 1);
  }

  /** Removes a prefix if its value is this one. */
  delete(prefix: string, value: Value): void {
    if (this.#values.get(prefix) !== value) return;
    this.#values.delete(prefix);
    this.#count(prefix, -1);
  }

  /** The value of the longest prefix that an address in canonical form is in. */
  find(address: string): Value | undefined {
    const octets = addressOctets(address);
    for (const [length] of this.#lengths) {
      if (length > octets.length * 8) continue;
      const value = this.#values.get(`${addressText(masked(octets, length))}/${length}`);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  #count(prefix: string, change: 1 | -1): void {
    const length = Number(prefix.slice(prefix.indexOf("/") + 1));
    const counts = new Map(this.#lengths);
    const count = (counts.get(length) ?? 0) + change;
    if (count === 0) counts.delete(length);
    else counts.set(length, count);
    this.#lengths = [...counts].sort(([one], [other]) => other - one);
  }
}

/** The octets of an address with the bits behind the first `length` set to 0. */
function masked(octets: Uint8Array, length: number): Uint8Array {
  return octets.map((octet, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return octet & (0xff00 >> bits);
  });
}
