import { InvariantError } from "../../bytes/errors.ts";
import { setTrafficClass, TRAFFIC_CLASS_OCTETS, writeTrafficClassControl } from "../../os/traffic-class.ts";
import {
  MOST_UDP_SEGMENTS,
  setSegmentOctets,
  UDP_OFFLOAD_OCTETS,
  writeSegmentControl,
} from "../../os/udp-offload.ts";
import type { Arena } from "./arena.ts";
import { type FramePart, framePart } from "./frame-parts.ts";
import { MmsghdrTable, VectorTable } from "./mmsghdr-table.ts";
import type { ForwardedSession } from "./tables.ts";

/** Messages of one sendmmsg(2). */
export const TRANSMIT_BATCH = 256;
/** Frames in the messages of one sendmmsg(2). */
export const MOST_FRAMES = 512;
/** Frames of one message. */
export const MOST_IN_MESSAGE = MOST_UDP_SEGMENTS;
/** Vectors of one frame: headers in front of it, the frame or its payload, padding. */
const FRAME_VECTORS = 3;
/**
 * Room for the L2TPv3 header and the headers of one segment, or for the virtio-net header and the headers of
 * a coalesced GSO packet.
 */
export const COPIED_HEADER_OCTETS = 512;
const HEADERS_OCTETS = MOST_FRAMES * COPIED_HEADER_OCTETS;
const MOST_VECTORS = MOST_FRAMES * FRAME_VECTORS;
/** A coalesced message has one vector for its headers and one for the payload of each of its frames. */
const MOST_GATHERS = MOST_FRAMES * 2;
/**
 * Octets of a message's ancillary data: its traffic class, then its UDP segment length; both are optional.
 */
const CONTROL_STRIDE = 64;

/**
 * The messages queued for one sendmmsg(2). A message carries one frame or several. Those of several are UDP
 * datagrams of one send, whose vectors are consecutive, or a coalesced GSO packet, which has gather vectors
 * of its own. The vectors of each single frame are kept until `clear`, so that the frames of a message that
 * the kernel refuses can be sent one by one.
 */
