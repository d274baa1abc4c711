import raw from "raw-socket";
import { IP_PROTOCOL_L2TP } from "../wire/constants.ts";
import { SystemError } from "./errors.ts";
import { linux } from "./libc.ts";
import { controlOnlyFilter, filterProgram } from "./socket-filter.ts";
import { addressOctets, addressText, canonicalText, DROPS, MEMORY_WORDS } from "./sockets.ts";

/** Longest IP packet. */
const BUFFER_OCTETS = 65_536;
const IPV4_HEADER_OCTETS = 20;
const ZERO_WORD_OCTETS = 4;
/** A burst from many peers waits in the kernel; it gives as much of this as it may. */
const receiveBuffer = Buffer.alloc(4);
receiveBuffer.writeInt32LE(4 * 1024 * 1024);

export interface IpControlSocketOptions {
  /** Over IPv6, whose raw sockets do not tell where a packet went, the local address whose messages to hear; absent: IPv4. */
  readonly v6Address?: string | undefined;
  /** A control message from the T bit on, a copy. */
  readonly onMessage: (remoteAddress: string, localAddress: string, octets: Uint8Array) => void;
  readonly onError: (error: Error) => void;
}

export interface IpControlSocket {
  /** What the kernel dropped because we read too slowly, since the socket was opened. */
  drops(): number;
  close(): void;
}

/**
 * Hears control messages over IP protocol 115: those whose session id is 0, which a filter in the kernel picks out
 * (RFC 3931 §4.1.1.2). Throws SystemError. Over IPv4 it hears what is sent to any local address.
 */
export function openIpControlSocket(options: IpControlSocketOptions): IpControlSocket {
  const { v6Address } = options;
  const target = `IP protocol ${IP_PROTOCOL_L2TP} over ${v6Address === undefined ? "IPv4" : `IPv6 to ${v6Address}`}`;
  try {
    const addressFamily = v6Address === undefined ? raw.AddressFamily.IPv4 : raw.AddressFamily.IPv6;
    const socket = raw.createSocket({ protocol: IP_PROTOCOL_L2TP, addressFamily, bufferSize: BUFFER_OCTETS });
    const program = filterProgram(
      controlOnlyFilter(v6Address === undefined ? undefined : addressOctets(v6Address.replace(/%.*$/, ""))),
    );
    // The kernel copies the program while the call lasts; `program` stays referenced until then.
    socket.setOption(linux.SOL_SOCKET, linux.SO_ATTACH_FILTER, program.header, program.header.length);
    socket.setOption(linux.SOL_SOCKET, linux.SO_RCVBUF, receiveBuffer, receiveBuffer.length);
    socket.on("error", options.onError);
    socket.on("message", (octets, source) => {
      const found = v6Address === undefined ? fromIpv4(octets) : { local: v6Address, message: octets };
      if (found === undefined || found.message.length <= ZERO_WORD_OCTETS) return;
      // The package uses its buffer again for the next packet.
      const message = Uint8Array.from(found.message.subarray(ZERO_WORD_OCTETS));
      options.onMessage(canonicalText(source), found.local, message);
    });
    const drops = (): number => {
      const words = Buffer.alloc(MEMORY_WORDS * 4);
      socket.getOption(linux.SOL_SOCKET, linux.SO_MEMINFO, words, words.length);
      return words.readUInt32LE(DROPS * 4);
    };
    return { drops, close: () => socket.close() };
  } catch (error) {
    const errno = /not permitted/i.test(String(error)) ? "EPERM" : "EIO";
    throw new SystemError("open a control socket", {
      errno,
      target,
      hint: "it needs CAP_NET_RAW",
      cause: error,
    });
  }
}

/** Takes the IP header off; undefined for what is too short to have one. */
function fromIpv4(octets: Uint8Array): { local: string; message: Uint8Array } | undefined {
  if (octets.length < IPV4_HEADER_OCTETS) return undefined;
  const headerOctets = ((octets[0] ?? 0) & 0xf) * 4;
  if (headerOctets < IPV4_HEADER_OCTETS || headerOctets > octets.length) return undefined;
  return { local: addressText(octets.subarray(16, 20)), message: octets.subarray(headerOctets) };
}
