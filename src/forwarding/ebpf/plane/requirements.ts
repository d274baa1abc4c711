import { OperationalError } from "../../../bytes/errors.ts";
import { SystemError } from "../../../os/errors.ts";
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { AttachmentCircuit } from "../../plane.ts";
import type { PsnEndpoint, PsnSocketSource } from "../../transport.ts";
import type { EbpfDevice } from "./devices.ts";
import { obstacleTo } from "./obstacles.ts";
import type { PeerRoute, RouteCache } from "./route-cache.ts";
import type { SessionArrays } from "./session-arrays.ts";

/** What programs need to forward a session, found while there was no obstacle. */
export interface Requirements {
  readonly device: EbpfDevice;
  readonly endpoint: PsnEndpoint;
  readonly route: PeerRoute;
  readonly sessionIndex: number;
}

/** Finds what programs need to forward sessions, and knows by which routes it was found. */
export class RequirementFinder {
  readonly #sockets: PsnSocketSource;
  readonly #routes: RouteCache;
  readonly #arrays: SessionArrays;
  readonly #lastRoutes = new Map<number, PeerRoute>();

  constructor(sockets: PsnSocketSource, routes: RouteCache, arrays: SessionArrays) {
    this.#sockets = sockets;
    this.#routes = routes;
    this.#arrays = arrays;
  }

  /** Resolves to the reason where programs cannot forward the session. Rejects with OperationalError. */
  async find(
    session: SessionParameters,
    attachment: AttachmentCircuit,
    devices: ReadonlyMap<string, EbpfDevice>,
  ): Promise<Requirements | string> {
    const { localSessionId, path } = session;
    const target = `session ${localSessionId}`;
    this.#lastRoutes.delete(localSessionId);
    const endpoint = this.#sockets.endpointOf(path);
    if (endpoint === undefined) throw new SystemError("find a local address", { errno: "ENOTCONN", target });
    const device = devices.get(attachment.device);
    if (device === undefined) throw new SystemError("find a circuit", { errno: "ENODEV", target });
    const route = await this.#routes.find(path);
    this.#lastRoutes.set(localSessionId, route);
    const obstacle = obstacleTo({ session, attachment }, endpoint, route);
    if (obstacle !== undefined) return obstacle;
    const sessionIndex = this.#arrays.of(localSessionId);
    return sessionIndex === undefined ? this.#arrays.fullText : { device, endpoint, route, sessionIndex };
  }

  /** The route that `find` looked at last for a session; undefined where there was none. */
  lastRoute(localSessionId: number): PeerRoute | undefined {
    return this.#lastRoutes.get(localSessionId);
  }

  /** The route to a session's peer as it is now. */
  async routeNow({ path }: SessionParameters): Promise<PeerRoute | undefined> {
    try {
      return await this.#routes.find(path);
    } catch (error) {
      if (error instanceof OperationalError) return undefined;
      throw error;
    }
  }

  /** The session was removed. */
  forget(localSessionId: number): void {
    this.#lastRoutes.delete(localSessionId);
  }
}
