import { counted } from "../bytes/counted.ts";
import type { RawAvp } from "./avp.ts";
import { type AvpName, avpNameOf, avpTable, describeAvp } from "./avp-table.ts";
import { vendor } from "./constants.ts";
import { CONTROL_HEADER_OCTETS } from "./control-header.ts";
import { decodingProblem, isDecodingError } from "./errors.ts";
import { messageNameOf } from "./message-table.ts";
import { splitControlMessage } from "./raw-message.ts";
import { avpTitle, messageTypeText, valueText } from "./value-text.ts";

/** An AVP for people. Of values that are secret, or may be, `text` says only how long they are. */
export interface DescribedAvp {
  readonly name: string;
  readonly text: string;
}

/** A control message for people, without what a log must not have. */
export interface DescribedMessage {
  /** As the RFCs name it; "ZLB" for a header alone. */
  readonly message: string;
  readonly controlConnectionId: number;
  readonly ns: number;
  readonly nr: number;
  /** Octets of the whole message. */
  readonly messageOctets: number;
  /** Those in front, without the Message Type. */
  readonly avps: readonly DescribedAvp[];
  /** How many more there are. */
  readonly moreAvps: number;
}

/** Bounds of what a message makes us write. */
const MOST_AVPS = 40;
const MOST_CHARACTERS = 200;

/**
 * Values that stay out of logs: cookies, and what digests, and hidden values, are made with. What is hidden
 * or has no row is not shown either, for nobody knows what it is.
 */
const notShown: ReadonlySet<AvpName> = new Set([
  "assignedCookie",
  "messageDigest",
  "controlMessageAuthenticationNonce",
  "randomVector",
  "extendedVendorId",
]);

/** Describes a control message from its T bit on; where it cannot be read, returns why. */
export function describeControlMessage(octets: Uint8Array): DescribedMessage | { readonly damage: string } {
  try {
    const { header, avps, damage } = splitControlMessage(octets);
    if (damage !== undefined) return { damage: decodingProblem(damage) };
    const { controlConnectionId, ns, nr, length: messageOctets } = header;
    const numbers = { controlConnectionId, ns, nr, messageOctets };
    if (messageOctets === CONTROL_HEADER_OCTETS) return { message: "ZLB", ...numbers, avps: [], moreAvps: 0 };
    const [type, ...others] = avps;
    const messageType = type === undefined ? -1 : typeOf(type);
    const shown = others.slice(0, MOST_AVPS).map((avp) => describedAvp(avp, messageType));
    const message = type === undefined ? "no message type" : messageTypeText(type.vendorId, messageType);
    return { message, ...numbers, avps: shown, moreAvps: others.length - shown.length };
  } catch (error) {
    if (isDecodingError(error)) return { damage: decodingProblem(error) };
    throw error;
  }
}

function typeOf({ value }: RawAvp): number {
  return value.length === 2 ? (value[0] ?? 0) * 256 + (value[1] ?? 0) : -1;
}

function describedAvp(avp: RawAvp, messageType: number): DescribedAvp {
  const { vendorId, attributeType, hidden, value } = avp;
  const octets = counted(value.length, "octet");
  const name = vendorId === vendor.ietf ? avpNameOf(attributeType) : undefined;
  const title = name === undefined ? describeAvp(vendorId, attributeType) : avpTitle(name);
  if (hidden) return { name: title, text: `hidden, ${octets}` };
  if (name === undefined || notShown.has(name)) return { name: title, text: octets };
  return { name: title, text: clipped(textOf(name, value, messageType) ?? `unreadable, ${octets}`) };
}

/** Undefined where the value is not of its form. */
function textOf(name: AvpName, value: Uint8Array, messageType: number): string | undefined {
  try {
    return valueText(name, avpTable[name].value.decode(value), isKnown(messageType) ? messageType : -1);
  } catch (error) {
    if (isDecodingError(error)) return undefined;
    throw error;
  }
}

function isKnown(messageType: number): boolean {
  return messageNameOf(messageType) !== undefined;
}

function clipped(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}...`;
}
