import { Regions } from "./regions.ts";
import { MOST_SESSIONS } from "./session-record.ts";
import { type Sum, summedOctets } from "./simd-checksum.ts";

/**
 * Octets of frames, for everything but the slots; and of tables, for everything but the sessions' addresses.
 */
const OTHER_OCTETS = 1024 * 1024;
/** Frames or datagrams taken from the kernel at once. */
export const RECEIVE_BATCH = 64;
/** Makes the frame behind a virtio-net header of 10 octets start at 2 modulo 4, and so its IP header at 0. */
export const HEADROOM_OCTETS = 64;
/**
 * A slot takes a super-frame, or a run of datagrams, of 64 KiB with room in front for a tag to be put back
 * and our header. With its guard it is not a multiple of the page: the starts of all slots would share a few
 * lines of the cache.
 */
export const BUFFER_OCTETS = 68 * 1024 + 128;
const BUFFER_WITH_GUARD_OCTETS = BUFFER_OCTETS + 64;
/** Slots of the circuits, and of the peers. */
const SIDES = 2;
export const NAME_OCTETS = 32;

/**
 * All memory that the kernel reads and writes: the octets of frames, and apart from them the tables that the
 * kernel is told by where they are (struct msghdr, iovec, sockaddr, ancillary data). What works on frames has
 * no view of the tables, so no length or offset in a frame leads there.
 */
export class Arena extends Regions {
  readonly tables: Regions;
  /** The fast sum over the octets of frames, where there is one. */
  readonly sum: Sum | undefined;

  constructor() {
    const { octets, sum } = summedOctets(SIDES * RECEIVE_BATCH * BUFFER_WITH_GUARD_OCTETS + OTHER_OCTETS);
    super(octets);
    this.sum = sum;
    this.tables = new Regions(new Uint8Array(MOST_SESSIONS * NAME_OCTETS + OTHER_OCTETS));
  }

  /** Throws InvariantError when guard octets were written over: something has left its region. */
  override checkGuards(): void {
    super.checkGuards();
    this.tables.checkGuards();
  }
}
