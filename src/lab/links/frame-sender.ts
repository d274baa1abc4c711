import { addressOf, close, linux, sendmmsg } from "../../os/libc.ts";
import { openPacketSocket } from "../../os/sockets.ts";

/** Sends frames by a packet socket, many with one system call, for the relay of links. */

const BATCH = 32;

/** Offsets in struct mmsghdr and struct iovec of 64-bit Linux. */
const MESSAGE_OCTETS = 64;
const VECTOR = 16;
const VECTOR_COUNT = 24;
const VECTOR_OCTETS = 16;
const VECTOR_LENGTH = 8;

/** Messages for sendmmsg(2), each with one vector. */
class Messages {
  readonly messages = new Uint8Array(BATCH * MESSAGE_OCTETS);
  readonly vectors = new Uint8Array(BATCH * VECTOR_OCTETS);
  readonly view = new DataView(this.messages.buffer);
  readonly vectorView = new DataView(this.vectors.buffer);

  constructor() {
    const first = addressOf(this.vectors);
    for (let index = 0; index < BATCH; index += 1) {
      const at = index * MESSAGE_OCTETS;
      this.view.setBigUint64(at + VECTOR, BigInt(first + index * VECTOR_OCTETS), true);
      this.view.setBigUint64(at + VECTOR_COUNT, 1n, true);
    }
  }

  setVector(index: number, address: number, length: number): void {
    this.vectorView.setBigUint64(index * VECTOR_OCTETS, BigInt(address), true);
    this.vectorView.setBigUint64(index * VECTOR_OCTETS + VECTOR_LENGTH, BigInt(length), true);
  }
}

/** Sends frames on an interface in batches. Opening it throws SystemError. */
export class FrameSender implements Disposable {
  readonly #fd: number;
  readonly #messages = new Messages();
  /** Kept while their addresses are in use. */
  #frames: Uint8Array[] = [];

  constructor(interfaceName: string) {
    this.#fd = openPacketSocket(interfaceName, { receives: false });
  }

  /** Whether `flush` must come before the next frame. */
  get isFull(): boolean {
    return this.#frames.length === BATCH;
  }

  /** Adds a frame, behind its virtio-net header, to what `flush` sends. */
  add(frame: Uint8Array): void {
    this.#messages.setVector(this.#frames.length, addressOf(frame), frame.length);
    this.#frames.push(frame);
  }

  /** Sends what was added, and returns how many were sent: the kernel refuses frames while a link is down. */
  flush(): number {
    const { messages } = this.#messages;
    let sent = 0;
    for (let next = 0; next < this.#frames.length; ) {
      const address = addressOf(messages) + next * MESSAGE_OCTETS;
      const count = sendmmsg(this.#fd, address, this.#frames.length - next, linux.MSG_DONTWAIT);
      sent += Math.max(0, count);
      // One that was refused is left out, and the others follow.
      next += Math.max(1, count);
    }
    this.#frames = [];
    return sent;
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
