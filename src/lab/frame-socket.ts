import { AUXDATA_OCTETS, outerTagBeside } from "../os/auxdata.ts";
import { addressOf, close, errno, errnoName, linux, poll, recvmmsg, write } from "../os/libc.ts";
import { openPacketSocket, VNET_HEADER_OCTETS } from "../os/sockets.ts";

/** Longest frame that is received whole: a GSO packet with its tag and its virtio-net header. */
const MOST_OCTETS = 66_000;
const MESSAGE_OCTETS = 64;

/** Offsets in struct mmsghdr of 64-bit Linux. */
const VECTOR = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const RECEIVED = 56;

/** Offsets in struct virtio_net_hdr. */
const HEADER_LENGTH = 2;
const CHECKSUM_START = 6;
const TAG_OCTETS = 4;

/** Inserts a tag of 4 octets after the addresses of a frame. */
export function insertTag(frame: Uint8Array, tag: number): Uint8Array {
  const tagged = new Uint8Array(frame.length + 4);
  tagged.set(frame.subarray(0, 12));
  new DataView(tagged.buffer).setUint32(12, tag);
  tagged.set(frame.subarray(12), 16);
  return tagged;
}

/** Corrects a virtio-net header in place for a frame whose tags became longer by `octets`, or shorter. */
export function shiftHeader(header: Uint8Array, octets: number): void {
  const view = new DataView(header.buffer, header.byteOffset);
  for (const at of [HEADER_LENGTH, CHECKSUM_START]) {
    const value = view.getUint16(at, true);
    if (value > 0) view.setUint16(at, value + octets, true);
  }
}

/**
 * Sends and receives whole frames on an interface, with all their tags: slow and simple, for the lab's own
 * tools.
 */
export class FrameSocket {
  readonly fd: number;
  /** The virtio-net header of the last received frame, as for the frame with all its tags. */
  readonly header = new Uint8Array(VNET_HEADER_OCTETS);
  readonly #octets = new Uint8Array(MOST_OCTETS);
  readonly #control = new Uint8Array(AUXDATA_OCTETS);
  readonly #vector = new DataView(new ArrayBuffer(16));
  readonly #message = new DataView(new ArrayBuffer(MESSAGE_OCTETS));

  /** With `bypassesQueue` frames pass by queueing disciplines of the interface. Throws SystemError. */
  constructor(interfaceName: string, { bypassesQueue = true } = {}) {
    this.fd = openPacketSocket(interfaceName, { bypassesQueue });
    this.#vector.setBigUint64(0, BigInt(addressOf(this.#octets)), true);
    this.#vector.setBigUint64(8, BigInt(MOST_OCTETS), true);
  }

  /** The next received frame; undefined when there is none. The caller owns it. */
  receive(): Uint8Array | undefined {
    const message = this.#message;
    const bytes = (view: DataView) => new Uint8Array(view.buffer);
    message.setBigUint64(VECTOR, BigInt(addressOf(bytes(this.#vector))), true);
    message.setBigUint64(VECTOR_COUNT, 1n, true);
    message.setBigUint64(CONTROL, BigInt(addressOf(this.#control)), true);
    message.setBigUint64(CONTROL_LENGTH, BigInt(AUXDATA_OCTETS), true);
    if (recvmmsg(this.fd, addressOf(bytes(message)), 1, linux.MSG_DONTWAIT, 0) < 1) return undefined;
    const length = message.getUint32(RECEIVED, true);
    const frame = this.#octets.slice(VNET_HEADER_OCTETS, length);
    const control = new DataView(this.#control.buffer);
    const tag = outerTagBeside(control, 0, message.getUint32(CONTROL_LENGTH, true));
    this.header.set(this.#octets.subarray(0, VNET_HEADER_OCTETS));
    if (tag < 0) return frame;
    shiftHeader(this.header, TAG_OCTETS);
    return insertTag(frame, tag);
  }

  /** False when the kernel refused it: the interface is down, or the frame too long. */
  send(frame: Uint8Array): boolean {
    const octets = new Uint8Array(VNET_HEADER_OCTETS + frame.length);
    octets.set(frame, VNET_HEADER_OCTETS);
    return write(this.fd, addressOf(octets), octets.length) === octets.length;
  }

  [Symbol.dispose](): void {
    close(this.fd);
  }

  /** Why the last `send` failed. */
  get problem(): string {
    return errnoName(errno());
  }
}

const POLL_OCTETS = 8;
const POLL_RETURNED = 6;

/**
 * Waits until some of the descriptors can be read, or `timeoutMs` are over; -1 waits for ever. Blocks the
 * process. Returns those that can be read, or are at their end.
 */
export function waitReadable(descriptors: readonly number[], timeoutMs: number): readonly number[] {
  const list = new DataView(new ArrayBuffer(descriptors.length * POLL_OCTETS));
  for (const [index, fd] of descriptors.entries()) {
    list.setInt32(index * POLL_OCTETS, fd, true);
    list.setUint16(index * POLL_OCTETS + 4, linux.POLLIN, true);
  }
  if (poll(addressOf(new Uint8Array(list.buffer)), descriptors.length, timeoutMs) < 0) return [];
  return descriptors.filter((_, index) => list.getUint16(index * POLL_OCTETS + POLL_RETURNED, true) !== 0);
}
