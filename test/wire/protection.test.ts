import { expect, test } from "vitest";
import { concat, hex } from "../../src/bytes/hex.ts";
import { decodeAvps } from "../../src/wire/avp.ts";
import { resultCode } from "../../src/wire/avp-values.ts";
import { decodeDataMessage, encodeDataMessage } from "../../src/wire/data-header.ts";
import { hideValue, revealValue } from "../../src/wire/hidden-avp.ts";
import { decodeControlMessage, encodeControlMessage } from "../../src/wire/message.ts";
import { hasMessageDigest, signMessage, validKeys } from "../../src/wire/message-digest.ts";
import { anyMessage } from "../support/any-message.ts";

const numbers = { controlConnectionId: 1, ns: 2, nr: 3 };
const secret = Uint8Array.of(1, 2, 3);
const other = Uint8Array.of(4, 5, 6);
const vector = new Uint8Array(16).fill(9);
const nonces = Uint8Array.of(7);
const digest = [{ digestType: "hmac-md5" as const, secret, nonces }];

test("what protects a message is made anew when a decoded message is written again", () => {
  const message = { name: "ICCN" as const, avps: { localSessionId: 5, remoteSessionId: 6 } };
  const protectedOne = encodeControlMessage(numbers, message, {
    digest,
    hiding: { secret, randomVector: vector },
  });
  const decoded = decodeControlMessage(protectedOne, { hidingSecrets: [secret] });
  if (decoded.kind !== "message") return expect.unreachable();
  expect(decoded.message.avps.randomVector).toEqual(vector);
  const plain = encodeControlMessage(numbers, anyMessage(decoded.message.name, decoded.message.avps));
  expect(decodeAvps(plain).map(({ attributeType }) => attributeType)).toEqual([0, 63, 64]);
});

test("RFC 3931 §5.4.1: the keys that validate are told in the order of the digests", () => {
  const keys = [
    { digestType: "hmac-sha1" as const, secret: other, nonces },
    { digestType: "hmac-md5" as const, secret, nonces },
  ];
  const octets = encodeControlMessage(numbers, { name: "HELLO", avps: {} }, { digest: keys });
  expect(validKeys(octets, [...keys].reverse())).toEqual(keys);
  expect(validKeys(octets, [{ secret: Uint8Array.of(9), nonces }])).toEqual([]);
});

test("RFC 3931 §5.4.1: a digest of unknown type or wrong size is never valid, and cannot be made", () => {
  for (const avp of [hex`8017 0000 003b 07`, hex`801b 0000 003b 00`]) {
    const octets = encodeControlMessage(numbers, { name: "HELLO", avps: {} });
    const extended = concat(octets, avp, new Uint8Array((avp[1] ?? 0) - 7));
    new DataView(extended.buffer).setUint16(2, extended.length);
    expect([hasMessageDigest(extended), validKeys(extended, digest)]).toEqual([true, []]);
  }
  const none = encodeControlMessage(numbers, { name: "HELLO", avps: {} }, { digest });
  none[26] = 7;
  const before = none.slice();
  signMessage(none, digest);
  signMessage(none, []);
  expect(none).toEqual(before);
});

test("RFC 3931 §5.4.1: no more than two digests of a message are looked at", () => {
  const keys = [other, Uint8Array.of(8), secret].map((key) => ({
    digestType: "hmac-md5" as const,
    secret: key,
    nonces,
  }));
  const [first, second, third] = keys;
  const octets = encodeControlMessage(numbers, { name: "HELLO", avps: {} }, { digest: keys });
  expect(validKeys(octets, keys)).toEqual([first, second]);
  expect(validKeys(octets, third === undefined ? [] : [third])).toEqual([]);
});

test("RFC 3931 §5.3: the secret that reveals is found; the digest decides where two seem to", () => {
  const message = { name: "ICCN" as const, avps: { localSessionId: 5, remoteSessionId: 6 } };
  const hidden = encodeControlMessage(numbers, message, { hiding: { secret, randomVector: vector } });
  const decoded = decodeControlMessage(hidden, { hidingSecrets: [other, secret] });
  expect(decoded).toMatchObject({ message: { avps: { localSessionId: 5, remoteSessionId: 6 } } });
  // About one wrong secret in 10 000 reveals something; this one was searched for.
  const value = hideValue(Uint8Array.of(0, 0, 0, 5), 63, secret, vector);
  expect(revealValue(value, 63, hex`4511`, vector)).not.toEqual(Uint8Array.of(0, 0, 0, 5));
});

test("RFC 3931 §5.4.2: a Result Code with a text but no error code is written with error code 0", () => {
  const octets = resultCode.encode({ resultCode: 1, errorMessage: "bye" });
  expect(resultCode.decode(octets)).toEqual({ resultCode: 1, errorCode: 0, errorMessage: "bye" });
});

test("RFC 5085 §6.1: a channel header is written and read", () => {
  const channel = { version: 0, channelType: 0xfedc };
  const sublayer = { channel, sequenceNumber: undefined };
  const octets = encodeDataMessage("ip", { sessionId: 1, cookie: new Uint8Array(0), sublayer }, hex`00`);
  expect(octets.subarray(4, 8)).toEqual(hex`8000fedc`);
  const { header } = decodeDataMessage("ip", { cookieOctets: 0, sublayer: true }, octets);
  expect(header.sublayer).toEqual(sublayer);
});
