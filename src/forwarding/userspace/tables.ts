import { SystemError } from "../../os/errors.ts";
import { writeSocketAddress } from "../../os/sockets.ts";
import { outerTagProtocol, outerVlanId, TPID_CUSTOMER, TPID_SERVICE } from "../../wire/ethernet.ts";
import { defaultSequenceRule, type SessionParameters } from "../../wire/session-parameters.ts";
import { mssClampOf } from "../mss.ts";
import type { AttachmentCircuit } from "../plane.ts";
import { receivedWords, sequenceWords } from "../sequencing.ts";
import { tooBigLimitOf } from "../too-big.ts";
import type { AnswerBucket } from "../too-big-rate.ts";
import { type Arena, NAME_OCTETS } from "./arena.ts";
import type { WorkerDevice, WorkerEndpoint } from "./commands.ts";
import {
  fragmentsOf,
  MOST_SESSIONS,
  newSessionRecord,
  type SessionRecord,
  takeOverNumbers,
  trafficClassFor,
} from "./session-record.ts";

const VLAN_IDS = 4096;
const IPV4_HEADER_OCTETS = 20;
const IPV6_HEADER_OCTETS = 40;
const UDP_HEADER_OCTETS = 8;

/** The address to which a session's messages are sent; it changes with the path to the peer. */
interface PeerAddress {
  fd: number;
  /** Octets of the peer's socket address. */
  nameOctets: number;
  /** Whether the socket is of IPv6, and the traffic class of messages that set none. */
  isV6: boolean;
  socketTrafficClass: number;
  /** Whether several of its messages may be one send (UDP GSO). */
  mayGroup: boolean;
  /** Whether IP may fragment its messages, though the socket's setting is that it may not. */
  needsOuterFragments: boolean;
}

/**
 * What came with a session's cookie from elsewhere than its peer: of one sender, in the second since it was
 * told of.
 */
export interface SessionHints {
  /** When its sender was told of, in ms of the worker's clock. */
  toldMs: number;
  /** The sender's port and the words of its address. */
  port: number;
  readonly words: Int32Array;
  /** Messages that came from there within a second from then on. */
  messages: number;
}

/** A session with the address and the circuit that it forwards between. */
export interface ForwardedSession extends SessionRecord, PeerAddress {
  /** Offset of the peer's socket address in the arena's tables. */
  readonly name: number;
  readonly circuit: DeviceRecord;
  readonly pseudowire: string;
  /**
   * Messages of `refusedOctets` or more that are still to be sent singly: the kernel refused a group of them.
   */
  ungroupedLeft: number;
  refusedOctets: number;
  /** What came with its cookie from elsewhere than its peer; undefined before the first time. */
  hints: SessionHints | undefined;
  /** How many answers to packets that are too big it may still give; undefined before the first one. */
  answers: AnswerBucket | undefined;
}

/** A circuit device with the sessions bound to it. */
export interface DeviceRecord extends WorkerDevice {
  port: ForwardedSession | undefined;
  /** By VLAN ID; empty as long as there is no session of a VLAN. */
  customer: (ForwardedSession | undefined)[];
  service: (ForwardedSession | undefined)[];
  /** False once the device is gone for good: its descriptor is polled no more. */
  isAlive: boolean;
  /** Frames that are still to be sent uncoalesced: the device refused a GSO packet. */
  uncoalescedLeft: number;
  /**
   * Octets of the longest frame without tags that its interface takes, and when that was looked up, in ms of
   * the worker's clock.
   */
  longestFrame: number;
  lookedUpMs: number;
}

/** The session that carries a frame, by its outer tag or for the whole port. */
export function sessionOfFrame(
  view: DataView,
  start: number,
  length: number,
  circuit: DeviceRecord,
): ForwardedSession | undefined {
  if (circuit.port !== undefined) return circuit.port;
  const protocol = outerTagProtocol(view, start, length);
  if (protocol === 0) return undefined;
  const byVlan = protocol === TPID_CUSTOMER ? circuit.customer : circuit.service;
  return byVlan[outerVlanId(view, start)];
}

