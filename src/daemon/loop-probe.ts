import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Probes for loops: broadcasts that a bridge sends out of its pseudowires and that should not come back. In
 * octets, all numbers in network order:
 *
 *     0  ff-ff-ff-ff-ff-ff
 *     6  source, an address of the bridge's own for this alone
 *    12  EtherType 0x88B5 (local experimental, IEEE 802)
 *    14  "WSLP"
 *    18  version, 1
 *    19  flags: 1 where the port is blocked
 *    20  0, 0
 *    22  identity of the bridge, 8 octets
 *    30  number of the port
 *    34  nonce, 8 octets
 *    42  digest of 14 to 41, 16 octets: HMAC-SHA-256, shortened
 *    58  0, 0
 *
 * The key of the digest is known to the bridge that sends the probe alone, and nobody else needs it: others
 * read identity and flags, and believe them for a report at most.
 */

const IDENTITY_OCTETS = 8;
export const PROBE_NONCE_OCTETS = 8;
export const KEY_OCTETS = 32;
const DIGEST_OCTETS = 16;
/** Of the EtherType, and what follows it in each probe. */
export const PROBE_TYPE = 0x88b5;
export const PROBE_MAGIC = 0x57534c50;
const VERSION = 1;
const FLAG_BLOCKED = 1;
/** TABLE: offsets in octets. */
const at = {
  source: 6,
  type: 12,
  magic: 14,
  version: 18,
  flags: 19,
  identity: 22,
  port: 30,
  nonce: 34,
  digest: 42,
} as const;
const PROBE_OCTETS = 60;

/** What a bridge has in its probes. */
export interface ProbeIdentity {
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

export interface LoopProbe {
  /** In hexadecimal. */
  readonly identity: string;
  readonly port: number;
  readonly isBlocked: boolean;
  /** In hexadecimal. */
  readonly nonce: string;
}

/** The identity of a bridge, of random octets. */
export function probeIdentity(octets: (length: number) => Uint8Array): ProbeIdentity {
  return { identity: octets(IDENTITY_OCTETS), key: octets(KEY_OCTETS) };
}

/** The frame of a probe. */
export function encodeProbe(
  { identity, key }: ProbeIdentity,
  {
    port,
    isBlocked,
    nonce,
  }: { readonly port: number; readonly isBlocked: boolean; readonly nonce: Uint8Array },
): Uint8Array {
  const frame = new Uint8Array(PROBE_OCTETS);
  const view = new DataView(frame.buffer);
  frame.fill(0xff, 0, at.source);
  frame.set(identity.subarray(0, 6), at.source);
  // Locally administered, and no group.
  frame[at.source] = ((identity[0] ?? 0) & 0xfc) | 2;
  view.setUint16(at.type, PROBE_TYPE);
  view.setUint32(at.magic, PROBE_MAGIC);
  frame[at.version] = VERSION;
  frame[at.flags] = isBlocked ? FLAG_BLOCKED : 0;
  frame.set(identity, at.identity);
  view.setUint32(at.port, port);
  frame.set(nonce, at.nonce);
  frame.set(digestOf(frame, key), at.digest);
  return frame;
}

/** Reads a probe, whoever sent it; undefined for what is none. The digest is not looked at. */
export function decodeProbe(frame: Uint8Array): LoopProbe | undefined {
  if (frame.length < at.digest + DIGEST_OCTETS) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(at.type) !== PROBE_TYPE || view.getUint32(at.magic) !== PROBE_MAGIC) return undefined;
  if (frame[at.version] !== VERSION) return undefined;
  const text = (offset: number, length: number) =>
    Buffer.from(frame.subarray(offset, offset + length)).toString("hex");
  return {
    identity: text(at.identity, IDENTITY_OCTETS),
    port: view.getUint32(at.port),
    isBlocked: ((frame[at.flags] ?? 0) & FLAG_BLOCKED) !== 0,
    nonce: text(at.nonce, PROBE_NONCE_OCTETS),
  };
}

/** Whether the digest of a probe that `decodeProbe` took is that of a key, in a time that tells nothing. */
export function isGenuine(frame: Uint8Array, key: Uint8Array): boolean {
  return timingSafeEqual(frame.subarray(at.digest, at.digest + DIGEST_OCTETS), digestOf(frame, key));
}

function digestOf(frame: Uint8Array, key: Uint8Array): Uint8Array {
  const digest = createHmac("sha256", key).update(frame.subarray(at.magic, at.digest)).digest();
  return digest.subarray(0, DIGEST_OCTETS);
}
