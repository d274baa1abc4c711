import type { PathLimits, PathMtuSnapshot } from "../control/path-mtu.ts";
import type { Clock } from "../environment.ts";
import type { reportPathMtu } from "../os/path-mtu-report.ts";
import { type PsnPath, pathKey } from "../wire/session-parameters.ts";
import { assumedOctets } from "./path-limits.ts";

/** How long the kernel keeps what it was told, at least, if nobody set less than its default of 600 s. */
const HOLDS_MS = 240_000;
/** How soon it is told again what it did not take. */
const AGAIN_MS = 5000;

/** What is kept of a path. */
interface Followed {
  /** When the kernel was told of it last. */
  readonly toldMs: number;
  /** What the last search found that came to its end. */
  readonly foundOctets: number | undefined;
}

const nothingYet: Followed = { toldMs: Number.NEGATIVE_INFINITY, foundOctets: undefined };

/**
 * Has the kernel fragment packets by what was measured of their path, and not only by its interface: routers
 * that do not fragment and say nothing lose longer ones.
 */
export class OuterFragments {
  readonly #clock: Clock;
  readonly #report: typeof reportPathMtu;
  #followed = new Map<string, Followed>();

  /** `report` may throw SystemError, which the caller of `follow` gets. */
  constructor(clock: Clock, report: typeof reportPathMtu) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Forgets all paths but these. */
  keep(paths: readonly PsnPath[]): void {
    const kept = paths.flatMap((path) => {
      const followed = this.#followed.get(pathKey(path));
      return followed === undefined ? [] : [[pathKey(path), followed] as const];
    });
    this.#followed = new Map(kept);
  }

  /**
   * Tells the kernel what a search found, if it is at its end: what it is told it keeps for minutes, and
   * takes back for nothing that is more. A path that takes less than before is not waited for: all packets
   * of the former size would be lost until that end. Throws SystemError.
   */
  follow(path: PsnPath, found: PathMtuSnapshot | undefined, limits: PathLimits | undefined): void {
    if (found?.octets === undefined || limits === undefined) return;
    const { octets, state } = found;
    const key = pathKey(path);
    const { toldMs, foundOctets } = this.#followed.get(key) ?? nothingYet;
    const isLess = state === "searching" && foundOctets !== undefined && octets < foundOctets;
    if (state === "search-complete") this.#followed.set(key, { toldMs, foundOctets: octets });
    else if (!isLess) return;
    const kernels = assumedOctets(limits);
    if (octets >= limits.interfaceOctets || kernels < octets || isLinkLocal(path)) return;
    const nowMs = this.#clock.nowMs();
    if (nowMs - toldMs < (kernels > octets ? AGAIN_MS : HOLDS_MS)) return;
    this.#followed.set(key, { toldMs: nowMs, foundOctets: isLess ? foundOctets : octets });
    this.#report(path, octets);
  }
}

/** Whether an address is of one link: the message would not say of which, and there are no routers. */
function isLinkLocal({ localAddress }: PsnPath): boolean {
  return /^fe[89ab]/i.test(localAddress);
}
