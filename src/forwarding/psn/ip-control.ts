import { isIPv6 } from "node:net";
import { type IpControlSocket, openIpControlSocket } from "../../os/ip-control-socket.ts";
import type { TransportEvents } from "../transport.ts";

interface Listener {
  readonly socket: IpControlSocket;
  users: number;
}

/**
 * Receives the control messages over IP protocol 115 (RFC 3931 §4.1.1.2): by one socket for all local
 * addresses of IPv4, and one for each of IPv6.
 */
export class IpControlReceiver {
  readonly #events: TransportEvents;
  readonly #listeners = new Map<string, Listener>();
  /** Drops of sockets that are closed. */
  #closedDrops = 0;

  constructor(events: TransportEvents) {
    this.#events = events;
  }

  /** Receives what is sent to a local address, until `unlisten` was called as often. Throws SystemError. */
  listen(address: string): void {
    const key = socketOf(address);
    const listener = this.#listeners.get(key);
    if (listener !== undefined) {
      listener.users += 1;
      return;
    }
    const socket = openIpControlSocket({
      v6Address: isIPv6(address) ? address : undefined,
      onMessage: (remoteAddress, localAddress, octets) =>
        this.#events.control(
          { encapsulation: "ip", localAddress, localPort: 0, remoteAddress, remotePort: 0 },
          octets,
        ),
      onError: (error) => this.#events.problem(`receiving control messages over IP failed: ${error.message}`),
    });
    this.#listeners.set(key, { socket, users: 1 });
  }

  unlisten(address: string): void {
    const key = socketOf(address);
    const listener = this.#listeners.get(key);
    if (listener === undefined) return;
    listener.users -= 1;
    if (listener.users > 0) return;
    this.#listeners.delete(key);
    this.#closedDrops += listener.socket.drops();
    listener.socket.close();
  }

  /** Control messages that the kernel dropped because we read too slowly. */
  get drops(): number {
    return [...this.#listeners.values()].reduce(
      (total, { socket }) => total + socket.drops(),
      this.#closedDrops,
    );
  }

  close(): void {
    for (const { socket } of this.#listeners.values()) socket.close();
    this.#listeners.clear();
  }
}

/** Which socket receives what is sent to an address. */
function socketOf(address: string): string {
  return isIPv6(address) ? address : "IPv4";
}
