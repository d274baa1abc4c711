import { outerTagBeside } from "../../os/auxdata.ts";
import { errno, errnoName, linux, read, recvmmsg, sendto } from "../../os/libc.ts";
import { VNET_HEADER_OCTETS } from "../../os/memory.ts";
import { TAG_OCTETS } from "../../wire/ethernet.ts";
import { discardIndex } from "../discard-reasons.ts";
import { clampMss, NO_CHECKSUM } from "../mss.ts";
import { sequenceWords } from "../sequencing.ts";
import { type Arena, RECEIVE_BATCH } from "./arena.ts";
import { checkFrame, trafficClassOfFrame, writeHeader } from "./fast-path.ts";
import { Fragmenter } from "./fragmenter.ts";
import { FrameRecorder } from "./frame-recorder.ts";
import type { PsnSender } from "./psn-sender.ts";
import { ReceiveBuffers } from "./receive-buffers.ts";
import {
  completeChecksum,
  newSegments,
  type Offload,
  parseSegments,
  segmentOctets,
  writeSegmentHeaders,
} from "./segmentation.ts";
import { counterCells, UNATTRIBUTED_ROW } from "./session-record.ts";
import { type DeviceRecord, type ForwardedSession, sessionOfFrame } from "./tables.ts";
import { isTooLong, type TooBigAnswers } from "./too-big-answers.ts";
import type { CounterWriter } from "./transmitter.ts";

/** Batches read from one circuit before the next ready descriptor is served. */
const MOST_BATCHES = 4;
/**
 * Frames sent before that, however few were read: one GSO packet of 64 KiB can have thousands of segments.
 */
const MOST_SENT = 4096;
const NO_PSEUDOWIRE = -1 - discardIndex["no-pseudowire"];
const OVERSIZE = -1 - discardIndex.oversize;
const PATH_MTU = -1 - discardIndex["path-mtu"];
const PEER_MRRU = -1 - discardIndex["peer-mrru"];
const RUNT = -1 - discardIndex.runt;
const BAD_OFFLOAD = -1 - discardIndex["bad-offload"];
/** VIRTIO_NET_HDR_F_NEEDS_CSUM: the checksum is partial, the sender left it to its network card. */
const NEEDS_CHECKSUM = 1;
/** Length of a read from a TAP device: a GSO packet of 64 KiB with its headers. */
const MOST_TAP_OCTETS = 65_600;
/** Headroom for our header in front of copied headers; it aligns the copied IP header at 0 modulo 4. */
const COPY_HEADROOM_OCTETS = 22;

/** Whether the eBPF programs assign the sequence numbers of a session's frames. */
function programsNumber({ numbering, sequences }: ForwardedSession): boolean {
  return numbering !== 0 && Atomics.load(sequences, sequenceWords.heldByUserspace) === 0;
}

/**
 * The direction from the attachment circuits to the peers: reads frames in batches, segments GSO packets,
 * completes partial checksums and prepends the L2TPv3 header.
 */
