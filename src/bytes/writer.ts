import { InvariantError } from "./errors.ts";

/**
 * A growing big-endian buffer. Values out of range for their field are our own mistake and throw
 * InvariantError.
 */
export class Writer {
  #octets: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 128) {
    this.#octets = new Uint8Array(capacity);
    this.#view = new DataView(this.#octets.buffer);
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#extend(1, value, 0xff);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#extend(2, value, 0xffff);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#extend(4, value, 0xffff_ffff);
    this.#view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn)
      throw new InvariantError(`${value} does not fit 64 bits`);
    const at = this.#extend(8, 0, 0);
    this.#view.setBigUint64(at, value);
    return this;
  }

  octets(value: Uint8Array): this {
    const at = this.#extend(value.length, 0, 0);
    this.#octets.set(value, at);
    return this;
  }

  /** Overwrites a 16-bit field written earlier, such as a length known only at the end. */
  patchU16(offset: number, value: number): this {
    if (offset + 2 > this.#length)
      throw new InvariantError(`patch at ${offset} is past the end ${this.#length}`);
    this.#check(value, 0xffff);
    this.#view.setUint16(offset, value);
    return this;
  }

  /** The octets written; a copy that the caller owns. */
  finish(): Uint8Array {
    return this.#octets.slice(0, this.#length);
  }

  #check(value: number, max: number): void {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new InvariantError(`${value} is not an integer from 0 to ${max}`);
    }
  }

  #extend(length: number, value: number, max: number): number {
    this.#check(value, max);
    const start = this.#length;
    const end = start + length;
    if (end > this.#octets.length) {
      const grown = new Uint8Array(Math.max(end, this.#octets.length * 2));
      grown.set(this.#octets.subarray(0, start));
      this.#octets = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = end;
    return start;
  }
}