/** The worker's endpoints, circuits and sessions. */
export class Tables {
  readonly endpoints = new Map<number, WorkerEndpoint>();
  readonly circuits = new Map<string, DeviceRecord>();
  readonly sessions = new Map<number, ForwardedSession>();
  readonly #arena: Arena;
  readonly #names: number;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#names = arena.tables.take((MOST_SESSIONS + 1) * NAME_OCTETS);
  }

  openCircuit(opened: WorkerDevice): DeviceRecord {
    const vlans = { port: undefined, customer: [], service: [] };
    const circuit = {
      ...opened,
      ...vlans,
      isAlive: true,
      uncoalescedLeft: 0,
      longestFrame: 0,
      lookedUpMs: Number.NEGATIVE_INFINITY,
    };
    this.circuits.set(circuit.name, circuit);
    return circuit;
  }

  /** Sessions still on the circuit go with it. */
  closeCircuit(name: string): void {
    const circuit = this.circuits.get(name);
    if (circuit === undefined) return;
    // Frames that were read may still wait: they have no session now.
    circuit.port = undefined;
    circuit.customer = [];
    circuit.service = [];
    for (const session of this.sessions.values()) {
      if (session.circuit === circuit) this.sessions.delete(session.localSessionId);
    }
    this.circuits.delete(name);
  }

  /** `sequences` is where its numbers are kept; default memory of its own. */
  addSession(
    row: number,
    fd: number,
    parameters: SessionParameters,
    attachment: AttachmentCircuit,
    sequences?: Int32Array,
  ): void {
    const circuit = this.circuits.get(attachment.device);
    if (circuit === undefined) {
      const target = `attachment circuit ${attachment.device}, which is not open`;
      throw new SystemError("add a session", { errno: "ENODEV", target });
    }
    const name = this.#names + row * NAME_OCTETS;
    const session: ForwardedSession = {
      ...newSessionRecord(row, parameters, attachment, sequences),
      ...this.#addressOf(name, fd, parameters),
      name,
      circuit,
      pseudowire: parameters.pseudowire,
      ungroupedLeft: 0,
      refusedOctets: 0,
      hints: undefined,
      answers: undefined,
    };
    session.longestWhole = this.#longestWhole(session, attachment);
    this.sessions.set(session.localSessionId, session);
  }

  /** Nothing of the session may wait to be sent: its path may change. */
  updateSession(fd: number, parameters: SessionParameters, attachment: AttachmentCircuit): void {
    const session = this.sessions.get(parameters.localSessionId | 0);
    if (session === undefined) return;
    Object.assign(session, this.#addressOf(session.name, fd, parameters));
    session.ungroupedLeft = 0;
    session.transmitAllowed = parameters.transmitAllowed;
    session.receiveAllowed = parameters.receiveAllowed ?? true;
    session.trafficClass = trafficClassFor(attachment);
    session.sequenceRule = attachment.sequenceRule ?? defaultSequenceRule;
    session.mssClamp = mssClampOf(attachment);
    Object.assign(session, fragmentsOf(parameters, attachment));
    session.tooBig = tooBigLimitOf(attachment);
    session.longestWhole = this.#longestWhole(session, attachment);
  }

  #longestWhole(session: ForwardedSession, { pathMtuOctets }: AttachmentCircuit): number {
    const { fd, isV6, isUdp, transmitHeaderOctets } = session;
    if (pathMtuOctets === undefined || this.endpoints.get(fd)?.fragmentation !== "none")
      return Number.POSITIVE_INFINITY;
    const outerOctets = (isV6 ? IPV6_HEADER_OCTETS : IPV4_HEADER_OCTETS) + (isUdp ? UDP_HEADER_OCTETS : 0);
    return pathMtuOctets - outerOctets - transmitHeaderOctets;
  }

  /** Writes the peer's socket address to `name`. */
  #addressOf(name: number, fd: number, { path, transmitFragments }: SessionParameters): PeerAddress {
    const into = this.#arena.tables.octets.subarray(name, name + NAME_OCTETS);
    const nameOctets = writeSocketAddress(into, path.remoteAddress, path.remotePort);
    const endpoint = this.endpoints.get(fd);
    const isWhole = transmitFragments !== undefined || endpoint?.fragmentation !== "pseudowire";
    return {
      fd,
      nameOctets,
      isV6: endpoint?.isV6 ?? false,
      socketTrafficClass: endpoint?.trafficClass ?? 0,
      mayGroup: endpoint?.takesSegments ?? false,
      needsOuterFragments: !isWhole,
    };
  }

  /**
   * Leaves a session's numbers to programs. Nothing that the worker numbered may wait to be sent. Frames that
   * it has still to read go to the programs then; it checks messages that it has still to read by its own
   * memory, and programs begin where that is now.
   */
  releaseNumbers(localSessionId: number): void {
    const session = this.sessions.get(localSessionId | 0);
    if (session === undefined || Atomics.load(session.sequences, sequenceWords.heldByUserspace) === 0) return;
    takeOverNumbers(session);
    for (const name of receivedWords) session.sequences[sequenceWords[name]] = session[name];
    session.ownsNumbers = false;
    Atomics.store(session.sequences, sequenceWords.heldByUserspace, 0);
  }

  removeSession(localSessionId: number): void {
    const session = this.sessions.get(localSessionId | 0);
    if (session === undefined) return;
    this.sessions.delete(localSessionId | 0);
    this.#bind(session, undefined);
  }

  /** Frames of the session's circuit are its own from now on, and no longer another's. */
  bindCircuit(localSessionId: number): void {
    const session = this.sessions.get(localSessionId | 0);
    if (session !== undefined) this.#bind(session, session);
  }

  /** `undefined` unbinds the session, where it is bound. */
  #bind(session: ForwardedSession, value: ForwardedSession | undefined): void {
    const { circuit, vlanId, tagProtocol } = session;
    if (vlanId < 0) {
      if (value !== undefined || circuit.port === session) circuit.port = value;
      return;
    }
    const kind = tagProtocol === TPID_SERVICE ? "service" : "customer";
    if (circuit[kind].length === 0) circuit[kind] = new Array(VLAN_IDS).fill(undefined);
    const byVlan = circuit[kind];
    if (value !== undefined || byVlan[vlanId] === session) byVlan[vlanId] = value;
  }
}
