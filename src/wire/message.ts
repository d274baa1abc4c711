import { concat } from "../bytes/hex.ts";
import { Writer } from "../bytes/writer.ts";
import { AVP_HEADER_OCTETS, encodeAvp, type RawAvp } from "./avp.ts";
import {
  type AvpName,
  type AvpValues,
  avpNameOf,
  avpTable,
  ciscoAvps,
  describeAvp,
  recognisedOnly,
} from "./avp-table.ts";
import { vendor } from "./constants.ts";
import { CONTROL_HEADER_OCTETS, type ControlHeader, encodeControlHeader } from "./control-header.ts";
import { ProtocolError } from "./errors.ts";
import { hideValue, revealValue } from "./hidden-avp.ts";
import { type DigestKey, type DigestType, digestTypes, signMessage } from "./message-digest.ts";
import { type MessageName, type MessageRow, messageNameOf, messageTable } from "./message-table.ts";
import type { ControlMessage, ReceivedMessage, UnacceptableMessage } from "./message-types.ts";
import { type RawControlMessage, splitControlMessage } from "./raw-message.ts";
import { generalError, RESULT_GENERAL_ERROR } from "./result-codes.ts";

export type { MessageName } from "./message-table.ts";
export type { ControlMessage, ReceivedMessage } from "./message-types.ts";

/** Fields of the control message header apart from its length. */
export interface MessageNumbers {
  readonly controlConnectionId: number;
  readonly ns: number;
  readonly nr: number;
}

/** One digest to put into a message. */
export interface DigestRequest extends DigestKey {
  readonly digestType: DigestType;
}

/** Hiding of all AVPs that may be hidden, with one Random Vector (RFC 3931 §5.3). */
export interface Hiding {
  readonly secret: Uint8Array;
  readonly randomVector: Uint8Array;
}

/** Why a message must be refused: codes for a StopCCN or CDN, and a text. */
export interface MessageProblem {
  readonly resultCode: number;
  readonly errorCode: number;
  readonly text: string;
  /** Section of RFC 3931. */
  readonly section: string;
}

/** A decoded message of a known type. */
export type DecodedMessage = DecodedContent & {
  readonly kind: "message";
  readonly header: ControlHeader;
  /** Descriptions of the AVPs that were ignored. */
  readonly ignored: readonly string[];
};

/** The message, or with a problem, for which it must be refused, as much of it as could be decoded. */
type DecodedContent =
  | { readonly message: ReceivedMessage; readonly problem?: undefined }
  | { readonly message: UnacceptableMessage; readonly problem: MessageProblem };

export type DecodedControlMessage =
  /** Header only: an acknowledgement (RFC 3931 §6.15). */
  | { readonly kind: "zlb"; readonly header: ControlHeader }
  | DecodedMessage
  | {
      readonly kind: "unknown-type";
      readonly header: ControlHeader;
      readonly messageType: number;
      readonly vendorId: number;
      readonly mandatory: boolean;
    };

/** Offsets of the header's Length, Control Connection ID and Nr. */
const LENGTH_OFFSET = 2;
const CONNECTION_OFFSET = 4;
const NR_OFFSET = 10;
/** The longest AVP, and one with the 16 octets that a Random Vector should have (RFC 3931 §5.1, §5.4.1). */
const AVP_MOST_OCTETS = 1023;
const LEAST_PADDING_OCTETS = AVP_HEADER_OCTETS + 16;

/** AVPs of message protection: the encoder places them, as the RFC demands their positions. */
const protectionAvps: ReadonlySet<string> = new Set([
  "messageType",
  "messageDigest",
  "randomVector",
] satisfies AvpName[]);

/**
 * Writes a message from the T bit on; `message` undefined is a ZLB. One Message Digest AVP for each digest
 * asked, directly after the Message Type. With `paddedTo` the message has so many octets, or more where it
 * is not that short, by Random Vector AVPs, which no receiver uses without a hidden AVP behind them (RFC 3931
 * §5.4.1). Throws InvariantError for values that do not fit.
 */
export function encodeControlMessage(
  numbers: MessageNumbers,
  message: ControlMessage | undefined,
  protection: {
    readonly digest?: readonly DigestRequest[];
    readonly hiding?: Hiding;
    readonly paddedTo?: number;
  } = {},
): Uint8Array {
  const writer = new Writer();
  encodeControlHeader(writer, numbers);
  if (message !== undefined) {
    encodeNamed(writer, "messageType", avpTable.messageType.value.encode(messageTable[message.name].number));
    for (const { digestType } of protection.digest ?? []) {
      const { number, octets } = digestTypes[digestType];
      encodeNamed(writer, "messageDigest", concat(Uint8Array.of(number), new Uint8Array(octets)));
    }
    encodeContent(writer, message, protection.hiding);
    encodePadding(writer, (protection.paddedTo ?? 0) - writer.length);
  }
  writer.patchU16(LENGTH_OFFSET, writer.length);
  const octets = writer.finish();
  if (protection.digest !== undefined) signMessage(octets, protection.digest);
  return octets;
}

