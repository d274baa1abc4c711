import { TruncatedError } from "../bytes/errors.ts";
import { concat } from "../bytes/hex.ts";
import { nextSequence } from "../bytes/serial.ts";
import {
  type DefaultSublayer,
  decodeDataMessage,
  decodeSessionId,
  encodeDataMessage,
} from "../wire/data-header.ts";
import { dscpOfFrame, trafficClassOf } from "../wire/dscp.ts";
import { ProtocolError } from "../wire/errors.ts";
import {
  carriesIp,
  countTags,
  ETHERNET_HEADER_OCTETS,
  isLinkLocal,
  isPause,
  outerTagProtocol,
  outerVlanId,
  rewriteOuterTag,
  SHORTEST_FRAME_OCTETS,
  TAG_OCTETS,
} from "../wire/ethernet.ts";
import { defaultSequenceRule, type SessionParameters } from "../wire/session-parameters.ts";
import type { DiscardReason } from "./discard-reasons.ts";
import { clampMss, mssClampOf } from "./mss.ts";
import type { AttachmentCircuit } from "./plane.ts";
import { acceptSequence, newReceiveSequence, type ReceiveSequence } from "./sequencing.ts";
import { tooBigAnswer, tooBigLimitOf } from "./too-big.ts";

/**
 * The reference of all planes: encapsulates one frame, or decapsulates one data message, of one session.
 * Plain and slow; tests compare the fast paths with it.
 */

/** What a session remembers from one message to the next. */
export interface SequenceState {
  /** Number of the next sequenced data message we send; the first is 0 (RFC 3931 Appendix C). */
  next: number;
  readonly received: ReceiveSequence;
}

export function newSequenceState(): SequenceState {
  return { next: 0, received: newReceiveSequence() };
}

/** Octets to send on, or the reason why not. */
export type Outcome = Uint8Array | DiscardReason;

/** Octets of the longest cookie (RFC 3931 §4.1), the only one that is hard to guess. */
const LONGEST_COOKIE_OCTETS = 8;
/** The version of the channel header that we send and accept. */
const CHANNEL_VERSION = 0;

/**
 * A message of a session's VCCV control channel (RFC 5085 §6): what follows the channel header, and its type.
 */
export interface ChannelMessage {
  readonly channelType: number;
  readonly payload: Uint8Array;
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}

/**
 * Turns a frame from the attachment circuit into the payload of a UDP datagram or IP packet (RFC 3931 §4.1,
 * RFC 4719 §3.1). `frame` has its tags in place and its checksums complete, and is one that the attachment
 * carries.
 */
export function encapsulate(
  frame: Uint8Array,
  session: SessionParameters,
  attachment: AttachmentCircuit,
  state: SequenceState,
): Outcome {
  const payload = admit(frame, session, attachment);
  return typeof payload === "string" ? payload : dataMessageOf(payload, session, state);
}

/** The frame as it crosses the pseudowire, or the reason why it does not. */
export function admit(
  frame: Uint8Array,
  session: SessionParameters,
  attachment: AttachmentCircuit,
): Uint8Array | DiscardReason {
  if (frame.length < ETHERNET_HEADER_OCTETS) return "runt";
  const view = viewOf(frame);
  if (attachment.vlan !== undefined) {
    if (outerTagProtocol(view, 0, frame.length) !== attachment.vlan.protocol) return "no-pseudowire";
    if (outerVlanId(view, 0) !== attachment.vlan.id) return "no-pseudowire";
  }
  if (!session.transmitAllowed) return "not-established";
  if (attachment.linkLocal === "block" && isLinkLocal(view, 0)) return "link-local";
  if (attachment.linkLocal === "no-pause" && isPause(view, 0)) return "link-local";
  if (tooBigAnswerTo(frame, attachment) !== undefined) return "too-big-answered";
  const room = attachment.mtu + ETHERNET_HEADER_OCTETS + TAG_OCTETS * countTags(view, 0, frame.length);
  if (frame.length > room) return "oversize";
  const payload = frame.slice();
  if (attachment.vlan !== undefined) {
    rewriteOuterTag(viewOf(payload), 0, attachment.vlan.protocol, attachment.vlan.idOnPseudowire);
  }
  clamp(payload, attachment);
  return payload;
}

