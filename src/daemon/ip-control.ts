import { isIPv6 } from "node:net";
import type { TunnelConfig } from "../config/config.ts";
import { type IpControlSocket, openIpControlSocket } from "../os/ip-control-socket.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { Log } from "./log.ts";
import { pathOf } from "./settings.ts";

type Family = 4 | 6;

function familyOf(address: string): Family {
  return isIPv6(address) ? 6 : 4;
}

/** Control messages over IP protocol 115: one socket for each address family in use hears them for all tunnels. */
export class IpControl {
  readonly #log: Log;
  readonly #receive: (path: PsnPath, octets: Uint8Array) => void;
  readonly #tunnels = new Map<string, TunnelConfig>();
  readonly #sockets = new Map<Family, IpControlSocket>();
  #lost = 0;

  constructor(log: Log, receive: (path: PsnPath, octets: Uint8Array) => void) {
    this.#log = log;
    this.#receive = receive;
  }

  /** Hears a tunnel's peer from now on. Throws SystemError when the socket cannot be opened. */
  listen(tunnel: TunnelConfig): void {
    const family = familyOf(tunnel.local);
    if (!this.#sockets.has(family)) {
      const socket = openIpControlSocket({
        family,
        onMessage: (remote, local, octets) => this.#hear(remote, local, octets),
        onError: (error) =>
          this.#log.warn(
            { event: "ip-control", problem: error.message },
            `receiving control messages over IP went wrong: ${error.message}`,
          ),
      });
      this.#sockets.set(family, socket);
    }
    this.#tunnels.set(tunnel.name, tunnel);
  }

  /** Control messages that the kernel dropped because we read too slowly. */
  get drops(): number {
    return [...this.#sockets.values()].reduce((total, socket) => total + socket.drops(), this.#lost);
  }

  unlisten(tunnel: TunnelConfig): void {
    this.#tunnels.delete(tunnel.name);
    const family = familyOf(tunnel.local);
    if ([...this.#tunnels.values()].some(({ local }) => familyOf(local) === family)) return;
    this.#lost = this.drops;
    this.#sockets.get(family)?.close();
    this.#sockets.delete(family);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  /** IPv6 raw sockets do not tell the local address: then the peer's address alone names the tunnel. */
  #hear(remote: string, local: string | undefined, octets: Uint8Array): void {
    for (const tunnel of this.#tunnels.values()) {
      if (tunnel.remote !== remote || (local !== undefined && tunnel.local !== local)) continue;
      return this.#receive(pathOf(tunnel, 0), octets);
    }
    const unknown = { encapsulation: "ip", localPort: 0, remoteAddress: remote, remotePort: 0 } as const;
    this.#receive({ ...unknown, localAddress: local ?? "::" }, octets);
  }
}
