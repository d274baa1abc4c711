import { outerTag } from "../../os/auxdata.ts";
import { interfaceMtu } from "../../os/interface-request.ts";
import { addressOf, clockGettime, close, getsockopt, linux, memoryAt, munmap } from "../../os/libc.ts";
import { mapReceiveRing, PacketCounts, ringVersions } from "../../os/receive-ring.ts";
import { openPacketSocket, VNET_HEADER_OCTETS } from "../../os/sockets.ts";

/**
 * Receives frames by a ring of packet(7), for the relay of links. The memory of a ring is none of the buffer
 * of its socket, which is small for an ordinary user: a burst would be lost. And the kernel writes down when
 * each frame came, however late it is read.
 */

const RING_OCTETS = 8 * 1024 * 1024;
const LEAST_SLOT_OCTETS = 2048;
/** Beside the MTU, a slot has room for its own header, that of Ethernet, and tags. */
const BESIDE_MTU_OCTETS = 256;
const BLOCK_OCTETS = 256 * 1024;
/** Frames that are received of an interface before others have their turn. */
const MOST_AT_ONCE = 128;

/** TABLE: offsets in struct tpacket2_hdr (linux/if_packet.h). */
const header = { status: 0, length: 8, frame: 12, seconds: 16, nanoseconds: 20, tci: 24, tpid: 26 } as const;

const AVAILABLE = 0;
const FILLED = 1;

const ADDRESSES_OCTETS = 12;
const TAG_OCTETS = 4;
const TIMESPEC_OCTETS = 16;
/** A frame that seems older came before somebody set the clock. */
const OLDEST_US = 1_000_000;

/** Octets of a frame behind its virtio-net header. */
export function octetsOfFrame(frame: Uint8Array): number {
  return frame.length - VNET_HEADER_OCTETS;
}

/** Receives all frames that come to an interface. Opening it throws SystemError. */
export class FrameReceiver implements Disposable {
  readonly fd: number;
  readonly #slotOctets: number;
  readonly #slots: number;
  readonly #address: number;
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #timespec = new Uint8Array(TIMESPEC_OCTETS);
  readonly #time = new DataView(this.#timespec.buffer);
  readonly #counts: PacketCounts;
  #slot = 0;
  /** When the last frame came. */
  #lastUs = 0;

  constructor(interfaceName: string) {
    let slotOctets = LEAST_SLOT_OCTETS;
    while (slotOctets < interfaceMtu(interfaceName) + BESIDE_MTU_OCTETS) slotOctets *= 2;
    this.#slotOctets = slotOctets;
    this.#slots = RING_OCTETS / slotOctets;
    this.fd = openPacketSocket(interfaceName);
    const ring = Uint32Array.of(BLOCK_OCTETS, RING_OCTETS / BLOCK_OCTETS, slotOctets, this.#slots);
    const target = `interface ${interfaceName}`;
    try {
      this.#address = mapReceiveRing(this.fd, ringVersions.tpacket2, ring, RING_OCTETS, target);
    } catch (error) {
      close(this.fd);
      throw error;
    }
    this.#counts = new PacketCounts(this.fd);
    const memory = memoryAt(this.#address, RING_OCTETS);
    this.#octets = new Uint8Array(memory);
    this.#view = new DataView(memory);
  }

  /** Frames that were dropped because they were not read in time, since this was opened. */
  get drops(): number {
    return this.#counts.dropped;
  }

  /**
   * Gives frames that are there to `take`, each behind an empty virtio-net header and with all its tags, and
   * the time when it came, in microseconds. Returns how many there were.
   */
  receive(take: (frame: Uint8Array, cameUs: number) => void): number {
    if (!this.#isFilled) return 0;
    const nowUs = performance.now() * 1000;
    clockGettime(linux.CLOCK_REALTIME, addressOf(this.#timespec));
    const seconds = Number(this.#time.getBigInt64(0, true));
    const nanoseconds = Number(this.#time.getBigInt64(8, true));
    let count = 0;
    for (; count < MOST_AT_ONCE && this.#isFilled; count += 1) {
      const at = this.#slot * this.#slotOctets;
      const view = this.#view;
      const agoUs =
        (seconds - view.getUint32(at + header.seconds, true)) * 1e6 +
        (nanoseconds - view.getUint32(at + header.nanoseconds, true)) / 1000;
      const cameUs = agoUs > 0 && agoUs < OLDEST_US ? nowUs - agoUs : nowUs;
      // The two clocks are not read at the same moment, and what came later must not seem to be earlier.
      this.#lastUs = Math.max(this.#lastUs, cameUs);
      take(this.#frameAt(at), this.#lastUs);
      view.setUint32(at + header.status, AVAILABLE, true);
      this.#slot = (this.#slot + 1) % this.#slots;
    }
    return count;
  }

  /** Forgets an error, such as that the interface went down: poll(2) would not wait any more. */
  clearError(): void {
    const error = new Uint8Array(4);
    const length = new Uint8Array(Uint32Array.of(error.length).buffer);
    getsockopt(this.fd, linux.SOL_SOCKET, linux.SO_ERROR, addressOf(error), addressOf(length));
  }

  get #isFilled(): boolean {
    return (this.#view.getUint32(this.#slot * this.#slotOctets + header.status, true) & FILLED) !== 0;
  }

  #frameAt(at: number): Uint8Array {
    const view = this.#view;
    const start = at + view.getUint16(at + header.frame, true);
    const length = view.getUint32(at + header.length, true);
    const tag = outerTag(view, at + header.status, at + header.tci, at + header.tpid);
    const tagged = tag < 0 ? 0 : TAG_OCTETS;
    const frame = Buffer.allocUnsafe(VNET_HEADER_OCTETS + length + tagged);
    // Checksums are finished and packets are single here, so the header has nothing to say.
    frame.fill(0, 0, VNET_HEADER_OCTETS);
    const type = VNET_HEADER_OCTETS + ADDRESSES_OCTETS;
    frame.set(this.#octets.subarray(start, start + ADDRESSES_OCTETS), VNET_HEADER_OCTETS);
    if (tagged > 0) frame.writeUInt32BE(tag, type);
    frame.set(this.#octets.subarray(start + ADDRESSES_OCTETS, start + length), type + tagged);
    return frame;
  }

  [Symbol.dispose](): void {
    munmap(this.#address, RING_OCTETS);
    close(this.fd);
  }
}
