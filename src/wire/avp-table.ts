import {
  circuitErrors,
  circuitStatus,
  messageDigest,
  namedFields,
  octets,
  octetsFrom,
  resultCode,
  text,
  u16,
  u16Between,
  u16List,
  u32,
  u64,
  type ValueCodec,
} from "./avp-values.ts";
import { vendor } from "./constants.ts";

export type { CircuitErrors, CircuitStatus, ResultCode } from "./avp-values.ts";

/** One AVP: its number, what a sender puts into its M and H bits, and how its value is written. */
export interface AvpRow {
  readonly attributeType: number;
  /** M bit that we send (RFC 3931 §5.2 leaves it to the sender but for a few). */
  readonly mandatory: boolean;
  /** Whether the value may be hidden (RFC 3931 §5.3). */
  readonly hideable: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: the row's own codec gives the type
  readonly value: ValueCodec<any>;
  /** Where it is defined. */
  readonly section: string;
}

/** TABLE: every AVP an Ethernet bridge sends or understands, vendor 0. To add an AVP, add a row. */
export const avpTable = {
  messageType: { attributeType: 0, mandatory: true, hideable: false, value: u16, section: "RFC 3931 §5.4.1" },
  resultCode: {
    attributeType: 1,
    mandatory: true,
    hideable: false,
    value: resultCode,
    section: "RFC 3931 §5.4.2",
  },
  tieBreaker: {
    attributeType: 5,
    mandatory: true,
    hideable: false,
    value: octets(8),
    section: "RFC 3931 §5.4.3",
  },
  hostName: {
    attributeType: 7,
    mandatory: true,
    hideable: false,
    value: text(1),
    section: "RFC 3931 §5.4.3",
  },
  vendorName: {
    attributeType: 8,
    mandatory: false,
    hideable: true,
    value: text(0),
    section: "RFC 3931 §5.4.3",
  },
  receiveWindowSize: {
    attributeType: 10,
    mandatory: true,
    hideable: false,
    value: u16Between(1, 0xffff),
    section: "RFC 3931 §5.4.3",
  },
  serialNumber: {
    attributeType: 15,
    mandatory: false,
    hideable: true,
    value: u32,
    section: "RFC 3931 §5.4.4",
  },
  physicalChannelId: {
    attributeType: 25,
    mandatory: false,
    hideable: true,
    value: u32,
    section: "RFC 3931 §5.4.4",
  },
  circuitErrors: {
    attributeType: 34,
    mandatory: false,
    hideable: true,
    value: circuitErrors,
    section: "RFC 3931 §5.4.5",
  },
  randomVector: {
    attributeType: 36,
    mandatory: true,
    hideable: false,
    value: octets(),
    section: "RFC 3931 §5.4.1",
  },
  controlConnectionDs: {
    attributeType: 47,
    mandatory: false,
    hideable: true,
    value: u16,
    section: "RFC 3308 §4",
  },
  sessionDs: { attributeType: 48, mandatory: false, hideable: true, value: u16, section: "RFC 3308 §5" },
  extendedVendorId: {
    attributeType: 58,
    mandatory: false,
    hideable: true,
    value: octetsFrom(6),
    section: "RFC 3931 §5.4.1",
  },
  messageDigest: {
    attributeType: 59,
    mandatory: true,
    hideable: false,
    value: messageDigest,
    section: "RFC 3931 §5.4.1",
  },
  routerId: { attributeType: 60, mandatory: true, hideable: false, value: u32, section: "RFC 3931 §5.4.3" },
  assignedControlConnectionId: {
    attributeType: 61,
    mandatory: true,
    hideable: true,
    value: u32,
    section: "RFC 3931 §5.4.3",
  },
  pseudowireCapabilitiesList: {
    attributeType: 62,
    mandatory: true,
    hideable: true,
    value: u16List,
    section: "RFC 3931 §5.4.3",
  },
  localSessionId: {
    attributeType: 63,
    mandatory: true,
    hideable: true,
    value: u32,
    section: "RFC 3931 §5.4.4",
  },
  remoteSessionId: {
    attributeType: 64,
    mandatory: true,
    hideable: true,
    value: u32,
    section: "RFC 3931 §5.4.4",
  },
  assignedCookie: {
    attributeType: 65,
    mandatory: true,
    hideable: true,
    value: octets(0, 4, 8),
    section: "RFC 3931 §5.4.4",
  },
  remoteEndId: {
    attributeType: 66,
    mandatory: true,
    hideable: true,
    value: octets(),
    section: "RFC 3931 §5.4.4",
  },
  pseudowireType: {
    attributeType: 68,
    mandatory: true,
    hideable: true,
    value: u16,
    section: "RFC 3931 §5.4.4",
  },
  l2SpecificSublayer: {
    attributeType: 69,
    mandatory: true,
    hideable: true,
    // None and the default one are ours; those of other pseudowire types are known, and refused for what they
    // are.
    value: u16Between(0, 4),
    section: "RFC 3931 §5.4.4",
  },
  dataSequencing: {
    attributeType: 70,
    mandatory: true,
    hideable: true,
    value: u16Between(0, 2),
    section: "RFC 3931 §5.4.4",
  },
  circuitStatus: {
    attributeType: 71,
    mandatory: true,
    hideable: true,
    value: circuitStatus,
    section: "RFC 3931 §5.4.5",
  },
  preferredLanguage: {
    attributeType: 72,
    mandatory: false,
    hideable: true,
    value: text(0),
    section: "RFC 3931 §5.4.3",
  },
  controlMessageAuthenticationNonce: {
    attributeType: 73,
    mandatory: true,
    hideable: false,
    value: octets(),
    section: "RFC 3931 §5.4.1",
  },
  txConnectSpeed: {
    attributeType: 74,
    mandatory: false,
    hideable: true,
    value: u64,
    section: "RFC 3931 §5.4.4",
  },
  rxConnectSpeed: {
    attributeType: 75,
    mandatory: false,
    hideable: true,
    value: u64,
    section: "RFC 3931 §5.4.4",
  },
  failoverCapability: {
    attributeType: 76,
    mandatory: false,
    hideable: true,
    value: namedFields({ capabilities: 16, recoveryTimeMs: 32 }),
    section: "RFC 4951 §5.1",
  },
  tunnelRecovery: {
    attributeType: 77,
    mandatory: true,
    hideable: false,
    value: namedFields({ reserved: 16, controlConnectionId: 32, remoteControlConnectionId: 32 }),
    section: "RFC 4951 §5.2",
  },
  suggestedControlSequence: {
    attributeType: 78,
    mandatory: false,
    hideable: true,
    value: namedFields({ reserved: 16, ns: 16, nr: 16 }),
    section: "RFC 4951 §5.3",
  },
  failoverSessionState: {
    attributeType: 79,
    mandatory: true,
    hideable: true,
    value: namedFields({ reserved: 16, sessionId: 32, remoteSessionId: 32 }),
    section: "RFC 4951 §5.4",
  },
  attachmentGroupIdentifier: {
    attributeType: 89,
    mandatory: false,
    hideable: true,
    value: octets(),
    section: "RFC 4667 §4.3",
  },
  localEndId: {
    attributeType: 90,
    mandatory: false,
    hideable: true,
    value: octets(),
    section: "RFC 4667 §4.3",
  },
  interfaceMtu: { attributeType: 91, mandatory: false, hideable: true, value: u16, section: "RFC 4667 §4.3" },
  fcsRetention: { attributeType: 92, mandatory: false, hideable: true, value: u16, section: "RFC 4720 §4" },
  mru: { attributeType: 94, mandatory: false, hideable: true, value: u16, section: "RFC 4623 §5.2" },
  mrru: { attributeType: 95, mandatory: false, hideable: true, value: u16, section: "RFC 4623 §5.3" },
  vccvCapability: {
    attributeType: 96,
    mandatory: false,
    hideable: true,
    value: namedFields({ controlChannelTypes: 8, connectivityVerificationTypes: 8 }),
    section: "RFC 5085 §6.3",
  },
  switchingPoint: {
    attributeType: 101,
    mandatory: false,
    hideable: true,
    value: octets(),
    section: "RFC 6073 §7.4",
  },
  ecnCapability: {
    attributeType: 103,
    mandatory: false,
    hideable: false,
    value: octets(),
    section: "RFC 9601 §5",
  },
} as const satisfies Record<string, AvpRow>;

