import { concat } from "../bytes/hex.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { ProtocolError } from "./errors.ts";
import { generalError, RESULT_GENERAL_ERROR } from "./result-codes.ts";
import type { Encapsulation } from "./session-parameters.ts";

/** First 32 bits of a data message over UDP: T=0, version 3 (RFC 3931 §4.1.2.1). */
export const UDP_DATA_WORD = 0x0003_0000;

/**
 * Control channel header: the sublayer of a VCCV channel message, whose V bit is 1 (RFC 5085 §6.1).
 *
 *      1 0 0 0 Version(4) Reserved(8) | Channel Type(16)
 */
export interface ChannelHeader {
  /** 0 is the only one defined. */
  readonly version: number;
  /** What the message is: a number of the registry of Pseudowire Associated Channel Types. */
  readonly channelType: number;
}

/**
 * Default L2-Specific Sublayer, 32 bits (RFC 3931 §4.6, RFC 4623 §5.5, RFC 5085 §6.1).
 *
 *      V S B E x x x x | Sequence Number(24)
 */
export interface DefaultSublayer {
  /** Defined where V is 1: a channel message follows, not a frame, and it has no sequence number. */
  readonly channel?: ChannelHeader | undefined;
  /** Undefined where S is 0. */
  readonly sequenceNumber: number | undefined;
  /** Where a fragment stands in its frame; absent for a whole frame, whose bits B and E are 0. */
  readonly fragment?: FragmentPosition | undefined;
}

/** Where a fragment stands in its frame (RFC 4623 §5.5). */
export type FragmentPosition = "first" | "middle" | "last";

/** Bits of the default sublayer's word: VCCV, sequence number present, beginning and end of a frame. */
export const V_BIT = 0x8000_0000;
export const S_BIT = 0x4000_0000;
export const FRAGMENT_BITS = 0x3000_0000;
export const SEQUENCE_MASK = 0x00ff_ffff;
/** Channel type in the word of a VCCV message (RFC 5085 §6.1). */
export const CHANNEL_TYPE_MASK = 0xffff;
/** Version of the channel header, in the same word. */
export const CHANNEL_VERSION_MASK = 0x0f00_0000;
const CHANNEL_VERSION_SHIFT = 24;
/** TABLE: bits B and E of fragments; B is 0 at the beginning of a frame, and E at its end. */
export const fragmentBits: Readonly<Record<FragmentPosition, number>> = {
  first: 0x1000_0000,
  middle: 0x3000_0000,
  last: 0x2000_0000,
};

const fragmentPositions = Object.keys(fragmentBits) as readonly FragmentPosition[];

/** Header of a data message: everything in front of its payload. */
export interface DataHeader {
  readonly sessionId: number;
  readonly cookie: Uint8Array;
  readonly sublayer?: DefaultSublayer;
}

/**
 * Writes a data message: the payload of the UDP datagram or of the IP packet (RFC 3931 §4.1.1.1, §4.1.2.1).
 */
export function encodeDataMessage(
  encapsulation: Encapsulation,
  header: DataHeader,
  payload: Uint8Array,
): Uint8Array {
  const writer = new Writer(20);
  if (encapsulation === "udp") writer.u32(UDP_DATA_WORD);
  writer.u32(header.sessionId).octets(header.cookie);
  if (header.sublayer !== undefined) writer.u32(sublayerWord(header.sublayer));
  return concat(writer.finish(), payload);
}

function sublayerWord(sublayer: DefaultSublayer): number {
  const { channel, sequenceNumber, fragment } = sublayer;
  if (channel !== undefined)
    return V_BIT + (channel.version << CHANNEL_VERSION_SHIFT) + (channel.channelType & CHANNEL_TYPE_MASK);
  const bits = fragment === undefined ? 0 : fragmentBits[fragment];
  return bits + (sequenceNumber === undefined ? 0 : S_BIT + (sequenceNumber & SEQUENCE_MASK));
}

/**
 * Reads the sublayer's 32 bits. Reserved bits are ignored, which are all between the V bit and the version of
 * a channel message, and so is the number where S is 0.
 */
export function decodeSublayer(word: number): DefaultSublayer {
  if (word >= V_BIT) {
    const version = (word & CHANNEL_VERSION_MASK) >>> CHANNEL_VERSION_SHIFT;
    const channel = { version, channelType: word & CHANNEL_TYPE_MASK };
    return { channel, sequenceNumber: undefined };
  }
  return {
    sequenceNumber: (word & S_BIT) === 0 ? undefined : word & SEQUENCE_MASK,
    fragment: fragmentAt(word),
  };
}

/** Where in its frame the payload of a data message stands by its sublayer; undefined for a whole frame. */
export function fragmentAt(word: number): FragmentPosition | undefined {
  const bits = word & FRAGMENT_BITS;
  return fragmentPositions.find((position) => fragmentBits[position] === bits);
}

/** The session id of a data message, all that can be read without knowing the session. */
export function decodeSessionId(encapsulation: Encapsulation, octets: Uint8Array): number {
  const reader = new Reader(octets);
  if (encapsulation === "udp") checkUdpWord(reader.u32("flags"));
  return reader.u32("sessionId");
}

/**
 * Reads a data message as its session has agreed. Views, not copies. Throws TruncatedError when it ends
 * inside the header and ProtocolError for another version; the caller checks whether session id and cookie
 * are the right ones.
 */
export function decodeDataMessage(
  encapsulation: Encapsulation,
  agreed: { readonly cookieOctets: number; readonly sublayer: boolean },
  octets: Uint8Array,
): { readonly header: DataHeader; readonly payload: Uint8Array } {
  const reader = new Reader(octets);
  if (encapsulation === "udp") checkUdpWord(reader.u32("flags"));
  const sessionId = reader.u32("sessionId");
  const cookie = reader.octets("cookie", agreed.cookieOctets);
  const sublayer = agreed.sublayer ? { sublayer: decodeSublayer(reader.u32("sublayer")) } : {};
  return { header: { sessionId, cookie, ...sublayer }, payload: reader.rest() };
}

/** Only T and the version count; all other bits are reserved (RFC 3931 §4.1.2.1). */
function checkUdpWord(word: number): void {
  const version = (word >>> 16) & 0xf;
  if (version === 3 && word < 0x8000_0000) return;
  throw new ProtocolError(`read a data message: version ${version}, T bit ${word >>> 31}`, {
    resultCode: RESULT_GENERAL_ERROR,
    errorCode: generalError.outOfRange,
    section: "4.1.2.1",
  });
}
