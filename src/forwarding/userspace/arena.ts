import { REASSEMBLY_OCTETS } from "./reassembly-slots.ts";
import { Regions } from "./regions.ts";
import { MOST_SESSIONS } from "./session-record.ts";
import { type Sum, summedOctets } from "./simd-checksum.ts";

/**
 * Octets of the arena besides the receive buffers (copied headers, padding), and of its tables besides the
 * sessions' socket addresses.
 */
const OTHER_OCTETS = 1024 * 1024;
/** Messages of one recvmmsg(2): frames or datagrams. */
export const RECEIVE_BATCH = 64;
/**
 * Headroom in front of a received message. It makes the frame behind a virtio-net header of 10 octets start
 * at 2 modulo 4, and so its IP header at 0.
 */
export const HEADROOM_OCTETS = 64;
/**
 * Octets of one receive buffer: a GSO packet, or GRO datagrams, of 64 KiB, and headroom for the VLAN tag that
 * is put back and for our header. Together with its guard it is no multiple of the page size: otherwise the
 * starts of all buffers would share a few cache sets.
 */
export const BUFFER_OCTETS = 68 * 1024 + 128;
const BUFFER_WITH_GUARD_OCTETS = BUFFER_OCTETS + 64;
/** Sets of receive buffers: one of the circuit receiver, one of the PSN receiver. */
const BUFFER_SETS = 2;
/** Octets that a socket address (`msg_name`) has in the tables. */
export const NAME_OCTETS = 32;

/**
 * All memory that system calls read and write: the octets of frames, and apart from them the tables with
 * addresses (struct mmsghdr, iovec, sockaddr, ancillary data). Code that parses frames has no view of the
 * tables, so no length or offset in a frame can reach them.
 */
export class Arena extends Regions {
  readonly tables: Regions;
  /** The SIMD checksum over the octets of frames; undefined where the CPU has no SIMD. */
  readonly sum: Sum | undefined;

  constructor() {
    const { octets, sum } = summedOctets(
      BUFFER_SETS * RECEIVE_BATCH * BUFFER_WITH_GUARD_OCTETS + REASSEMBLY_OCTETS + OTHER_OCTETS,
    );
    super(octets);
    this.sum = sum;
    this.tables = new Regions(new Uint8Array(MOST_SESSIONS * NAME_OCTETS + OTHER_OCTETS));
  }

  /** Throws InvariantError when guard octets were overwritten: a write went past the end of its region. */
  override checkGuards(): void {
    super.checkGuards();
    this.tables.checkGuards();
  }
}
