import type { PsnPath } from "../wire/session-parameters.ts";
import type { PathMtuState } from "./path-mtu-table.ts";
import type { ProbeCarrier } from "./probe-carriers.ts";

/** What is known of a path, and by which carrier. */
export interface FoundPathMtu {
  readonly path: PsnPath;
  readonly octets: number | undefined;
  readonly state: PathMtuState;
  readonly by: ProbeCarrier | undefined;
}

/** What a search measured of a path. */
export interface MeasuredPathMtu {
  readonly path: PsnPath;
  /** The largest packet that the path took, header included. */
  readonly octets: number;
  readonly by: ProbeCarrier;
  /** When that was found, in ms of the clock. */
  readonly measuredMs: number;
}

/**
 * What was last measured of the path to a peer. It outlives the search, for the one that comes after it: the
 * next connection of the tunnel, or the tunnel that replaces it, has the same path and need not lose long
 * packets until that is measured once more.
 */
export class PathMtuMemory {
  #last: MeasuredPathMtu | undefined;

  constructor(last?: MeasuredPathMtu) {
    this.#last = last;
  }

  get last(): MeasuredPathMtu | undefined {
    return this.#last;
  }

  /** What was measured of a path; its ports and encapsulation say nothing of what links take. */
  of({ localAddress, remoteAddress }: PsnPath): MeasuredPathMtu | undefined {
    const { path } = this.#last ?? {};
    return path?.localAddress === localAddress && path.remoteAddress === remoteAddress
      ? this.#last
      : undefined;
  }

  /** Takes in what a search found. That it ended says nothing of the path; that it lost what it knew does. */
  note({ path, octets, by, state }: FoundPathMtu, nowMs: number): void {
    if (octets !== undefined && by !== undefined) this.#last = { path, octets, by, measuredMs: nowMs };
    else if (state !== "disabled") this.#last = undefined;
  }
}
