import { OperationalError } from "../bytes/errors.ts";
import { blockTypes, statisticsOptions } from "./pcapng.ts";

/** Octets of the longest block that is taken: a packet of 64 KiB, and more than a text. */
const MOST_BLOCK_OCTETS = 1024 * 1024;
const LEAST_BLOCK_OCTETS = 12;

/** What a capture that is being received says of itself so far. */
export interface CaptureTotals {
  readonly packets: number;
  /** What its interfaces counted as dropped. */
  readonly dropped: number;
}

/**
 * Divides a stream of pcapng, little-endian as `PcapngWriter` makes it, into whole blocks, and counts. What
 * ends within a block has lost its last packet and no more.
 */
export class PcapngBlocks {
  #rest: Uint8Array = new Uint8Array(0);
  #packets = 0;
  readonly #dropped = new Map<number, number>();

  get totals(): CaptureTotals {
    return {
      packets: this.#packets,
      dropped: [...this.#dropped.values()].reduce((sum, each) => sum + each, 0),
    };
  }

  /** The blocks that are whole now. Throws OperationalError for what is no pcapng. */
  take(piece: Uint8Array): Uint8Array {
    const octets = this.#rest.length === 0 ? piece : joined(this.#rest, piece);
    const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    let at = 0;
    while (at + LEAST_BLOCK_OCTETS <= octets.length) {
      const length = view.getUint32(at + 4, true);
      if (length < LEAST_BLOCK_OCTETS || length > MOST_BLOCK_OCTETS || length % 4 !== 0)
        throw new OperationalError(`read a capture: a block of ${length} octets, so it is no pcapng`);
      if (at + length > octets.length) break;
      this.#count(view, at, length);
      at += length;
    }
    this.#rest = octets.slice(at);
    return octets.subarray(0, at);
  }

  #count(view: DataView, at: number, length: number): void {
    const type = view.getUint32(at, true);
    if (type === blockTypes.packet) this.#packets += 1;
    if (type !== blockTypes.statistics) return;
    const number = view.getUint32(at + 8, true);
    for (let next = at + 20; next + 4 <= at + length - 4; ) {
      const code = view.getUint16(next, true);
      const octets = view.getUint16(next + 2, true);
      if (code === statisticsOptions.dropped && octets === 8)
        this.#dropped.set(number, view.getUint32(next + 4, true) + view.getUint32(next + 8, true) * 2 ** 32);
      if (code === 0) return;
      next += 4 + Math.ceil(octets / 4) * 4;
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
