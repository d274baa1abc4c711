import { redirectFlags } from "../../../bpf/kernel-numbers.ts";
import { InvariantError } from "../../../bytes/errors.ts";
import { trafficClassOf } from "../../../wire/dscp.ts";
import { ETHERNET_HEADER_OCTETS } from "../../../wire/ethernet.ts";
import { defaultSequenceRule, type SessionParameters } from "../../../wire/session-parameters.ts";
import { type CounterName, counterIndex, counterTable } from "../../counters-table.ts";
import { type DiscardReason, discardIndex, discardReasons } from "../../discard-reasons.ts";
import { hasControlChannel } from "../../encapsulation.ts";
import { type MssClamp, mssClampOf } from "../../mss.ts";
import type { AttachmentCircuit } from "../../plane.ts";
import { sequenceWords } from "../../sequencing.ts";
import type { DeliveryTarget } from "./deliver-program.ts";
import { type ProgramOptions, PUNT_VARIANT, variantOf } from "./options.ts";
import { headerSum, type OuterHeader, outerTemplate } from "./outer-template.ts";
import { policyBits, policyOf } from "./policy.ts";
import { decodeStruct, encodeStruct, type StructLayout, sizeOf, type ValuesOf } from "./struct-layout.ts";

/** TABLE: key of the circuit map: the interface at which a frame came in, and `vlanKey`. */
export const circuitKey = {
  interfaceIndex: { offset: 0, octets: 4, kind: "machine" },
  vlan: { offset: 4, octets: 4, kind: "machine" },
} as const satisfies StructLayout;

/** Room for a template: IPv6, UDP, header, cookie and sublayer have 68 octets. */
const MOST_TEMPLATE_OCTETS = 72;

/** TABLE: value of the circuit map: how the frames of one circuit are encapsulated. */
export const circuitValue = {
  /** All headers in front of the frame, with lengths, identification and header checksum 0. */
  template: { offset: 0, octets: MOST_TEMPLATE_OCTETS, kind: "octets" },
  /** struct bpf_redir_neigh: family and address of the next hop. */
  nextHopFamily: { offset: 72, octets: 4, kind: "machine" },
  nextHop: { offset: 76, octets: 16, kind: "octets" },
  /** The interface to the packet-switched network. */
  interfaceIndex: { offset: 92, octets: 4, kind: "machine" },
  /** Unfolded sum of the template's IPv4 header, of words in the machine's order. */
  headerSum: { offset: 96, octets: 4, kind: "machine" },
  variant: { offset: 100, octets: 4, kind: "machine" },
  policy: { offset: 104, octets: 4, kind: "machine" },
  /** Octets of the longest frame without tags. */
  frameOctets: { offset: 108, octets: 4, kind: "machine" },
  /** Octets of the longest outer IP packet. */
  packetOctets: { offset: 112, octets: 4, kind: "machine" },
  /** The session's index in the arrays of counters and of sequences. */
  sessionIndex: { offset: 116, octets: 4, kind: "machine" },
  /** The outer tag as it crosses the pseudowire; 0 for a whole port. */
  tagProtocol: { offset: 120, octets: 2, kind: "network" },
  vlanId: { offset: 122, octets: 2, kind: "machine" },
  /**
   * The interface to which frames go that the program cannot process; 0: there is none, and they are
   * discarded.
   */
  exceptionPath: { offset: 124, octets: 4, kind: "machine" },
  /** The interface at which TCP over IP protocol 115 enters the segmenter; 0: there is none. */
  segmenter: { offset: 128, octets: 4, kind: "machine" },
  /**
   * The entry of the exception path, from which a frame meets a program of this session again; 0: there is
   * none.
   */
  exceptionEntry: { offset: 132, octets: 4, kind: "machine" },
  /** `MssClamp`: to what the MSS of TCP is lowered. Used by variants that clamp. */
  clampMtu: { offset: 136, octets: 4, kind: "machine" },
  clampFrameOctets: { offset: 140, octets: 4, kind: "machine" },
} as const satisfies StructLayout;

/** Octets of struct bpf_redir_neigh. */
export const NEXT_HOP_OCTETS = 20;

/** TABLE: key of the peer map. */
export const peerKey = {
  sessionId: { offset: 0, octets: 4, kind: "network" },
} as const satisfies StructLayout;

/**
 * TABLE: value of the peer map: how the data messages of one session are decapsulated. IPv4 addresses take
 * the first four octets.
 */