export class TransmitMessages {
  readonly arena: Arena;
  /** Queued messages. */
  count = 0;
  /** Frames in them. */
  frames = 0;
  /** Of each message: its session, the index of its first frame, the number of frames and their octets. */
  readonly sessions: (ForwardedSession | undefined)[];
  readonly firstFrames = new Int32Array(TRANSMIT_BATCH);
  readonly frameCounts = new Int32Array(TRANSMIT_BATCH);
  readonly octets = new Float64Array(TRANSMIT_BATCH);
  /** Whether any of its frames is a fragment: 1 or 0. */
  readonly hasFragments = new Uint8Array(TRANSMIT_BATCH);
  /** Length of each frame, or of the part of one; and what of it is sent (`framePart`). */
  readonly frameOctets = new Int32Array(MOST_FRAMES);
  readonly parts = new Uint8Array(MOST_FRAMES);
  readonly #firstVectors = new Int32Array(MOST_FRAMES + 1);
  readonly #messages: MmsghdrTable;
  /** The messages that `split` makes, one for each frame. */
  readonly #single: MmsghdrTable;
  readonly #vectors: VectorTable;
  readonly #gathers: VectorTable;
  readonly #controls: number;
  readonly #headers: number;
  #usedVectors = 0;
  #usedGathers = 0;
  #usedHeaderOctets = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.sessions = new Array<ForwardedSession | undefined>(TRANSMIT_BATCH).fill(undefined);
    this.#messages = new MmsghdrTable(arena, TRANSMIT_BATCH);
    this.#single = new MmsghdrTable(arena, MOST_IN_MESSAGE);
    this.#vectors = new VectorTable(arena, MOST_VECTORS);
    this.#gathers = new VectorTable(arena, MOST_GATHERS);
    this.#controls = arena.tables.take(TRANSMIT_BATCH * CONTROL_STRIDE);
    this.#headers = arena.take(HEADERS_OCTETS);
    const { view } = arena.tables;
    for (let index = 0; index < TRANSMIT_BATCH; index += 1) {
      writeTrafficClassControl(view, this.#control(index));
      writeSegmentControl(view, this.#control(index) + TRAFFIC_CLASS_OCTETS);
    }
  }

  /** Whether the queued messages must be sent before the next `push`. */
  get isFull(): boolean {
    return this.count === TRANSMIT_BATCH || this.frames === MOST_FRAMES;
  }

  /** Whether there is room for so many messages before the queue is full. */
  hasRoomFor(messages: number): boolean {
    return this.count + messages <= TRANSMIT_BATCH && this.frames + messages <= MOST_FRAMES;
  }

  /** Address of the messages from `index` on, for sendmmsg(2). */
  address(index: number): number {
    return this.#messages.address(index, this.count - index);
  }

  /** Address of the vectors of the message at `index`, for writev(2); `vectorCount` is their number. */
  vectorsAddress(index: number): number {
    return this.#messages.vectorsAddress(index);
  }

  vectorCount(index: number): number {
    return this.#messages.vectorCount(index);
  }

  /** Address of the messages of `split` from `index` to `count`, for sendmmsg(2). */
  singleAddress(index: number, count: number): number {
    return this.#single.address(index, count - index);
  }

  singleVectorsAddress(index: number): number {
    return this.#single.vectorsAddress(index);
  }

  singleVectorCount(index: number): number {
    return this.#single.vectorCount(index);
  }

  /**
   * Allocates room for copied headers until `clear`, and returns its offset, a multiple of 64. Throws
   * InvariantError for more than COPIED_HEADER_OCTETS, and if there is not enough room.
   */
  allocateHeader(octets: number): number {
    const at = this.#usedHeaderOctets;
    const used = at + ((octets + 63) & ~63);
    if (octets > COPIED_HEADER_OCTETS || used > HEADERS_OCTETS)
      throw new InvariantError(`allocate copied headers: ${octets} octets at ${at} of ${HEADERS_OCTETS}`);
    this.#usedHeaderOctets = used;
    return this.#headers + at;
  }

  /**
   * Adds octets to the frame under construction. Throws InvariantError if no vector is left, or the octets
   * are not in one region.
   */
  addVector(offset: number, length: number): void {
    this.#vectors.set(this.#usedVectors, offset, length);
    this.#usedVectors += 1;
  }

  /**
   * Queues the frame under construction, of `octets` octets, as a new message. Without an address
   * (`nameOctets` 0) the message goes to the interface that the socket is bound to.
   */
  push(
    session: ForwardedSession,
    octets: number,
    name: number,
    nameOctets: number,
    part: FramePart = framePart.whole,
  ): void {
    const { count, frames } = this;
    const first = this.#firstVectors[frames] as number;
    this.#messages.setName(count, name, nameOctets);
    this.#messages.setControl(count, 0, 0);
    this.#messages.setVectors(count, this.#vectors, first, this.#usedVectors - first);
    this.sessions[count] = session;
    this.firstFrames[count] = frames;
    this.frameCounts[count] = 1;
    this.octets[count] = octets;
    this.hasFragments[count] = part === framePart.whole ? 0 : 1;
    this.count += 1;
    this.#endFrame(octets, part);
  }

  /** Appends the frame under construction, of `octets` octets, to the last message. */
  extend(octets: number, part: FramePart = framePart.whole): void {
    const last = this.count - 1;
    this.frameCounts[last] = (this.frameCounts[last] as number) + 1;
    this.octets[last] = (this.octets[last] as number) + octets;
    const first = this.#firstVectors[this.firstFrames[last] as number] as number;
    this.#messages.extendVectors(last, this.#vectors, first, this.#usedVectors - first);
    if (part !== framePart.whole) this.hasFragments[last] = 1;
    this.#endFrame(octets, part);
  }

  /** Sets the traffic class of the last message, which still has one frame; the default is the socket's. */
  setTrafficClass(isV6: boolean, trafficClass: number): void {
    const last = this.count - 1;
    setTrafficClass(this.arena.tables.view, this.#control(last), isV6, trafficClass);
    this.#messages.setControl(last, this.#control(last), TRAFFIC_CLASS_OCTETS);
  }

  /** Has the kernel segment the last message into datagrams of so many octets (UDP_SEGMENT). */
  segmentInto(octets: number): void {
    const last = this.count - 1;
    const segments = this.#control(last) + TRAFFIC_CLASS_OCTETS;
    setSegmentOctets(this.arena.tables.view, segments, octets);
    const isClassified = this.#messages.controlLength(last) !== 0;
    if (isClassified)
      this.#messages.setControl(last, this.#control(last), TRAFFIC_CLASS_OCTETS + UDP_OFFLOAD_OCTETS);
    else this.#messages.setControl(last, segments, UDP_OFFLOAD_OCTETS);
  }

  /**
   * Adds octets to the gather vectors of the last message and returns the vector's index. Throws as
   * `addVector` does.
   */
  gather(offset: number, length: number): number {
    const number = this.#usedGathers;
    this.#gathers.set(number, offset, length);
    this.#usedGathers += 1;
    return number;
  }

  /**
   * Sends the last message with its gather vectors from `first` on; sets the first of them to these octets.
   */
  replaceByGathered(first: number, offset: number, length: number): void {
    this.#gathers.set(first, offset, length);
    this.#messages.setVectors(this.count - 1, this.#gathers, first, this.#usedGathers - first);
  }

  /** Makes one message of each frame of the message at `index`; returns their number. */
  split(index: number): number {
    const frames = this.frameCounts[index] as number;
    for (let part = 0; part < frames; part += 1) {
      this.#single.copy(part, this.#messages, index);
      // The UDP segment length is the last part of the ancillary data.
      this.#single.shortenControl(part, UDP_OFFLOAD_OCTETS);
      const frame = (this.firstFrames[index] as number) + part;
      const first = this.#firstVectors[frame] as number;
      const end = this.#firstVectors[frame + 1] as number;
      this.#single.setVectors(part, this.#vectors, first, end - first);
    }
    return frames;
  }

  /** Empties the queue: all messages are sent or given up. */
  clear(): void {
    this.count = 0;
    this.frames = 0;
    this.#usedVectors = 0;
    this.#usedGathers = 0;
    this.#usedHeaderOctets = 0;
  }

  #control(index: number): number {
    return this.#controls + index * CONTROL_STRIDE;
  }

  #endFrame(octets: number, part: FramePart): void {
    this.frameOctets[this.frames] = octets;
    this.parts[this.frames] = part;
    this.frames += 1;
    this.#firstVectors[this.frames] = this.#usedVectors;
  }
}
