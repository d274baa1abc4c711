import { hexId, toHex } from "../bytes/hex.ts";
import { dottedQuad } from "../bytes/ip-address.ts";
import { type AvpName, type AvpValue, type CircuitStatus, ciscoAvps } from "./avp-table.ts";
import { otherMessages, pseudowireTypes, sequencingLevels, sublayers } from "./code-names.ts";
import { vendor } from "./constants.ts";
import { digestTypes } from "./message-digest.ts";
import { messageNameOf } from "./message-table.ts";
import {
  cdnResultTexts,
  generalError,
  generalErrorTexts,
  RESULT_GENERAL_ERROR,
  stopCcnResultTexts,
} from "./result-codes.ts";
import { controlChannelTypes, verificationTypes } from "./vccv.ts";

/**
 * Characters that could hide or change text on a terminal: controls, format characters, separators,
 * unassigned ones.
 */
const unsafe = /[\p{C}\p{Zl}\p{Zp}"\\]/gu;
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;

/** A peer's text in quotes, safe for a terminal. */
export function safeText(text: string): string {
  return `"${text.replace(unsafe, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)}"`;
}

/**
 * Octets that may be meant as text or as a number (RFC 4719 §2.2): quoted when they are ASCII, hexadecimal
 * otherwise.
 */
export function octetsText(octets: Uint8Array): string {
  if (octets.length === 0) return "empty";
  const text = String.fromCharCode(...octets);
  return PRINTABLE_ASCII.test(text) ? safeText(text) : rawText(octets);
}

/** Name of a message type: from the tables, or by its numbers. */
export function messageTypeText(vendorId: number, messageType: number): string {
  if (vendorId !== vendor.ietf) {
    const known = vendorId === vendor.cisco ? ciscoAvps.get(messageType) : undefined;
    if (messageType === 0 && known !== undefined) return known.title;
    return `vendor ${vendorId} message type ${messageType}`;
  }
  return messageNameOf(messageType) ?? otherMessages.get(messageType) ?? `message type ${messageType}`;
}

/** Spelling of the parts of camel-case names that are abbreviations. */
const spelling: Readonly<Record<string, string>> = {
  l2: "L2-",
  id: "ID",
  ds: "DS",
  mtu: "MTU",
  mru: "MRU",
  mrru: "MRRU",
  fcs: "FCS",
  vccv: "VCCV",
  ecn: "ECN",
};

/** The name of an AVP as the RFCs write it. */
export function avpTitle(name: AvpName): string {
  const parts = name.split(/(?=[A-Z])/).map((part) => part.toLowerCase());
  const words = parts.map((part) => spelling[part] ?? `${part.charAt(0).toUpperCase()}${part.slice(1)}`);
  return words.join(" ").replace("- ", "-");
}

function named(names: ReadonlyMap<number, string>, number: number, digits = 0): string {
  const text = digits === 0 ? String(number) : `0x${number.toString(16).padStart(digits, "0")}`;
  return `${names.get(number) ?? "unassigned"} (${text})`;
}

const pseudowireTypeText = (type: number) => named(pseudowireTypes, type, 4);
const speedText = (speed: bigint) => (speed === 0n ? "unknown (0)" : `${speed} bit/s`);

/** TABLE: text of the Circuit Status bits other than "active" (RFC 5641 §3). */
const circuitStatusTexts = {
  isNew: "new",
  receiveFault: "circuit receive fault",
  transmitFault: "circuit transmit fault",
  psnReceiveFault: "PSN receive fault",
  psnTransmitFault: "PSN transmit fault",
  standby: "standby",
} as const satisfies Partial<Record<keyof CircuitStatus, string>>;

function circuitText(status: CircuitStatus): string {
  const more = Object.entries(circuitStatusTexts).flatMap(([name, text]) =>
    status[name as keyof CircuitStatus] ? [text] : [],
  );
  return [status.active ? "active" : "inactive", ...more].join(", ");
}

/** Result codes differ between StopCCN and CDN (RFC 3931 §5.4.2). */
function resultText(value: AvpValue<"resultCode">, messageType: number): string {
  const isCdn = messageNameOf(messageType) === "CDN";
  const { resultCode, errorCode, errorMessage } = value;
  const parts = [named(isCdn ? cdnResultTexts : stopCcnResultTexts, resultCode)];
  if (errorCode !== undefined) {
    const isGeneral = resultCode === RESULT_GENERAL_ERROR || errorCode === generalError.none;
    parts.push(isGeneral ? `error: ${named(generalErrorTexts, errorCode)}` : `error code ${errorCode}`);
  }
  if (errorMessage !== undefined) parts.push(safeText(errorMessage));
  return parts.join(", ");
}

function digestText({ digestType, digest }: AvpValue<"messageDigest">): string {
  const name = Object.entries(digestTypes).find(([, { number }]) => number === digestType)?.[0];
  return `${name?.toUpperCase() ?? `digest type ${digestType}`} ${toHex(digest)}`;
}

function extendedText(value: Uint8Array): string {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return `vendor ${view.getUint32(0)} AVP ${view.getUint16(4)}: ${toHex(value.subarray(6)) || "empty"}`;
}

function failoverText({ capabilities, recoveryTimeMs }: AvpValue<"failoverCapability">): string {
  const parts = [
    ...(capabilities & 1 ? ["control channel"] : []),
    ...(capabilities & 2 ? ["data channel"] : []),
  ];
  return `${parts.join(" and ") || "neither channel"}, recovers within ${recoveryTimeMs} ms`;
}

/** TABLE: bits of the VCCV Capability AVP (RFC 5085 §6.3.1, RFC 5885 §3.3). */
const channelTypeTexts = [[controlChannelTypes.l2SpecificSublayer, "L2-Specific Sublayer"]] as const;
const verificationTexts = [
  [verificationTypes.icmpPing, "ICMP ping"],
  [verificationTypes.bfdIpUdp, "BFD in IP/UDP"],
  [verificationTypes.bfdIpUdpStatus, "BFD in IP/UDP with status"],
  [verificationTypes.bfdRaw, "BFD"],
  [verificationTypes.bfdRawStatus, "BFD with status"],
] as const;

function bitsText(names: readonly (readonly [number, string])[], value: number): string {
  const set = names.flatMap(([bit, name]) => (value & bit ? [name] : []));
  return `${set.join(", ") || "none"} (0x${value.toString(16).padStart(2, "0")})`;
}

function vccvText(value: AvpValue<"vccvCapability">): string {
  const channel = bitsText(channelTypeTexts, value.controlChannelTypes);
  return `channel: ${channel}, checks: ${bitsText(verificationTexts, value.connectivityVerificationTypes)}`;
}

type ValueTexts = { readonly [N in AvpName]?: (value: AvpValue<N>, messageType: number) => string };

/** TABLE: AVPs whose values are formatted specially; all others are formatted by the type of the value. */
const valueTexts: ValueTexts = {
  messageType: (value) => `${messageTypeText(vendor.ietf, value)} (${value})`,
  resultCode: resultText,
  routerId: dottedQuad,
  receiveWindowSize: (value) => `${value} messages`,
  assignedControlConnectionId: hexId,
  localSessionId: hexId,
  remoteSessionId: (value) => (value === 0 ? "not known yet (0)" : hexId(value)),
  assignedCookie: (value) => (value.length === 0 ? "none" : `${toHex(value)} (${value.length} octets)`),
  remoteEndId: octetsText,
  localEndId: octetsText,
  attachmentGroupIdentifier: octetsText,
  pseudowireCapabilitiesList: (types) => types.map(pseudowireTypeText).join(", "),
  pseudowireType: pseudowireTypeText,
  l2SpecificSublayer: (value) => named(sublayers, value),
  dataSequencing: (value) => named(sequencingLevels, value),
  circuitStatus: circuitText,
  messageDigest: digestText,
  extendedVendorId: extendedText,
  txConnectSpeed: speedText,
  rxConnectSpeed: speedText,
  interfaceMtu: (value) => `${value} octets`,
  mru: (value) => `${value} octets`,
  mrru: (value) => `${value} octets`,
  vccvCapability: vccvText,
  failoverCapability: failoverText,
  tunnelRecovery: (value) =>
    `${hexId(value.controlConnectionId)}, peer's ${hexId(value.remoteControlConnectionId)}`,
  suggestedControlSequence: ({ ns, nr }) => `Ns ${ns}, Nr ${nr}`,
  failoverSessionState: ({ sessionId, remoteSessionId }) =>
    `${hexId(sessionId)}, peer's ${hexId(remoteSessionId)}`,
};

/** A decoded value of a known AVP as text, safe for a terminal. */
export function valueText(name: AvpName, value: unknown, messageType: number): string {
  const own = valueTexts[name] as ((value: unknown, messageType: number) => string) | undefined;
  if (own !== undefined) return own(value, messageType);
  if (value instanceof Uint8Array) return toHex(value) || "empty";
  if (typeof value === "string") return safeText(value);
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).filter(([field]) => field !== "reserved");
  return entries.map(([field, number]) => `${spacedName(field)} ${number}`).join(", ");
}

/** "recoveryTimeMs" as "recovery time ms". */
function spacedName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The octets of an AVP that has no row: hexadecimal, and as a number where they may be one. */
export function rawText(value: Uint8Array): string {
  if (value.length === 0) return "empty";
  if (value.length !== 2 && value.length !== 4) return toHex(value);
  const number = value.reduce((total, octet) => total * 256 + octet, 0);
  return `${toHex(value)} (${number})`;
}
