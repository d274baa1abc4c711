import { equalOctets, toHex } from "../bytes/hex.ts";
import { Reader } from "../bytes/reader.ts";
import { etherTypes, pseudowireTypes } from "../wire/code-names.ts";
import {
  CHANNEL_TYPE_MASK,
  decodeDataMessage,
  decodeSessionId,
  fragmentAt,
  V_BIT,
} from "../wire/data-header.ts";
import { decodingProblem } from "../wire/errors.ts";
import { type L2SpecificSublayer, pseudowireTypeNumber, sublayerNumber } from "../wire/session-parameters.ts";
import { type FrameSummary, summariseFrame } from "./frame.ts";
import type { LearnedState, SessionFormat } from "./learned-state.ts";
import type { DataRecord, MalformedRecord, RecordBase, SublayerRecord, TruncatedRecord } from "./record.ts";

/** Format of data messages of sessions whose set-up the capture does not hold. */
export interface StaticFormat {
  readonly cookieOctets: 0 | 4 | 8;
  readonly sublayer: L2SpecificSublayer;
}

/** Context to decode data messages with. */
export interface DataContext {
  readonly learnedState: LearnedState;
  readonly staticFormat: StaticFormat | undefined;
}

interface DataFormat {
  readonly cookieOctets: number;
  readonly sublayer: boolean;
}

const SUBLAYER_OCTETS = 4;
/** Pseudowire types that carry Ethernet frames (RFC 4719 §2.1). */
const ethernetTypes: ReadonlySet<number> = new Set(Object.values(pseudowireTypeNumber));
/** Channel types of VCCV that are no EtherType (RFC 5885 §3.3). */
const vccvChannels: ReadonlyMap<number, string> = new Map([[0x0007, "BFD"]]);

/** Octets of a payload that are shown when its format is unknown. */
const SHOWN_OCTETS = 16;

/**
 * Decodes a data message as far as its session is known. `isPartial`: the capture holds only its beginning.
 */
export function readDataMessage(
  base: RecordBase,
  octets: Uint8Array,
  isPartial: boolean,
  context: DataContext,
): DataRecord | MalformedRecord | TruncatedRecord {
  try {
    const sessionId = decodeSessionId(base.encapsulation, octets);
    if (sessionId === 0) return malformed(base, "session id 0 in a data message");
    const learnt = context.learnedState.sessionFormat(base.destination, sessionId);
    const agreed = dataFormatOf(learnt, context.staticFormat);
    const headerOctets = base.encapsulation === "udp" ? 8 : 4;
    if (agreed === undefined) return unread(base, sessionId, octets.subarray(headerOctets));
    const { header, payload } = decodeDataMessage(base.encapsulation, agreed, octets);
    const word = octets.subarray(headerOctets + agreed.cookieOctets).subarray(0, SUBLAYER_OCTETS);
    const sublayer =
      header.sublayer === undefined ? null : sublayerRecord(word, header.sublayer.sequenceNumber ?? null);
    const cookie = learnt?.cookie;
    return {
      ...base,
      kind: "data",
      sessionId,
      format: learnt === undefined ? "given" : "learnt",
      cookie: toHex(header.cookie),
      cookieMatches: cookie === undefined ? null : equalOctets(cookie, header.cookie),
      sublayer,
      ...contentOf(payload, sublayer, learnt?.pseudowireType),
      payloadOctets: payload.length,
    };
  } catch (error) {
    const reason = decodingProblem(error);
    return isPartial ? { ...base, kind: "truncated", of: "data", reason } : malformed(base, reason);
  }
}

function malformed(base: RecordBase, reason: string): MalformedRecord {
  return { ...base, kind: "malformed", of: "data", reason, header: null, avps: [] };
}

/**
 * Format from the set-up, and from the options where the set-up hides it; undefined when a part stays
 * unknown.
 */
function dataFormatOf(
  learnt: SessionFormat | undefined,
  given: StaticFormat | undefined,
): DataFormat | undefined {
  const cookieOctets = learnt?.cookie?.length ?? given?.cookieOctets;
  const sublayer = learnt?.sublayer ?? (given === undefined ? undefined : sublayerNumber[given.sublayer]);
  // Sublayers of other pseudowires have other forms.
  if (cookieOctets === undefined || sublayer === undefined || sublayer > sublayerNumber.default)
    return undefined;
  return { cookieOctets, sublayer: sublayer === sublayerNumber.default };
}

function unread(base: RecordBase, sessionId: number, rest: Uint8Array): DataRecord {
  const shown = toHex(rest.subarray(0, SHOWN_OCTETS));
  return {
    ...base,
    kind: "data",
    sessionId,
    format: "unknown",
    cookie: null,
    cookieMatches: null,
    sublayer: null,
    frame: null,
    content: rest.length > SHOWN_OCTETS ? `${shown}..` : shown,
    payloadOctets: rest.length,
  };
}

function sublayerRecord(word: Uint8Array, sequenceNumber: number | null): SublayerRecord {
  const bits = new Reader(word).u32("sublayer");
  const isVccv = bits >= V_BIT;
  return {
    sequenceNumber: isVccv ? null : sequenceNumber,
    fragment: isVccv ? null : (fragmentAt(bits) ?? null),
    vccvChannel: isVccv ? bits & CHANNEL_TYPE_MASK : null,
  };
}

function contentOf(
  payload: Uint8Array,
  sublayer: SublayerRecord | null,
  pseudowireType: number | undefined,
): { readonly frame: FrameSummary | null; readonly content: string } {
  const channel = sublayer?.vccvChannel ?? null;
  if (channel !== null) {
    const name = vccvChannels.get(channel) ?? etherTypes.get(channel) ?? "unassigned";
    return { frame: null, content: `VCCV ${name} (channel type 0x${channel.toString(16).padStart(4, "0")})` };
  }
  const fragment = sublayer?.fragment ?? null;
  if (fragment === "middle" || fragment === "last")
    return { frame: null, content: `${fragment} fragment of a frame` };
  if (pseudowireType !== undefined && !ethernetTypes.has(pseudowireType)) {
    return {
      frame: null,
      content: pseudowireTypes.get(pseudowireType) ?? `pseudowire type ${pseudowireType}`,
    };
  }
  const frame = summariseFrame(payload);
  if (frame === undefined) return { frame: null, content: "shorter than an Ethernet header" };
  return {
    frame,
    content: fragment === null ? frame.content : `${frame.content}, first fragment of a frame`,
  };
}
