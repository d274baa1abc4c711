import {
  CHANNEL_TYPE_MASK,
  CHANNEL_VERSION_MASK,
  FRAGMENT_BITS,
  S_BIT,
  SEQUENCE_MASK,
  UDP_DATA_WORD,
  V_BIT,
} from "../../wire/data-header.ts";
import { dscpOfFrame, trafficClassOf } from "../../wire/dscp.ts";
import {
  carriesIp,
  countTags,
  ETHERNET_HEADER_OCTETS,
  isLinkLocal,
  isPause,
  outerTagProtocol,
  rewriteOuterTag,
  TAG_OCTETS,
} from "../../wire/ethernet.ts";
import { discardIndex, discardReasons } from "../discard-reasons.ts";
import { acceptSequence, sequenceWords } from "../sequencing.ts";
import { COPIED_FROM_FRAME, type SessionRecord, takeOverNumbers } from "./session-record.ts";

/**
 * Encapsulation and decapsulation in place, without allocation: the worker's equivalent of `encapsulate` and
 * `decapsulate` of forwarding/encapsulation.ts, with which the tests compare it. A verdict of 0 or more is an
 * offset or a length; a negative one is -1 - the index of a discard reason.
 */

/** Longest L2TPv3 data header: first word over UDP, Session ID, Cookie, L2-Specific Sublayer. */
export const LONGEST_HEADER_OCTETS = 20;

function discard(index: number): number {
  return -1 - index;
}

/** The verdict on a message of the session's control channel, whose sublayer follows the cookie. */
export const CHANNEL_MESSAGE = discard(discardReasons.length);
/** The verdict on a fragment of a frame, whose sublayer follows the cookie; its number was taken in. */
export const FRAGMENT_OF_FRAME = discard(discardReasons.length + 1);
const RUNT = discard(discardIndex.runt);
const NOT_ESTABLISHED = discard(discardIndex["not-established"]);
const LINK_LOCAL = discard(discardIndex["link-local"]);
const PATH_MTU = discard(discardIndex["path-mtu"]);
const OVERSIZE = discard(discardIndex.oversize);
const PEER_MRRU = discard(discardIndex["peer-mrru"]);
const TRUNCATED = discard(discardIndex.truncated);
const WRONG_COOKIE = discard(discardIndex["wrong-cookie"]);
const VCCV = discard(discardIndex.vccv);
const FRAGMENT = discard(discardIndex.fragment);
const OUT_OF_SEQUENCE = discard(discardIndex["out-of-sequence"]);
const STANDBY = discard(discardIndex.standby);
const UNTAGGED = discard(discardIndex.untagged);

/**
 * Applies the circuit's policy to a frame at `start`: 0 if it may be sent to the peer, otherwise the discard.
 * `longest` is the length of the frame, or of the longest segment of a GSO packet. Rewrites the VLAN ID to
 * that of the pseudowire.
 */
export function checkFrame(
  view: DataView,
  start: number,
  length: number,
  longest: number,
  session: SessionRecord,
): number {
  if (length < ETHERNET_HEADER_OCTETS) return RUNT;
  if (!session.transmitAllowed) return NOT_ESTABLISHED;
  if (session.linkLocal === 2 && isLinkLocal(view, start)) return LINK_LOCAL;
  if (session.linkLocal === 1 && isPause(view, start)) return LINK_LOCAL;
  if (longest > session.longestFrame) {
    if (longest > session.longestFrame + TAG_OCTETS * countTags(view, start, length)) return OVERSIZE;
  }
  if (longest > session.fragmentOctets && longest > session.peerMrru) return PEER_MRRU;
  if (longest > session.longestWhole) return PATH_MTU;
  if (session.vlanId >= 0) rewriteOuterTag(view, start, session.tagProtocol, session.vlanIdOnPseudowire);
  return 0;
}

/**
 * Traffic class of the outer IP header for the frame at `start`; for a GSO packet, that of all its segments.
 */
export function trafficClassOfFrame(
  view: DataView,
  start: number,
  length: number,
  session: SessionRecord,
): number {
  if (session.trafficClass !== COPIED_FROM_FRAME) return session.trafficClass;
  return trafficClassOf(dscpOfFrame(view, start, length));
}

/** Writes the part of the header that all data messages have; returns the offset behind it. */
function writeIdAndCookie(view: DataView, at: number, session: SessionRecord): number {
  let offset = at;
  if (session.isUdp) {
    view.setUint32(offset, UDP_DATA_WORD);
    offset += 4;
  }
  view.setInt32(offset, session.remoteSessionId);
  offset += 4;
  if (session.transmitCookieOctets >= 4) {
    view.setInt32(offset, session.transmitCookieHigh);
    offset += 4;
  }
  if (session.transmitCookieOctets === 8) {
    view.setInt32(offset, session.transmitCookieLow);
    offset += 4;
  }
  return offset;
}

/** Writes the header of a message of the session's control channel (RFC 5085 §6.1); returns its length. */
export function writeChannelHeader(
  view: DataView,
  at: number,
  session: SessionRecord,
  channelType: number,
): number {
  const offset = writeIdAndCookie(view, at, session);
  view.setUint32(offset, V_BIT + (channelType & CHANNEL_TYPE_MASK));
  return offset + 4 - at;
}