export const peerValue = {
  localAddress: { offset: 0, octets: 16, kind: "octets" },
  remoteAddress: { offset: 16, octets: 16, kind: "octets" },
  remotePort: { offset: 32, octets: 2, kind: "network" },
  localPort: { offset: 34, octets: 2, kind: "network" },
  variant: { offset: 36, octets: 4, kind: "machine" },
  cookie: { offset: 40, octets: 8, kind: "octets" },
  interfaceIndex: { offset: 48, octets: 4, kind: "machine" },
  sessionIndex: { offset: 52, octets: 4, kind: "machine" },
  /** The outer tag on the circuit; 0 for a whole port. */
  tagProtocol: { offset: 56, octets: 2, kind: "network" },
  vlanId: { offset: 58, octets: 2, kind: "machine" },
  /**
   * How a frame goes to the circuit: 0 sent out of its interface, 1 (BPF_F_INGRESS) given to it as received.
   */
  redirectFlags: { offset: 60, octets: 4, kind: "machine" },
  /**
   * The interface to which TCP goes instead, to be coalesced; 0: there is none. Used over IP protocol 115
   * only.
   */
  coalescer: { offset: 64, octets: 4, kind: "machine" },
  /** The ends of the network exception path, as interface indexes; 0: there is none. */
  exceptionEntry: { offset: 68, octets: 4, kind: "machine" },
  exceptionExit: { offset: 72, octets: 4, kind: "machine" },
  /** `SequenceRule`: which data messages are old. Used by variants that check numbers. */
  window: { offset: 76, octets: 4, kind: "machine" },
  resetAfter: { offset: 80, octets: 4, kind: "machine" },
  /** Not 0: the peer is in standby, and its frames are discarded. */
  standby: { offset: 84, octets: 4, kind: "machine" },
  /** Until when hints that the peer has moved are used up, in ns since boot: programs write it. */
  hintsNs: { offset: 88, octets: 8, kind: "machine" },
  /** `MssClamp`, as in the circuit's value. */
  clampMtu: { offset: 96, octets: 4, kind: "machine" },
  clampFrameOctets: { offset: 100, octets: 4, kind: "machine" },
} as const satisfies StructLayout;

/** TABLE: the next hop to a session's peer, for packets that leave the segmenter, by its index. */
export const routeValue = {
  /** struct bpf_redir_neigh: family and address of the next hop. */
  nextHopFamily: { offset: 0, octets: 4, kind: "machine" },
  nextHop: { offset: 4, octets: 16, kind: "octets" },
  interfaceIndex: { offset: 20, octets: 4, kind: "machine" },
} as const satisfies StructLayout;

/**
 * TABLE: sequence state of a session, `sequenceWords`. Programs and the userspace plane share it, and an
 * update of the session leaves it as it is.
 */
export const sequenceValue = {
  next: { offset: 4 * sequenceWords.next, octets: 8, kind: "machine" },
  expected: { offset: 4 * sequenceWords.expected, octets: 4, kind: "machine" },
  oldRun: { offset: 4 * sequenceWords.oldRun, octets: 4, kind: "machine" },
  oldNext: { offset: 4 * sequenceWords.oldNext, octets: 4, kind: "machine" },
  heldByUserspace: { offset: 4 * sequenceWords.heldByUserspace, octets: 4, kind: "machine" },
  sessionId: { offset: 4 * sequenceWords.sessionId, octets: 4, kind: "machine" },
  unused: { offset: 28, octets: 4, kind: "machine" },
} as const satisfies StructLayout;

/** Octets of a counter. */
const COUNTER_OCTETS = 8;

/** Offset of a counter in a session's counters, per CPU, which are those of the table, then the discards. */
export function counterOffset(name: CounterName): number {
  return COUNTER_OCTETS * counterIndex[name];
}

/** Offset of the counter of a discard reason. */
export function discardOffset(reason: DiscardReason): number {
  return COUNTER_OCTETS * (counterTable.length + discardIndex[reason]);
}

/** Octets of keys and values of the maps. Sequences and counters are arrays by session index. */
export const mapSizes = {
  circuits: { keyOctets: sizeOf(circuitKey), valueOctets: sizeOf(circuitValue) },
  peers: { keyOctets: sizeOf(peerKey), valueOctets: sizeOf(peerValue) },
  routes: { keyOctets: 4, valueOctets: sizeOf(routeValue) },
  sequences: { keyOctets: 4, valueOctets: sizeOf(sequenceValue) },
  counters: { keyOctets: 4, valueOctets: COUNTER_OCTETS * (counterTable.length + discardReasons.length) },
} as const;

/**
 * The placement of a session on this machine: its addresses, interfaces and index. Addresses have 4 or 16
 * octets, all of one family.
 */