export type AvpName = keyof typeof avpTable;

/** The type of one AVP's value, from its row. */
export type AvpValue<N extends AvpName> =
  (typeof avpTable)[N]["value"] extends ValueCodec<infer T> ? T : never;

/** Values of a message's AVPs under their names; absent ones are not there. */
export type AvpValues = { readonly [N in AvpName]?: AvpValue<N> };

/** All names, in the order of the table. */
export const avpNames = Object.keys(avpTable) as readonly AvpName[];

const nameByType: ReadonlyMap<number, AvpName> = new Map(
  avpNames.map((name) => [avpTable[name].attributeType, name]),
);

/** The name of an AVP of vendor 0; undefined for one that has no row. */
export function avpNameOf(attributeType: number): AvpName | undefined {
  return nameByType.get(attributeType);
}

/**
 * TABLE: AVPs that real peers send with M=1 and that mean nothing to an Ethernet bridge: recognised, and so
 * never fatal (RFC 3931 §4.7.3 for those of L2TPv2).
 */
export const recognisedOnly: ReadonlyMap<number, string> = new Map([
  [2, "Protocol Version (v2)"],
  [3, "Framing Capabilities (v2)"],
  [4, "Bearer Capabilities (v2)"],
  [6, "Firmware Revision (v2)"],
  [9, "Assigned Tunnel ID (v2)"],
  [11, "Challenge (v2)"],
  [12, "Q.931 Cause Code (v2)"],
  [13, "Challenge Response (v2)"],
  [14, "Assigned Session ID (v2)"],
  [16, "Minimum BPS (v2)"],
  [17, "Maximum BPS (v2)"],
  [18, "Bearer Type (v2)"],
  [19, "Framing Type (v2)"],
  [21, "Called Number (v2)"],
  [22, "Calling Number (v2)"],
  [23, "Sub-Address (v2)"],
  [24, "Tx Connect Speed (v2)"],
  [26, "Initial Received LCP CONFREQ (v2)"],
  [27, "Last Sent LCP CONFREQ (v2)"],
  [28, "Last Received LCP CONFREQ (v2)"],
  [29, "Proxy Authen Type (v2)"],
  [30, "Proxy Authen Name (v2)"],
  [31, "Proxy Authen Challenge (v2)"],
  [32, "Proxy Authen ID (v2)"],
  [33, "Proxy Authen Response (v2)"],
  [35, "ACCM (v2)"],
  [37, "Private Group ID (v2)"],
  [38, "Rx Connect Speed (v2)"],
  [39, "Sequencing Required (v2)"],
  [55, "PPPoE Relay Response Capability"],
  [56, "PPPoE Relay Forward Capability"],
  [57, "Extended Vendor ID (draft)"],
]);