function encodeContent(writer: Writer, message: ControlMessage, hiding: Hiding | undefined): void {
  let hidden = false;
  for (const [name, value] of Object.entries(message.avps) as [AvpName, never][]) {
    if (protectionAvps.has(name)) continue;
    const octets = avpTable[name].value.encode(value);
    if (hiding === undefined || !avpTable[name].hideable) {
      encodeNamed(writer, name, octets);
      continue;
    }
    if (!hidden) encodeNamed(writer, "randomVector", hiding.randomVector);
    hidden = true;
    const { attributeType } = avpTable[name];
    encodeNamed(writer, name, hideValue(octets, attributeType, hiding.secret, hiding.randomVector), true);
  }
}

/** Fills so many octets with Random Vector AVPs; too few for one are left out. */
function encodePadding(writer: Writer, octets: number): void {
  let left = octets;
  while (left >= LEAST_PADDING_OCTETS) {
    // What is left behind this AVP must be enough for another.
    const rest = left - AVP_MOST_OCTETS;
    const short = rest > 0 && rest < LEAST_PADDING_OCTETS ? LEAST_PADDING_OCTETS - rest : 0;
    const next = Math.min(left, AVP_MOST_OCTETS - short);
    encodeNamed(writer, "randomVector", new Uint8Array(next - AVP_HEADER_OCTETS));
    left -= next;
  }
}

function encodeNamed(writer: Writer, name: AvpName, value: Uint8Array, hidden = false): void {
  const { mandatory, attributeType } = avpTable[name];
  encodeAvp(writer, { mandatory, hidden, vendorId: vendor.ietf, attributeType, value });
}

/**
 * The same message for the receiver's id and the Nr of now, with fresh digests, for a retransmission; a new
 * array (RFC 3931 §4.2).
 */
export function renumberControlMessage(
  octets: Uint8Array,
  { controlConnectionId, nr }: Omit<MessageNumbers, "ns">,
  digest: readonly DigestKey[] = [],
): Uint8Array {
  const copy = octets.slice();
  const view = new DataView(copy.buffer);
  view.setUint32(CONNECTION_OFFSET, controlConnectionId);
  view.setUint16(NR_OFFSET, nr);
  signMessage(copy, digest);
  return copy;
}

/**
 * Decodes a message from the T bit on; octets after its Length are ignored. Throws TruncatedError or
 * ProtocolError when header or AVP framing cannot be read, or the first AVP is no Message Type: to be
 * discarded (RFC 3931 §7.1). `hidingSecrets` are tried in order on hidden AVPs. Digests are not checked.
 */
export function decodeControlMessage(
  octets: Uint8Array,
  options: { readonly hidingSecrets?: readonly Uint8Array[] } = {},
): DecodedControlMessage {
  return decodeRawMessage(splitControlMessage(octets), options);
}

/** Decodes a message that was split into its AVPs before; throws as `decodeControlMessage` does. */
export function decodeRawMessage(
  { header, avps, damage }: RawControlMessage,
  options: { readonly hidingSecrets?: readonly Uint8Array[] } = {},
): DecodedControlMessage {
  if (damage !== undefined) throw damage;
  if (header.length === CONTROL_HEADER_OCTETS) return { kind: "zlb", header };
  const [first, ...rest] = avps;
  if (
    first === undefined ||
    first.attributeType !== avpTable.messageType.attributeType ||
    first.hidden ||
    first.value.length !== 2
  ) {
    throw new ProtocolError("read a control message: the first AVP is no Message Type", {
      resultCode: RESULT_GENERAL_ERROR,
      errorCode: generalError.outOfRange,
      section: "5.4.1",
    });
  }
  const messageType = avpTable.messageType.value.decode(first.value);
  const name = first.vendorId === vendor.ietf ? messageNameOf(messageType) : undefined;
  if (name === undefined) {
    // Cisco's draft acknowledgement is known to be harmless, whatever its M bit.
    const mandatory = first.mandatory && first.vendorId !== vendor.cisco;
    return { kind: "unknown-type", header, messageType, vendorId: first.vendorId, mandatory };
  }
  const content = new ContentDecoder(options.hidingSecrets ?? []);
  for (const avp of rest) content.take(avp);
  return { kind: "message", header, ignored: content.ignored, ...content.finish(name) };
}

