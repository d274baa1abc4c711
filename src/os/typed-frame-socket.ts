import { addressOf, close, errno, errnoName, lastError, linux, recv, socket, write } from "./libc.ts";
import { attachFilter, etherTypeFilter } from "./socket-filter.ts";
import { bindToInterface, setInteger } from "./sockets.ts";

/** So much may wait to be read; the kernel drops the rest, and takes no time over it. */
const BUFFER_OCTETS = 32 * 1024;
const MOST_OCTETS = 256;

/**
 * Sends and receives short frames of one type at an interface, beside whatever else takes its frames: also at
 * a port of a bridge, be it blocked. The kernel keeps all other frames away.
 */
export class TypedFrameSocket implements Disposable {
  readonly #fd: number;
  readonly #room = new Uint8Array(MOST_OCTETS);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** For frames whose type and next four octets are these. Throws SystemError. */
  static open(name: string, index: number, type: number, word: number): TypedFrameSocket {
    const target = `interface ${name}`;
    const kind = linux.SOCK_RAW | linux.SOCK_CLOEXEC | linux.SOCK_NONBLOCK;
    const fd = socket(linux.AF_PACKET, kind, 0);
    if (fd < 0) throw lastError("listen at an interface", target, "frames need CAP_NET_RAW");
    const isReady =
      attachFilter(fd, etherTypeFilter(type, word)) &&
      setInteger(fd, linux.SOL_SOCKET, linux.SO_RCVBUF, BUFFER_OCTETS) &&
      setInteger(fd, linux.SOL_PACKET, linux.PACKET_IGNORE_OUTGOING, 1) &&
      // The bridge takes all other frames before sockets of one type see them.
      bindToInterface(fd, index, linux.ETH_P_ALL);
    if (isReady) return new TypedFrameSocket(fd);
    const error = lastError("listen at an interface", target);
    close(fd);
    throw error;
  }

  /** Whether the kernel took a frame; where the interface is down it does not. */
  send(frame: Uint8Array): boolean {
    return write(this.#fd, addressOf(frame), frame.length) === frame.length;
  }

  /** The next frame, its first octets if it is long; undefined without one. Throws SystemError. */
  receive(): Uint8Array | undefined {
    const length = recv(this.#fd, addressOf(this.#room), MOST_OCTETS, linux.MSG_DONTWAIT);
    if (length >= 0) return this.#room.slice(0, length);
    // ENETDOWN: told once when the interface goes down.
    if (["EAGAIN", "ENETDOWN", "EINTR"].includes(errnoName(errno()))) return undefined;
    throw lastError("receive a frame", "packet socket");
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
