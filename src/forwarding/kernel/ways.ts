import { hasIpsecPolicies } from "../../os/ipsec.ts";
import { type AddressPair, PathMtus } from "../../os/path-mtus.ts";
import { type RouteFound, routeTo } from "../../os/routes.ts";

/** A way to a peer. */
export interface Way {
  readonly route: RouteFound;
  /** Whether IPsec policies exist here. */
  readonly hasPolicies: boolean;
  /** All of it as text, to tell whether it changed. */
  readonly text: string;
}

/** Ways that were looked up since the last change, by both ends. */
export class Ways implements Disposable {
  readonly #known = new Map<string, Promise<Way>>();
  /** Those of them that were found, and between which addresses. */
  readonly #found = new Map<Way, AddressPair>();
  readonly #pathMtus = PathMtus.open();

  /** Rejects with SystemError where there is none. */
  find(remote: string, local: string): Promise<Way> {
    const key = `${local} ${remote}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = lookUp(remote, local).then((way) => {
      if (this.#known.get(key) === found)
        this.#found.set(way, { remoteAddress: remote, localAddress: local });
      return way;
    });
    this.#known.set(key, found);
    return found;
  }

  /** Whether the kernel has learned, or forgotten, the MTU of a path since its way was looked up: of that it sends no notification. */
  get haveOtherMtus(): boolean {
    const ways = [...this.#found.keys()];
    const now = this.#pathMtus.ask([...this.#found.values()]);
    return ways.some(({ route }, index) => route.pathMtu !== now[index]?.mtu);
  }

  /** Something changed: everything is looked up anew. */
  forget(): void {
    this.#known.clear();
    this.#found.clear();
  }

  [Symbol.dispose](): void {
    this.#pathMtus[Symbol.dispose]();
  }
}

async function lookUp(remote: string, local: string): Promise<Way> {
  const found = { route: await routeTo(remote, local), hasPolicies: await hasIpsecPolicies() };
  return { ...found, text: JSON.stringify(found) };
}
