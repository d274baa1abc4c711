import { NetlinkError } from "./errors.ts";
import {
  addressOf,
  close,
  errno,
  errnoName,
  lastError,
  linux,
  recv,
  sendto,
  setsockopt,
  socket,
} from "./libc.ts";
import { decodeAttributes, textIn, u32In } from "./netlink-attributes.ts";

/**
 * Requests to the kernel by netlink(7), and its answers. They are synchronous: the kernel has answered when
 * sendto(2) returns, and continues a dump in recv(2). Notifications are in netlink-watch.ts.
 */

/** TABLE: families (linux/netlink.h). */
export const netlinkFamily = { route: 0, xfrm: 6, netfilter: 12 } as const;
export type NetlinkFamily = keyof typeof netlinkFamily;

/** TABLE: flags of requests (linux/netlink.h). */
export const requestFlags = { exclusive: 0x200, create: 0x400 } as const;

/** TABLE: of linux/netlink.h and linux/socket.h. */
const AF_NETLINK = 16;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_DUMP = 0x300;
const NLM_F_ACK_TLVS = 0x200;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** Attributes of an extended acknowledgement. */
const extendedAck = { message: 1, offset: 2 } as const;
/** struct nlmsghdr: length, type, flags, sequence number, port. */
const HEADER_OCTETS = 16;
/** In front of the attributes: of NLMSG_ERROR the errno and the request's header, of NLMSG_DONE the errno. */
const ERROR_OCTETS = 4 + HEADER_OCTETS;
const DONE_OCTETS = 4;
/** The kernel sends parts of dumps of at most 32 KiB, and single answers that are hardly longer. */
const BUFFER_OCTETS = 128 * 1024;
/** The kernel has answered already; nothing comes after this time. */
const ANSWER_LIMIT_MS = 1000;
/** How often a dump is repeated that changes interrupted; where they do not end, the last one counts. */
const MOST_DUMPS = 5;

/** What a request is for, in the words of an error. */
export interface Operation {
  /** Such as "create a veth pair". */
  readonly operation: string;
  readonly target: string;
  /** What to do, by the name of an errno. */
  readonly hints?: Readonly<Record<string, string>>;
}

/** A message without its header. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags?: number;
  readonly payload: Uint8Array;
}

/** The kernel's end of a socket; tests have one of their own. */
export interface NetlinkPort {
  /** The name of the errno of a failure. */
  send(octets: Uint8Array): string | undefined;
  /** The next datagram, which the receiver may keep, or the name of an errno. */
  receive(): Uint8Array | string;
  close(): void;
}

interface Part {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** A socket for requests; it belongs to the network namespace in which it was opened. */
export class Netlink implements Disposable {
  readonly #port: NetlinkPort;
  #sequence = 0;

  constructor(port: NetlinkPort) {
    this.#port = port;
  }

  /** Throws SystemError, with EPROTONOSUPPORT where the kernel lacks the family. */
  static open(family: NetlinkFamily): Netlink {
    return new Netlink(openPort(family));
  }

  /** Makes a request and returns the payloads of the answers, of most requests none. Throws NetlinkError. */
  request(operation: Operation, { type, flags = 0, payload }: NetlinkRequest): readonly Uint8Array[] {
    return this.#exchange(operation, { type, flags: flags | NLM_F_ACK, payload }).answers;
  }

  /** Has the kernel list all objects of a kind, and returns the payloads. Throws NetlinkError. */
  dump(operation: Operation, { type, payload }: NetlinkRequest): readonly Uint8Array[] {
    for (let dumps = 1; ; dumps += 1) {
      const { answers, isInterrupted } = this.#exchange(operation, { type, flags: NLM_F_DUMP, payload });
      if (!isInterrupted || dumps === MOST_DUMPS) return answers;
    }
  }

  [Symbol.dispose](): void {
    this.#port.close();
  }

