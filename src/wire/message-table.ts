import type { AvpName } from "./avp-table.ts";

/** One control message: its number and which AVPs it has (RFC 3931 §6). */
export interface MessageRow {
  readonly number: number;
  /** What the message is about: the control connection, one session, or delivery alone. */
  readonly level: "connection" | "session" | "delivery";
  readonly required: readonly AvpName[];
  readonly optional: readonly AvpName[];
  /** Required AVPs that real peers leave out, each with the consequence. */
  readonly tolerated?: Readonly<Partial<Record<AvpName, string>>>;
  readonly section: string;
}

const opening = [
  "hostName",
  "routerId",
  "assignedControlConnectionId",
  "pseudowireCapabilitiesList",
] as const satisfies readonly AvpName[];
const openingOptions = [
  "randomVector",
  "controlMessageAuthenticationNonce",
  "receiveWindowSize",
  "vendorName",
  "preferredLanguage",
  "controlConnectionDs",
  "failoverCapability",
  "ecnCapability",
] as const satisfies readonly AvpName[];
const noRouterId = {
  routerId: "Cisco's draft implementation has none; the address identifies the peer",
} as const;
const sessionIds = ["localSessionId", "remoteSessionId"] as const satisfies readonly AvpName[];
const callOptions = [
  "randomVector",
  "assignedCookie",
  "l2SpecificSublayer",
  "dataSequencing",
  "txConnectSpeed",
  "rxConnectSpeed",
  "physicalChannelId",
  "interfaceMtu",
  "fcsRetention",
  "mru",
  "mrru",
  "vccvCapability",
  "sessionDs",
  "switchingPoint",
] as const satisfies readonly AvpName[];
const request = [
  ...sessionIds,
  "serialNumber",
  "pseudowireType",
  "remoteEndId",
  "circuitStatus",
] as const satisfies readonly AvpName[];
const requestOptions = [
  ...callOptions,
  "tieBreaker",
  "attachmentGroupIdentifier",
  "localEndId",
] as const satisfies readonly AvpName[];
const requestTolerated = {
  serialNumber: "for people only; some peers send none",
  remoteEndId: "stands for the only pseudowire there is",
  pseudowireType: "taken to be the configured one",
  circuitStatus: "taken to be active until the peer says otherwise",
} as const;
const replyTolerated = { circuitStatus: "taken to be active until the peer says otherwise" } as const;
const connected = [
  "randomVector",
  "l2SpecificSublayer",
  "dataSequencing",
  "txConnectSpeed",
  "rxConnectSpeed",
  "circuitStatus",
  "fcsRetention",
  "mru",
  "mrru",
] as const satisfies readonly AvpName[];

/** TABLE: RFC 3931 §6, with the queries of RFC 4951. Message Type and Message Digest go without saying. */
export const messageTable = {
  SCCRQ: {
    number: 1,
    level: "connection",
    required: opening,
    optional: [...openingOptions, "tieBreaker", "tunnelRecovery"],
    tolerated: noRouterId,
    section: "6.1",
  },
  SCCRP: {
    number: 2,
    level: "connection",
    required: opening,
    optional: [...openingOptions, "suggestedControlSequence"],
    tolerated: noRouterId,
    section: "6.2",
  },
  SCCCN: { number: 3, level: "connection", required: [], optional: ["randomVector"], section: "6.3" },
  StopCCN: {
    number: 4,
    level: "connection",
    required: ["resultCode"],
    optional: ["assignedControlConnectionId", "randomVector"],
    section: "6.4",
  },
  HELLO: { number: 6, level: "connection", required: [], optional: ["randomVector"], section: "6.5" },
  OCRQ: {
    number: 7,
    level: "session",
    required: request,
    optional: requestOptions,
    tolerated: requestTolerated,
    section: "6.9",
  },
  OCRP: {
    number: 8,
    level: "session",
    required: [...sessionIds, "circuitStatus"],
    optional: callOptions,
    tolerated: replyTolerated,
    section: "6.10",
  },
  OCCN: { number: 9, level: "session", required: sessionIds, optional: connected, section: "6.11" },
  ICRQ: {
    number: 10,
    level: "session",
    required: request,
    optional: requestOptions,
    tolerated: requestTolerated,
    section: "6.6",
  },
  ICRP: {
    number: 11,
    level: "session",
    required: [...sessionIds, "circuitStatus"],
    optional: [...callOptions, "serialNumber", "remoteEndId", "pseudowireType"],
    tolerated: replyTolerated,
    section: "6.7",
  },
  ICCN: { number: 12, level: "session", required: sessionIds, optional: connected, section: "6.8" },
  CDN: {
    number: 14,
    level: "session",
    required: ["resultCode", ...sessionIds],
    optional: ["randomVector"],
    section: "6.12",
  },
  WEN: {
    number: 15,
    level: "session",
    required: [...sessionIds, "circuitErrors"],
    optional: ["randomVector"],
    tolerated: {
      circuitErrors: "a message that only informs ends no session, even where its AVP cannot be read",
    },
    section: "6.13",
  },
  SLI: {
    number: 16,
    level: "session",
    required: sessionIds,
    optional: ["randomVector", "circuitStatus", "mru", "mrru"],
    section: "6.14",
  },
  ACK: { number: 20, level: "delivery", required: [], optional: [], section: "6.15" },
} as const satisfies Record<string, MessageRow>;

export type MessageName = keyof typeof messageTable;

/** All names, in the order of the table. */
export const messageNames = Object.keys(messageTable) as readonly MessageName[];

const nameByNumber: ReadonlyMap<number, MessageName> = new Map(
  messageNames.map((name) => [messageTable[name].number, name]),
);

/** Messages of sessions: handled by a session's state machine, not by that of the control connection. */
export type SessionMessageName = {
  [Name in MessageName]: (typeof messageTable)[Name]["level"] extends "session" ? Name : never;
}[MessageName];

/** Whether a message is about a session. */
export function isSessionMessage(name: MessageName): name is SessionMessageName {
  return messageTable[name].level === "session";
}

/** The name of a message type of vendor 0; undefined for one that has no row. */
export function messageNameOf(messageType: number): MessageName | undefined {
  return nameByNumber.get(messageType);
}
