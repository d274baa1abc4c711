import type { PathLimits } from "../control/path-mtu.ts";
import type { Clock } from "../environment.ts";
import type { Links } from "../os/links.ts";
import { type AddressPair, type PathMtu, PathMtus } from "../os/path-mtus.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import { isUnspecified } from "./settings.ts";

/**
 * How long the kernel's answer about a path is kept, unless routes or interfaces change: many sessions share
 * one.
 */
const HOLDS_MS = 500;
/** A path that was asked for so recently is asked for again: all of them in one go, when the first one is. */
const IN_USE_MS = 3000;

/** What is asked of the interfaces. */
export type PathLinks = Pick<Links, "all" | "watchReadings">;
/** The kernel's answers about many paths at once. */
export type PathMtuQueries = Pick<PathMtus, "query"> & Disposable;

interface Known extends AddressPair {
  limits: PathLimits | undefined;
  /** When somebody wanted it last. */
  wantedMs: number;
}

/**
 * What the kernel knows of the paths to peers: the MTU of the interface, or of the route where somebody set
 * less, and what routers reported.
 */
export class PathLimitsReader implements Disposable {
  readonly #links: PathLinks;
  readonly #clock: Clock;
  readonly #pathMtus: PathMtuQueries;
  /** By the two addresses of a path; MTUs of interfaces by their index. As they were at a moment. */
  readonly #known = new Map<string, Known>();
  #interfaces = new Map<number, number>();
  #knownMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** `changed` is called when the MTU of an interface did. */
  constructor(
    links: PathLinks,
    clock: Clock,
    changed: () => void,
    pathMtus: PathMtuQueries = PathMtus.open(),
  ) {
    this.#links = links;
    this.#clock = clock;
    this.#pathMtus = pathMtus;
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
    if (nowMs - this.#knownMs > HOLDS_MS) this.#askAgain(nowMs);
    const key = `${localAddress} ${remoteAddress}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.wantedMs = nowMs;
      return known.limits;
    }
    const limits = this.#ask([{ remoteAddress, localAddress }])[0];
    this.#known.set(key, { remoteAddress, localAddress, limits, wantedMs: nowMs });
    return limits;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pathMtus[Symbol.dispose]();
  }

  /** Asks once more for all paths that are in use: one by one, a thousand cost many times as much. */
  #askAgain(nowMs: number): void {
    this.#knownMs = nowMs;
    this.#interfaces = new Map(this.#links.all().map(({ index, mtu }) => [index, mtu]));
    for (const [key, { wantedMs }] of this.#known) if (nowMs - wantedMs > IN_USE_MS) this.#known.delete(key);
    const inUse = [...this.#known.values()];
    const limits = this.#ask(inUse);
    for (const [index, known] of inUse.entries()) known.limits = limits[index];
  }

  #ask(paths: readonly AddressPair[]): readonly (PathLimits | undefined)[] {
    if (this.#isClosed) return [];
    return this.#pathMtus.query(paths).map((found) => found && this.#limitsOf(found));
  }

  #limitsOf({ mtu, routeMtu, interfaceIndex }: PathMtu): PathLimits | undefined {
    const ofInterface = this.#interfaces.get(interfaceIndex) ?? mtu;
    if (ofInterface === undefined) return undefined;
    const interfaceOctets = Math.min(ofInterface, routeMtu ?? ofInterface);
    return { interfaceOctets, reportedOctets: mtu === routeMtu ? undefined : mtu };
  }
}

/** The largest packet that a path takes as far as the kernel knows, in octets. */
export function assumedOctets({ interfaceOctets, reportedOctets }: PathLimits): number {
  return Math.min(interfaceOctets, reportedOctets ?? interfaceOctets);
}
