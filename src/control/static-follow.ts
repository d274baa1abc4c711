/**
 * When a static tunnel follows its peer to another address or port (`follow: cookie`). There is no control
 * connection to ask, only data messages with a right cookie, which whoever hears one can repeat. So the peer
 * is followed only while nothing comes from where it was, and seldom.
 */

/** TABLE: the rules. Times in ms. */
export const followRules = {
  /** Messages from the new address within one second, at least. */
  leastMessages: 3,
  /** Silence at the former address. */
  silenceMs: 3000,
  /** Between two moves, at least. */
  pauseMs: 1000,
  /** Moves within `spanMs`, at most; further ones wait until the oldest is as long ago. */
  mostMoves: 10,
  spanMs: 60_000,
} as const;

/**
 * What a hint leads to: "move"; or why not: "few" messages, "not silent" where the peer was, "held" because
 * of moves before it.
 */
export type FollowVerdict = "move" | "few" | "not silent" | "held";

/** The rules for one tunnel, and what they remember. Times are of any clock that does not go back, in ms. */
export class StaticFollow {
  /** Messages received from the peer, as counted last, and since when they are no more. */
  #received: number | undefined;
  #silentSinceMs = 0;
  /** Times of the last moves, at most `mostMoves`. */
  #movesMs: number[] = [];
  #moves = 0;

  /** How often the peer was followed. */
  get moves(): number {
    return this.#moves;
  }

  /** When it was followed last. */
  get movedMs(): number | undefined {
    return this.#movesMs.at(-1);
  }

  /**
   * Messages with a right cookie came from elsewhere, as many within one second. `received` is how many came
   * from the peer so far, in all sessions of the tunnel. With "move" the peer is there from now on.
   */
  heard(messages: number, received: number, nowMs: number): FollowVerdict {
    // Nobody knows when it came that came since the last look: it may have been just now.
    if (received !== this.#received) this.#silentSinceMs = nowMs;
    this.#received = received;
    if (nowMs - this.#silentSinceMs < followRules.silenceMs) return "not silent";
    if (messages < followRules.leastMessages) return "few";
    this.#movesMs = this.#movesMs.filter((movedMs) => nowMs - movedMs < followRules.spanMs);
    const { movedMs } = this;
    if (movedMs !== undefined && nowMs - movedMs < followRules.pauseMs) return "held";
    if (this.#movesMs.length >= followRules.mostMoves) return "held";
    this.#movesMs.push(nowMs);
    this.#moves += 1;
    this.#silentSinceMs = nowMs;
    return "move";
  }
}