/**
 * TABLE: AVPs of Cisco's draft implementation (vendor 9), each with the IETF AVP it stands for, where there
 * is one.
 */
export const ciscoAvps: ReadonlyMap<number, { readonly title: string; readonly equivalent?: AvpName }> =
  new Map<number, { readonly title: string; readonly equivalent?: AvpName }>([
    [0, { title: "Cisco ACK" }],
    [1, { title: "Assigned Connection ID", equivalent: "assignedControlConnectionId" }],
    [2, { title: "Pseudowire Capabilities List", equivalent: "pseudowireCapabilitiesList" }],
    [3, { title: "Local Session ID", equivalent: "localSessionId" }],
    [4, { title: "Remote Session ID", equivalent: "remoteSessionId" }],
    [5, { title: "Assigned Cookie", equivalent: "assignedCookie" }],
    [6, { title: "Remote End ID", equivalent: "remoteEndId" }],
    [7, { title: "Pseudowire Type", equivalent: "pseudowireType" }],
    [8, { title: "Circuit Status", equivalent: "circuitStatus" }],
    [9, { title: "Session Tie Breaker", equivalent: "tieBreaker" }],
    [10, { title: "Draft AVP Version" }],
    [12, { title: "Message Digest" }],
    [13, { title: "Control Message Authentication Nonce" }],
    [14, { title: "Interface MTU", equivalent: "interfaceMtu" }],
  ]);

/** A name for logs and decoders, of any AVP: its name, its title, or its numbers. */
export function describeAvp(vendorId: number, attributeType: number): string {
  if (vendorId === vendor.ietf) {
    return avpNameOf(attributeType) ?? recognisedOnly.get(attributeType) ?? `AVP ${attributeType}`;
  }
  if (vendorId === vendor.cisco) {
    const row = ciscoAvps.get(attributeType);
    if (row !== undefined) return `Cisco ${row.title}`;
  }
  return `vendor ${vendorId} AVP ${attributeType}`;
}
