import { verifyMessageDigest } from "../wire/message-digest.ts";
import type { Nonces } from "./learned-state.ts";
import type { ReadAvp } from "./read-avps.ts";
import type { DigestVerdict } from "./record.ts";

/** Verdict on one Message Digest. */
export interface DigestFinding {
  readonly verdict: DigestVerdict;
  readonly note: string | undefined;
}

/** Octets of a Message Digest AVP's value in front of the digest. */
const DIGEST_TYPE_OCTETS = 1;
const NOTHING = new Uint8Array(0);

/**
 * Verifies every Message Digest of a message, from its T bit to the end given by its Length; in the order of
 * its AVPs, undefined for AVPs that are none (RFC 3931 §5.4.1).
 */
export function verifyDigests(
  octets: Uint8Array,
  avps: readonly ReadAvp[],
  secrets: readonly Uint8Array[],
  nonces: Nonces,
): readonly (DigestFinding | undefined)[] {
  const values = avps.map(({ name, raw }) => (isDigest(name, raw) ? raw.value : undefined));
  // Digests stand directly after the Message Type; others are as good as absent.
  const lastInPlace = values.findIndex((value, index) => index > 0 && value === undefined);
  return values.map((value, index) => {
    if (value === undefined) return undefined;
    if (index === 0 || (lastInPlace !== -1 && index > lastInPlace)) {
      return { verdict: "wrong", note: "not directly after the Message Type" };
    }
    const alone = withoutOthers(octets, values, index);
    return verifyDigest(alone, secrets, nonces);
  });
}

function isDigest(name: ReadAvp["name"], raw: ReadAvp["raw"]): boolean {
  return name === "messageDigest" && raw.vendorId === 0 && !raw.hidden;
}

/**
 * A copy in which all digests but one are inverted: digests do not cover each other, so the one is verified
 * alone.
 */
function withoutOthers(
  octets: Uint8Array,
  values: readonly (Uint8Array | undefined)[],
  kept: number,
): Uint8Array {
  const copy = octets.slice();
  for (const [index, value] of values.entries()) {
    if (value === undefined || index === kept) continue;
    const start = value.byteOffset - octets.byteOffset + DIGEST_TYPE_OCTETS;
    for (let at = start; at < start + value.length - DIGEST_TYPE_OCTETS; at += 1) copy[at] = ~(copy[at] ?? 0);
  }
  return copy;
}

function verifyDigest(octets: Uint8Array, secrets: readonly Uint8Array[], nonces: Nonces): DigestFinding {
  const { candidates, isConclusive } = nonces;
  const keys = secrets.flatMap((secret) => candidates.map((nonce) => ({ secret, nonces: nonce })));
  if (verifyMessageDigest(octets, keys)) return { verdict: "right", note: undefined };
  const bare = [NOTHING, ...candidates].map((nonce) => ({ secret: NOTHING, nonces: nonce }));
  if (verifyMessageDigest(octets, bare)) {
    return { verdict: "right", note: "made without a secret, so it proves nothing but integrity" };
  }
  if (secrets.length === 0) return { verdict: "unchecked", note: undefined };
  if (isConclusive) return { verdict: "wrong", note: undefined };
  return { verdict: "unchecked", note: "the nonces are not in this capture" };
}
