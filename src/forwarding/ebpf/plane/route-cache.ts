import { IpsecPolicies } from "../../../os/ipsec.ts";
import type { NetlinkWatch } from "../../../os/netlink-watch.ts";
import { type AddressPair, PathMtus } from "../../../os/path-mtus.ts";
import { type RouteFound, routeTo, watchRoutes } from "../../../os/routes.ts";
import type { PsnPath } from "../../../wire/session-parameters.ts";

/** A route to a peer. */
export interface PeerRoute {
  readonly route: RouteFound;
  /** Whether IPsec policies apply to what takes this route. */
  readonly hasPolicies: boolean;
  /** All of it as text, to see whether it changed. */
  readonly text: string;
}

export interface RouteListener {
  /** Any route may have changed. */
  changed(): void;
  /** IPsec policies changed. Called before `changed`, so that sending past them can be stopped first. */
  policiesChanged(): void;
}

/** How often path MTUs are queried: the kernel sends no notification when it learns or forgets one. */
const PATH_MTU_MS = 1000;
/** How often routes are looked up again without a notification. */
const REFRESH_MS = 30_000;

/**
 * Routes to peers, looked up once for each peer, and again when routes, interfaces, path MTUs or IPsec
 * policies change.
 */
export class RouteCache implements Disposable {
  readonly #routes = new Map<string, Promise<RouteFound>>();
  /** Routes that were found, and the addresses that they connect. */
  readonly #found = new Map<RouteFound, AddressPair>();
  readonly #pathMtus = PathMtus.open();
  readonly #policies: IpsecPolicies;
  readonly #watch: NetlinkWatch;
  readonly #timers: readonly NodeJS.Timeout[];

  private constructor(policies: IpsecPolicies, { changed }: RouteListener) {
    const invalidate = () => {
      this.#routes.clear();
      this.#found.clear();
      changed();
    };
    this.#policies = policies;
    this.#watch = watchRoutes(invalidate);
    this.#timers = [
      setInterval(() => this.#mtusChanged() && invalidate(), PATH_MTU_MS).unref(),
      setInterval(invalidate, REFRESH_MS).unref(),
    ];
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
    return { ...found, text: JSON.stringify(found) };
  }

  /** Whether IPsec policies, as they are now, apply to what takes a route. */
  havePolicies(path: PsnPath, { interfaceIndex }: RouteFound): boolean {
    return this.#policies.holdFor({ ...path, interfaceIndex });
  }

  [Symbol.dispose](): void {
    this.#watch.close();
    this.#policies.close();
    for (const timer of this.#timers) clearInterval(timer);
    this.#pathMtus[Symbol.dispose]();
  }

  #route({ remoteAddress, localAddress }: PsnPath): Promise<RouteFound> {
    const key = `${localAddress} ${remoteAddress}`;
    const cached = this.#routes.get(key);
    if (cached !== undefined) return cached;
    const isCurrent = () => this.#routes.get(key) === found;
    const found = routeTo(remoteAddress, localAddress).then(
      (route) => {
        if (isCurrent()) this.#found.set(route, { remoteAddress, localAddress });
        return route;
      },
      (error: unknown) => {
        // What failed is no answer: it is looked up again when it is asked for again.
        if (isCurrent()) this.#routes.delete(key);
        throw error;
      },
    );
    this.#routes.set(key, found);
    return found;
  }

  #mtusChanged(): boolean {
    const routes = [...this.#found.keys()];
    const now = this.#pathMtus.query([...this.#found.values()]);
    return routes.some(({ pathMtu }, index) => pathMtu !== now[index]?.mtu);
  }
}
