/**
 * TABLE: offsets in octets of what a program at traffic control finds behind `arg1` (struct __sk_buff of
 * linux/bpf.h). Fields are loaded by load32 but for those that say otherwise; `data` and `dataEnd` become
 * pointers to the packet's first octet and behind its last one. A load that is not of a whole field is
 * refused.
 */
export const skbContext = {
  /** Octets of the packet, from its Ethernet header on. */
  length: 0,
  packetType: 4,
  mark: 8,
  queueMapping: 12,
  /** EtherType in network order: IPv4 is 0x0008. */
  protocol: 16,
  /** Whether there is a VLAN tag in the packet's metadata, which the kernel took out of the octets. */
  vlanPresent: 20,
  vlanTci: 24,
  /** In network order. */
  vlanProtocol: 28,
  priority: 32,
  ingressInterfaceIndex: 36,
  interfaceIndex: 40,
  tcIndex: 44,
  /** Five words for the program's own use: 48 to 67. */
  scratch: 48,
  hash: 68,
  trafficClassId: 72,
  data: 76,
  dataEnd: 80,
  napiId: 84,
  dataMeta: 140,
  /** By load64. */
  timestamp: 152,
  wireLength: 160,
  /** Segments of a GSO packet; 0 or 1 for a plain packet. */
  gsoSegments: 164,
  /** The socket that sent it, or 0. By load64. */
  socket: 168,
  /** Payload octets of each segment of a GSO packet; 0 for a plain packet. */
  gsoSize: 176,
  /** By load8. */
  timestampType: 180,
  /** By load64. */
  hardwareTimestamp: 184,
} as const;

/** Octets of the whole, as a test run takes and gives it. */
export const SKB_CONTEXT_OCTETS = 192;
