import { concat, toHex } from "../bytes/hex.ts";
import type { AvpValues } from "../wire/avp-table.ts";
import { limits } from "./settings.ts";

const NOTHING = new Uint8Array(0);

/**
 * The authenticated SCCRQs of one peer that were answered, newest last, a bounded number. Each begins one connection in its life:
 * its digest holds for ever (RFC 3931 §5.4.1), so that one which comes again later was recorded by somebody else.
 */
export class SccrqReplayCache {
  readonly #seen = new Set<string>();

  /** Whether it was remembered before; never for one without a nonce, which a peer may well send twice. */
  has(sccrq: AvpValues): boolean {
    const key = keyOf(sccrq);
    return key !== undefined && this.#seen.has(key);
  }

  add(sccrq: AvpValues): void {
    const key = keyOf(sccrq);
    if (key === undefined) return;
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (oldest !== undefined && this.#seen.size > limits.replayCacheEntries) this.#seen.delete(oldest);
  }
}

/** What a new attempt of the same peer cannot have in common with an older one. The nonce may be long: the tie breaker and id are not. */
function keyOf(sccrq: AvpValues): string | undefined {
  const { controlMessageAuthenticationNonce: nonce, tieBreaker, assignedControlConnectionId } = sccrq;
  if (nonce === undefined) return undefined;
  const start = nonce.subarray(0, limits.rememberedNonceOctets);
  return `${assignedControlConnectionId ?? 0}/${toHex(concat(tieBreaker ?? NOTHING, start))}`;
}
