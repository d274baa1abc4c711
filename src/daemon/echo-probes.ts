import { toHex } from "../bytes/hex.ts";
import { withoutZone } from "../bytes/ip-address.ts";
import { type EchoRequest, NONCE_OCTETS } from "../control/path-prober.ts";
import type { Clock } from "../environment.ts";
import { SystemError } from "../os/errors.ts";
import { IcmpSocket } from "../os/icmp-socket.ts";
import { ECHO_PACKET_HEADER_OCTETS } from "../wire/echo-packet.ts";
import { decodeIcmpEcho, encodeIcmpEcho } from "../wire/icmp-echo.ts";

/** No prober waits longer for an answer. */
const WAIT_MS = 3000;
/**
 * Replies are looked for so often while some are outstanding: the event loop cannot wait for a descriptor
 * without an add-on, and probes are few.
 */
const LOOK_MS = 10;
/** Replies that are taken in one look at a socket; others in the next, or lost as packets are. */
const MOST_REPLIES = 256;

interface Outstanding {
  readonly tunnel: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** Octets of the ICMP message. */
  readonly octets: number;
  readonly nonce: Uint8Array;
  readonly untilMs: number;
}

/** What came of echo requests. */
export interface EchoListener {
  /** The peer of a tunnel answered. */
  replied(tunnel: string, nonce: Uint8Array): void;
  /** No requests can be sent, as text; told at each failure. */
  failed(problem: string): void;
}

/**
 * Sends ICMP echo requests as probes of path MTUs, and finds their replies: what comes from the address that
 * was asked, as long as the request, with its nonce at the end of the data. A socket is open for each local
 * address while replies are outstanding.
 */
export class EchoProbes {
  readonly #clock: Clock;
  readonly #listener: EchoListener;
  readonly #sockets = new Map<string, IcmpSocket>();
  /** By the digits of the nonce. */
  readonly #outstanding = new Map<string, Outstanding>();
  #timer: NodeJS.Timeout | undefined;
  #sequence = 0;

  constructor(clock: Clock, listener: EchoListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** For a tunnel, whose name comes with the reply. */
  send(tunnel: string, { path, octets, nonce }: EchoRequest): void {
    const { localAddress, remoteAddress } = path;
    const version = remoteAddress.includes(":") ? 6 : 4;
    const socket = this.#socketAt(localAddress);
    if (socket === undefined) return;
    const data = new Uint8Array(octets - ECHO_PACKET_HEADER_OCTETS[version]);
    data.set(nonce, data.length - nonce.length);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const identifier = ((nonce[0] ?? 0) << 8) | (nonce[1] ?? 0);
    const message = encodeIcmpEcho(version, { kind: "request", identifier, sequence: this.#sequence, data });
    const untilMs = this.#clock.nowMs() + WAIT_MS;
    const outstanding = { tunnel, localAddress, remoteAddress, octets: message.length, nonce, untilMs };
    this.#outstanding.set(toHex(nonce), outstanding);
    socket.send(remoteAddress, message);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#outstanding.clear();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #socketAt(localAddress: string): IcmpSocket | undefined {
    const open = this.#sockets.get(localAddress);
    if (open !== undefined) return open;
    try {
      const socket = IcmpSocket.open(localAddress);
      this.#sockets.set(localAddress, socket);
      return socket;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#listener.failed(error.message);
      return undefined;
    }
  }

  #look(): void {
    for (const [localAddress, socket] of [...this.#sockets]) this.#receive(localAddress, socket);
    const nowMs = this.#clock.nowMs();
    for (const [key, { untilMs }] of this.#outstanding) if (nowMs >= untilMs) this.#outstanding.delete(key);
    const inUse = new Set([...this.#outstanding.values()].map(({ localAddress }) => localAddress));
    for (const [localAddress, socket] of [...this.#sockets]) {
      if (inUse.has(localAddress)) continue;
      socket.close();
      this.#sockets.delete(localAddress);
    }
    if (this.#outstanding.size === 0) this.close();
  }

  #receive(localAddress: string, socket: IcmpSocket): void {
    const version = localAddress.includes(":") ? 6 : 4;
    for (let count = 0; count < MOST_REPLIES; count += 1) {
      const received = socket.receive();
      if (received === undefined) return;
      const { remoteAddress, message } = received;
      const echo = decodeIcmpEcho(version, message);
      if (echo?.kind !== "reply") continue;
      const key = toHex(echo.data.subarray(-NONCE_OCTETS));
      const asked = this.#outstanding.get(key);
      if (asked === undefined || asked.octets !== message.length) continue;
      if (asked.localAddress !== localAddress || withoutZone(asked.remoteAddress) !== remoteAddress) continue;
      this.#outstanding.delete(key);
      this.#listener.replied(asked.tunnel, asked.nonce);
    }
  }
}
