/** Names of the codes in control messages, for decoders and logs. */

/** TABLE: result codes of StopCCN (RFC 3931 §5.4.2, RFC 3308 §6). */
export const stopCcnResults: ReadonlyMap<number, string> = new Map([
  [0, "reserved"],
  [1, "general request to clear the control connection"],
  [2, "general error"],
  [3, "control connection already exists"],
  [4, "requester is not authorized"],
  [5, "protocol version not supported"],
  [6, "requester is being shut down"],
  [7, "state machine error or timeout"],
  [8, "control connection DS value not supported"],
]);

/**
 * TABLE: result codes of CDN (RFC 3931 §5.4.2; 3308, 4349, 4454, 4591, 4667, 5611 and 6073 for the later
 * ones).
 */
export const cdnResults: ReadonlyMap<number, string> = new Map([
  [0, "reserved"],
  [1, "loss of carrier or circuit disconnect"],
  [2, "general error"],
  [3, "administrative reasons"],
  [4, "no facilities at the moment"],
  [5, "no facilities at all"],
  [6, "invalid destination"],
  [7, "no carrier detected"],
  [8, "busy signal detected"],
  [9, "no dial tone"],
  [10, "not established in time"],
  [11, "no framing detected"],
  [12, "session DS value not supported"],
  [13, "lost the session tie"],
  [14, "pseudowire type not supported"],
  [15, "sequencing without a valid L2-Specific Sublayer"],
  [16, "state machine error or timeout"],
  [17, "PVC permanently deleted"],
  [18, "PVC inactive for a long time"],
  [19, "mismatched FR header length"],
  [20, "HDLC link deleted"],
  [21, "HDLC link inactive for a long time"],
  [22, "OAM cell emulation not supported"],
  [23, "mismatching interface MTU"],
  [24, "no such forwarder"],
  [25, "not authorized for the forwarder"],
  [26, "loop detected"],
  [27, "attachment circuit bound to a different PE"],
  [28, "attachment circuit bound to a different remote circuit"],
  [30, "mismatching TDM parameters"],
  [31, "sequencing not supported"],
]);

/** TABLE: general error codes (RFC 3931 §5.4.2). */
export const generalErrors: ReadonlyMap<number, string> = new Map([
  [0, "no general error"],
  [1, "no control connection exists yet"],
  [2, "wrong length"],
  [3, "value out of range"],
  [4, "insufficient resources"],
  [5, "invalid session ID"],
  [6, "vendor-specific error"],
  [7, "try another LCCE"],
  [8, "unknown mandatory AVP"],
  [9, "try another LCCE, as directed"],
]);

/** TABLE: pseudowire types (IANA "L2TPv3 Pseudowire Types"). */
export const pseudowireTypes: ReadonlyMap<number, string> = new Map([
  [0x0001, "Frame Relay"],
  [0x0002, "ATM AAL5"],
  [0x0003, "ATM cells of a port"],
  [0x0004, "Ethernet VLAN"],
  [0x0005, "Ethernet"],
  [0x0006, "HDLC"],
  [0x0007, "PPP"],
  [0x0009, "ATM cells of a VCC"],
  [0x000a, "ATM cells of a VPC"],
  [0x000b, "IP"],
]);

/** TABLE: L2-Specific Sublayers (RFC 3931 §5.4.4, RFC 4454 §5, RFC 5087 §4). */
export const sublayers: ReadonlyMap<number, string> = new Map([
  [0, "none"],
  [1, "default"],
  [2, "ATM"],
  [3, "MPEG-TS"],
  [4, "PSP"],
]);

/** TABLE: data sequencing levels (RFC 3931 §5.4.4). */
export const sequencingLevels: ReadonlyMap<number, string> = new Map([
  [0, "none"],
  [1, "all but IP"],
  [2, "all"],
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
