import { trafficClassOf } from "../../wire/dscp.ts";
import {
  defaultSequenceRule,
  type SequenceRule,
  type SessionParameters,
} from "../../wire/session-parameters.ts";
import { discardReasons } from "../discard-reasons.ts";
import type { CircuitAttachment } from "../plane.ts";
import {
  beginSequences,
  type ReceiveSequence,
  receivedWords,
  SEQUENCE_WORDS,
  sequenceWords,
} from "../sequencing.ts";

/** Most sessions one plane carries. */
export const MOST_SESSIONS = 131_072;

/** Cells of one session in the shared counters: four that pass, then one for each discard reason. */
export const counterCells = {
  receivedFrames: 0,
  receivedOctets: 1,
  transmittedFrames: 2,
  transmittedOctets: 3,
  discards: 4,
} as const;
export const CELLS_A_SESSION = counterCells.discards + discardReasons.length;

/** Row 0 of the counters is charged with what belongs to no session. */
export const UNATTRIBUTED_ROW = 0;

/** A session as the fast path wants it: numbers only, no octets to parse. */
export interface SessionRecord extends ReceiveSequence {
  /** Row in the shared counters, from 1. */
  readonly row: number;
  readonly isUdp: boolean;
  /** 32-bit signed, as it is looked up. */
  readonly localSessionId: number;
  readonly remoteSessionId: number;
  readonly receiveCookieOctets: number;
  readonly receiveCookieHigh: number;
  readonly receiveCookieLow: number;
  readonly transmitCookieOctets: number;
  readonly transmitCookieHigh: number;
  readonly transmitCookieLow: number;
  readonly receiveSublayer: boolean;
  readonly transmitSublayer: boolean;
  /** Octets that we put in front of a frame. */
  readonly transmitHeaderOctets: number;
  readonly checksSequence: boolean;
  sequenceRule: SequenceRule;
  /** 0 numbers nothing, 1 what is not IP, 2 everything. */
  readonly numbering: number;
  transmitAllowed: boolean;
  receiveAllowed: boolean;
  /** Of the outer IP header; COPIED: that of the frame's own, without ECN. */
  trafficClass: number;
  /** `sequenceWords`, which programs may share. */
  readonly sequences: Int32Array;
  /**
   * Whether the worker's own memory of received numbers is the one that counts; else it is for what it had
   * still to read.
   */
  ownsNumbers: boolean;
  /** -1: the whole port. */
  readonly vlanId: number;
  readonly vlanIdOnPseudowire: number;
  readonly tagProtocol: number;
  /** 0 forwards all link-local frames, 1 all but PAUSE, 2 none. */
  readonly linkLocal: number;
  /** Octets of the longest frame without tags. */
  readonly longestFrame: number;
}

/**
 * Has the worker go on where programs were with a session's received numbers, if it has taken the session
 * from them since it looked last.
 */
export function takeOverNumbers(session: SessionRecord): void {
  const { sequences } = session;
  if (session.ownsNumbers || Atomics.load(sequences, sequenceWords.held) === 0) return;
  for (const name of receivedWords) session[name] = sequences[sequenceWords[name]] as number;
  session.ownsNumbers = true;
}

/** Stands for a traffic class that each frame has its own of. */
export const COPIED_FROM_FRAME = -1;

const numberingOf = { none: 0, "non-ip": 1, all: 2 } as const;
const linkLocalOf = { forward: 0, "no-pause": 1, block: 2 } as const;

function word(octets: Uint8Array, offset: number): number {
  if (octets.length < offset + 4) return 0;
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength).getInt32(offset);
}

/** What `trafficClass` of a row is with this attachment. */
export function trafficClassFor({ dscp }: CircuitAttachment): number {
  return dscp === "copy" ? COPIED_FROM_FRAME : trafficClassOf(dscp);
}

/** Memory for the numbers of one session that begins. */
export function newSequences(localSessionId = 0): Int32Array {
  const words = new Int32Array(SEQUENCE_WORDS);
  beginSequences(words, localSessionId);
  return words;
}

/** The row of a session that begins now, or goes on with the numbers that `sequences` has. */
export function newSessionRecord(
  row: number,
  session: SessionParameters,
  attachment: CircuitAttachment,
  sequences: Int32Array = newSequences(session.localSessionId),
): SessionRecord {
  const { receiveCookie, transmitCookie } = session;
  const isUdp = session.path.encapsulation === "udp";
  const sublayerOctets = session.transmitSublayer === "none" ? 0 : 4;
  return {
    row,
    isUdp,
    localSessionId: session.localSessionId | 0,
    remoteSessionId: session.remoteSessionId | 0,
    receiveCookieOctets: receiveCookie.length,
    receiveCookieHigh: word(receiveCookie, 0),
    receiveCookieLow: word(receiveCookie, 4),
    transmitCookieOctets: transmitCookie.length,
    transmitCookieHigh: word(transmitCookie, 0),
    transmitCookieLow: word(transmitCookie, 4),
    receiveSublayer: session.receiveSublayer !== "none",
    transmitSublayer: session.transmitSublayer !== "none",
    transmitHeaderOctets: (isUdp ? 8 : 4) + transmitCookie.length + sublayerOctets,
    checksSequence: session.receiveSublayer !== "none" && session.receiveSequencing !== "none",
    sequenceRule: attachment.sequenceRule ?? defaultSequenceRule,
    numbering: session.transmitSublayer === "none" ? 0 : numberingOf[session.transmitSequencing],
    transmitAllowed: session.transmitAllowed,
    receiveAllowed: session.receiveAllowed ?? true,
    trafficClass: trafficClassFor(attachment),
    sequences,
    ownsNumbers: sequences[sequenceWords.held] !== 0,
    expected: sequences[sequenceWords.expected] as number,
    oldRun: sequences[sequenceWords.oldRun] as number,
    oldNext: sequences[sequenceWords.oldNext] as number,
    vlanId: attachment.vlan?.id ?? -1,
    vlanIdOnPseudowire: attachment.vlan?.idOnPseudowire ?? -1,
    tagProtocol: attachment.vlan?.protocol ?? 0,
    linkLocal: linkLocalOf[attachment.linkLocal],
    longestFrame: attachment.mtu + 14,
  };
}
