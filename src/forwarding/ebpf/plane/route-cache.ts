import { IpsecPolicies } from "../../../os/ipsec.ts";
import type { NetlinkWatch } from "../../../os/netlink-watch.ts";
import { type AddressPair, PathMtus } from "../../../os/path-mtus.ts";
import { type RouteFound, routeTo, watchRoutes } from "../../../os/routes.ts";
import type { PsnPath } from "../../../wire/session-parameters.ts";

/** A way to a peer. */
export interface Way {
  readonly route: RouteFound;
  /** Whether IPsec policies hold for what goes this way. */
  readonly hasPolicies: boolean;
  /** All of it as text, to tell whether it changed. */
  readonly text: string;
}

export interface WaysListener {
  /** Any way may be another one now. */
  changed(): void;
  /** IPsec policies are other ones now: called before `changed`, so that nobody goes on sending past them meanwhile. */
  policiesChanged(): void;
}

/** How often it is looked whether a path's MTU is another one: the kernel learns it, forgets it, and tells nobody. */
const PATH_MTU_MS = 1000;
/** How often ways are looked up anew though nothing was told. */
const LOOK_AGAIN_MS = 30_000;

/** Ways to peers, and what tells that they may be others: routes and interfaces, path MTUs, IPsec policies. */
export class Ways implements Disposable {
  readonly #known = new Map<string, Promise<RouteFound>>();
  /** Those of them that were found, and between which addresses. */
  readonly #found = new Map<RouteFound, AddressPair>();
  readonly #pathMtus = PathMtus.open();
  readonly #policies: IpsecPolicies;
  readonly #watch: NetlinkWatch;
  readonly #timers: readonly NodeJS.Timeout[];

  private constructor(policies: IpsecPolicies, { changed }: WaysListener) {
    const forget = () => {
      this.#known.clear();
      this.#found.clear();
      changed();
    };
    this.#policies = policies;
    this.#watch = watchRoutes(forget);
    this.#timers = [
      setInterval(() => this.#haveOtherMtus() && forget(), PATH_MTU_MS).unref(),
      setInterval(forget, LOOK_AGAIN_MS).unref(),
    ];
  }

  /** Rejects with SystemError where the kernel cannot be asked. */
  static async open(listener: WaysListener): Promise<Ways> {
    const policies = await IpsecPolicies.open(() => {
      listener.policiesChanged();
      listener.changed();
    });
    return new Ways(policies, listener);
  }

  /** Rejects with SystemError where there is none. */
  async find(path: PsnPath): Promise<Way> {
    const route = await this.#route(path);
    const found = { route, hasPolicies: this.havePolicies(path, route) };
    return { ...found, text: JSON.stringify(found) };
  }

  /** Whether IPsec policies hold, as they are at this moment, for what goes by a route. */
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
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = routeTo(remoteAddress, localAddress).then((route) => {
      if (this.#known.get(key) === found) this.#found.set(route, { remoteAddress, localAddress });
      return route;
    });
    this.#known.set(key, found);
    return found;
  }

  #haveOtherMtus(): boolean {
    const routes = [...this.#found.keys()];
    const now = this.#pathMtus.query([...this.#found.values()]);
    return routes.some(({ pathMtu }, index) => pathMtu !== now[index]?.mtu);
  }
}
