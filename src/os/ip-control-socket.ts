import raw from "raw-socket";
import { isBug, messageOf } from "../bytes/errors.ts";
import { addressOctets, addressText } from "../bytes/ip-address.ts";
import { IP_PROTOCOL_L2TP } from "../wire/constants.ts";
import { SystemError } from "./errors.ts";
import { close, lastError, linux, socket } from "./libc.ts";
import { controlOnlyFilter, filterProgram } from "./socket-filter.ts";
import { canonicalText, DROPS, MEMORY_WORDS } from "./sockets.ts";

/** Longest IP packet. */
const BUFFER_OCTETS = 65_536;
const IPV4_HEADER_OCTETS = 20;
const ZERO_WORD_OCTETS = 4;
/** Receive buffer for a burst from many peers; the kernel grants as much of it as it may. */
const receiveBuffer = Buffer.alloc(4);
receiveBuffer.writeInt32LE(4 * 1024 * 1024);

export interface IpControlSocketOptions {
  /** The local address, over IPv6: its raw sockets do not report a packet's destination. Absent: IPv4. */
  readonly v6Address?: string | undefined;
  /** Called with each control message, from the T bit on; the octets are a copy. */
  readonly onMessage: (remoteAddress: string, localAddress: string, octets: Uint8Array) => void;
  readonly onError: (error: Error) => void;
}

export interface IpControlSocket {
  /** Packets dropped by the kernel because we read too slowly, since the socket was opened. */
  drops(): number;
  close(): void;
}

/**
 * Opens a socket that receives control messages over IP protocol 115: packets with session id 0, which a
 * filter in the kernel selects (RFC 3931 §4.1.1.2). Over IPv4 it receives for every local address. Throws
 * SystemError.
 */
export function openIpControlSocket(options: IpControlSocketOptions): IpControlSocket {
  const { v6Address } = options;
  const family = v6Address === undefined ? "IPv4" : `IPv6 to ${v6Address}`;
  const target = `IP protocol ${IP_PROTOCOL_L2TP} over ${family}`;
  try {
    const addressFamily = v6Address === undefined ? raw.AddressFamily.IPv4 : raw.AddressFamily.IPv6;
    const opened = raw.createSocket({ protocol: IP_PROTOCOL_L2TP, addressFamily, bufferSize: BUFFER_OCTETS });
    const program = filterProgram(
      controlOnlyFilter(v6Address === undefined ? undefined : addressOctets(v6Address.replace(/%.*$/, ""))),
    );
    // The kernel copies the program during the call; `program` stays referenced until then.
    opened.setOption(linux.SOL_SOCKET, linux.SO_ATTACH_FILTER, program.header, program.header.length);
    opened.setOption(linux.SOL_SOCKET, linux.SO_RCVBUF, receiveBuffer, receiveBuffer.length);
    opened.on("error", options.onError);
    opened.on("message", (octets, source) => {
      const found = v6Address === undefined ? fromIpv4(octets) : { local: v6Address, message: octets };
      if (found === undefined || found.message.length <= ZERO_WORD_OCTETS) return;
      // The package reuses its buffer for the next packet.
      const message = Uint8Array.from(found.message.subarray(ZERO_WORD_OCTETS));
      options.onMessage(canonicalText(source), found.local, message);
    });
    const drops = (): number => {
      const words = Buffer.alloc(MEMORY_WORDS * 4);
      opened.getOption(linux.SOL_SOCKET, linux.SO_MEMINFO, words, words.length);
      return words.readUInt32LE(DROPS * 4);
    };
    return { drops, close: () => opened.close() };
  } catch (error) {
    if (isBug(error)) throw error;
    throw openError(v6Address !== undefined, target, error);
  }
}

/** The package reports errors by text alone: to learn the errno, the same socket is opened by libc. */
function openError(isV6: boolean, target: string, cause: unknown): SystemError {
  const operation = "open a control socket";
  const family = isV6 ? linux.AF_INET6 : linux.AF_INET;
  const fd = socket(family, linux.SOCK_RAW | linux.SOCK_CLOEXEC, IP_PROTOCOL_L2TP);
  if (fd < 0) return lastError(operation, target, "it needs CAP_NET_RAW");
  close(fd);
  return new SystemError(operation, { errno: "EIO", target, hint: messageOf(cause), cause });
}

/** Strips the IP header; undefined for what is too short to have one. */
function fromIpv4(octets: Uint8Array): { local: string; message: Uint8Array } | undefined {
  if (octets.length < IPV4_HEADER_OCTETS) return undefined;
  const headerOctets = ((octets[0] ?? 0) & 0xf) * 4;
  if (headerOctets < IPV4_HEADER_OCTETS || headerOctets > octets.length) return undefined;
  return { local: addressText(octets.subarray(16, 20)), message: octets.subarray(headerOctets) };
}
