import { InvariantError } from "../../bytes/errors.ts";
import { setTrafficClass, TRAFFIC_CLASS_OCTETS, writeTrafficClassControl } from "../../os/traffic-class.ts";
import {
  MOST_UDP_SEGMENTS,
  setSegmentOctets,
  UDP_OFFLOAD_OCTETS,
  writeSegmentControl,
} from "../../os/udp-offload.ts";
import type { Arena } from "./arena.ts";
import { MessageTable, VectorTable } from "./message-table.ts";
import type { ForwardedSession } from "./tables.ts";

/** Messages given to the kernel at once. */
export const TRANSMIT_BATCH = 256;
/** Frames in them. */
export const MOST_FRAMES = 512;
/** Frames that one message may carry. */
export const MOST_IN_MESSAGE = MOST_UDP_SEGMENTS;
/** Vectors of one frame: what we put in front, the frame or its payload, padding. */
const FRAME_VECTORS = 3;
/**
 * Our header with the copied headers of one segment of a super-frame, or a virtio-net header with those of
 * merged segments.
 */
export const COPIED_HEADER_OCTETS = 512;
const HEADERS_OCTETS = MOST_FRAMES * COPIED_HEADER_OCTETS;
const MOST_VECTORS = MOST_FRAMES * FRAME_VECTORS;
/** A message gathers one vector for each of its two or more frames, and one for their headers. */
const MOST_GATHERS = MOST_FRAMES * 2;
/**
 * Ancillary data of a message: first its traffic class, then the length it is to be cut into; each may be
 * left out.
 */
const CONTROL_STRIDE = 64;

/**
 * Messages waiting for one sendmmsg(2). Each carries one frame, or several: then their vectors follow each
 * other (datagrams of one send), or other vectors gather what they become together. Every frame's own vectors
 * are kept until it has left, so that the frames of a message which the kernel refuses can be sent one by
 * one.
 */
export class TransmitMessages {
  readonly arena: Arena;
  /** Messages that wait. */
  count = 0;
  /** Frames in them. */
  frames = 0;
  /** Of each message: whose frames it carries, the first, how many, and their octets in all. */
  readonly sessions: (ForwardedSession | undefined)[];
  readonly firstFrames = new Int32Array(TRANSMIT_BATCH);
  readonly frameCounts = new Int32Array(TRANSMIT_BATCH);
  readonly octets = new Float64Array(TRANSMIT_BATCH);
  /** Of each frame. */
  readonly frameOctets = new Int32Array(MOST_FRAMES);
  readonly #firstVectors = new Int32Array(MOST_FRAMES + 1);
  readonly #messages: MessageTable;
  /** Made of a message whose frames go one by one. */
  readonly #single: MessageTable;
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
    this.#messages = new MessageTable(arena, TRANSMIT_BATCH);
    this.#single = new MessageTable(arena, MOST_IN_MESSAGE);
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

  /** Whether nothing more can be pushed before what waits has left. */
  get isFull(): boolean {
    return this.count === TRANSMIT_BATCH || this.frames === MOST_FRAMES;
  }

  /** Address of the messages from `index` on, for the system call. */
  address(index: number): number {
    return this.#messages.address(index, this.count - index);
  }

  /** Address of the vectors of the message at `index`, and how many they are, for writev(2). */
  vectorsAddress(index: number): number {
    return this.#messages.vectorsAddress(index);
  }

  vectorCount(index: number): number {
    return this.#messages.vectorCount(index);
  }

  /**
   * Address of the last `count - index` of the messages that `part` made, its vectors and how many they are.
   */
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
   * Room for copied headers until what waits has left; starts at a multiple of 64. Throws InvariantError for
   * more than COPIED_HEADER_OCTETS, and when no room is left.
   */
  allocateHeader(octets: number): number {
    const at = this.#usedHeaderOctets;
    const used = at + ((octets + 63) & ~63);
    if (octets > COPIED_HEADER_OCTETS || used > HEADERS_OCTETS)
      throw new InvariantError(
        `take room for copied headers: ${octets} octets at ${at} of ${HEADERS_OCTETS}`,
      );
    this.#usedHeaderOctets = used;
    return this.#headers + at;
  }

  /**
   * Adds octets to the frame that is being put together. Throws InvariantError when no vector is left, or
   * nobody owns the octets.
   */
  addVector(offset: number, length: number): void {
    this.#vectors.set(this.#usedVectors, offset, length);
    this.#usedVectors += 1;
  }

  /**
   * The frame put together, of `octets` octets, is a message of its own; `nameOctets` 0 sends where the
   * socket is bound to.
   */
  push(session: ForwardedSession, octets: number, name: number, nameOctets: number): void {
    const { count, frames } = this;
    const first = this.#firstVectors[frames] as number;
    this.#messages.setName(count, name, nameOctets);
    this.#messages.setControl(count, 0, 0);
    this.#messages.setVectors(count, this.#vectors, first, this.#usedVectors - first);
    this.sessions[count] = session;
    this.firstFrames[count] = frames;
    this.frameCounts[count] = 1;
    this.octets[count] = octets;
    this.count += 1;
    this.#endFrame(octets);
  }

  /** The frame put together, of `octets` octets, goes on in the last message. */
  extend(octets: number): void {
    const last = this.count - 1;
    this.frameCounts[last] = (this.frameCounts[last] as number) + 1;
    this.octets[last] = (this.octets[last] as number) + octets;
    const first = this.#firstVectors[this.firstFrames[last] as number] as number;
    this.#messages.extendVectors(last, this.#vectors, first, this.#usedVectors - first);
    this.#endFrame(octets);
  }

  /** The last message, of one frame yet, leaves with this traffic class, and not with its socket's. */
  setTrafficClass(isV6: boolean, trafficClass: number): void {
    const last = this.count - 1;
    setTrafficClass(this.arena.tables.view, this.#control(last), isV6, trafficClass);
    this.#messages.setControl(last, this.#control(last), TRAFFIC_CLASS_OCTETS);
  }

  /** The kernel is to cut the last message into datagrams of so many octets. */
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
   * Adds octets to what the last message will be instead of its frames; returns the vector's number. Throws
   * as `addVector` does.
   */
  gather(offset: number, length: number): number {
    const number = this.#usedGathers;
    this.#gathers.set(number, offset, length);
    this.#usedGathers += 1;
    return number;
  }

  /** The last message is what was gathered from vector `first` on, the first of them being these octets. */
  replaceByGathered(first: number, offset: number, length: number): void {
    this.#gathers.set(first, offset, length);
    this.#messages.setVectors(this.count - 1, this.#gathers, first, this.#usedGathers - first);
  }

  /** Makes messages of the frames of the message at `index`, one each; returns how many. */
  split(index: number): number {
    const frames = this.frameCounts[index] as number;
    for (let part = 0; part < frames; part += 1) {
      this.#single.copy(part, this.#messages, index);
      // What it was to be cut into stands last.
      this.#single.shortenControl(part, UDP_OFFLOAD_OCTETS);
      const frame = (this.firstFrames[index] as number) + part;
      const first = this.#firstVectors[frame] as number;
      const end = this.#firstVectors[frame + 1] as number;
      this.#single.setVectors(part, this.#vectors, first, end - first);
    }
    return frames;
  }

  /** Everything has left. */
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

  #endFrame(octets: number): void {
    this.frameOctets[this.frames] = octets;
    this.frames += 1;
    this.#firstVectors[this.frames] = this.#usedVectors;
  }
}