/** The data message with a whole frame, as it crosses the pseudowire. */
export function dataMessageOf(
  payload: Uint8Array,
  session: SessionParameters,
  state: SequenceState,
): Uint8Array {
  const sublayer =
    session.transmitSublayer === "none"
      ? {}
      : { sublayer: { sequenceNumber: number(viewOf(payload), payload.length, session, state) } };
  const header = { sessionId: session.remoteSessionId, cookie: session.transmitCookie, ...sublayer };
  return encodeDataMessage(session.path.encapsulation, header, payload);
}

/**
 * The answer to a frame from the attachment circuit that is too long for the pseudowire, whatever the rate;
 * undefined for one that goes on (RFC 1191 §4, RFC 4443 §3.2).
 */
export function tooBigAnswerTo(frame: Uint8Array, attachment: AttachmentCircuit): Uint8Array | undefined {
  const limit = tooBigLimitOf(attachment);
  return limit && tooBigAnswer(frame, limit);
}

/** Traffic class of the outer IP header of the data message with this frame (RFC 2983 §4). */
export function outerTrafficClass(frame: Uint8Array, { dscp }: AttachmentCircuit): number {
  return trafficClassOf(dscp === "copy" ? dscpOfFrame(viewOf(frame), 0, frame.length) : dscp);
}

/**
 * The number this frame gets, if the peer asked for numbers on its kind (RFC 3931 §5.4.4, Data Sequencing).
 */
function number(
  view: DataView,
  length: number,
  session: SessionParameters,
  state: SequenceState,
): number | undefined {
  const { transmitSequencing } = session;
  if (transmitSequencing === "none") return undefined;
  if (transmitSequencing === "non-ip" && carriesIp(view, 0, length)) return undefined;
  const next = state.next;
  state.next = nextSequence(next);
  return next;
}

/**
 * Turns a data message from the peer into the frame for the attachment circuit, padded to the shortest a port
 * may send. The datagram came from the session's peer; whether its session id is the session's is checked
 * here (RFC 3931 §4.5). A message of the session's control channel is for `decapsulateChannel`.
 */
export function decapsulate(
  datagram: Uint8Array,
  session: SessionParameters,
  attachment: AttachmentCircuit,
  state: SequenceState,
): Outcome {
  const opened = openDataMessage(datagram, session);
  if (typeof opened === "string") return opened;
  const { sublayer, payload } = opened;
  if (sublayer?.channel !== undefined) return "vccv";
  if (sublayer?.fragment !== undefined) return "fragment";
  if (payload.length < ETHERNET_HEADER_OCTETS) return "truncated";
  const received = sublayer?.sequenceNumber;
  if (received !== undefined && checksNumbers(session)) {
    const rule = attachment.sequenceRule ?? defaultSequenceRule;
    if (!acceptSequence(state.received, received, rule)) return "out-of-sequence";
  }
  if (session.receiveAllowed === false) return "standby";
  return leave(payload, attachment);
}

/**
 * The message of the session's control channel that a data message from the peer carries, whose V bit says
 * so; undefined if it is none, or the session negotiated no channel, or none of this version: then it is for
 * `decapsulate`. The channel is open whatever the circuit's status: RFC 3931 §5.4.5 and RFC 5641 §2 speak of
 * frames alone.
 */
export function decapsulateChannel(
  datagram: Uint8Array,
  session: SessionParameters,
): ChannelMessage | undefined {
  const opened = hasControlChannel(session) ? openDataMessage(datagram, session) : "vccv";
  if (typeof opened === "string") return undefined;
  const { sublayer, payload } = opened;
  if (sublayer?.channel?.version !== CHANNEL_VERSION) return undefined;
  return { channelType: sublayer.channel.channelType, payload: payload.slice() };
}

