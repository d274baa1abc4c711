import { expect, test } from "vitest";
import { TruncatedError } from "../../src/bytes/errors.ts";
import { fromHex, toHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { decodeAvps, encodeAvp } from "../../src/wire/avp.ts";
import { type AvpName, avpNameOf, avpTable } from "../../src/wire/avp-table.ts";
import { decodeControlHeader, encodeControlHeader } from "../../src/wire/control-header.ts";
import { decodeDataMessage, decodeSessionId, encodeDataMessage } from "../../src/wire/data-header.ts";
import { ProtocolError } from "../../src/wire/errors.ts";
import { hideValue, revealValue } from "../../src/wire/hidden-avp.ts";
import {
  decodeControlMessage,
  encodeControlMessage,
  renumberControlMessage,
} from "../../src/wire/message.ts";
import { hasMessageDigest, verifyMessageDigest } from "../../src/wire/message-digest.ts";
import { messageNameOf } from "../../src/wire/message-table.ts";
import {
  rawAssignedConnectionId,
  rawMessageName,
  rawNonce,
  splitControlMessage,
} from "../../src/wire/raw-message.ts";
import { anyMessage } from "../support/any-message.ts";
import { type VectorMessage, vectors } from "../vectors/vectors.ts";

const control = vectors.messages.filter(({ kind }) => kind === "control");
const data = vectors.messages.filter(({ kind }) => kind === "data");
const utf8 = new TextEncoder();

function secretOf(message: VectorMessage): Uint8Array[] {
  const secret = vectors.meta.scenario_secret[message.scenario];
  return secret === undefined ? [] : [utf8.encode(secret)];
}

/** AVPs of the vectors whose value is wrong on purpose: Rx Connect Speed of 4 octets (RFC 3931 §7.1). */
const malformed: ReadonlySet<string> = new Set(["S10-13 75", "S10-14 75"]);

/** The error class that decoding ends in; undefined when it does not. */
function failureOf(decode: () => unknown): unknown {
  try {
    decode();
    return undefined;
  } catch (error) {
    return (error as Error).constructor;
  }
}

test.each(control)("RFC 3931 §3.2.1: header of $id, both ways", (vector) => {
  const octets = fromHex(vector.message_hex);
  const header = decodeControlHeader(octets);
  const { ver, length, ccid, ns, nr } = vector.header!;
  expect(header).toEqual({ version: ver, length, controlConnectionId: ccid, ns, nr });
  const writer = new Writer();
  encodeControlHeader(writer, header);
  writer.patchU16(2, length);
  if (ver === 3) expect(toHex(writer.finish())).toBe(vector.message_hex.slice(0, 24));
});

test.each(control)("RFC 3931 §5.1: AVPs of $id, both ways, and values by their codecs", (vector) => {
  const octets = fromHex(vector.message_hex);
  const raw = decodeAvps(octets);
  expect(
    raw.map(({ mandatory, hidden, vendorId, attributeType, value }) => [
      Number(mandatory),
      Number(hidden),
      vendorId,
      attributeType,
      toHex(value),
    ]),
  ).toEqual((vector.avps ?? []).map(({ m, h, vendor, type, value }) => [m, h, vendor, type, value]));
  const writer = new Writer();
  for (const avp of raw) encodeAvp(writer, avp);
  expect(toHex(writer.finish())).toBe(vector.message_hex.slice(24));
  for (const { hidden, vendorId, attributeType, value } of raw) {
    const name = vendorId === 0 && !hidden ? avpNameOf(attributeType) : undefined;
    if (name === undefined || malformed.has(`${vector.id} ${attributeType}`)) continue;
    const codec = avpTable[name].value;
    expect(toHex(codec.encode(codec.decode(value) as never)), name).toBe(toHex(value));
  }
});

test.each(control)("RFC 3931 §6: $id is read as the message it is", (vector) => {
  const octets = fromHex(vector.message_hex);
  const decoded = decodeControlMessage(octets, { hidingSecrets: secretOf(vector) });
  if (octets.length === 12) {
    expect(decoded.kind).toBe("zlb");
    expect(rawMessageName(splitControlMessage(octets))).toBeUndefined();
    return;
  }
  const name = vector.avps?.[0]?.vendor === 0 ? messageNameOf(vector.msg_type ?? -1) : undefined;
  if (name === undefined) {
    expect(decoded.kind).toBe("unknown-type");
    return;
  }
  if (decoded.kind !== "message") return expect.unreachable();
  expect(decoded.message.name).toBe(name);
  expect(rawMessageName(splitControlMessage(octets))).toBe(messageNameOf(vector.msg_type ?? -1));
});

/** Vectors that carry something a bridge must refuse, each with the error code it deserves. */
const refused: Readonly<Record<string, number>> = { "S10-01": 8, "S10-04": 8, "S10-14": 2 };

test("RFC 3931 §5.2, §7.1: only vectors with unknown or malformed mandatory AVPs are refused", () => {
  const found = control.flatMap((vector) => {
    const decoded = decodeControlMessage(fromHex(vector.message_hex), { hidingSecrets: secretOf(vector) });
    return decoded.kind === "message" && decoded.problem ? [[vector.id, decoded.problem.errorCode]] : [];
  });
  expect(Object.fromEntries(found)).toEqual(refused);
});

test.each(control)("RFC 3931 §7.1: no strict prefix of $id is read", (vector) => {
  const octets = fromHex(vector.message_hex);
  for (let length = 0; length < octets.length; length += 1) {
    const failure = failureOf(() => decodeControlMessage(octets.subarray(0, length)));
    expect([TruncatedError, ProtocolError], `${length} octets`).toContain(failure);
  }
});

test.each(control)(
  "RFC 3931 §7.1: $id with any smaller Length is read or refused with a reason",
  (vector) => {
    const octets = fromHex(vector.message_hex);
    for (let length = 12; length < octets.length; length += 1) {
      const truncated = octets.slice(0, length);
      new DataView(truncated.buffer).setUint16(2, length);
      const failure = failureOf(() => decodeControlMessage(truncated, { hidingSecrets: secretOf(vector) }));
      expect([undefined, TruncatedError, ProtocolError], `${length} octets`).toContain(failure);
    }
  },
);

test.each(control.filter(({ digests }) => digests?.length))(
  "RFC 3931 §5.4.1: digest of $id is accepted, and made again to the octet",
  (vector) => {
    const octets = fromHex(vector.message_hex);
    const keys = (vector.digests ?? []).map(({ secret_hex, nonce_prefix, digest_type }) => ({
      digestType: digest_type === 0 ? ("hmac-md5" as const) : ("hmac-sha1" as const),
      secret: fromHex(secret_hex),
      nonces: fromHex(nonce_prefix),
    }));
    expect(hasMessageDigest(octets)).toBe(true);
    for (const key of keys) expect(verifyMessageDigest(octets, [key])).toBe(true);
    const numbers = { controlConnectionId: vector.header!.ccid, nr: vector.header!.nr };
    expect(toHex(renumberControlMessage(octets, numbers, keys))).toBe(vector.message_hex);
    const wrong = keys.map((key) => ({ ...key, secret: utf8.encode("not it") }));
    expect(verifyMessageDigest(octets, wrong)).toBe(false);
    for (const position of [3, 12, 19]) {
      const damaged = octets.slice();
      damaged[position] = (damaged[position] ?? 0) ^ 1;
      expect(verifyMessageDigest(damaged, keys), `octet ${position}`).toBe(false);
    }
  },
);

test.each(vectors.wrong_digests)(
  "RFC 3931 §5.4.1: none of the typical mistakes gives the digest of $of",
  ({ of, right, wrong }) => {
    const vector = control.find(({ id }) => id === of)!;
    const [digest] = vector.digests!;
    const key = { secret: fromHex(digest!.secret_hex), nonces: fromHex(digest!.nonce_prefix) };
    for (const [mistake, value] of Object.entries(wrong)) {
      const octets = fromHex(vector.message_hex.replace(right, value));
      expect(verifyMessageDigest(octets, [key]), mistake).toBe(false);
    }
  },
);

test.each(vectors.hidden)("RFC 3931 §5.3: hidden value $id, both ways", (vector) => {
  const secret = fromHex(vector.secret_hex);
  const randomVector = fromHex(vector.random_vector);
  const hidden = hideValue(
    fromHex(vector.clear_value),
    vector.attr,
    secret,
    randomVector,
    fromHex(vector.padding),
  );
  expect(toHex(hidden)).toBe(vector.hidden_value);
  expect(toHex(revealValue(hidden, vector.attr, secret, randomVector))).toBe(vector.clear_value);
});

/**
 * How a malformed control message ends in the wire layer; what only a connection can judge is in
 * test/control.
 */
const outcomes: Readonly<Record<string, unknown>> = {
  "N-01": TruncatedError,
  "N-02": ProtocolError,
  "N-03": ProtocolError,
  "N-04": ProtocolError,
  "N-05": ProtocolError,
  "N-06": ProtocolError,
  "N-07": ProtocolError,
  "N-08": "message",
  "N-09": ProtocolError,
  "N-10": TruncatedError,
  "N-11": "message",
  "N-12": "message",
  "N-13": ProtocolError,
  "N-14": "message",
  "N-15": "message",
  "N-16": "message",
  "N-17": "zlb",
  "N-25": "message",
  "N-26": "message",
  "N-27": "refused",
};

test.each(vectors.malformed.filter(({ id }) => id in outcomes))(
  "RFC 3931 §7.1: malformed $id ends as it must ($why)",
  (vector) => {
    const octets = fromHex(vector.payload_hex).subarray(vector.transport === "ip" ? 4 : 0);
    let outcome: unknown;
    try {
      const decoded = decodeControlMessage(octets);
      outcome = decoded.kind === "message" && decoded.problem !== undefined ? "refused" : decoded.kind;
    } catch (error) {
      outcome = (error as Error).constructor;
    }
    expect(outcome).toBe(outcomes[vector.id]);
  },
);

test("RFC 3931 §5.4.1: N-14, N-15 and N-16, bad, misplaced and missing digests, are told apart", () => {
  const s1 = {
    secret: utf8.encode(vectors.meta.scenario_secret["S1"]!),
    nonces: fromHex(control[9]!.digests![0]!.nonce_prefix),
  };
  const octets = (id: string) => fromHex(vectors.malformed.find((vector) => vector.id === id)!.payload_hex);
  expect([hasMessageDigest(octets("N-14")), verifyMessageDigest(octets("N-14"), [s1])]).toEqual([
    true,
    false,
  ]);
  expect([hasMessageDigest(octets("N-15")), verifyMessageDigest(octets("N-15"), [s1])]).toEqual([
    false,
    false,
  ]);
  expect(hasMessageDigest(octets("N-16"))).toBe(false);
});

test("a message not verified yet shows its name, id and nonce; a damaged one shows nothing", () => {
  const octets = fromHex(control[0]!.message_hex);
  const whole = splitControlMessage(octets);
  expect(rawMessageName(whole)).toBe("SCCRQ");
  expect(rawAssignedConnectionId(whole)).toBe(0x1a2b3c4d);
  expect(toHex(rawNonce(whole)!)).toBe("101112131415161718191a1b1c1d1e1f");
  const truncated = octets.slice(0, 15);
  new DataView(truncated.buffer).setUint16(2, truncated.length);
  const damaged = splitControlMessage(truncated);
  expect(damaged.damage).toBeInstanceOf(TruncatedError);
  for (const read of [rawMessageName, rawAssignedConnectionId, rawNonce])
    expect(read(damaged)).toBeUndefined();
  expect(() => splitControlMessage(new Uint8Array(0))).toThrow(TruncatedError);
});

test("a message is written to the octet when it names its AVPs in the vector's order", () => {
  const vector = control.find(({ id }) => id === "S3-01")!;
  const octets = fromHex(vector.message_hex);
  const decoded = decodeControlMessage(octets);
  if (decoded.kind !== "message") return expect.unreachable();
  const { messageType: _type, messageDigest: _digest, ...avps } = decoded.message.avps;
  const written = encodeControlMessage(decoded.header, anyMessage(decoded.message.name, avps));
  const named = (bytes: Uint8Array) =>
    decodeAvps(bytes).map(({ attributeType, value }) => [attributeType, toHex(value)]);
  expect(named(written)).toEqual(named(octets));
});

test.each(data)("RFC 3931 §4.1: data message $id, both ways", (vector) => {
  const octets = fromHex(vector.payload_hex);
  const agreed = { cookieOctets: vector["cookie_len"] as number, sublayer: vector["l2ss"] !== null };
  const { header, payload } = decodeDataMessage(vector.transport, agreed, octets);
  expect(header.sessionId).toBe(vector["session_id"]);
  expect(decodeSessionId(vector.transport, octets)).toBe(vector["session_id"]);
  expect(toHex(header.cookie)).toBe(vector["cookie"]);
  if (vector["s"] === 1) expect(header.sublayer?.sequenceNumber).toBe(vector["seq"]);
  if (vector["s"] === 0) expect(header.sublayer?.sequenceNumber).toBeUndefined();
  const reserved =
    header.sublayer?.fragment !== undefined ||
    header.sublayer?.channel !== undefined ||
    /reserved|x bits/i.test(vector.title);
  if (reserved) return;
  expect(toHex(encodeDataMessage(vector.transport, header, payload))).toBe(vector.payload_hex);
  const headerOctets = octets.length - payload.length;
  for (let length = 0; length < headerOctets; length += 1) {
    expect(failureOf(() => decodeDataMessage(vector.transport, agreed, octets.subarray(0, length)))).toBe(
      TruncatedError,
    );
  }
});

test("RFC 3931 §4.1.2.1: over UDP other versions and the T bit are no data", () => {
  for (const text of ["00020000 00000001", "00010000 00000001", "c8030000 00000001"]) {
    expect(failureOf(() => decodeSessionId("udp", fromHex(text)))).toBe(ProtocolError);
  }
  expect(decodeSessionId("udp", fromHex("7ff3ffff 00000001"))).toBe(1);
});

test("every name of the AVP table is found by its number, once", () => {
  const numbers = Object.values(avpTable).map(({ attributeType }) => attributeType);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const [name, row] of Object.entries(avpTable))
    expect(avpNameOf(row.attributeType)).toBe(name as AvpName);
});
