import { linux } from "./libc.ts";

/**
 * Traffic class of packets that a socket sends: a socket option, or for one datagram ancillary data (ip(7),
 * ipv6(7)): struct cmsghdr (16 octets), then the class.
 */

/** Room for the ancillary data, of which 20 octets are filled. */
export const TRAFFIC_CLASS_OCTETS = 24;

const LEVEL = 8;
const TYPE = 12;
const VALUE = 16;
const FILLED_OCTETS = 20;

/** Level and number of the socket option, and of the ancillary data. */
export function trafficClassOption(isV6: boolean): readonly [level: number, option: number] {
  return isV6 ? [linux.IPPROTO_IPV6, linux.IPV6_TCLASS] : [linux.IPPROTO_IP, linux.IP_TOS];
}

/** Writes the constant part of the ancillary data; `setTrafficClass` writes the rest. */
export function writeTrafficClassControl(view: DataView, control: number): void {
  view.setBigUint64(control, BigInt(FILLED_OCTETS), true);
}

/**
 * The traffic class of one datagram, sent by a socket of IPv4 or IPv6; `control` is the offset of its
 * ancillary data.
 */
export function setTrafficClass(view: DataView, control: number, isV6: boolean, trafficClass: number): void {
  view.setInt32(control + LEVEL, isV6 ? linux.IPPROTO_IPV6 : linux.IPPROTO_IP, true);
  view.setInt32(control + TYPE, isV6 ? linux.IPV6_TCLASS : linux.IP_TOS, true);
  view.setInt32(control + VALUE, trafficClass, true);
}
