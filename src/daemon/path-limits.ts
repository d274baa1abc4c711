import type { PathLimits } from "../control/path-mtu.ts";
import type { Clock } from "../environment.ts";
import type { Links } from "../os/links.ts";
import { PathMtus } from "../os/path-mtus.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { isUnspecified } from "./settings.ts";

/**
 * How long the kernel's answer about a path is kept, unless routes or interfaces change: many sessions share
 * one.
 */
const HOLDS_MS = 500;

/** What is asked of the interfaces. */
export type PathLinks = Pick<Links, "all" | "watchReadings">;

/**
 * What the kernel knows of the paths to peers: the MTU of the interface, or of the route where somebody set
 * less, and what routers reported.
 */
export class PathLimitsReader implements Disposable {
  readonly #links: PathLinks;
  readonly #clock: Clock;
  readonly #pathMtus = PathMtus.open();
  /** By the two addresses of a path; MTUs of interfaces by their index. As they were at a moment. */
  readonly #known = new Map<string, PathLimits | undefined>();
  #interfaces = new Map<number, number>();
  #knownMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** `changed` is called when the MTU of an interface did. */
  constructor(links: PathLinks, clock: Clock, changed: () => void) {
    this.#links = links;
    this.#clock = clock;
    links.watchReadings(() => {
      const isOther = links.all().some(({ index, mtu }) => {
        const before = this.#interfaces.get(index);
        return before !== undefined && before !== mtu;
      });
      if (!isOther || this.#isClosed) return;
      this.forget();
      changed();
    });
  }

  /** Drops what is known, after routes or interfaces changed. */
  forget(): void {
    this.#knownMs = Number.NEGATIVE_INFINITY;
  }

  /** What limits packets on a path; undefined without a route, and while no peer came. */
  of({ remoteAddress, localAddress }: PsnPath): PathLimits | undefined {
    // The unspecified address has a route too: by the loopback interface.
    if (isUnspecified(remoteAddress)) return undefined;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#knownMs > HOLDS_MS) {
      this.#known.clear();
      this.#interfaces = new Map(this.#links.all().map(({ index, mtu }) => [index, mtu]));
      this.#knownMs = nowMs;
    }
    const key = `${localAddress} ${remoteAddress}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#ask({ remoteAddress, localAddress }));
    return this.#known.get(key);
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pathMtus[Symbol.dispose]();
  }

  #ask(path: Pick<PsnPath, "remoteAddress" | "localAddress">): PathLimits | undefined {
    const found = this.#isClosed ? undefined : this.#pathMtus.query([path])[0];
    if (found === undefined) return undefined;
    const { mtu, routeMtu } = found;
    const ofInterface = this.#interfaces.get(found.interfaceIndex) ?? mtu;
    if (ofInterface === undefined) return undefined;
    const interfaceOctets = Math.min(ofInterface, routeMtu ?? ofInterface);
    return { interfaceOctets, reportedOctets: mtu === routeMtu ? undefined : mtu };
  }
}

/** The largest packet that a path takes as far as the kernel knows, in octets. */
export function assumedOctets({ interfaceOctets, reportedOctets }: PathLimits): number {
  return Math.min(interfaceOctets, reportedOctets ?? interfaceOctets);
}
