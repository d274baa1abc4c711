import { linux, recvmmsg } from "../../os/libc.ts";
import { SOCKADDR_OCTETS } from "../../os/memory.ts";
import { coalescedOctets } from "../../os/udp-offload.ts";
import { S_BIT } from "../../wire/data-header.ts";
import { type DiscardReason, discardIndex } from "../discard-reasons.ts";
import { clampMss } from "../mss.ts";
import { type Arena, RECEIVE_BATCH } from "./arena.ts";
import type { CircuitSender } from "./circuit-sender.ts";
import type { WorkerEndpoint } from "./commands.ts";
import {
  CHANNEL_MESSAGE,
  decapsulateInPlace,
  FRAGMENT_OF_FRAME,
  isHintInPlace,
  leaveFrame,
} from "./fast-path.ts";
import { FrameRecorder } from "./frame-recorder.ts";
import { Reassembler } from "./reassembler.ts";
import { SLOT_HEADROOM_OCTETS } from "./reassembly-slots.ts";
import { ReceiveBuffers } from "./receive-buffers.ts";
import { counterCells, NO_SLOT, UNATTRIBUTED_ROW } from "./session-record.ts";
import type { ForwardedSession, Tables } from "./tables.ts";
import type { CounterWriter } from "./transmitter.ts";

/** Batches read from one socket before the next ready descriptor is served. */
const MOST_BATCHES = 4;
/** Datagrams processed before that: by UDP GRO one message may hold many. */
const MOST_DATAGRAMS = 4096;
const T_BIT = 0x80;
const verdictOf = (reason: DiscardReason): number => -1 - discardIndex[reason];
const TRUNCATED = verdictOf("truncated");
const BAD_VERSION = verdictOf("bad-version");
const UNKNOWN_SESSION = verdictOf("unknown-session");
const WRONG_PEER = verdictOf("wrong-peer");

/**
 * Called with each control message received on a data socket: `start` is its offset in the arena, `name` that
 * of its sender's socket address in the arena's tables.
 */
export type ControlHandler = (endpoint: WorkerEndpoint, start: number, length: number, name: number) => void;

/**
 * Called with each message of a session's control channel: `start` and `length` are of what follows the
 * cookie.
 */
export type ChannelHandler = (session: ForwardedSession, start: number, length: number) => void;

/**
 * Called with each message of `octets` from elsewhere than the session's peer that has the session's cookie
 * of 8 octets: `name` is the offset of its sender's socket address in the arena's tables.
 */
export type HintHandler = (
  endpoint: WorkerEndpoint,
  session: ForwardedSession,
  name: number,
  octets: number,
) => void;

/**
 * The direction from the peers to the attachment circuits: reads datagrams in batches, checks each one and
 * strips the L2TPv3 header.
 */
export class PsnReceiver {
  readonly #arena: Arena;
  readonly #tables: Tables;
  readonly #counters: CounterWriter;
  readonly #circuitSender: CircuitSender;
  readonly #recorder: FrameRecorder;
  readonly #recordingSender: Pick<CircuitSender, "push">;
  /** Where frames for circuits go in this batch: to their sender, or for captures too. */
  #deliverBy: Pick<CircuitSender, "push">;
  readonly #control: ControlHandler;
  readonly #channel: ChannelHandler;
  readonly #hint: HintHandler;
  readonly #buffers: ReceiveBuffers;
  readonly reassembler: Reassembler;

  constructor(
    arena: Arena,
    tables: Tables,
    counters: CounterWriter,
    circuitSender: CircuitSender,
    control: ControlHandler,
    channel: ChannelHandler,
    hint: HintHandler,
    recorder = new FrameRecorder(arena),
  ) {
    this.#arena = arena;
    this.#recorder = recorder;
    this.#recordingSender = recorder.inFrontOf(circuitSender);
    this.#deliverBy = circuitSender;
    this.#tables = tables;
    this.#counters = counters;
    this.#circuitSender = circuitSender;
    this.#control = control;
    this.#channel = channel;
    this.#hint = hint;
    this.#buffers = new ReceiveBuffers(arena, true);
    this.reassembler = new Reassembler(arena, counters, () => circuitSender.flush());
  }

  /**
   * Reads a socket's datagrams and delivers their frames. True if a pause before the next read pays: it was
   * bulk data without UDP GRO, and so little of it that the coalesced GSO packets were short.
   */
  serve(endpoint: WorkerEndpoint): boolean {
    const buffers = this.#buffers;
    const { view } = this.#arena.tables;
    let oneByOne = true;
    let processed = 0;
    for (let batch = 0; batch < MOST_BATCHES && processed < MOST_DATAGRAMS; batch += 1) {
      const count = recvmmsg(endpoint.fd, buffers.address, RECEIVE_BATCH, linux.MSG_DONTWAIT, 0);
      this.#deliverBy = this.#recorder.beginBatch() ? this.#recordingSender : this.#circuitSender;
      for (let index = 0; index < count; index += 1) {
        const size = coalescedOctets(view, buffers.control(index), buffers.controlLength(index));
        if (size > 0) oneByOne = false;
        const octets = buffers.length(index);
        processed += size > 0 ? Math.ceil(octets / size) : 1;
        this.processMessage(endpoint, buffers.start(index), octets, size, buffers.name(index));
      }
      const coalesced = this.#circuitSender.flush();
      this.reassembler.sent();
      if (count > 0) buffers.recycle(count);
      if (count < RECEIVE_BATCH) return oneByOne && coalesced > 0;
    }
    return false;
  }

