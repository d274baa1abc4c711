import type { Encapsulation, PsnPath } from "../wire/session-parameters.ts";

/** Whether UDP datagrams of data messages have a checksum (`PsnEndpoint.checksum`). */
export type UdpChecksum = "auto" | "full" | "zero";

/** A local address (and port) of this LCCE on the packet-switched network. */
export interface PsnEndpoint {
  readonly encapsulation: Encapsulation;
  readonly address: string;
  /** UDP port; 0 asks for any free one, and is the only value with "ip". */
  readonly port: number;
  /**
   * Of the UDP datagrams of data messages. "full": every one has a checksum. "zero": none needs one, and over
   * IPv6 none is asked of the peer's (RFC 6935 §5). "auto": "zero" over IPv4, where each end may choose (RFC
   * 3931 §4.1.2.3), "full" over IPv6.
   */
  readonly checksum: UdpChecksum;
  /**
   * Who segments GSO packets: "offload" the interface to the peer, "segment" we do; "auto": the interface,
   * where it can.
   */
  readonly gso: "auto" | "offload" | "segment";
  /** Whether control messages come in here; else it is for static sessions alone. */
  readonly control: boolean;
  /** Code point of control messages. */
  readonly controlDscp: number;
  /**
   * "outer": datagrams over the path MTU are fragmented by IP (DF clear). "none": DF set, and they are
   * counted as `path-mtu`. "pseudowire": DF set, and frames are fragmented before (RFC 4623 §5.1), but those
   * of sessions whose peers cannot put them together: of these as with "outer".
   */
  readonly fragmentation: "outer" | "none" | "pseudowire";
}

/** What the transport tells its owner, on the main thread. */
export interface TransportEvents {
  /**
   * A control message came in, over UDP or IP; `octets` start at the T bit and are the receiver's to keep.
   */
  control(path: PsnPath, octets: Uint8Array): void;
  /** Receiving failed in a way that a log should tell; it goes on. */
  problem(text: string): void;
}

/**
 * The sockets of the packet-switched network, over UDP and IP protocol 115: opens them, and sends and
 * receives control messages. Data messages are the planes' (`PsnSocketSource`).
 */
export interface PsnTransport {
  /**
   * Opens the socket of a local address, or shares the one that is open: until `closeEndpoint` was called as
   * often. Resolves to the endpoint with the port in use; endpoints that ask for port 0 share the one that
   * the kernel chose. Rejects with OperationalError, and then nothing has changed.
   */
  openEndpoint(endpoint: PsnEndpoint): Promise<PsnEndpoint>;
  /** `endpoint` as it was asked for. */
  closeEndpoint(endpoint: PsnEndpoint): Promise<void>;
  /**
   * Sends one control message from an open endpoint. `octets` start at the T bit; over IP the zero word is
   * put in front here (RFC 3931 §4.1.1.2). Returns the name of the errno with which the kernel refused it,
   * such as "ENETUNREACH"; losses are the business of reliable delivery. A probe of the path MTU leaves with
   * DF set, whatever path MTU the kernel knows; one that is longer than the interface takes is lost. With
   * `isData` the octets are a whole data message, in front of which nothing is put.
   */
  send(
    path: PsnPath,
    octets: Uint8Array,
    options?: { readonly isProbe?: boolean; readonly isData?: boolean },
  ): string | undefined;
  /**
   * Takes in how long packets on a path may be, as it was measured, header included; undefined: it is not
   * known any more. Over IPv6 with `fragmentation: outer`, what is fragmented since the interface or the
   * route does not take it has fragments of the least that is so known of any path from the same endpoint.
   */
  limitPackets(path: PsnPath, octets: number | undefined): void;
  /**
   * Control messages that the kernel dropped because we read too slowly. Those over UDP count with the
   * plane's messages.
   */
  readonly controlDrops: number;
  /** Closes all that is open. Planes that read from it must be closed before. */
  close(): void;
}

/** An open socket of the packet-switched network with its endpoint, of which the port is the one in use. */
export interface OpenEndpoint extends PsnEndpoint {
  readonly fd: number;
  /** Whether one send may carry several datagrams of equal length (UDP GSO). */
  readonly takesSegments: boolean;
}

/** The transport as planes see it. */
export interface PsnSocketSource {
  /** The open endpoint at our end of a path. */
  endpointOf(path: PsnPath): OpenEndpoint | undefined;
  /** The one who reads all sockets, set before the first is opened. */
  setReader(reader: SocketReader): void;
  /** A control message that the reader found among the data messages. */
  receivedControl(path: PsnPath, octets: Uint8Array): void;
}

/**
 * Reads the transport's sockets, on whichever thread: keeps data messages, gives control messages back to the
 * transport.
 */
export interface SocketReader {
  /** Whether it takes datagrams that the kernel coalesced (UDP GRO). */
  readonly takesCoalesced: boolean;
  /** Rejects with SystemError, and then nothing has changed. */
  startReading(endpoint: OpenEndpoint): Promise<void>;
  /** The socket is closed once this has resolved. */
  stopReading(endpoint: OpenEndpoint): Promise<void>;
}

/** Tells endpoints apart. */
export function endpointKey({
  encapsulation,
  address,
  port,
}: Pick<PsnEndpoint, "encapsulation" | "address" | "port">): string {
  return `${encapsulation} ${address} ${port}`;
}

/** The key of the endpoint at our end of a path. */
export function localEndKey({ encapsulation, localAddress, localPort }: PsnPath): string {
  return endpointKey({ encapsulation, address: localAddress, port: localPort });
}
