import { printableExcerpt } from "../bytes/printable-text.ts";
import type { PsnPath } from "../wire/session-parameters.ts";

/** Most callers that are kept, and most of one address: a stranger with many names hides nobody else. */
const MOST = 5;
const MOST_OF_ADDRESS = 2;
/** How long one is kept after it called last. */
const KEPT_MS = 3_600_000;

/** Whoever sent SCCRQs that no tunnel is for. */
export interface UnknownPeer {
  /** The Host Name that it says it has, for printing; undefined where it gives none. */
  readonly hostName: string | undefined;
  readonly address: string;
  readonly sccrqs: number;
  /** In ms of the injected clock. */
  readonly lastMs: number;
}

/**
 * The last few senders of SCCRQs that no tunnel is for: mostly a peer with another name than the file
 * expects. Whatever they say, they take no more memory than a few lines, and nothing of it is proved.
 */
export class UnknownPeers {
  /** Who called last comes last. */
  #last: readonly UnknownPeer[] = [];

  add({ remoteAddress: address }: PsnPath, name: string | undefined, nowMs: number): void {
    const hostName = name === undefined ? undefined : printableExcerpt(name);
    const isSame = (one: UnknownPeer) => one.address === address && one.hostName === hostName;
    const { sccrqs = 0 } = this.#last.find(isSame) ?? {};
    const others = this.at(nowMs).filter((one) => !isSame(one));
    const ofAddress = others.filter((one) => one.address === address);
    const [oldest] = ofAddress.length < MOST_OF_ADDRESS ? [] : ofAddress;
    this.#last = [
      ...others.filter((one) => one !== oldest),
      { hostName, address, sccrqs: sccrqs + 1, lastMs: nowMs },
    ].slice(-MOST);
  }

  /** Those that called within the last hour. */
  at(nowMs: number): readonly UnknownPeer[] {
    return this.#last.filter(({ lastMs }) => nowMs - lastMs < KEPT_MS);
  }
}
