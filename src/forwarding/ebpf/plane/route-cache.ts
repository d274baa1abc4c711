import { IpsecPolicies } from "../../../os/ipsec.ts";
import type { NetlinkWatch } from "../../../os/netlink-watch.ts";
import { type RouteFound, routeTo, watchRoutes } from "../../../os/routes.ts";
import type { PsnPath } from "../../../wire/session-parameters.ts";

/** A route to a peer. */
export interface PeerRoute {
  readonly route: RouteFound;
  /** Whether IPsec policies apply to what takes this route. */
  readonly hasPolicies: boolean;
  /** All of it but the path MTU, which the daemon follows, as text: to see whether it changed. */
  readonly text: string;
}

export interface RouteListener {
  /** Any route may have changed. */
  changed(): void;
  /** IPsec policies changed. Called before `changed`, so that sending past them can be stopped first. */
  policiesChanged(): void;
}

/** How often routes are looked up again without a notification. */
const REFRESH_MS = 30_000;

/**
 * Routes to peers, looked up once for each peer, and again when routes, interfaces or IPsec policies change.
 */
export class RouteCache implements Disposable {
  readonly #routes = new Map<string, Promise<RouteFound>>();
  readonly #policies: IpsecPolicies;
  readonly #watch: NetlinkWatch;
  readonly #timer: NodeJS.Timeout;

  private constructor(policies: IpsecPolicies, { changed }: RouteListener) {
    const invalidate = () => {
      this.#routes.clear();
      changed();
    };
    this.#policies = policies;
    this.#watch = watchRoutes(invalidate);
    this.#timer = setInterval(invalidate, REFRESH_MS).unref();
  }

  /** Rejects with SystemError where the kernel cannot be asked. */
  static async open(listener: RouteListener): Promise<RouteCache> {
    const policies = await IpsecPolicies.open(() => {
      listener.policiesChanged();
      listener.changed();
    });
    return new RouteCache(policies, listener);
  }

  /** Rejects with SystemError where there is no route. */
  async find(path: PsnPath): Promise<PeerRoute> {
    const route = await this.#route(path);
    const found = { route, hasPolicies: this.havePolicies(path, route) };
    return { ...found, text: JSON.stringify({ ...found, route: { ...route, mtu: undefined } }) };
  }

  /** Whether IPsec policies, as they are now, apply to what takes a route. */
  havePolicies(path: PsnPath, { interfaceIndex }: RouteFound): boolean {
    return this.#policies.holdFor({ ...path, interfaceIndex });
  }

  [Symbol.dispose](): void {
    this.#watch.close();
    this.#policies.close();
    clearInterval(this.#timer);
  }

  #route({ remoteAddress, localAddress }: PsnPath): Promise<RouteFound> {
    const key = `${localAddress} ${remoteAddress}`;
    const cached = this.#routes.get(key);
    if (cached !== undefined) return cached;
    const found = routeTo(remoteAddress, localAddress).catch((error: unknown) => {
      // What failed is no answer: it is looked up again when it is asked for again.
      if (this.#routes.get(key) === found) this.#routes.delete(key);
      throw error;
    });
    this.#routes.set(key, found);
    return found;
  }
}
