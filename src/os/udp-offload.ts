import { linux } from "./libc.ts";

/**
 * Ancillary data of UDP GSO and GRO (udp(7)), for several datagrams in one buffer, all of one length but the
 * last, which may be shorter: struct cmsghdr (16 octets), then the length.
 */

/** Size of the buffer for either; 18 or 20 octets are filled. */
export const UDP_OFFLOAD_OCTETS = 24;
/** Datagrams per send: UDP_MAX_SEGMENTS of Linux before 6.3, which all later ones accept. */
export const MOST_UDP_SEGMENTS = 64;
/** Octets per send: the longest UDP payload over IPv4, and a little less than over IPv6. */
export const MOST_UDP_OCTETS = 65_507;

const LEVEL = 8;
const TYPE = 12;
const VALUE = 16;
const SEND_OCTETS = 18;
const FILLED_OCTETS = 20;

/**
 * Writes the ancillary data that makes the kernel segment a send into datagrams; `setSegmentOctets` writes
 * their length.
 */
export function writeSegmentControl(view: DataView, control: number): void {
  view.setBigUint64(control, BigInt(SEND_OCTETS), true);
  view.setInt32(control + LEVEL, linux.SOL_UDP, true);
  view.setInt32(control + TYPE, linux.UDP_SEGMENT, true);
}

/** Sets the length of each datagram of a send, in octets; `control` is the offset of its ancillary data. */
export function setSegmentOctets(view: DataView, control: number, octets: number): void {
  view.setUint16(control + VALUE, octets, true);
}

/**
 * The length of each datagram in a received buffer, in octets; 0 for a single one. `length` is the length of
 * the ancillary data that the kernel wrote.
 */
export function coalescedOctets(view: DataView, control: number, length: number): number {
  if (length < FILLED_OCTETS) return 0;
  if (view.getInt32(control + LEVEL, true) !== linux.SOL_UDP) return 0;
  if (view.getInt32(control + TYPE, true) !== linux.UDP_GRO) return 0;
  return view.getInt32(control + VALUE, true);
}
