import { canonicalAddress } from "../bytes/ip-address.ts";
import { addressProblem } from "../config/address.ts";
import { randomFraction } from "../control/identifiers.ts";
import type { Random } from "../environment.ts";
import type { NameAnswer } from "../os/name-lookup.ts";

/** The least and the longest time until a name is asked again, whatever its TTL says. */
export const LEAST_TTL_S = 5;
export const MOST_TTL_S = 300;
/** The same while there is doubt about the address in use: that is what a short gap hangs on. */
const DOUBTED_TTL_S = 0.5;
/** The longest pause after failures; the first is the least time, and they double. */
const LAST_PAUSE_MS = 60_000;
/**
 * By up to this part a pause is longer at random, so that many names with one TTL are not asked in one
 * moment; not shorter, as a resolver would answer the same with the rest of the TTL.
 */
const SPREAD = 0.1;

export type NameInput =
  /** What the resolver said. */
  | { readonly kind: "answered"; readonly answer: NameAnswer }
  /** An established connection was lost: the peer may have moved. */
  | { readonly kind: "connection-lost" }
  /** The peer of an established connection stopped sending and does not answer: it may have moved. */
  | { readonly kind: "doubted" }
  /** Nobody answered at the address in use. */
  | { readonly kind: "connecting-failed" }
  | { readonly kind: "expired" };

export type NameEffect =
  | { readonly kind: "ask" }
  /** The addresses are others, or in another order. */
  | { readonly kind: "changed" };

export interface PeerNameOptions {
  readonly families: readonly (4 | 6)[];
  /** Whether the name may have loopback addresses: only a tunnel from such an address leads there. */
  readonly allowsLoopback: boolean;
}

/**
 * The addresses of one peer's name: when to ask, and which address is in use. No clock, no sockets and no
 * randomness of its own: these are given, times in ms.
 */
export class PeerName {
  readonly #options: PeerNameOptions;
  readonly #random: Random;
  /** By family, as the last good answer said. */
  readonly #known = new Map<4 | 6, readonly string[]>();
  #inUse: string | undefined;
  #deadlineMs: number | undefined = Number.NEGATIVE_INFINITY;
  #askedMs: number | undefined;
  #answeredMs: number | undefined;
  #isAsking = false;
  #failures = 0;
  #problem: string | undefined;
  #unanswered: string | undefined;

