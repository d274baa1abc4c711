/**
 * How many answers `packet_too_big` gives (RFC 4443 §2.4 f, RFC 1812 §4.3.2.8): a token bucket for each
 * session, and one answer for each pair of addresses in a time. What is remembered does not grow with what
 * hosts send.
 */

/** TABLE: the rate. A host needs one answer for each destination, and asks again when it has forgotten it. */
export const tooBigRate = {
  /** Answers of a session. */
  perSecond: 10,
  burst: 50,
  /** Between answers to one pair of addresses. */
  pairEachMs: 1000,
  /** Pairs remembered, of all sessions; a power of 2. One that takes another's place makes it forgotten. */
  pairs: 4096,
} as const;

/** The token bucket of a session. */
export interface AnswerBucket {
  tokens: number;
  filledMs: number;
}

export function newAnswerBucket(nowMs: number): AnswerBucket {
  return { tokens: tooBigRate.burst, filledMs: nowMs };
}

/** Says which answers may be sent. */
export class TooBigRate {
  readonly #pairs = new Int32Array(tooBigRate.pairs);
  readonly #answeredMs = new Float64Array(tooBigRate.pairs).fill(Number.NEGATIVE_INFINITY);

  /** Whether an answer may be sent now; if so, it counts. `pair` is a number for session and addresses. */
  admits(bucket: AnswerBucket, pair: number, nowMs: number): boolean {
    const place = pair & (tooBigRate.pairs - 1);
    const isKnown = this.#pairs[place] === pair;
    if (isKnown && nowMs - (this.#answeredMs[place] as number) < tooBigRate.pairEachMs) return false;
    const gained = ((nowMs - bucket.filledMs) * tooBigRate.perSecond) / 1000;
    bucket.tokens = Math.min(tooBigRate.burst, bucket.tokens + gained);
    bucket.filledMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    this.#pairs[place] = pair;
    this.#answeredMs[place] = nowMs;
    return true;
  }
}