export class CircuitReceiver {
  readonly #arena: Arena;
  readonly #counters: CounterWriter;
  readonly #psnSender: PsnSender;
  readonly #fragmenter: Fragmenter;
  readonly #answers: TooBigAnswers;
  readonly #buffers: ReceiveBuffers;
  readonly #segments = newSegments();
  readonly #recorder: FrameRecorder;
  /** The frame that is processed, and why it was discarded: 0 if it was not. */
  #frame = 0;
  #length = 0;
  #verdict = 0;
  /** Frames sent in this turn. */
  #sent = 0;
  /** How many buffers hold a received frame, and the index of the first one not yet processed. */
  #filled = 0;
  #next = 0;
  /** The circuit of the frames that are still to be processed. */
  #waiting: DeviceRecord | undefined;
  readonly #offload: Offload = {
    gsoType: 0,
    gsoSize: 0,
    needsChecksum: false,
    checksumStart: 0,
    checksumOffset: 0,
  };

  constructor(
    arena: Arena,
    counters: CounterWriter,
    psnSender: PsnSender,
    answers: TooBigAnswers,
    recorder = new FrameRecorder(arena),
  ) {
    this.#arena = arena;
    this.#recorder = recorder;
    this.#counters = counters;
    this.#psnSender = psnSender;
    this.#fragmenter = new Fragmenter(arena, psnSender);
    this.#answers = answers;
    this.#buffers = new ReceiveBuffers(arena, false);
  }

  /** Whether frames that were read wait for `resume`. */
  get hasWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /**
   * Reads a circuit's frames and sends them to its peers. Does nothing while frames of another circuit are
   * still in the buffers.
   */
  serve(circuit: DeviceRecord): void {
    if (this.#waiting !== undefined) return;
    this.#sent = 0;
    for (let batch = 0; batch < MOST_BATCHES && this.#sent < MOST_SENT; batch += 1) {
      const count = circuit.kind === "tap" ? this.#serveTap(circuit) : this.#serveInterface(circuit);
      this.#psnSender.flush();
      if (count < RECEIVE_BATCH) return;
    }
  }

  /** Processes frames left over from an earlier turn, at most MOST_SENT. */
  resume(): void {
    if (this.#waiting === undefined) return;
    this.#sent = 0;
    this.#processBuffers(this.#waiting);
    this.#psnSender.flush();
  }

  #serveInterface(circuit: DeviceRecord): number {
    const buffers = this.#buffers;
    const count = recvmmsg(circuit.readFd, buffers.address, RECEIVE_BATCH, linux.MSG_DONTWAIT, 0);
    if (count < 0) return this.#failed(circuit);
    this.#next = 0;
    this.#filled = count;
    this.#processBuffers(circuit);
    return count;
  }

  /** Processes the frames in the buffers until the turn is over; the rest waits for `resume`. */
  #processBuffers(circuit: DeviceRecord): void {
    const buffers = this.#buffers;
    if (this.#recorder.beginBatch()) this.#recordBuffers(circuit);
    while (this.#next < this.#filled && this.#sent < MOST_SENT) {
      const index = this.#next;
      if (this.#isWhole(index))
        this.#processFrame(circuit, buffers.start(index), buffers.length(index), index);
      this.#next += 1;
    }
    this.#waiting = this.#next < this.#filled ? circuit : undefined;
    if (this.#waiting === undefined) buffers.recycle(this.#filled);
  }

  /** As `#processBuffers`, for captures too. */
  #recordBuffers(circuit: DeviceRecord): void {
    const buffers = this.#buffers;
    while (this.#next < this.#filled && this.#sent < MOST_SENT) {
      const index = this.#next;
      if (this.#isWhole(index))
        this.#recordFrame(circuit, buffers.start(index), buffers.length(index), index);
      this.#next += 1;
    }
  }

  /** Whether all of a frame was read; one that was cut is counted. */
  #isWhole(index: number): boolean {
    if ((this.#buffers.flags(index) & linux.MSG_TRUNC) === 0) return true;
    this.#counters.discarded(UNATTRIBUTED_ROW, OVERSIZE);
    return false;
  }

  #serveTap(circuit: DeviceRecord): number {
    if (this.#recorder.beginBatch()) return this.#recordTap(circuit);
    for (let index = 0; index < RECEIVE_BATCH && this.#sent < MOST_SENT; index += 1) {
      const octets = this.#readTap(circuit, index);
      if (octets <= 0) return index;
      this.#processFrame(circuit, this.#buffers.start(index), octets, -1);
    }
    return RECEIVE_BATCH;
  }

  /** As `#serveTap`, for captures too. */
  #recordTap(circuit: DeviceRecord): number {
    for (let index = 0; index < RECEIVE_BATCH && this.#sent < MOST_SENT; index += 1) {
      const octets = this.#readTap(circuit, index);
      if (octets <= 0) return index;
      this.#recordFrame(circuit, this.#buffers.start(index), octets, -1);
    }
    return RECEIVE_BATCH;
  }

  /** Reads a frame into a buffer; 0 or less when there is none. */
  #readTap(circuit: DeviceRecord, index: number): number {
    const address = this.#buffers.bufferAddress(index, MOST_TAP_OCTETS);
    const octets = read(circuit.readFd, address, MOST_TAP_OCTETS);
    if (octets <= 0) this.#failed(circuit);
    return octets;
  }

  /**
   * A read without a frame. The queue is empty or the device is down: then epoll reports the next change. The
   * descriptor of a deleted device must not be polled again. EINVAL: the kernel has dropped a GSO packet that
   * no virtio-net header can describe, such as one of SCTP.
   */
  #failed(circuit: DeviceRecord): number {
    const name = errnoName(errno());
    if (name === "EINVAL") this.#counters.discarded(UNATTRIBUTED_ROW, BAD_OFFLOAD);
    if (name === "EBADFD" || name === "EBADF") circuit.isAlive = false;
    return 0;
  }

  /** Processes a frame with its virtio-net header. `index` is that of its ancillary data, -1 for none. */
  #processFrame(circuit: DeviceRecord, start: number, octets: number, index: number): void {
    const session = this.#takeFrame(circuit, start, octets, index);
    if (session !== undefined) this.#forward(circuit, session);
  }

  /** As `#processFrame`, and gives the frame to captures as it was read. */
  #recordFrame(circuit: DeviceRecord, start: number, octets: number, index: number): void {
    const session = this.#takeFrame(circuit, start, octets, index);
    if (session === undefined) return;
    this.#recorder.stage(session, this.#frame, this.#length);
    this.#verdict = 0;
    this.#forward(circuit, session);
    this.#recorder.publish(false, this.#verdict);
  }

  /** Finds a frame in its buffer, with its offload and its session; undefined for one that was discarded. */
  #takeFrame(
    circuit: DeviceRecord,
    start: number,
    octets: number,
    index: number,
  ): ForwardedSession | undefined {
    const { view } = this.#arena;
    let frame = start + VNET_HEADER_OCTETS;
    let length = octets - VNET_HEADER_OCTETS;
    const offload = this.#offload;
    offload.needsChecksum = (view.getUint8(start) & NEEDS_CHECKSUM) !== 0;
    offload.gsoType = view.getUint8(start + 1);
    offload.gsoSize = view.getUint16(start + 4, true);
    offload.checksumStart = view.getUint16(start + 6, true);
    offload.checksumOffset = view.getUint16(start + 8, true);
    if (index >= 0 && this.#restoreTag(frame, index)) {
      frame -= TAG_OCTETS;
      length += TAG_OCTETS;
      offload.checksumStart += TAG_OCTETS;
    }
    this.#frame = frame;
    this.#length = length;
    const session = length < 14 ? undefined : sessionOfFrame(view, frame, length, circuit);
    if (session === undefined) this.#counters.discarded(UNATTRIBUTED_ROW, length < 14 ? RUNT : NO_PSEUDOWIRE);
    return session;
  }

  #forward(circuit: DeviceRecord, session: ForwardedSession): void {
    const frame = this.#frame;
    const length = this.#length;
    if (programsNumber(session) && this.#returnToPrograms(circuit, frame, length)) return;
    if (this.#offload.gsoType === 0) this.#sendFrame(session, frame, length);
    else this.#sendSegments(session, frame, length);
  }

  /** Counts a frame, or some of its segments, as discarded. */
  #discard({ row }: ForwardedSession, verdict: number, frames = 1): void {
    this.#verdict = verdict;
    this.#counters.discarded(row, verdict, frames);
  }

  /** Puts the outer VLAN tag back, which the kernel delivers in ancillary data (PACKET_AUXDATA). */
  #restoreTag(frame: number, index: number): boolean {
    const { tables, view, octets } = this.#arena;
    const tag = outerTagBeside(tables.view, this.#buffers.control(index), this.#buffers.controlLength(index));
    if (tag < 0) return false;
    octets.copyWithin(frame - TAG_OCTETS, frame, frame + 12);
    view.setUint32(frame + 8, tag);
    return true;
  }

  /**
   * Sends a frame back to the eBPF programs, which have taken over its session's sequence numbers while it
   * was in our queue: with a number of ours it could be overtaken by one of theirs. It leaves by the
   * interface it came from, the veth end opposite to the one with the programs. True if the kernel took it.
   */
  #returnToPrograms(circuit: DeviceRecord, frame: number, length: number): boolean {
    const { view } = this.#arena;
    const { gsoType, gsoSize, needsChecksum, checksumStart, checksumOffset } = this.#offload;
    const header = frame - VNET_HEADER_OCTETS;
    view.setUint8(header, needsChecksum ? NEEDS_CHECKSUM : 0);
    view.setUint8(header + 1, gsoType);
    view.setUint16(header + 2, 0, true);
    view.setUint16(header + 4, gsoSize, true);
    view.setUint16(header + 6, checksumStart, true);
    view.setUint16(header + 8, checksumOffset, true);
    const octets = VNET_HEADER_OCTETS + length;
    return sendto(circuit.readFd, this.#arena.address(header, octets), octets, linux.MSG_DONTWAIT, 0, 0) >= 0;
  }

  #sendFrame(session: ForwardedSession, frame: number, length: number): void {
    const { view } = this.#arena;
    const verdict = checkFrame(view, frame, length, length, session);
    // What an answer quotes is as it would have left.
    if (isTooLong(session, verdict, length)) {
      this.#completeChecksum(frame, length);
      if (this.#answers.takes(session, frame, length)) return;
    }
    if (verdict < 0) return this.#discard(session, verdict);
    this.#clamp(session, frame, length);
    this.#completeChecksum(frame, length);
    if (length > session.fragmentOctets) return this.#sendFragments(session, frame, length);
    // The octets in front of the frame are headroom, or its virtio-net header, which has been read.
    const header = frame - session.transmitHeaderOctets;
    const headerOctets = writeHeader(view, header, session, frame, length);
    this.#psnSender.setTarget(session);
    this.#psnSender.addVector(header, headerOctets + length);
    this.#psnSender.push(session, length, trafficClassOfFrame(view, frame, length, session));
    this.#sent += 1;
  }

  #sendFragments(session: ForwardedSession, frame: number, length: number): void {
    const count = this.#fragmenter.count(session, length);
    this.#psnSender.setTarget(session);
    this.#psnSender.reserve(count);
    const trafficClass = trafficClassOfFrame(this.#arena.view, frame, length, session);
    this.#fragmenter.send(session, frame, length, frame + length, 0, trafficClass);
    this.#sent += count;
  }

  /** Completes a partial checksum, once. */
  #completeChecksum(frame: number, length: number): void {
    const offload = this.#offload;
    if (!offload.needsChecksum) return;
    completeChecksum(this.#arena, frame, length, offload, this.#segments.chain);
    offload.needsChecksum = false;
  }

  /** Lowers the MSS of a SYN. A checksum that is still to be completed covers it then. */
  #clamp(session: ForwardedSession, frame: number, length: number): void {
    const { mssClamp } = session;
    if (mssClamp === undefined) return;
    const { needsChecksum, checksumStart } = this.#offload;
    const partial = needsChecksum ? frame + checksumStart : NO_CHECKSUM;
    if (clampMss(this.#arena.view, frame, length, mssClamp, partial))
      this.#counters.add(session.row, counterCells.transmittedClamped);
  }

  #sendSegments(session: ForwardedSession, frame: number, length: number): void {
    const { view } = this.#arena;
    const segments = this.#segments;
    if (!parseSegments(this.#arena, frame, length, this.#offload, segments)) {
      return this.#discard(session, BAD_OFFLOAD);
    }
    const { headerOctets, payload, size, count } = segments;
    const admitted = (first: number): number =>
      checkFrame(view, frame, length, headerOctets + segmentOctets(segments, first), session);
    // All segments have the same length but the last one, which may fit where the others do not.
    let first = 0;
    let verdict = admitted(first);
    if (isTooLong(session, verdict, headerOctets + segmentOctets(segments, 0))) {
      first = this.#answers.takesSegments(session, segments, admitted(count - 1));
      if (first === count) return;
      verdict = admitted(first);
    }
    if ((verdict === OVERSIZE || verdict === PEER_MRRU || verdict === PATH_MTU) && count - first > 1) {
      this.#discard(session, verdict, count - 1);
      first = count - 1;
      verdict = admitted(first);
    }
    if (verdict < 0) return this.#discard(session, verdict, count - first);
    this.#clamp(session, frame, length);
    this.#psnSender.setTarget(session);
    this.#sent += count;
    const trafficClass = trafficClassOfFrame(view, frame, length, session);
    for (let index = first; index < count; index += 1) {
      const payloadOctets = segmentOctets(segments, index);
      const fragments = this.#fragmenter.count(session, headerOctets + payloadOctets);
      if (fragments > 1) this.#psnSender.reserve(fragments);
      const copy = this.#psnSender.allocateHeader(COPY_HEADROOM_OCTETS + headerOctets) + COPY_HEADROOM_OCTETS;
      writeSegmentHeaders(this.#arena, segments, index, copy);
      if (fragments > 1) {
        const from = payload + index * size;
        this.#fragmenter.send(session, copy, headerOctets, from, payloadOctets, trafficClass);
        this.#sent += fragments - 1;
        continue;
      }
      const header = copy - session.transmitHeaderOctets;
      const octets = writeHeader(view, header, session, copy, headerOctets);
      this.#psnSender.addVector(header, octets + headerOctets);
      this.#psnSender.addVector(payload + index * size, payloadOctets);
      this.#psnSender.push(session, headerOctets + payloadOctets, trafficClass);
    }
  }
}
