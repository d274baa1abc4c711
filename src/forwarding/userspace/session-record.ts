import { trafficClassOf } from "../../wire/dscp.ts";
import {
  defaultSequenceRule,
  type SequenceRule,
  type SessionParameters,
} from "../../wire/session-parameters.ts";
import { counterIndex, counterTable } from "../counters-table.ts";
import { checksNumbers, hasControlChannel } from "../encapsulation.ts";
import { fragmentOctets, longestInFragments } from "../fragments.ts";
import { type MssClamp, mssClampOf } from "../mss.ts";
import type { AttachmentCircuit } from "../plane.ts";
import {
  beginSequences,
  type ReceiveSequence,
  receivedWords,
  SEQUENCE_WORDS,
  sequenceWords,
} from "../sequencing.ts";
import { type TooBigLimit, tooBigLimitOf } from "../too-big.ts";

/** Most sessions one plane carries. */
export const MOST_SESSIONS = 131_072;

/** Indexes of a session's shared counters: those of the table, then one for each discard reason. */
export const counterCells = { ...counterIndex, discards: counterTable.length };

/** Row of the counters for frames and messages that belong to no session. */
export const UNATTRIBUTED_ROW = 0;

/** The parameters of a session as numbers, so that the fast path parses and allocates nothing. */
export interface SessionRecord extends ReceiveSequence {
  /** Row in the shared counters, from 1. */
  readonly row: number;
  readonly isUdp: boolean;
  /** As a signed 32-bit number, the key of the session table. */
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
  /** Length of the L2TPv3 header in front of a frame. */
  readonly transmitHeaderOctets: number;
  /** Whether a control channel was negotiated. */
  readonly hasControlChannel: boolean;
  readonly checksSequence: boolean;
  sequenceRule: SequenceRule;
  /** Transmit sequencing: 0 for no frames, 1 for frames that are not IP, 2 for all. */
  readonly numbering: number;
  transmitAllowed: boolean;
  receiveAllowed: boolean;
  /** Of the outer IP header; COPIED_FROM_FRAME: the DSCP of the frame's own IP header, without ECN. */
  trafficClass: number;
  /** `sequenceWords`; the eBPF programs may share this memory. */
  readonly sequences: Int32Array;
  /**
   * Whether the worker owns the received sequence numbers. If not, the eBPF programs do, and the worker uses
   * its copy only for messages that were still in its queues.
   */
  ownsNumbers: boolean;
  /** VLAN ID on the circuit; -1 if the session carries the whole port. */
  readonly vlanId: number;
  readonly vlanIdOnPseudowire: number;
  readonly tagProtocol: number;
  /** 0 forwards all link-local frames, 1 all but PAUSE, 2 none. */
  readonly linkLocal: number;
  /** Octets of the longest frame without tags. */
  readonly longestFrame: number;
  /** Octets of the longest frame that the path takes, as it was measured, where IP must not fragment. */
  longestWhole: number;
  /** To what the MSS of TCP is lowered; undefined for no clamp. */
  mssClamp: MssClamp | undefined;
  /** What is too long, and answered; undefined where nothing is. */
  tooBig: TooBigLimit | undefined;
  /** Octets of a frame that one message carries at most; NO_FRAGMENTS where no frame is fragmented. */
  fragmentOctets: number;
  /** Octets of the longest frame that is sent in fragments: by the peer's MRRU. */
  peerMrru: number;
  /** The same of ours; 0 where fragments are discarded. */
  readonly receiveMrru: number;
  /** The frame of which fragments have come. */
  readonly incomplete: IncompleteFrame;
}

/** A frame that is put together of fragments in a slot of the reassembler. */
export interface IncompleteFrame {
  /** Number of the slot; NO_SLOT while no frame is incomplete. */
  slot: number;
  octets: number;
  fragments: number;
  /** The number that the next fragment must have. */
  next: number;
}

/** Value of `fragmentOctets`: longer than any frame. */
export const NO_FRAGMENTS = 0x7fff_ffff;
export const NO_SLOT = -1;

/** What a session sends of frames in fragments, of the record. */
export function fragmentsOf(
  session: SessionParameters,
  attachment: AttachmentCircuit,
): Pick<SessionRecord, "fragmentOctets" | "peerMrru"> {
  const octets = fragmentOctets(session, attachment);
  return {
    fragmentOctets: Math.min(octets, NO_FRAGMENTS),
    peerMrru: Math.min(longestInFragments(session, octets), NO_FRAGMENTS),
  };
}

/**
 * Copies a session's received sequence numbers from the shared memory if the eBPF programs have released the
 * session since the last call; the worker owns them from then on.
 */
export function takeOverNumbers(session: SessionRecord): void {
  const { sequences } = session;
  if (session.ownsNumbers || Atomics.load(sequences, sequenceWords.heldByUserspace) === 0) return;
  for (const name of receivedWords) session[name] = sequences[sequenceWords[name]] as number;
  session.ownsNumbers = true;
}

/** Value of `trafficClass` with which each message gets the class of its frame. */
export const COPIED_FROM_FRAME = -1;

const numberingOf = { none: 0, "non-ip": 1, all: 2 } as const;
const linkLocalOf = { forward: 0, "no-pause": 1, block: 2 } as const;

function word(octets: Uint8Array, offset: number): number {
  if (octets.length < offset + 4) return 0;
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength).getInt32(offset);
}

/** `trafficClass` of the sessions of this attachment. */
export function trafficClassFor({ dscp }: AttachmentCircuit): number {
  return dscp === "copy" ? COPIED_FROM_FRAME : trafficClassOf(dscp);
}

/** Sequence numbers of a new session. */
export function newSequences(localSessionId = 0): Int32Array {
  const words = new Int32Array(SEQUENCE_WORDS);
  beginSequences(words, localSessionId);
  return words;
}

/** The record of a new session, or of one that continues with the numbers in `sequences`. */
export function newSessionRecord(
  row: number,
  session: SessionParameters,
  attachment: AttachmentCircuit,
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
    hasControlChannel: hasControlChannel(session),
    checksSequence: session.receiveSublayer !== "none" && checksNumbers(session),
    sequenceRule: attachment.sequenceRule ?? defaultSequenceRule,
    numbering: session.transmitSublayer === "none" ? 0 : numberingOf[session.transmitSequencing],
    transmitAllowed: session.transmitAllowed,
    receiveAllowed: session.receiveAllowed ?? true,
    trafficClass: trafficClassFor(attachment),
    sequences,
    ownsNumbers: sequences[sequenceWords.heldByUserspace] !== 0,
    expected: sequences[sequenceWords.expected] as number,
    oldRun: sequences[sequenceWords.oldRun] as number,
    oldNext: sequences[sequenceWords.oldNext] as number,
    vlanId: attachment.vlan?.id ?? -1,
    vlanIdOnPseudowire: attachment.vlan?.idOnPseudowire ?? -1,
    tagProtocol: attachment.vlan?.protocol ?? 0,
    linkLocal: linkLocalOf[attachment.linkLocal],
    longestFrame: attachment.mtu + 14,
    longestWhole: Number.POSITIVE_INFINITY,
    mssClamp: mssClampOf(attachment),
    ...fragmentsOf(session, attachment),
    receiveMrru: session.receiveMrru ?? 0,
    incomplete: { slot: NO_SLOT, octets: 0, fragments: 0, next: 0 },
    tooBig: tooBigLimitOf(attachment),
  };
}
