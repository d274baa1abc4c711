import { linux } from "./libc.ts";

/**
 * Ancillary data of UDP sockets that carry several datagrams in one buffer, all of one length but the last, which may be
 * shorter (udp(7)): struct cmsghdr (16 octets), then the length.
 */

/** Room for either, of which 18 or 20 octets are filled. */
export const UDP_OFFLOAD_OCTETS = 24;
/** Datagrams in one send: UDP_MAX_SEGMENTS of Linux before 6.3, and what all later ones take. */
export const MOST_UDP_SEGMENTS = 64;
/** Octets in one send: the longest payload of UDP over IPv4, and over IPv6 without a jumbogram a little less than that. */
export const MOST_UDP_OCTETS = 65_507;

const LEVEL = 8;
const TYPE = 12;
const VALUE = 16;
const SEND_OCTETS = 18;
const FILLED_OCTETS = 20;

/** Writes what tells the kernel to cut a send into datagrams; the length is put in by `setSegmentOctets`. */
export function writeSegmentControl(view: DataView, control: number): void {
  view.setBigUint64(control, BigInt(SEND_OCTETS), true);
  view.setInt32(control + LEVEL, linux.SOL_UDP, true);
  view.setInt32(control + TYPE, linux.UDP_SEGMENT, true);
}

/** Octets of each datagram of a send; `control` is the offset of its ancillary data. */
export function setSegmentOctets(view: DataView, control: number, octets: number): void {
  view.setUint16(control + VALUE, octets, true);
}

/** Octets of each datagram in what was received, 0 for a single one; `length` is what the kernel says it wrote. */
export function coalescedOctets(view: DataView, control: number, length: number): number {
  if (length < FILLED_OCTETS) return 0;
  if (view.getInt32(control + LEVEL, true) !== linux.SOL_UDP) return 0;
  if (view.getInt32(control + TYPE, true) !== linux.UDP_GRO) return 0;
  return view.getInt32(control + VALUE, true);
}
