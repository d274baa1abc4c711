import { constants } from "node:os";
import { Arena, BUFFER_OCTETS, HEADROOM_OCTETS } from "../../src/forwarding/userspace/arena.ts";
import type { SendCalls } from "../../src/forwarding/userspace/transmitter.ts";
import { addressOf, linux } from "../../src/os/libc.ts";
import { MOST_UDP_OCTETS, MOST_UDP_SEGMENTS } from "../../src/os/udp-offload.ts";

/** Octets in front of what was received that our header and a tag may take. */
const MOST_PREPENDED_OCTETS = 24;
/** UIO_MAXIOV. */
const MOST_VECTORS = 1024;
const MESSAGE_OCTETS = 64;
const VECTOR_OCTETS = 16;

interface Stretch {
  readonly start: number;
  readonly length: number;
}

/** An arena that remembers which regions were taken from it. */
export class WatchedArena extends Arena {
  readonly taken: Stretch[] = [];

  override take(length: number): number {
    const start = super.take(length);
    this.taken.push({ start, length });
    return start;
  }
}

/** What the kernel refuses at random, and how many of a batch it takes; undefined takes all. */
export type Mood = () => { readonly errno: number } | { readonly most: number } | undefined;

/**
 * Stands for the kernel where messages leave: reads all that it is pointed at, as the kernel would, and
 * throws for what is not octets of the round's frames, with our header in front, or of the senders' own
 * regions.
 */
export class WatchingKernel implements SendCalls {
  vectors = 0;
  messages = 0;
  readonly #arena: WatchedArena;
  readonly #mood: Mood;
  #buffers: readonly Stretch[] = [];
  #filled: readonly number[] = [];
  #errno = 0;

  constructor(arena: WatchedArena, mood: Mood) {
    this.#arena = arena;
    this.#mood = mood;
  }

  /** What follows is of frames that lie in these buffers, with so many octets each. */
  expectFrom(buffers: readonly Stretch[], filled: readonly number[]): void {
    this.#buffers = buffers;
    this.#filled = filled;
  }

  sendmmsg(_fd: number, messages: number, count: number, flags: number): number {
    if (flags !== linux.MSG_DONTWAIT) throw new Error("a send that waits for room");
    const mood = this.#mood();
    if (mood !== undefined && "errno" in mood) return this.#refuse(mood.errno);
    const taken = Math.min(count, mood?.most ?? count);
    const { view } = this.#arena.tables;
    for (let index = 0; index < count; index += 1) {
      const at = this.#table(messages + index * MESSAGE_OCTETS, MESSAGE_OCTETS);
      const octets = this.#look(this.#pointer(at + 16), view.getUint32(at + 24, true));
      const nameOctets = view.getUint32(at + 8, true);
      if (nameOctets > 0) this.#table(this.#pointer(at), nameOctets);
      const controlOctets = view.getUint32(at + 40, true);
      if (controlOctets > 0) this.#lookAtControl(this.#pointer(at + 32), controlOctets, octets);
    }
    this.messages += taken;
    return taken;
  }

  writev(_fd: number, vectors: number, count: number): number {
    const mood = this.#mood();
    if (mood !== undefined && "errno" in mood) return this.#refuse(mood.errno);
    this.messages += 1;
    return this.#look(vectors, count);
  }

  errno(): number {
    return this.#errno;
  }

  interfaceMtu(): number {
    return 9000;
  }

  #refuse(errno: number): number {
    this.#errno = errno;
    return -1;
  }

  /** Looks at vectors; returns the octets in all. */
  #look(vectors: number, count: number): number {
    if (count < 1 || count > MOST_VECTORS) throw new Error(`${count} vectors in a message`);
    const at = this.#table(vectors, count * VECTOR_OCTETS);
    const { view } = this.#arena.tables;
    let octets = 0;
    for (let vector = at; vector < at + count * VECTOR_OCTETS; vector += VECTOR_OCTETS) {
      const length = Number(view.getBigUint64(vector + 8, true));
      this.#lookAt(this.#pointer(vector) - addressOf(this.#arena.octets), length);
      octets += length;
    }
    this.vectors += count;
    return octets;
  }

  #lookAt(start: number, length: number): void {
    const index = Math.floor((start - this.#buffers[0]!.start) / (BUFFER_OCTETS + 64));
    const filled = this.#filled[index];
    if (filled !== undefined) {
      const first = this.#buffers[index]!.start + HEADROOM_OCTETS;
      if (start >= first - MOST_PREPENDED_OCTETS && start + length <= first + filled) return;
    }
    const own = this.#arena.taken.some(
      (region) =>
        region.length !== BUFFER_OCTETS &&
        start >= region.start &&
        start + length <= region.start + region.length,
    );
    if (!own)
      throw new Error(`a vector of ${length} octets at ${start}, index ${index} with ${filled} octets`);
  }

  #lookAtControl(control: number, octets: number, messageOctets: number): void {
    const start = this.#table(control, octets);
    const { view } = this.#arena.tables;
    for (let at = start; at < start + octets; at += 24) {
      if (view.getInt32(at + 12, true) !== linux.UDP_SEGMENT || view.getInt32(at + 8, true) !== linux.SOL_UDP)
        continue;
      const size = view.getUint16(at + 16, true);
      if (size === 0 || messageOctets > MOST_UDP_OCTETS || messageOctets > size * MOST_UDP_SEGMENTS)
        throw new Error(`${messageOctets} octets to be segmented into datagrams of ${size}`);
    }
  }

  #pointer(at: number): number {
    return Number(this.#arena.tables.view.getBigUint64(at, true));
  }

  /** Where octets of the tables lie in them. */
  #table(address: number, octets: number): number {
    const { tables } = this.#arena;
    const offset = address - addressOf(tables.octets);
    if (!(offset >= 0 && offset + octets <= tables.octets.length)) throw new Error(`a table at ${offset}`);
    return offset;
  }
}

/** TABLE: what the kernel may say. */
export const refusals = ["EINVAL", "EMSGSIZE", "EIO", "ENOBUFS", "EAGAIN", "ENETDOWN", "EPERM", "EINTR"].map(
  (name) => constants.errno[name as "EINVAL"],
);