  /**
   * Processes one received message: datagrams of `size` octets each, the last one perhaps shorter (UDP GRO),
   * or with size 0 a single datagram. Each is checked by itself: UDP GRO coalesces datagrams of equal length
   * whatever they are, so control messages may be among the data.
   */
  processMessage(endpoint: WorkerEndpoint, start: number, octets: number, size: number, name: number): void {
    if (size <= 0 || size >= octets) return this.#processDatagram(endpoint, start, octets, name);
    for (let at = 0; at < octets; at += size) {
      this.#processDatagram(endpoint, start + at, Math.min(size, octets - at), name);
    }
  }

  #processDatagram(endpoint: WorkerEndpoint, received: number, octets: number, name: number): void {
    const { view } = this.#arena;
    let start = received;
    let length = octets;
    if (endpoint.encapsulation === "udp") {
      if (length < 2) return this.#counters.discarded(UNATTRIBUTED_ROW, TRUNCATED);
      if ((view.getUint8(start) & T_BIT) !== 0) return this.#control(endpoint, start, length, name);
      if ((view.getUint8(start + 1) & 0xf) !== 3)
        return this.#counters.discarded(UNATTRIBUTED_ROW, BAD_VERSION);
      start += 4;
      length -= 4;
    } else if (!endpoint.isV6) {
      // IPv4 raw sockets deliver the IP header too (raw(7)).
      const headerOctets = length === 0 ? 0 : (view.getUint8(start) & 0xf) * 4;
      start += headerOctets;
      length -= headerOctets;
    }
    if (length < 4) return this.#counters.discarded(UNATTRIBUTED_ROW, TRUNCATED);
    const session = this.#tables.sessions.get(view.getInt32(start));
    if (session === undefined) return this.#counters.discarded(UNATTRIBUTED_ROW, UNKNOWN_SESSION);
    const isForSession = session.fd === endpoint.fd;
    if (!isForSession || !this.#isFromPeer(name, session, endpoint)) {
      this.#discard(session, start + 4, length - 4, WRONG_PEER);
      // One that went to another address of ours says nothing of where the peer is.
      if (isForSession && isHintInPlace(view, start + 4, length - 4, session))
        this.#hint(endpoint, session, name, session.isUdp ? length + 4 : length);
      return;
    }
    const frame = decapsulateInPlace(view, start + 4, length - 4, session);
    if (frame === CHANNEL_MESSAGE) {
      const sublayer = start + 4 + session.receiveCookieOctets;
      return this.#channel(session, sublayer, start + length - sublayer);
    }
    if (frame === FRAGMENT_OF_FRAME) {
      const sublayer = start + 4 + session.receiveCookieOctets;
      return this.#receiveFragment(session, sublayer, start + length - sublayer);
    }
    if (frame < 0) return this.#discard(session, start + 4, length - 4, frame);
    // A whole frame with a number came between the fragments of one that is incomplete.
    if (session.incomplete.slot !== NO_SLOT && (view.getUint32(frame - 4) & S_BIT) !== 0)
      this.reassembler.abandon(session);
    this.#deliver(session, frame, start + length - frame, received);
  }

  /** Counts a message of a session as discarded. What follows its Session ID is at `start`. */
  #discard(session: ForwardedSession, start: number, length: number, verdict: number): void {
    this.#counters.discarded(session.row, verdict);
    if (this.#recorder.isUsed) this.#recorder.discardedMessage(session, start, length, verdict);
  }

  /** Sends a frame to the circuit. */
  #deliver(session: ForwardedSession, frame: number, frameOctets: number, free: number): void {
    const { mssClamp } = session;
    if (mssClamp !== undefined && clampMss(this.#arena.view, frame, frameOctets, mssClamp))
      this.#counters.add(session.row, counterCells.receivedClamped);
    this.#deliverBy.push(session, frame, frameOctets, free);
  }

  #receiveFragment(session: ForwardedSession, sublayer: number, length: number): void {
    const { reassembler } = this;
    if (!reassembler.receive(session, sublayer, length)) return;
    const { frame, frameOctets } = reassembler;
    const verdict = leaveFrame(this.#arena.view, frame, frameOctets, session);
    if (verdict < 0) return this.#counters.discarded(session.row, verdict);
    this.#deliver(session, verdict, frameOctets, frame - SLOT_HEADROOM_OCTETS);
  }

  #isFromPeer(name: number, session: ForwardedSession, endpoint: WorkerEndpoint): boolean {
    const { view } = this.#arena.tables;
    if (endpoint.encapsulation === "udp" && view.getUint16(name + 2) !== view.getUint16(session.name + 2))
      return false;
    if (session.nameOctets !== SOCKADDR_OCTETS)
      return view.getInt32(name + 4) === view.getInt32(session.name + 4);
    let difference = 0;
    for (let offset = 8; offset < 24; offset += 4) {
      difference |= view.getInt32(name + offset) ^ view.getInt32(session.name + offset);
    }
    return difference === 0;
  }
}