  #exchange(
    operation: Operation,
    { type, flags = 0, payload }: NetlinkRequest,
  ): { readonly answers: readonly Uint8Array[]; readonly isInterrupted: boolean } {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const refused = this.#port.send(encode({ type, flags: flags | NLM_F_REQUEST, payload }, this.#sequence));
    if (refused !== undefined) throw failure(operation, refused);
    const answers: Uint8Array[] = [];
    let isInterrupted = false;
    for (;;) {
      const octets = this.#port.receive();
      if (typeof octets === "string") throw failure(operation, octets);
      for (const part of decode(octets)) {
        // Answers to a request that was given up.
        if (part.sequence !== this.#sequence) continue;
        isInterrupted ||= (part.flags & NLM_F_DUMP_INTR) !== 0;
        if (part.type === NLMSG_ERROR || part.type === NLMSG_DONE) {
          checkEnd(operation, part);
          return { answers, isInterrupted };
        }
        answers.push(part.payload);
      }
    }
  }
}

/**
 * Runs requests on a socket of their own, of the network namespace of the calling thread. Throws
 * NetlinkError.
 */
export function withNetlink<T>(family: NetlinkFamily, act: (netlink: Netlink) => T): T {
  using netlink = Netlink.open(family);
  return act(netlink);
}

function openPort(family: NetlinkFamily): NetlinkPort {
  const target = `netlink family ${family}`;
  const fd = socket(AF_NETLINK, linux.SOCK_RAW | linux.SOCK_CLOEXEC, netlinkFamily[family]);
  if (fd < 0) throw lastError("open a netlink socket", target);
  const on = new Uint8Array(Int32Array.of(1).buffer);
  // Both since Linux 4.12: errors with a message, and without the request's payload.
  for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK])
    setsockopt(fd, SOL_NETLINK, option, addressOf(on), on.length);
  const limit = new Uint8Array(BigInt64Array.of(BigInt(Math.floor(ANSWER_LIMIT_MS / 1000)), 0n).buffer);
  setsockopt(fd, linux.SOL_SOCKET, linux.SO_RCVTIMEO, addressOf(limit), limit.length);
  const buffer = new Uint8Array(BUFFER_OCTETS);
  return {
    send(octets) {
      return sendto(fd, addressOf(octets), octets.length, 0, 0, 0) < 0 ? errnoName(errno()) : undefined;
    },
    receive() {
      for (;;) {
        const length = recv(fd, addressOf(buffer), buffer.length, linux.MSG_TRUNC);
        if (length > buffer.length) return "EMSGSIZE";
        if (length >= 0) return buffer.slice(0, length);
        const name = errnoName(errno());
        if (name === "EAGAIN") return "ETIMEDOUT";
        if (name !== "EINTR") return name;
      }
    },
    close: () => void close(fd),
  };
}

function encode({ type, flags = 0, payload }: NetlinkRequest, sequence: number): Uint8Array {
  const octets = new Uint8Array(HEADER_OCTETS + payload.length);
  const view = new DataView(octets.buffer);
  view.setUint32(0, octets.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  octets.set(payload, HEADER_OCTETS);
  return octets;
}

/** The messages of a datagram; octets that are none end it. */
function decode(octets: Uint8Array): readonly Part[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const parts: Part[] = [];
  for (let at = 0; at + HEADER_OCTETS <= octets.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER_OCTETS || at + length > octets.length) break;
    parts.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: octets.subarray(at + HEADER_OCTETS, at + length),
    });
    at += (length + 3) & ~3;
  }
  return parts;
}

/** Throws what an acknowledgement or the end of a dump says of a failure. */
function checkEnd(operation: Operation, { type, flags, payload }: Part): void {
  if (payload.length < DONE_OCTETS) return;
  const number = -new DataView(payload.buffer, payload.byteOffset).getInt32(0, true);
  if (number === 0) return;
  const begin = type === NLMSG_DONE ? DONE_OCTETS : ERROR_OCTETS;
  const attributes = decodeAttributes(
    (flags & NLM_F_ACK_TLVS) === 0 ? new Uint8Array(0) : payload.subarray(begin),
  );
  throw failure(operation, errnoName(number), {
    kernelMessage: textIn(attributes, extendedAck.message),
    offset: u32In(attributes, extendedAck.offset),
  });
}

/** The error of an operation, also for callers that find out a failure by themselves. */
export function failure(
  { operation, target, hints = {} }: Operation,
  name: string,
  said: { readonly kernelMessage?: string | undefined; readonly offset?: number | undefined } = {},
): NetlinkError {
  const hint = hints[name] ?? (name === "EPERM" ? "needs CAP_NET_ADMIN" : undefined);
  return new NetlinkError(operation, { errno: name, target, hint, ...said });
}