/**
 * Writes the header of a data message with a fragment; `bits` are B and E. Returns the header's length. Each
 * has a number, the one after that of the fragment before it.
 */
export function writeFragmentHeader(
  view: DataView,
  at: number,
  session: SessionRecord,
  bits: number,
): number {
  const offset = writeIdAndCookie(view, at, session);
  view.setUint32(offset, (bits | nextNumber(session)) >>> 0);
  return offset + 4 - at;
}

/** The S bit and the next number of a session. */
function nextNumber({ sequences }: SessionRecord): number {
  return S_BIT | (Atomics.add(sequences, sequenceWords.next, 1) & SEQUENCE_MASK);
}

/** Writes the header of a data message that carries the frame at `frame`; returns the header's length. */
export function writeHeader(
  view: DataView,
  at: number,
  session: SessionRecord,
  frame: number,
  frameOctets: number,
): number {
  let offset = writeIdAndCookie(view, at, session);
  if (session.transmitSublayer) {
    let word = 0;
    if (session.numbering === 2 || (session.numbering === 1 && !carriesIp(view, frame, frameOctets))) {
      word = nextNumber(session);
    }
    view.setUint32(offset, word);
    offset += 4;
  }
  return offset - at;
}

/**
 * Whether what follows the Session ID of a message from elsewhere begins with the session's cookie of 8
 * octets and has a whole header (`isHintOfPeer`). The time it takes reveals nothing about the cookie.
 */
export function isHintInPlace(
  view: DataView,
  start: number,
  length: number,
  session: SessionRecord,
): boolean {
  if (session.receiveCookieOctets !== 8 || length < (session.receiveSublayer ? 12 : 8)) return false;
  const high = view.getInt32(start) ^ session.receiveCookieHigh;
  return (high | (view.getInt32(start + 4) ^ session.receiveCookieLow)) === 0;
}

/**
 * Checks a data message of a known session and finds its frame. `start` and `length` are of what follows the
 * Session ID. Returns the offset of the frame, with the VLAN ID rewritten to that of the circuit, a discard,
 * CHANNEL_MESSAGE or FRAGMENT_OF_FRAME.
 */
export function decapsulateInPlace(
  view: DataView,
  start: number,
  length: number,
  session: SessionRecord,
): number {
  const sublayerOctets = session.receiveSublayer ? 4 : 0;
  const headerOctets = session.receiveCookieOctets + sublayerOctets;
  if (length < headerOctets) return TRUNCATED;
  // Both halves are always compared, so that the time taken reveals nothing about the cookie.
  let difference = 0;
  if (session.receiveCookieOctets >= 4) difference = view.getInt32(start) ^ session.receiveCookieHigh;
  if (session.receiveCookieOctets === 8) difference |= view.getInt32(start + 4) ^ session.receiveCookieLow;
  if (difference !== 0) return WRONG_COOKIE;
  let word = 0;
  if (session.receiveSublayer) {
    word = view.getUint32(start + session.receiveCookieOctets);
    if (word >= V_BIT)
      return session.hasControlChannel && (word & CHANNEL_VERSION_MASK) === 0 ? CHANNEL_MESSAGE : VCCV;
    if ((word & FRAGMENT_BITS) !== 0) return checkFragment(session, word);
  }
  const frame = start + headerOctets;
  const frameOctets = length - headerOctets;
  if (frameOctets < ETHERNET_HEADER_OCTETS) return TRUNCATED;
  if (session.checksSequence && (word & S_BIT) !== 0 && !takeNumber(session, word)) return OUT_OF_SEQUENCE;
  if (!session.receiveAllowed) return STANDBY;
  return leaveFrame(view, frame, frameOctets, session);
}

/** Takes in the number of a message; false for a late one. */
function takeNumber(session: SessionRecord, word: number): boolean {
  if (!session.ownsNumbers) takeOverNumbers(session);
  const isNew = acceptSequence(session, word & SEQUENCE_MASK, session.sequenceRule);
  // Shared at once: the next owner of the session, also after a crash, goes on with this number.
  if (session.ownsNumbers) session.sequences[sequenceWords.expected] = session.expected;
  return isNew;
}

function checkFragment(session: SessionRecord, word: number): number {
  if (session.receiveMrru === 0 || (word & S_BIT) === 0) return FRAGMENT;
  if (!takeNumber(session, word)) return OUT_OF_SEQUENCE;
  return session.receiveAllowed ? FRAGMENT_OF_FRAME : STANDBY;
}

/** Rewrites the VLAN ID of a frame from the peer to that of the circuit: its offset, or the discard. */
export function leaveFrame(view: DataView, frame: number, octets: number, session: SessionRecord): number {
  if (octets < ETHERNET_HEADER_OCTETS) return TRUNCATED;
  if (session.vlanId < 0) return frame;
  if (outerTagProtocol(view, frame, octets) === 0) return UNTAGGED;
  rewriteOuterTag(view, frame, session.tagProtocol, session.vlanId);
  return frame;
}
