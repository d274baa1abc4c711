import type { PsnPath } from "../wire/session-parameters.ts";
import type { LcceContext } from "./context.ts";

/** How many take-overs, within how long, are no chance. */
const MOST = 3;
const WITHIN_MS = 600_000;

/** A connection in use gave way to a newer one that came from elsewhere. */
interface TakeOver {
  readonly from: PsnPath;
  readonly to: PsnPath;
  readonly atMs: number;
}

/**
 * The last connections in use that gave way to a newer one from another address or port. Machines with the
 * same configuration take a tunnel from each other for ever, and each is established when looked at. A peer
 * that moves, or whose NAT forgets it, hardly returns to where it just was.
 */
export class TakeOvers {
  readonly #context: LcceContext;
  #last: readonly TakeOver[] = [];

  constructor(context: LcceContext) {
    this.#context = context;
  }

  /** A connection by `to` takes over from one in use, by `from`; without such a one nothing is taken over. */
  add(from: PsnPath | undefined, to: PsnPath): void {
    if (from === undefined || endOf(from) === endOf(to)) return;
    this.#last = [...this.#last, { from, to, atMs: this.#context.nowMs }].slice(-MOST);
  }

  /** Text for people, where the last three were within ten minutes and came back to where one was before. */
  get note(): string | undefined {
    const [first] = this.#last;
    if (first === undefined || this.#last.length < MOST) return undefined;
    if (this.#context.nowMs - first.atMs >= WITHIN_MS) return undefined;
    const paths = this.#last.flatMap(({ from, to }) => [from, to]);
    const ends = new Set(paths.map(endOf));
    if (ends.size > MOST) return undefined;
    // Behind one NAT they have one address, and ports tell them apart.
    const addresses = new Set(paths.map(({ remoteAddress }) => remoteAddress));
    const all = [...(addresses.size > 1 ? addresses : ends)].sort();
    return (
      `it is taken over in turn from ${all.slice(0, -1).join(", ")} and ${all.at(-1)}: ` +
      "do two machines have the same configuration?"
    );
  }
}

/** The peer's end of a path, as text. */
function endOf({ remoteAddress, remotePort }: PsnPath): string {
  return `${remoteAddress} port ${remotePort}`;
}