export interface Placement extends Omit<OuterHeader, "trafficClass"> {
  readonly sessionIndex: number;
  readonly circuitInterface: number;
  readonly networkInterface: number;
  readonly nextHop: Uint8Array;
  /** Octets of the longest outer IP packet. */
  readonly packetOctets: number;
  /** The interface to which frames go that the program cannot process; 0: there is none. */
  readonly exceptionInterface: number;
  /**
   * The entry of the exception path, from which a frame meets a program of this session again; default none.
   */
  readonly exceptionEntry?: number;
  /**
   * Whether GSO packets and frames with partial checksums take the exception path before they are
   * encapsulated: where each frame has a number, so that all frames of a flow go one way, and where the
   * configuration says so. Not at the exit of the exception path.
   */
  readonly segment: boolean;
  /**
   * Over IP protocol 115, the interfaces to which TCP goes: encapsulated, to be segmented; and from the peer,
   * to be coalesced.
   */
  readonly segmenter?: { readonly segment: number; readonly coalesce: number } | undefined;
  /**
   * The ends, by interface index, of the veth pair in which messages are segmented and their checksums
   * finished before they are decapsulated.
   */
  readonly networkExceptionPath?: { readonly entry: number; readonly exit: number } | undefined;
  /**
   * Whether frames are sent out of the circuit's interface, or given to it as received, as at the host's own
   * end of a pseudowire.
   */
  readonly deliver: "out" | "in";
  /** Whether frames come from the host itself, and no interface has sent them yet; default false. */
  readonly unsent?: boolean;
}

const AF_INET = 2;
const AF_INET6 = 10;

/** The VLAN half of a circuit's key: 0 for a port. */
export function vlanKey(attachment: AttachmentCircuit): number {
  const { vlan } = attachment;
  return vlan === undefined ? 0 : vlan.protocol * 0x1_0000 + vlan.id;
}

function optionsOf(
  session: SessionParameters,
  attachment: AttachmentCircuit,
  placement: Placement,
  direction: "transmit" | "receive",
): ProgramOptions {
  const cookieOctets = session[`${direction}Cookie`].length;
  if (cookieOctets !== 0 && cookieOctets !== 4 && cookieOctets !== 8)
    throw new InvariantError(`a cookie of ${cookieOctets} octets`);
  const sublayer = session[`${direction}Sublayer`] !== "none";
  return {
    family: placement.localAddress.length === 4 ? 4 : 6,
    encapsulation: session.path.encapsulation,
    cookieOctets,
    sublayer,
    sequencing: sublayer ? session[`${direction}Sequencing`] : "none",
    vlan: attachment.vlan === undefined ? "port" : "vlan",
    ...(mssClampOf(attachment) === undefined ? {} : { clampsMss: true }),
  };
}

/** The clamp as both values have it; the numbers of `off` are not used. */
function clampOf(attachment: AttachmentCircuit): {
  readonly clampMtu: number;
  readonly clampFrameOctets: number;
} {
  const { mtu, frameOctets }: MssClamp = mssClampOf(attachment) ?? { mtu: 0, frameOctets: 0 };
  return { clampMtu: mtu, clampFrameOctets: frameOctets };
}

/** The options of the encapsulating program of a session. */
export function encapsulateOptions(
  session: SessionParameters,
  attachment: AttachmentCircuit,
  placement: Placement,
): ProgramOptions {
  const options = optionsOf(session, attachment, placement, "transmit");
  return attachment.dscp === "copy" ? { ...options, copiesDscp: true } : options;
}

/** The options of the decapsulating program of a session. */
export function decapsulateOptions(
  session: SessionParameters,
  attachment: AttachmentCircuit,
  placement: Placement,
): ProgramOptions {
  const options = optionsOf(session, attachment, placement, "receive");
  return options.sublayer && hasControlChannel(session) ? { ...options, controlChannel: true } : options;
}

