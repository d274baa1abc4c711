import { createHmac, timingSafeEqual } from "node:crypto";
import { AVP_HEADER_OCTETS } from "./avp.ts";
import { avpTable } from "./avp-table.ts";
import { CONTROL_HEADER_OCTETS } from "./control-header.ts";

export type DigestType = "hmac-md5" | "hmac-sha1";

/**
 * Key of a message digest: the shared secret (empty for an integrity check only) and the nonces in front of
 * the message, the sender's and then the receiver's; none for an SCCRQ and for the integrity check (RFC 3931
 * §5.4.1).
 */
export interface DigestKey {
  readonly secret: Uint8Array;
  readonly nonces: Uint8Array;
}

/** TABLE: digest types by name (RFC 3931 §5.4.1): number on the wire, octets of the digest. */
export const digestTypes = {
  "hmac-md5": { number: 0, octets: 16, hash: "md5" },
  "hmac-sha1": { number: 1, octets: 20, hash: "sha1" },
} as const satisfies Record<DigestType, { number: number; octets: number; hash: string }>;

/**
 * The Message Digest AVP directly follows the Message Type AVP, whose Length is always 8 (RFC 3931 §5.4.1).
 */
const FIRST_DIGEST_AVP = CONTROL_HEADER_OCTETS + 8;
const LENGTH_MASK = 0x03ff;
const MOST_DIGESTS = 2;

interface DigestLocation {
  readonly type: number;
  /** Offset of the digest's octets from the T bit. */
  readonly start: number;
  readonly end: number;
}

/** The Message Digest AVPs directly behind the Message Type; one anywhere else is ignored. */
function findDigests(octets: Uint8Array): readonly DigestLocation[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const locations: DigestLocation[] = [];
  let offset = FIRST_DIGEST_AVP;
  while (locations.length < MOST_DIGESTS && offset + AVP_HEADER_OCTETS + 1 <= octets.length) {
    const end = offset + (view.getUint16(offset) & LENGTH_MASK);
    const isDigest =
      view.getUint16(offset + 2) === 0 && view.getUint16(offset + 4) === avpTable.messageDigest.attributeType;
    if (!isDigest || end > octets.length || end <= offset + AVP_HEADER_OCTETS) break;
    const start = offset + AVP_HEADER_OCTETS + 1;
    locations.push({ type: view.getUint8(start - 1), start, end });
    offset = end;
  }
  return locations;
}

/** Authentication keys by secret, for as long as the secret is in use. */
const authenticationKeys = new WeakMap<Uint8Array, Uint8Array>();

/**
 * The authentication key: HMAC-MD5 of one octet 2 under the secret, whatever the digest type (RFC 3931
 * §5.4.1). It is made once for each secret, or every message of a stranger would cost it again.
 */
function authenticationKey(secret: Uint8Array): Uint8Array {
  const known = authenticationKeys.get(secret);
  if (known !== undefined) return known;
  const key = createHmac("md5", secret).update(Uint8Array.of(2)).digest();
  authenticationKeys.set(secret, key);
  return key;
}

function digestOf(blank: Uint8Array, hash: string, key: DigestKey): Uint8Array {
  return createHmac(hash, authenticationKey(key.secret)).update(key.nonces).update(blank).digest();
}

/** A copy with all digest octets zero: what a digest covers (RFC 3931 §5.4.1). */
function blankDigests(octets: Uint8Array, locations: readonly DigestLocation[]): Uint8Array {
  const blank = octets.slice();
  for (const { start, end } of locations) blank.fill(0, start, end);
  return blank;
}

/**
 * Whether a message has a digest where digests stand. `octets` run from the T bit to the end given by Length.
 */
export function hasMessageDigest(octets: Uint8Array): boolean {
  return findDigests(octets).length > 0;
}

/**
 * The keys under which a digest of the message validates, in the order of its digests. Comparison takes the
 * same time for every digest of its length; all pairs are tried. It costs one HMAC for each key, and no more
 * for a second digest of the same type.
 */
export function validKeys<K extends DigestKey>(octets: Uint8Array, keys: readonly K[]): readonly K[] {
  const locations = findDigests(octets);
  const blank = blankDigests(octets, locations);
  const valid: K[] = [];
  const made = new Map<string, readonly Uint8Array[]>();
  for (const { type, start, end } of locations) {
    const row = Object.values(digestTypes).find(({ number }) => number === type);
    if (row === undefined || end - start !== row.octets) continue;
    const digests = made.get(row.hash) ?? keys.map((key) => digestOf(blank, row.hash, key));
    made.set(row.hash, digests);
    for (const [index, key] of keys.entries()) {
      const digest = digests[index];
      if (digest !== undefined && timingSafeEqual(digest, octets.subarray(start, end))) valid.push(key);
    }
  }
  return valid;
}

/** Whether any digest of the message validates under any of the keys. */
export function verifyMessageDigest(octets: Uint8Array, keys: readonly DigestKey[]): boolean {
  return validKeys(octets, keys).length > 0;
}

/** Fills in the digests of a message, one key for each digest AVP in order; in place. */
export function signMessage(octets: Uint8Array, keys: readonly DigestKey[]): void {
  const locations = findDigests(octets);
  const blank = blankDigests(octets, locations);
  for (const [index, { type, start }] of locations.entries()) {
    const row = Object.values(digestTypes).find(({ number }) => number === type);
    const key = keys[index];
    if (row !== undefined && key !== undefined) octets.set(digestOf(blank, row.hash, key), start);
  }
}
