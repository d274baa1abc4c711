import { concat } from "../bytes/hex.ts";
import { nextSequence } from "../bytes/serial.ts";
import { encodeDataMessage, type FragmentPosition } from "../wire/data-header.ts";
import { ETHERNET_HEADER_OCTETS } from "../wire/ethernet.ts";
import { defaultSequenceRule, type SessionParameters } from "../wire/session-parameters.ts";
import type { DiscardReason } from "./discard-reasons.ts";
import {
  admit,
  dataMessageOf,
  decapsulate,
  leave,
  type Outcome,
  openDataMessage,
  type SequenceState,
} from "./encapsulation.ts";
import type { AttachmentCircuit } from "./plane.ts";
import { acceptSequence } from "./sequencing.ts";

/**
 * Pseudowire fragmentation (RFC 4623), the reference of the userspace plane: frames that are too long for the
 * path cross it in several data messages, which the other end puts together. Pure; a plane also gives up
 * frames that stay incomplete for long.
 */

/** Octets of a frame in the smallest fragment but the last, whatever the peer's MRU and the path take. */
export const LEAST_FRAGMENT_OCTETS = 16;
/** Fragments of one frame, so that a peer's MRU cannot make one frame into any number of messages. */
export const MOST_FRAGMENTS = 128;

/** How long a frame may wait for its next fragment; messages that come later than this are lost ones. */
export const REASSEMBLY_TIMEOUT_MS = 1000;

const SESSION_ID_OCTETS = 4;
const UDP_WORD_OCTETS = 4;
const SUBLAYER_OCTETS = 4;

/** Octets of the L2TP header of data messages in fragments, which an MRU counts: without UDP or IP header. */
export function fragmentHeaderOctets({
  path,
  transmitCookie,
}: Pick<SessionParameters, "path" | "transmitCookie">): number {
  const udpOctets = path.encapsulation === "udp" ? UDP_WORD_OCTETS : 0;
  return udpOctets + SESSION_ID_OCTETS + transmitCookie.length + SUBLAYER_OCTETS;
}

/**
 * Octets of the longest part of a frame that one message of a session carries: by the peer's MRU and the path
 * MTU. Infinite where the session sends no fragments.
 */
export function fragmentOctets(
  session: Pick<SessionParameters, "path" | "transmitCookie" | "transmitFragments">,
  { wholeFrameOctets = Number.POSITIVE_INFINITY }: Pick<AttachmentCircuit, "wholeFrameOctets">,
): number {
  const { transmitFragments } = session;
  if (transmitFragments === undefined) return Number.POSITIVE_INFINITY;
  const ofPeer = transmitFragments.mru - fragmentHeaderOctets(session);
  return Math.max(LEAST_FRAGMENT_OCTETS, Math.min(ofPeer, wholeFrameOctets));
}

/** Octets of the longest frame that a session sends in fragments of so many octets. */
export function longestInFragments(
  { transmitFragments }: Pick<SessionParameters, "transmitFragments">,
  octets: number,
): number {
  return Math.min(transmitFragments?.mrru ?? Number.POSITIVE_INFINITY, octets * MOST_FRAGMENTS);
}

/**
 * Turns a frame from the attachment circuit into data messages, as `encapsulate` does, but into several where
 * one would be too long: consecutive in number and order (RFC 4623 §4, §5.5).
 */
export function encapsulateInFragments(
  frame: Uint8Array,
  session: SessionParameters,
  attachment: AttachmentCircuit,
  state: SequenceState,
): readonly Uint8Array[] | DiscardReason {
  const payload = admit(frame, session, attachment);
  if (typeof payload === "string") return payload;
  const room = fragmentOctets(session, attachment);
  if (payload.length <= room) return [dataMessageOf(payload, session, state)];
  if (payload.length > longestInFragments(session, room)) return "peer-mrru";
  const count = Math.ceil(payload.length / room);
  return Array.from({ length: count }, (_, index) => {
    const fragment = index === 0 ? "first" : index === count - 1 ? "last" : "middle";
    const sequenceNumber = state.next;
    state.next = nextSequence(sequenceNumber);
    const header = {
      sessionId: session.remoteSessionId,
      cookie: session.transmitCookie,
      sublayer: { sequenceNumber, fragment },
    } as const;
    const part = payload.subarray(index * room, (index + 1) * room);
    return encodeDataMessage(session.path.encapsulation, header, part);
  });
}

