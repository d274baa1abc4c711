import { isIPv6 } from "node:net";
import type { TunnelConfig } from "../config/config.ts";
import { type IpControlSocket, openIpControlSocket } from "../os/ip-control-socket.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { Log } from "./log.ts";
import { pathOf } from "./settings.ts";

/** Which socket hears a tunnel: all over IPv4 share one, those over IPv6 have one for each local address. */
function socketOf({ local }: TunnelConfig): string {
  return isIPv6(local) ? local : "IPv4";
}

/** Tells tunnels over IP apart, whatever their names. */
function endsOf({ local, remote }: TunnelConfig): string {
  return `${local} ${remote}`;
}

/**
 * Control messages over IP protocol 115: one socket over IPv4, and one for each local address over IPv6, hear
 * them for all tunnels.
 */
export class IpControl {
  readonly #log: Log;
  readonly #receive: (path: PsnPath, octets: Uint8Array) => void;
  readonly #tunnels = new Map<string, TunnelConfig>();
  readonly #sockets = new Map<string, IpControlSocket>();
  #lost = 0;

  constructor(log: Log, receive: (path: PsnPath, octets: Uint8Array) => void) {
    this.#log = log;
    this.#receive = receive;
  }

  /** Hears a tunnel's peer from now on. Throws SystemError when the socket cannot be opened. */
  listen(tunnel: TunnelConfig): void {
    const key = socketOf(tunnel);
    if (!this.#sockets.has(key)) {
      const socket = openIpControlSocket({
        v6Address: isIPv6(tunnel.local) ? tunnel.local : undefined,
        onMessage: (remote, local, octets) => this.#hear(remote, local, octets),
        onError: (error) =>
          this.#log.warn(
            { event: "ip-control", problem: error.message },
            `receiving control messages over IP went wrong: ${error.message}`,
          ),
      });
      this.#sockets.set(key, socket);
    }
    this.#tunnels.set(endsOf(tunnel), tunnel);
  }

  /** Control messages that the kernel dropped because we read too slowly. */
  get drops(): number {
    return [...this.#sockets.values()].reduce((total, socket) => total + socket.drops(), this.#lost);
  }

  unlisten(tunnel: TunnelConfig): void {
    this.#tunnels.delete(endsOf(tunnel));
    const key = socketOf(tunnel);
    if ([...this.#tunnels.values()].some((other) => socketOf(other) === key)) return;
    const socket = this.#sockets.get(key);
    this.#lost += socket?.drops() ?? 0;
    socket?.close();
    this.#sockets.delete(key);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #hear(remote: string, local: string, octets: Uint8Array): void {
    for (const tunnel of this.#tunnels.values()) {
      if (tunnel.remote !== remote || tunnel.local !== local) continue;
      return this.#receive(pathOf(tunnel, 0), octets);
    }
    const unknown = { encapsulation: "ip", localPort: 0, remoteAddress: remote, remotePort: 0 } as const;
    this.#receive({ ...unknown, localAddress: local }, octets);
  }
}