  constructor(options: PeerNameOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** The addresses, the one in use first. IPv6 comes before IPv4 (RFC 6724 §2.1). */
  get addresses(): readonly string[] {
    const all = this.#all();
    const at = Math.max(0, all.indexOf(this.#inUse ?? ""));
    return [...all.slice(at), ...all.slice(0, at)];
  }

  /** When "expired" is wanted; undefined while an answer is. */
  get deadlineMs(): number | undefined {
    return this.#isAsking ? undefined : this.#deadlineMs;
  }

  /** When it was last asked, and when last there was a good answer. */
  get askedMs(): number | undefined {
    return this.#askedMs;
  }

  get answeredMs(): number | undefined {
    return this.#answeredMs;
  }

  /** What failed the last time, as text; undefined after a good answer. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What was not answered beside an answer, and why, as text: some servers refuse one kind of record. */
  get unanswered(): string | undefined {
    return this.#unanswered;
  }

  /** Takes over the addresses that another has of the same name; the name is asked at once all the same. */
  inherit(former: PeerName): void {
    for (const [family, addresses] of former.#known)
      this.#known.set(
        family,
        addresses.filter((address) => this.#refusal(address, family) === undefined),
      );
    this.#inUse = former.#inUse;
    this.#answeredMs = former.#answeredMs;
  }

  handle(input: NameInput, nowMs: number): readonly NameEffect[] {
    const before = this.addresses.join();
    const asks = this.#take(input, nowMs);
    return [
      ...(asks ? [{ kind: "ask" } as const] : []),
      ...(this.addresses.join() === before ? [] : [{ kind: "changed" } as const]),
    ];
  }

  /** Returns whether to ask. */
  #take(input: NameInput, nowMs: number): boolean {
    if (input.kind === "answered") {
      this.#answered(input.answer, nowMs);
      return false;
    }
    if (input.kind === "connecting-failed") this.#inUse = this.addresses[1] ?? this.#inUse;
    if (input.kind !== "expired") {
      const leastMs = 1000 * (input.kind === "doubted" ? DOUBTED_TTL_S : LEAST_TTL_S);
      this.#deadlineMs = Math.min(this.#deadlineMs ?? nowMs, (this.#askedMs ?? nowMs - leastMs) + leastMs);
    }
    if (this.#isAsking || nowMs < (this.#deadlineMs ?? Number.POSITIVE_INFINITY)) return false;
    this.#isAsking = true;
    this.#askedMs = nowMs;
    return true;
  }

  #answered(answer: NameAnswer, nowMs: number): void {
    this.#isAsking = false;
    const refused: string[] = [];
    const failed: { readonly record: string; readonly problem: string }[] = [];
    let leastTtlS = MOST_TTL_S;
    const found = new Map<4 | 6, readonly string[]>();
    for (const [family, said] of answer) {
      if (said.addresses === undefined) {
        failed.push({ record: family === 4 ? "A" : "AAAA", problem: said.problem });
        continue;
      }
      const usable = said.addresses.filter(({ address }) => {
        const problem = this.#refusal(address, family);
        if (problem !== undefined) refused.push(problem);
        return problem === undefined;
      });
      for (const { ttlS } of usable) leastTtlS = Math.min(leastTtlS, ttlS);
      found.set(family, [...new Set(usable.map(({ address }) => address))]);
    }
    const isGood = [...found.values()].some((addresses) => addresses.length > 0);
    const unanswered = failed[0];
    if (!isGood) return this.#failed(unanswered?.problem ?? refused[0] ?? "it has no address", nowMs);
    // Of a family that was not answered, the last addresses stay.
    for (const [family, addresses] of found) {
      // Servers give them in another order each time: those that are known keep their places.
      const stay = (this.#known.get(family) ?? []).filter((address) => addresses.includes(address));
      this.#known.set(family, [...new Set([...stay, ...addresses])]);
    }
    this.#failures = 0;
    this.#problem = refused[0];
    this.#unanswered = unanswered && `no ${unanswered.record}: ${unanswered.problem}`;
    this.#answeredMs = nowMs;
    this.#deadlineMs = nowMs + this.#spread(1000 * Math.max(LEAST_TTL_S, leastTtlS), 1000 * MOST_TTL_S);
    const all = this.#all();
    if (this.#inUse === undefined || !all.includes(this.#inUse)) [this.#inUse] = all;
  }

  /** The last addresses stay. */
  #failed(problem: string, nowMs: number): void {
    this.#problem = problem;
    this.#unanswered = undefined;
    this.#deadlineMs = nowMs + this.#spread(LEAST_TTL_S * 1000 * 2 ** this.#failures, LAST_PAUSE_MS);
    this.#failures = Math.min(this.#failures + 1, 8);
  }

  /** A pause, longer at random, and never more than the longest. */
  #spread(pauseMs: number, longestMs: number): number {
    const leastMs = Math.min(pauseMs, longestMs / (1 + SPREAD));
    return leastMs * (1 + SPREAD * randomFraction(this.#random));
  }

  #all(): readonly string[] {
    return ([6, 4] as const).flatMap((family) =>
      this.#options.families.includes(family) ? (this.#known.get(family) ?? []) : [],
    );
  }

  /** Why an answer is not used: it comes from the network, and need not be true. */
  #refusal(address: string, family: 4 | 6): string | undefined {
    if (canonicalAddress(address)?.family !== family) return `${address} is no address for this`;
    if (!this.#options.allowsLoopback && /^(127\.|::1$)/.test(address))
      return `${address} is a loopback address, and the peer is another machine`;
    return addressProblem(address);
  }
}
