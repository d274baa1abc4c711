import { TruncatedError } from "./errors.ts";

/**
 * A bounds-checked big-endian cursor over octets it does not own. Every read names its field, and a read
 * past the end throws TruncatedError with that name; nothing is ever clamped.
 */
export class Reader {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  }

  /** Octets read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Octets left. */
  get remaining(): number {
    return this.#octets.length - this.#offset;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#advance(field, 1));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#advance(field, 2));
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#advance(field, 4));
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#advance(field, 8));
  }

  /** A view, not a copy: the caller copies if it keeps the octets. */
  octets(field: string, length: number): Uint8Array {
    const start = this.#advance(field, length);
    return this.#octets.subarray(start, start + length);
  }

  /** All that is left; a view, not a copy. */
  rest(): Uint8Array {
    return this.octets("rest", this.remaining);
  }

  #advance(field: string, length: number): number {
    const start = this.#offset;
    if (length > this.#octets.length - start) {
      throw new TruncatedError(field, start, length, this.#octets.length - start);
    }
    this.#offset = start + length;
    return start;
  }
}
