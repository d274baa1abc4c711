import { hasIpsecPolicies } from "../../os/ipsec.ts";
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
export class Ways {
  readonly #known = new Map<string, Promise<Way>>();

  /** Rejects with SystemError where there is none. */
  find(remote: string, local: string): Promise<Way> {
    const key = `${local} ${remote}`;
    const known = this.#known.get(key) ?? lookUp(remote, local);
    this.#known.set(key, known);
    return known;
  }

  /** Something changed: everything is looked up anew. */
  forget(): void {
    this.#known.clear();
  }
}

async function lookUp(remote: string, local: string): Promise<Way> {
  const found = { route: await routeTo(remote, local), hasPolicies: await hasIpsecPolicies() };
  return { ...found, text: JSON.stringify(found) };
}
