/** Names of the codes in control messages, for decoders and logs. */

import { pseudowireTypeNumber, sequencingNumber, sublayerNumber } from "./session-parameters.ts";

/** TABLE: pseudowire types (IANA "L2TPv3 Pseudowire Types"). */
export const pseudowireTypes: ReadonlyMap<number, string> = new Map([
  [0x0001, "Frame Relay"],
  [0x0002, "ATM AAL5"],
  [0x0003, "ATM cells of a port"],
  [pseudowireTypeNumber["ethernet-vlan"], "Ethernet VLAN"],
  [pseudowireTypeNumber.ethernet, "Ethernet"],
  [0x0006, "HDLC"],
  [0x0007, "PPP"],
  [0x0009, "ATM cells of a VCC"],
  [0x000a, "ATM cells of a VPC"],
  [0x000b, "IP"],
]);

/** TABLE: L2-Specific Sublayers (RFC 3931 §5.4.4, RFC 4454 §5, RFC 5087 §4). */
export const sublayers: ReadonlyMap<number, string> = new Map([
  [sublayerNumber.none, "none"],
  [sublayerNumber.default, "default"],
  [2, "ATM"],
  [3, "MPEG-TS"],
  [4, "PSP"],
]);

/** TABLE: data sequencing levels (RFC 3931 §5.4.4). */
export const sequencingLevels: ReadonlyMap<number, string> = new Map([
  [sequencingNumber.none, "none"],
  [sequencingNumber["non-ip"], "all but IP"],
  [sequencingNumber.all, "all"],
]);

/** TABLE: message types that have no row in the message table because no session here uses them. */
export const otherMessages: ReadonlyMap<number, string> = new Map([
  [18, "SRRQ"],
  [19, "SRRP"],
  [21, "FSQ"],
  [22, "FSR"],
]);

/** TABLE: what EtherTypes stand for. */
export const etherTypes: ReadonlyMap<number, string> = new Map([
  [0x0800, "IPv4"],
  [0x0806, "ARP"],
  [0x0842, "Wake-on-LAN"],
  [0x22f0, "AVTP"],
  [0x6558, "Transparent Ethernet"],
  [0x8035, "RARP"],
  [0x8100, "802.1Q"],
  [0x86dd, "IPv6"],
  [0x8808, "MAC control"],
  [0x8809, "slow protocols"],
  [0x8847, "MPLS"],
  [0x8848, "MPLS multicast"],
  [0x8863, "PPPoE discovery"],
  [0x8864, "PPPoE"],
  [0x888e, "802.1X"],
  [0x88a8, "802.1ad"],
  [0x88cc, "LLDP"],
  [0x88e5, "MACsec"],
  [0x88f7, "PTP"],
  [0x8902, "CFM"],
  [0x9000, "loopback test"],
]);
