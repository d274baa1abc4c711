import { OperationalError } from "../bytes/errors.ts";
import type { CapturedFrame, FrameSource } from "../forwarding/frame-source.ts";
import { PacketCapture } from "../os/packet-capture.ts";
import { psnCaptureFilter, type SessionIds } from "../os/psn-capture-filter.ts";
import { type RouteFound, routeTo } from "../os/routes.ts";
import { type PsnPath, pathKey } from "../wire/session-parameters.ts";

/** The interface by which packets to the peer leave, and whether they have an Ethernet header there. */
export interface PsnInterface {
  readonly index: number;
  readonly name: string;
  readonly isEthernet: boolean;
}

/** The packets between us and the peer of one pseudowire, at the interface of the route to it. */
export class PsnCapture implements FrameSource, Disposable {
  readonly #snapOctets: number;
  #packets: PacketCapture | undefined;
  #interface: PsnInterface | undefined;
  /** What the filter of the socket was made of. */
  #filtered = "";
  #formerReceived = 0;
  #formerDropped = 0;

  constructor(snapOctets: number) {
    this.#snapOctets = snapOctets;
  }

  /** Undefined as long as there is no route to a peer. */
  get interface(): PsnInterface | undefined {
    return this.#interface;
  }

  get received(): number {
    return this.#formerReceived + (this.#packets?.received ?? 0);
  }

  get dropped(): number {
    return this.#formerDropped + (this.#packets?.dropped ?? 0);
  }

  /**
   * Follows the path and its sessions. Where no route is found, it stays as it is. Rejects with SystemError
   * where the kernel refuses a capture.
   */
  async follow(path: PsnPath | undefined, sessions: readonly SessionIds[]): Promise<void> {
    const route = path === undefined ? undefined : await routeOf(path);
    if (path === undefined || route === undefined) return;
    const filter = psnCaptureFilter(path, sessions, this.#snapOctets);
    const ids = sessions.map(({ localSessionId, remoteSessionId }) => `${localSessionId} ${remoteSessionId}`);
    const filtered = [pathKey(path), ...ids].join(" ");
    const isEthernet = ["ETHER", "LOOPBACK"].includes(route.hardware);
    if (route.interfaceIndex !== this.#interface?.index) {
      this[Symbol.dispose]();
      const interfaceIndex = route.interfaceIndex;
      this.#packets = PacketCapture.open({ interfaceIndex, withLinkHeader: isEthernet, filter });
      this.#interface = { index: interfaceIndex, name: route.interfaceName, isEthernet };
    } else if (filtered !== this.#filtered) {
      this.#packets?.setFilter(filter);
    }
    this.#filtered = filtered;
  }

  peek(): CapturedFrame | undefined {
    return this.#packets?.peek();
  }

  skip(): void {
    this.#packets?.skip();
  }

  [Symbol.dispose](): void {
    if (this.#packets === undefined) return;
    this.#formerReceived = this.received;
    this.#formerDropped = this.dropped;
    this.#packets[Symbol.dispose]();
    this.#packets = undefined;
  }
}

async function routeOf({ remoteAddress, localAddress }: PsnPath): Promise<RouteFound | undefined> {
  try {
    return await routeTo(remoteAddress, localAddress);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return undefined;
  }
}