/** A frame of which fragments have come and others are missing. */
interface IncompleteFrame {
  readonly parts: readonly Uint8Array[];
  readonly octets: number;
  /** The number that the next fragment must have. */
  readonly next: number;
}

/** What a session remembers of fragments from one message to the next: one frame at a time. */
export interface ReassemblyState {
  frame?: IncompleteFrame | undefined;
}

/** What one message of the peer led to. */
export interface Reassembled {
  /** The frame, the reason why the message was discarded, or "kept" where others of its frame must come. */
  readonly outcome: Outcome | "kept";
  /** Fragments that had been kept and were given up, under the reason `reassembly-lost`. */
  readonly lost: number;
  /**
   * Fragments, this one included, that were put together or, where the outcome is `reassembly-too-long`,
   * given up together.
   */
  readonly together: number;
}

/**
 * Turns a data message from the peer into a frame, as `decapsulate` does, or puts it together with those
 * before it. A frame is given up with the first gap in the numbers of its fragments, for nothing is put in
 * order here (RFC 4623 Appendix A).
 */
export function decapsulateFragments(
  datagram: Uint8Array,
  session: SessionParameters,
  attachment: AttachmentCircuit,
  state: SequenceState,
  reassembly: ReassemblyState,
): Reassembled {
  const opened = openDataMessage(datagram, session);
  const sublayer = typeof opened === "string" ? undefined : opened.sublayer;
  const { sequenceNumber: number, fragment } = sublayer ?? {};
  if (typeof opened === "string" || number === undefined || session.receiveMrru === undefined)
    return plain(decapsulate(datagram, session, attachment, state));
  if (fragment === undefined) {
    const outcome = decapsulate(datagram, session, attachment, state);
    return { ...plain(outcome), lost: typeof outcome === "string" ? 0 : giveUp(reassembly) };
  }
  if (!acceptSequence(state.received, number, attachment.sequenceRule ?? defaultSequenceRule))
    return plain("out-of-sequence");
  if (session.receiveAllowed === false) return plain("standby");
  const isNext = reassembly.frame?.next === number && fragment !== "first";
  const lost = isNext ? 0 : giveUp(reassembly);
  const joined = join(reassembly, fragment, number, opened.payload, session.receiveMrru);
  if (typeof joined === "string") return { ...plain(joined), lost, together: giveUp(reassembly) + 1 };
  if (fragment !== "last") return { ...plain("kept"), lost };
  giveUp(reassembly);
  const frame = concat(...joined.parts);
  const outcome = frame.length < ETHERNET_HEADER_OCTETS ? "truncated" : leave(frame, attachment);
  return { outcome, lost, together: joined.parts.length };
}

function plain(outcome: Reassembled["outcome"]): Reassembled {
  return { outcome, lost: 0, together: 0 };
}

/** Forgets the frame; returns how many fragments of it had come. */
function giveUp(reassembly: ReassemblyState): number {
  const { frame } = reassembly;
  reassembly.frame = undefined;
  return frame?.parts.length ?? 0;
}

/** Adds a fragment to the frame, of which it is the next one. */
function join(
  reassembly: ReassemblyState,
  fragment: FragmentPosition,
  number: number,
  payload: Uint8Array,
  mrru: number,
): IncompleteFrame | DiscardReason {
  const { frame } = reassembly;
  if (fragment !== "first" && frame === undefined) return "reassembly-lost";
  const octets = (frame?.octets ?? 0) + payload.length;
  if (octets > mrru) return "reassembly-too-long";
  const parts = [...(frame?.parts ?? []), payload.slice()];
  reassembly.frame = { parts, octets, next: nextSequence(number) };
  return reassembly.frame;
}
