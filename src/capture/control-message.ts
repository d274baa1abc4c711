import { toHex } from "../bytes/hex.ts";
import { describeAvp } from "../wire/avp-table.ts";
import { vendor } from "../wire/constants.ts";
import { CONTROL_HEADER_OCTETS, type ControlHeader, decodeControlHeader } from "../wire/control-header.ts";
import { decodingProblem } from "../wire/errors.ts";
import { type DecodedControlMessage, decodeControlMessage } from "../wire/message.ts";
import { messageTypeText, rawText, valueText } from "../wire/value-text.ts";
import { type DigestFinding, verifyDigests } from "./digests.ts";
import type { LearnedState, ObservedMessage } from "./learned-state.ts";
import { type ReadAvp, type ReadMessage, readAvps } from "./read-avps.ts";
import type { AvpRecord, ControlRecord, MalformedRecord, RecordBase, TruncatedRecord } from "./record.ts";

/** Context to decode control messages with. */
export interface ControlContext {
  readonly learnedState: LearnedState;
  readonly secrets: readonly Uint8Array[];
}

const MESSAGE_TYPE = 0;

/** Offset of the Length field and its end. */
const LENGTH_OFFSET = 2;
const LENGTH_END = 4;

/**
 * Decodes a control message from the T bit on and learns from it. `isPartial`: the capture holds only its
 * beginning, so that missing octets are not the sender's fault.
 */
export function readControlMessage(
  base: RecordBase,
  octets: Uint8Array,
  isPartial: boolean,
  context: ControlContext,
): ControlRecord | MalformedRecord | TruncatedRecord {
  let header: ControlHeader;
  let present = octets;
  try {
    header = decodeControlHeader(isPartial ? padded(octets) : octets);
    present = octets.subarray(0, header.length);
  } catch (error) {
    const reason = decodingProblem(error);
    if (isPartial && octets.length < CONTROL_HEADER_OCTETS)
      return { ...base, kind: "truncated", of: "control", reason };
    return { ...base, kind: "malformed", of: "control", reason, header: null, avps: [] };
  }
  if (header.length === CONTROL_HEADER_OCTETS) {
    return {
      ...base,
      kind: "control",
      ...header,
      message: "ZLB",
      messageType: null,
      avps: [],
      refusal: null,
    };
  }
  const isCut = present.length < header.length;
  return readContent(base, header, present, isCut, context);
}

/** The message padded with zeros to its Length, so that the header of a partial message can be decoded. */
function padded(octets: Uint8Array): Uint8Array {
  if (octets.length < CONTROL_HEADER_OCTETS) return octets;
  const length = new DataView(octets.buffer, octets.byteOffset, LENGTH_END).getUint16(LENGTH_OFFSET);
  const whole = new Uint8Array(Math.max(octets.length, length));
  whole.set(octets);
  return whole;
}

function readContent(
  base: RecordBase,
  header: ControlHeader,
  octets: Uint8Array,
  isCut: boolean,
  context: ControlContext,
): ControlRecord | MalformedRecord | TruncatedRecord {
  const read = readAvps(octets, context.secrets);
  const whole = isCut ? undefined : decodeWhole(octets, context.secrets);
  const reason = isCut ? undefined : (read.damage ?? whole?.discardReason);
  const first = read.avps[0];
  if (reason !== undefined) {
    const avps = read.avps.map((avp, index) => avpRecord(avp, index, undefined, -1));
    return { ...base, kind: "malformed", of: "control", reason, header: { ...header }, avps };
  }
  if (first === undefined || first.raw.attributeType !== MESSAGE_TYPE || first.raw.value.length !== 2) {
    return {
      ...base,
      kind: "truncated",
      of: "control",
      reason: "the capture ends in front of its Message Type",
    };
  }
  const messageType = (first.raw.value[0] ?? 0) * 256 + (first.raw.value[1] ?? 0);
  const isIetf = first.raw.vendorId === vendor.ietf;
  const findings = learn(base, header, octets, read, isCut, isIetf ? messageType : -1, context);
  return {
    ...base,
    kind: "control",
    ...header,
    message: messageTypeText(first.raw.vendorId, messageType),
    messageType,
    avps: read.avps.map((avp, index) => avpRecord(avp, index, findings[index], isIetf ? messageType : -1)),
    refusal: refusalOf(whole?.decoded, read),
  };
}

/** Verifies the digests and learns from the message. */
function learn(
  base: RecordBase,
  header: ControlHeader,
  octets: Uint8Array,
  { avps, values, stillHidden }: ReadMessage,
  isCut: boolean,
  messageType: number,
  { learnedState, secrets }: ControlContext,
): readonly (DigestFinding | undefined)[] {
  // A missing AVP would be taken for one that the sender left out.
  if (isCut) return avps.map(() => undefined);
  const { source, destination } = base;
  const { controlConnectionId } = header;
  const lesson: ObservedMessage = {
    source,
    destination,
    messageType,
    controlConnectionId,
    values,
    stillHidden: stillHidden,
  };
  const nonces = learnedState.noncesFor(lesson);
  const findings = verifyDigests(octets, avps, secrets, nonces);
  const verdicts = new Set(findings.map((finding) => finding?.verdict));
  learnedState.learn(lesson, verdicts.has("wrong") && !verdicts.has("right"));
  return findings;
}

/** The message by the decoder of the control plane, or its reason to discard the message silently. */
function decodeWhole(
  octets: Uint8Array,
  secrets: readonly Uint8Array[],
): { readonly decoded?: DecodedControlMessage; readonly discardReason?: string } {
  try {
    return { decoded: decodeControlMessage(octets, { hidingSecrets: secrets }) };
  } catch (error) {
    return { discardReason: decodingProblem(error) };
  }
}

/** The decoder's reason to refuse the message; null also where that cannot be known without the secret. */
function refusalOf(decoded: DecodedControlMessage | undefined, read: ReadMessage): string | null {
  if (decoded === undefined || read.avps.some(({ needsSecret }) => needsSecret)) return null;
  if (decoded.kind === "unknown-type") {
    return decoded.mandatory ? "unknown message type, and mandatory (RFC 3931 §5.4.1)" : null;
  }
  if (decoded.kind === "zlb" || decoded.problem === undefined) return null;
  const { text, section } = decoded.problem;
  return `${text} (${section.startsWith("RFC") ? section : `RFC 3931 §${section}`})`;
}

function avpRecord(
  avp: ReadAvp,
  index: number,
  finding: DigestFinding | undefined,
  messageType: number,
): AvpRecord {
  const { raw, clear } = avp;
  const isForeignType = index === 0 && raw.attributeType === MESSAGE_TYPE && raw.vendorId !== vendor.ietf;
  return {
    vendorId: raw.vendorId,
    attributeType: raw.attributeType,
    name: isForeignType
      ? `messageType of vendor ${raw.vendorId}`
      : describeAvp(raw.vendorId, raw.attributeType),
    mandatory: raw.mandatory,
    hidden: raw.hidden,
    value: toHex(raw.value),
    revealed: raw.hidden && clear !== undefined ? toHex(clear) : null,
    text: textOfAvp(avp, messageType),
    problem: avp.problem ?? null,
    digest: finding?.verdict ?? null,
    digestNote: finding?.note ?? null,
  };
}

function textOfAvp({ name, clear, decoded, problem }: ReadAvp, messageType: number): string | null {
  if (problem !== undefined || clear === undefined) return null;
  return name === undefined ? rawText(clear) : valueText(name, decoded, messageType);
}