/**
 * Turns a channel message into the payload of a UDP datagram or IP packet, with the header and cookie of a
 * data message (RFC 5085 §6). Undefined where the session negotiated no channel, and nothing may be sent.
 */
export function encapsulateChannel(
  { channelType, payload }: ChannelMessage,
  session: SessionParameters,
): Uint8Array | undefined {
  if (!hasControlChannel(session)) return undefined;
  const channel = { version: CHANNEL_VERSION, channelType };
  const sublayer = { channel, sequenceNumber: undefined };
  const header = { sessionId: session.remoteSessionId, cookie: session.transmitCookie, sublayer };
  return encodeDataMessage(session.path.encapsulation, header, payload);
}

/** Whether a session negotiated a control channel. */
export function hasControlChannel({ vccvControlChannel }: SessionParameters): boolean {
  return vccvControlChannel === "l2-specific-sublayer";
}

/**
 * Whether a data message that came from another address or port than the peer's may be from the peer all the
 * same: its session id and its cookie are the session's, and the cookie has 8 octets. It is a hint and proves
 * nothing, for who hears one message can repeat its cookie: the message is discarded as `wrong-peer`.
 */
export function isHintOfPeer(datagram: Uint8Array, session: SessionParameters): boolean {
  return (
    session.receiveCookie.length === LONGEST_COOKIE_OCTETS &&
    typeof openDataMessage(datagram, session) !== "string"
  );
}

/** Whether late messages of the peer are discarded; fragments can be told apart by their numbers alone. */
export function checksNumbers({ receiveSequencing, receiveMrru }: SessionParameters): boolean {
  return receiveSequencing !== "none" || receiveMrru !== undefined;
}

/** Reads a data message of a session, or says why it is none of that session. */
export function openDataMessage(
  datagram: Uint8Array,
  session: SessionParameters,
): { readonly sublayer: DefaultSublayer | undefined; readonly payload: Uint8Array } | DiscardReason {
  const { encapsulation } = session.path;
  const agreed = { cookieOctets: session.receiveCookie.length, sublayer: session.receiveSublayer !== "none" };
  try {
    if (decodeSessionId(encapsulation, datagram) !== session.localSessionId) return "unknown-session";
    const { header, payload } = decodeDataMessage(encapsulation, agreed, datagram);
    if (!matches(header.cookie, session.receiveCookie)) return "wrong-cookie";
    return { sublayer: header.sublayer, payload };
  } catch (error) {
    if (error instanceof TruncatedError) return "truncated";
    if (error instanceof ProtocolError) return "bad-version";
    throw error;
  }
}

/** The frame for the attachment circuit. */
export function leave(payload: Uint8Array, attachment: AttachmentCircuit): Outcome {
  const frame = payload.slice();
  if (attachment.vlan !== undefined) {
    const view = viewOf(frame);
    if (outerTagProtocol(view, 0, frame.length) === 0) return "untagged";
    rewriteOuterTag(view, 0, attachment.vlan.protocol, attachment.vlan.id);
  }
  clamp(frame, attachment);
  return concat(frame, new Uint8Array(Math.max(0, SHORTEST_FRAME_OCTETS - frame.length)));
}

/** Lowers the MSS of a SYN, in place. */
function clamp(frame: Uint8Array, attachment: AttachmentCircuit): void {
  const most = mssClampOf(attachment);
  if (most !== undefined) clampMss(viewOf(frame), 0, frame.length, most);
}

/** In a time that depends on the length alone. */
function matches(cookie: Uint8Array, wanted: Uint8Array): boolean {
  let difference = 0;
  for (const [index, octet] of wanted.entries()) difference |= octet ^ (cookie[index] ?? 0);
  return difference === 0;
}
