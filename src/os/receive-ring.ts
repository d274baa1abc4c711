import { addressOf, getsockopt, lastError, linux, mmap, setsockopt } from "./libc.ts";

/** Receive rings of packet(7), and what the kernel counts at them. */

/** TABLE: versions of a ring's headers (linux/if_packet.h). */
export const ringVersions = { tpacket2: 1, tpacket3: 2 } as const;

const PROTECTION_READ_WRITE = 3;
const MAP_SHARED = 1;

/**
 * Has a packet socket receive into a ring, which `layout` describes (struct tpacket_req or tpacket_req3), and
 * maps its memory; returns the address, for munmap(2). Throws SystemError.
 */
export function mapReceiveRing(
  fd: number,
  version: number,
  layout: Uint32Array,
  octets: number,
  target: string,
): number {
  for (const [option, value] of [
    [linux.PACKET_VERSION, Uint32Array.of(version)],
    [linux.PACKET_RX_RING, layout],
  ] as const) {
    const cells = new Uint8Array(value.buffer);
    if (setsockopt(fd, linux.SOL_PACKET, option, addressOf(cells), cells.length) !== 0)
      throw lastError("open a receive ring", target);
  }
  const address = mmap(0, octets, PROTECTION_READ_WRITE, MAP_SHARED, fd, 0);
  if (address <= 0) throw lastError("map a receive ring", target);
  return address;
}

/** What the kernel counted at a packet socket since this was made. */
export class PacketCounts {
  readonly #fd: number;
  #received = 0;
  #dropped = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Packets that came, also those that were dropped. */
  get received(): number {
    this.#read();
    return this.#received;
  }

  /** Packets that found no room. */
  get dropped(): number {
    this.#read();
    return this.#dropped;
  }

  #read(): void {
    // struct tpacket_stats_v3, the longer one.
    const counts = new Uint32Array(3);
    const octets = new Uint8Array(counts.buffer);
    const length = new Uint8Array(Uint32Array.of(octets.length).buffer);
    const { SOL_PACKET, PACKET_STATISTICS } = linux;
    if (getsockopt(this.#fd, SOL_PACKET, PACKET_STATISTICS, addressOf(octets), addressOf(length)) !== 0)
      return;
    // The kernel begins at 0 again with each answer.
    this.#received += counts[0] ?? 0;
    this.#dropped += counts[1] ?? 0;
  }
}
