import { concat, toHex } from "../bytes/hex.ts";
import type { AvpValues } from "../wire/avp-table.ts";
import { limits } from "./settings.ts";

const NOTHING = new Uint8Array(0);

/**
 * Replay cache: the authenticated SCCRQs of one peer that were answered, the newest last, a bounded number.
 * An SCCRQ's digest stays valid for ever (RFC 3931 §5.4.1), so one that comes again after its connection
 * ended is a replay.
 */
export class SccrqReplayCache {
  readonly #seen = new Set<string>();

  /**
   * Whether the SCCRQ was answered before; false for one without a nonce, which a peer may repeat
   * legitimately.
   */
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

/**
 * Key of the cache: id, tie breaker and the start of the nonce, which differ between two attempts of a peer.
 */
function keyOf(sccrq: AvpValues): string | undefined {
  const { controlMessageAuthenticationNonce: nonce, tieBreaker, assignedControlConnectionId } = sccrq;
  if (nonce === undefined) return undefined;
  const start = nonce.subarray(0, limits.rememberedNonceOctets);
  return `${assignedControlConnectionId ?? 0}/${toHex(concat(tieBreaker ?? NOTHING, start))}`;
}
