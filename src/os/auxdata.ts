import { linux } from "./libc.ts";

/**
 * Ancillary data of a packet socket with PACKET_AUXDATA: struct cmsghdr (16 octets), then struct
 * tpacket_auxdata (packet(7)).
 */

/** Size of the buffer for it; the kernel fills 36 octets. */
export const AUXDATA_OCTETS = 64;

const LEVEL = 8;
const TYPE = 12;
const STATUS = 16;
const TCI = 32;
const TPID = 34;
const FILLED_OCTETS = 36;
const VLAN_VALID = 0x10;
const TPID_VALID = 0x40;
const DEFAULT_TPID = 0x8100;

/**
 * The outer VLAN tag, which the kernel strips from the frame and reports in ancillary data: TPID in the upper
 * 16 bits, TCI in the lower; -1 for an untagged frame. `control` is the offset of the ancillary data,
 * `length` the length that the kernel wrote.
 */
export function outerTagBeside(view: DataView, control: number, length: number): number {
  if (length < FILLED_OCTETS) return -1;
  if (view.getInt32(control + LEVEL, true) !== linux.SOL_PACKET) return -1;
  if (view.getInt32(control + TYPE, true) !== linux.PACKET_AUXDATA) return -1;
  return outerTag(view, control + STATUS, control + TCI, control + TPID);
}

/**
 * The same, where the kernel wrote status, TCI and TPID at these offsets, such as beside a frame in a ring.
 */
export function outerTag(view: DataView, statusAt: number, tciAt: number, tpidAt: number): number {
  const status = view.getUint32(statusAt, true);
  if ((status & VLAN_VALID) === 0) return -1;
  const tpid = (status & TPID_VALID) !== 0 ? view.getUint16(tpidAt, true) : DEFAULT_TPID;
  return tpid * 0x1_0000 + view.getUint16(tciAt, true);
}
