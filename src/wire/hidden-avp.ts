import { createHash, createHmac } from "node:crypto";
import { concat } from "../bytes/hex.ts";
import { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { ProtocolError } from "./errors.ts";
import { generalError, RESULT_GENERAL_ERROR } from "./result-codes.ts";

/** Octets of an MD5 hash, and so of one block of a hidden value. */
const BLOCK_OCTETS = 16;

/** The key that hides AVPs: HMAC-MD5 of one octet 1 under the shared secret (RFC 3931 §5.3). */
function hidingKey(secret: Uint8Array): Uint8Array {
  return createHmac("md5", secret).update(Uint8Array.of(1)).digest();
}

/**
 * XORs `value` with the keystream; `cipherOf` picks the cipher text block, which the next block's key depends
 * on.
 */
function applyKeystream(
  value: Uint8Array,
  attributeType: number,
  secret: Uint8Array,
  randomVector: Uint8Array,
  cipherOf: (given: Uint8Array, combined: Uint8Array) => Uint8Array,
): Uint8Array {
  const key = hidingKey(secret);
  const result = new Uint8Array(value.length);
  let stream = md5(new Writer(2).u16(attributeType).finish(), key, randomVector);
  for (let start = 0; start < value.length; start += BLOCK_OCTETS) {
    const given = value.subarray(start, start + BLOCK_OCTETS);
    const combined = given.map((octet, index) => octet ^ (stream[index] ?? 0));
    result.set(combined, start);
    stream = md5(key, cipherOf(given, combined));
  }
  return result;
}

function md5(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/**
 * The hidden form of an AVP's value: its length in 16 bits, the value and `padding`, in pieces of 16 octets
 * under a keystream from secret, attribute type and Random Vector (RFC 3931 §5.3).
 */
export function hideValue(
  value: Uint8Array,
  attributeType: number,
  secret: Uint8Array,
  randomVector: Uint8Array,
  padding: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const clear = concat(new Writer(2).u16(value.length).finish(), value, padding);
  return applyKeystream(clear, attributeType, secret, randomVector, (_clear, cipher) => cipher);
}

/**
 * The value that `hideValue` hid. Throws ProtocolError when the length inside does not fit: damage, or
 * another secret.
 */
export function revealValue(
  hidden: Uint8Array,
  attributeType: number,
  secret: Uint8Array,
  randomVector: Uint8Array,
): Uint8Array {
  const clear = applyKeystream(hidden, attributeType, secret, randomVector, (cipher) => cipher);
  const length = clear.length < 2 ? Number.POSITIVE_INFINITY : new Reader(clear).u16("hiddenLength");
  if (length > clear.length - 2) {
    throw new ProtocolError(
      `reveal AVP ${attributeType}: its inner length does not fit ${hidden.length} octets`,
      {
        resultCode: RESULT_GENERAL_ERROR,
        errorCode: generalError.length,
        section: "5.3",
      },
    );
  }
  return clear.subarray(2, 2 + length);
}
