import { printableExcerpt } from "../bytes/printable-text.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { ControlDiscardReason } from "./control-discards.ts";

/** Most callers that are remembered, and most of one address, so that one with many names hides nobody. */
const MOST = 32;
const MOST_OF_ADDRESS = 2;
/** Most that are told; the others are counted. */
const MOST_TOLD = 5;
/** How long one is kept after it called last. */
const KEPT_MS = 3_600_000;
/** Who calls again after so long repeats its SCCRQ as a peer does: after a second, for the first time. */
const AGAIN_MS = 900;

/** Why an SCCRQ is for no tunnel, or not for the one of any address whose secret was tried. */
export type UnknownPeerReason = Extract<
  ControlDiscardReason,
  "unknown-peer" | "wrong-digest" | "missing-digest"
>;

/** What an SCCRQ says of its sender, and why it was not taken. */
export interface UnknownCall {
  readonly reason: UnknownPeerReason;
  /** In its own words. */
  readonly hostName: string | undefined;
  /** The peer of any address whose secret was tried; undefined where there was none to try. */
  readonly peer: string | undefined;
}

/** Whoever sent SCCRQs that no tunnel is for, or that failed authentication by one of any address. */
export interface UnknownPeer {
  /** The Host Name that it says it has, for printing; undefined where it gives none. */
  readonly hostName: string | undefined;
  readonly address: string;
  readonly sccrqs: number;
  /** Why the last of them was not taken. */
  readonly reason: UnknownPeerReason;
  /** The peer of any address whose secret was tried for it; undefined where there was none to try. */
  readonly peer: string | undefined;
  /** In ms of the injected clock. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * The last few senders of SCCRQs that no tunnel takes: mostly a peer with another name or secret than the
 * file expects. Whatever they say, they take no more memory than a few lines, and nothing of it is proved.
 * Whoever looks like a peer is not pushed out by forged addresses, which are mostly seen once.
 */
export class UnknownPeers {
  /** Who called last comes last. */
  #last: readonly UnknownPeer[] = [];
  /** Those that had to make room, until an hour went by without one. */
  #left = 0;
  #leftMs = Number.NEGATIVE_INFINITY;

  add({ remoteAddress: address }: PsnPath, { reason, peer, ...said }: UnknownCall, nowMs: number): void {
    const hostName = said.hostName === undefined ? undefined : printableExcerpt(said.hostName);
    const isSame = (one: UnknownPeer) => one.address === address && one.hostName === hostName;
    const kept = this.#kept(nowMs);
    const { sccrqs = 0, firstMs = nowMs } = kept.find(isSame) ?? {};
    const others = kept.filter((one) => !isSame(one));
    const ofAddress = others.filter((one) => one.address === address);
    const roomOf =
      ofAddress.length >= MOST_OF_ADDRESS ? ofAddress : others.length >= MOST ? others : undefined;
    const loser = roomOf && leastLikely(roomOf);
    if (loser !== undefined) {
      this.#left = this.#othersLeft(nowMs) + 1;
      this.#leftMs = nowMs;
    }
    this.#last = [
      ...others.filter((one) => one !== loser),
      { hostName, address, sccrqs: sccrqs + 1, reason, peer, firstMs, lastMs: nowMs },
    ];
  }

  /** Those of the last hour that most look like peers, and how many other senders there were. */
  at(nowMs: number): { readonly told: readonly UnknownPeer[]; readonly others: number } {
    const kept = this.#kept(nowMs);
    const likely = kept.toReversed().toSorted((one, other) => likelihood(other) - likelihood(one));
    const chosen = new Set(likely.slice(0, MOST_TOLD));
    const told = kept.filter((one) => chosen.has(one));
    return { told, others: kept.length - told.length + this.#othersLeft(nowMs) };
  }

  #kept(nowMs: number): readonly UnknownPeer[] {
    return this.#last.filter(({ lastMs }) => nowMs - lastMs < KEPT_MS);
  }

  #othersLeft(nowMs: number): number {
    return nowMs - this.#leftMs < KEPT_MS ? this.#left : 0;
  }
}

/** How much a sender looks like a peer: it repeats its SCCRQ, and has a name and, where asked, a digest. */
function likelihood({ firstMs, lastMs, hostName, reason }: UnknownPeer): number {
  const comesAgain = lastMs - firstMs >= AGAIN_MS;
  const saysWho = hostName !== undefined && reason !== "missing-digest";
  return (comesAgain ? 2 : 0) + (saysWho ? 1 : 0);
}

/** The one that looks least like a peer, and of several the one that called longest ago. */
function leastLikely(all: readonly UnknownPeer[]): UnknownPeer | undefined {
  return all.toSorted((one, other) => likelihood(one) - likelihood(other))[0];
}