/**
 * Whether a message only acknowledges, and so takes no Ns: a ZLB, an ACK, or the ACK of Cisco's draft (RFC
 * 3931 §6.15).
 */
export function isAcknowledgement(decoded: DecodedControlMessage): boolean {
  if (decoded.kind === "message") return decoded.message.name === "ACK";
  return decoded.kind === "zlb" || (decoded.vendorId === vendor.cisco && decoded.messageType === 0);
}

/** Decodes the AVPs of one message, in order. */
class ContentDecoder {
  readonly #secrets: readonly Uint8Array[];
  readonly #values = new Map<AvpName, unknown>();
  /** Values of vendor 9 AVPs, used only where the IETF's AVP is absent. */
  readonly #equivalents = new Map<AvpName, unknown>();
  readonly ignored: string[] = [];
  #randomVector: Uint8Array | undefined;
  #problem: MessageProblem | undefined;

  constructor(secrets: readonly Uint8Array[]) {
    this.#secrets = secrets;
  }

  take(avp: RawAvp): void {
    if (avp.vendorId === vendor.cisco && ciscoAvps.has(avp.attributeType)) return this.#takeCisco(avp);
    const name = avp.vendorId === vendor.ietf ? avpNameOf(avp.attributeType) : undefined;
    if (name !== undefined) return this.#takeNamed(name, avp);
    const words = describeAvp(avp.vendorId, avp.attributeType);
    const recognised = avp.vendorId === vendor.ietf && recognisedOnly.has(avp.attributeType);
    if (recognised || !avp.mandatory) this.ignored.push(words);
    else this.#refuse(generalError.unknownMandatoryAvp, `${words} is unknown here and mandatory`, "5.2");
  }

  /** The message; typed as its row says, because a problem is found when a required AVP is missing. */
  finish(name: MessageName): DecodedContent {
    for (const [equivalent, value] of this.#equivalents)
      if (!this.#values.has(equivalent)) this.#values.set(equivalent, value);
    const row: MessageRow = messageTable[name];
    for (const required of row.required) {
      if (this.#values.has(required) || row.tolerated?.[required] !== undefined) continue;
      this.#refuse(generalError.outOfRange, `${name} without ${required}`, row.section);
    }
    const message = { name, avps: Object.fromEntries(this.#values) as AvpValues };
    const problem = this.#problem;
    return problem === undefined ? { message: message as ReceivedMessage } : { message, problem };
  }

  #takeNamed(name: AvpName, avp: RawAvp): void {
    try {
      const value = avpTable[name].value.decode(avp.hidden ? this.#reveal(name, avp) : avp.value);
      if (name === "randomVector") this.#randomVector = avp.value;
      // RFC 3931 is silent on repeated AVPs: the first one counts.
      if (this.#values.has(name)) this.ignored.push(`${name} again`);
      else this.#values.set(name, value);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // A malformed AVP is treated as an unknown one (RFC 3931 §7.1).
      if (avp.mandatory) this.#refuse(error.errorCode, `${name}: ${error.message}`, error.section);
      else this.ignored.push(`${name}: ${error.message}`);
    }
  }

  #takeCisco(avp: RawAvp): void {
    const equivalent = ciscoAvps.get(avp.attributeType)?.equivalent;
    this.ignored.push(describeAvp(avp.vendorId, avp.attributeType));
    if (equivalent === undefined || avp.hidden) return;
    try {
      this.#equivalents.set(equivalent, avpTable[equivalent].value.decode(avp.value));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  #reveal(name: AvpName, avp: RawAvp): Uint8Array {
    const { hideable, attributeType } = avpTable[name];
    const vector = this.#randomVector;
    if (!hideable) throw unrevealed(name, "must not be hidden");
    if (vector === undefined) throw unrevealed(name, "no Random Vector stands before it");
    let reason: unknown = unrevealed(name, "no secret is configured");
    for (const secret of this.#secrets) {
      try {
        return revealValue(avp.value, attributeType, secret, vector);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        reason = error;
      }
    }
    throw reason;
  }

  #refuse(errorCode: number, text: string, section: string): void {
    this.#problem ??= { resultCode: RESULT_GENERAL_ERROR, errorCode, text, section };
  }
}

function unrevealed(name: AvpName, why: string): ProtocolError {
  return new ProtocolError(`reveal ${name}: ${why}`, {
    resultCode: RESULT_GENERAL_ERROR,
    errorCode: generalError.outOfRange,
    section: "5.3",
  });
}