/** The entry of the circuit map. Throws InvariantError for what does not fit. */
export function circuitEntry(
  session: SessionParameters,
  attachment: AttachmentCircuit,
  placement: Placement,
): readonly [key: Uint8Array, value: Uint8Array] {
  const options = encapsulateOptions(session, attachment, placement);
  const trafficClass = attachment.dscp === "copy" ? 0 : trafficClassOf(attachment.dscp);
  const template = outerTemplate(options, session, { ...placement, trafficClass });
  const value = encodeStruct(circuitValue, {
    template,
    ...nextHopOf(placement),
    headerSum: options.family === 4 ? headerSum(template) : 0,
    variant: variantOf(options),
    policy: policyOf(session, attachment, placement),
    frameOctets: attachment.mtu + ETHERNET_HEADER_OCTETS,
    packetOctets: placement.packetOctets,
    sessionIndex: placement.sessionIndex,
    tagProtocol: attachment.vlan?.protocol ?? 0,
    vlanId: attachment.vlan?.idOnPseudowire ?? 0,
    exceptionPath: placement.exceptionInterface,
    segmenter: placement.segmenter?.segment ?? 0,
    exceptionEntry: placement.exceptionEntry ?? 0,
    ...clampOf(attachment),
  });
  const key = { interfaceIndex: placement.circuitInterface, vlan: vlanKey(attachment) };
  return [encodeStruct(circuitKey, key), value];
}

/** The entry of the array of routes. */
export function routeEntry(placement: Placement): readonly [key: Uint8Array, value: Uint8Array] {
  return [indexKey(placement.sessionIndex), encodeStruct(routeValue, nextHopOf(placement))];
}

/** Key of an index in the arrays. */
export function indexKey(sessionIndex: number): Uint8Array {
  return new Uint8Array(new Uint32Array([sessionIndex]).buffer);
}

/** The next hop, as a circuit's value and a route have it. */
function nextHopOf({ networkInterface, nextHop }: Placement): ValuesOf<typeof routeValue> {
  const nextHopFamily = nextHop.length === 4 ? AF_INET : AF_INET6;
  return { nextHopFamily, nextHop, interfaceIndex: networkInterface };
}

/** Stands for no index in the arrays. */
export const NO_INDEX = 0xffff_ffff;

/**
 * The circuit entry of a session that no program carries: `puntProgram` passes all its frames to the
 * exception path. `sessionIndex` is where the next daemon finds its sequence state.
 */
export function puntEntry(
  attachment: AttachmentCircuit,
  circuitInterface: number,
  exceptionInterface: number,
  {
    unsent = false,
    sessionIndex = NO_INDEX,
  }: { readonly unsent?: boolean; readonly sessionIndex?: number | undefined } = {},
): readonly [key: Uint8Array, value: Uint8Array] {
  const value = new Uint8Array(sizeOf(circuitValue));
  const view = new DataView(value.buffer);
  view.setUint32(circuitValue.variant.offset, PUNT_VARIANT, true);
  view.setUint32(circuitValue.exceptionPath.offset, exceptionInterface, true);
  view.setUint32(circuitValue.policy.offset, unsent ? policyBits.unsent : 0, true);
  view.setUint32(circuitValue.sessionIndex.offset, sessionIndex, true);
  return [encodeStruct(circuitKey, { interfaceIndex: circuitInterface, vlan: vlanKey(attachment) }), value];
}

/** The target of frames for the attached hosts. */
export function deliveryTargetOf({
  circuitInterface,
  deliver,
}: Pick<Placement, "circuitInterface" | "deliver">): DeliveryTarget {
  return { interfaceIndex: circuitInterface, redirectFlags: deliver === "in" ? redirectFlags.ingress : 0 };
}

/** The entry of the peer map. Throws InvariantError for what does not fit. */
export function peerEntry(
  session: SessionParameters,
  attachment: AttachmentCircuit,
  placement: Placement,
): readonly [key: Uint8Array, value: Uint8Array] {
  const value = encodeStruct(peerValue, {
    localAddress: placement.localAddress,
    remoteAddress: placement.remoteAddress,
    remotePort: session.path.remotePort,
    localPort: session.path.localPort,
    variant: variantOf(decapsulateOptions(session, attachment, placement)),
    cookie: session.receiveCookie,
    interfaceIndex: deliveryTargetOf(placement).interfaceIndex,
    sessionIndex: placement.sessionIndex,
    tagProtocol: attachment.vlan?.protocol ?? 0,
    vlanId: attachment.vlan?.id ?? 0,
    redirectFlags: deliveryTargetOf(placement).redirectFlags,
    coalescer: placement.segmenter?.coalesce ?? 0,
    exceptionEntry: placement.networkExceptionPath?.entry ?? 0,
    exceptionExit: placement.networkExceptionPath?.exit ?? 0,
    ...(attachment.sequenceRule ?? defaultSequenceRule),
    standby: session.receiveAllowed === false ? 1 : 0,
    hintsNs: 0,
    ...clampOf(attachment),
  });
  return [encodeStruct(peerKey, { sessionId: session.localSessionId }), value];
}

/** A session's sequence state, for people and tests. */
export const decodeSequence = (octets: Uint8Array) => decodeStruct(sequenceValue, octets);
