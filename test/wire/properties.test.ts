import fc from "fast-check";
import { expect, test } from "vitest";
import { InvariantError, TruncatedError } from "../../src/bytes/errors.ts";
import { concat, toHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { encodeAvp, type RawAvp } from "../../src/wire/avp.ts";
import {
  type AvpName,
  type AvpValues,
  avpNames,
  avpTable,
  ciscoAvps,
  describeAvp,
} from "../../src/wire/avp-table.ts";
import { circuitErrors, resultCode, u16Between } from "../../src/wire/avp-values.ts";
import { encodeControlHeader } from "../../src/wire/control-header.ts";
import { ProtocolError } from "../../src/wire/errors.ts";
import { revealValue } from "../../src/wire/hidden-avp.ts";
import {
  decodeControlMessage,
  encodeControlMessage,
  renumberControlMessage,
} from "../../src/wire/message.ts";
import { verifyMessageDigest } from "../../src/wire/message-digest.ts";
import {
  type MessageName,
  type MessageRow,
  messageNames,
  messageTable,
} from "../../src/wire/message-table.ts";
import { anyMessage } from "../support/any-message.ts";
import { assertProperty, exampleOf } from "../support/seeds.ts";

const number = (max: number) => fc.integer({ min: 0, max });
const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const fieldsOf = (layout: Record<string, number>) =>
  fc.record(Object.fromEntries(Object.entries(layout).map(([name, bits]) => [name, number(2 ** bits - 1)])));
const text = (minLength: number) => fc.string({ minLength, maxLength: 40, unit: "grapheme-ascii" });

/** Values of every AVP: what the table's codecs must carry unharmed. */
const values: Readonly<Record<AvpName, fc.Arbitrary<unknown>>> = {
  messageType: number(0xffff),
  resultCode: fc.oneof(
    fc.record({ resultCode: number(0xffff) }),
    fc.record({ resultCode: number(0xffff), errorCode: number(0xffff) }),
    fc.record({ resultCode: number(0xffff), errorCode: number(0xffff), errorMessage: text(1) }),
  ),
  tieBreaker: octets(8, 8),
  hostName: text(1),
  vendorName: text(0),
  receiveWindowSize: fc.integer({ min: 1, max: 0xffff }),
  serialNumber: number(0xffff_ffff),
  physicalChannelId: number(0xffff_ffff),
  circuitErrors: fc.oneof(
    fieldsOf({ hardwareOverruns: 32, bufferOverruns: 32, timeoutErrors: 32, alignmentErrors: 32 }),
    fieldsOf({
      crcErrors: 32,
      framingErrors: 32,
      hardwareOverruns: 32,
      bufferOverruns: 32,
      timeoutErrors: 32,
      alignmentErrors: 32,
    }),
  ),
  randomVector: octets(16, 40),
  controlConnectionDs: number(0xffff),
  sessionDs: number(0xffff),
  extendedVendorId: octets(6, 30),
  messageDigest: fc.record({ digestType: number(1), digest: octets(16, 20) }),
  routerId: number(0xffff_ffff),
  assignedControlConnectionId: number(0xffff_ffff),
  pseudowireCapabilitiesList: fc.array(number(0xffff), { minLength: 1, maxLength: 20 }),
  localSessionId: number(0xffff_ffff),
  remoteSessionId: number(0xffff_ffff),
  assignedCookie: fc.oneof(octets(0, 0), octets(4, 4), octets(8, 8)),
  remoteEndId: octets(0, 60),
  pseudowireType: number(0xffff),
  l2SpecificSublayer: number(4),
  dataSequencing: number(2),
  circuitStatus: fc.record({
    active: fc.boolean(),
    isNew: fc.boolean(),
    receiveFault: fc.boolean(),
    transmitFault: fc.boolean(),
    psnReceiveFault: fc.boolean(),
    psnTransmitFault: fc.boolean(),
    standby: fc.boolean(),
  }),
  preferredLanguage: text(0),
  controlMessageAuthenticationNonce: octets(16, 40),
  txConnectSpeed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  rxConnectSpeed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  failoverCapability: fieldsOf({ capabilities: 16, recoveryTimeMs: 32 }),
  tunnelRecovery: fieldsOf({ reserved: 16, controlConnectionId: 32, remoteControlConnectionId: 32 }),
  suggestedControlSequence: fieldsOf({ reserved: 16, ns: 16, nr: 16 }),
  failoverSessionState: fieldsOf({ reserved: 16, sessionId: 32, remoteSessionId: 32 }),
  attachmentGroupIdentifier: octets(0, 30),
  localEndId: octets(0, 30),
  interfaceMtu: number(0xffff),
  fcsRetention: number(0xffff),
  mru: number(0xffff),
  mrru: number(0xffff),
  vccvCapability: fieldsOf({ controlChannelTypes: 8, connectivityVerificationTypes: 8 }),
  switchingPoint: octets(0, 30),
  ecnCapability: octets(0, 4),
};

const placed: readonly AvpName[] = ["messageType", "messageDigest", "randomVector"];

function contentOf(name: MessageName): fc.Arbitrary<AvpValues> {
  const row: MessageRow = messageTable[name];
  const wanted = [...row.required, ...row.optional].filter((avp) => !placed.includes(avp));
  return fc.record(Object.fromEntries(wanted.map((avp) => [avp, values[avp]])), {
    requiredKeys: row.required.filter((avp) => !placed.includes(avp)),
  }) as fc.Arbitrary<AvpValues>;
}

const messages = fc
  .constantFrom(...messageNames)
  .chain((name) => fc.record({ name: fc.constant(name), avps: contentOf(name) }));
const numbers = fc.record({
  controlConnectionId: number(0xffff_ffff),
  ns: number(0xffff),
  nr: number(0xffff),
});
const header = { controlConnectionId: 7, ns: 1, nr: 2 };

function clean(avps: AvpValues): AvpValues {
  const { messageDigest: _digest, randomVector: _vector, ...rest } = avps;
  return rest;
}

test("RFC 3931 §5.4: any value of any AVP of the table comes back as it was", () => {
  for (const name of avpNames) {
    const codec = avpTable[name].value;
    assertProperty(
      fc.property(values[name], (value) => {
        expect(codec.decode(codec.encode(value as never))).toEqual(value);
      }),
      { seed: 3931, runs: 50 },
    );
  }
});

test("RFC 3931 §6: any message of the table comes back as it was, clear or hidden, digested or not", () => {
  const secret = Uint8Array.of(1, 2, 3);
  assertProperty(
    fc.property(
      messages,
      numbers,
      fc.boolean(),
      fc.boolean(),
      octets(16, 32),
      (message, at, hide, sign, vector) => {
        const digest = sign
          ? [
              { digestType: "hmac-md5" as const, secret, nonces: vector },
              { digestType: "hmac-sha1" as const, secret: Uint8Array.of(9), nonces: vector },
            ]
          : [];
        const encoded = encodeControlMessage(at, anyMessage(message.name, message.avps), {
          digest,
          ...(hide ? { hiding: { secret, randomVector: vector } } : {}),
        });
        const decoded = decodeControlMessage(encoded, { hidingSecrets: [secret] });
        if (decoded.kind !== "message") return expect.unreachable();
        expect(decoded.problem).toBeUndefined();
        expect(decoded.message.name).toBe(message.name);
        expect(clean(decoded.message.avps)).toEqual(message.avps);
        for (const key of digest) expect(verifyMessageDigest(encoded, [key])).toBe(true);
        const again = renumberControlMessage(encoded, { ...at, nr: (at.nr + 1) & 0xffff }, digest);
        for (const key of digest) expect(verifyMessageDigest(again, [key])).toBe(true);
      },
    ),
    { seed: 3931, runs: 500 },
  );
});

test("RFC 3931 §6: a message without a required AVP is refused, unless real peers leave it out", () => {
  for (const name of messageNames) {
    const row: MessageRow = messageTable[name];
    const full = exampleOf(contentOf(name));
    for (const missing of row.required) {
      const { [missing]: _gone, ...avps } = full;
      const decoded = decodeControlMessage(encodeControlMessage(header, anyMessage(name, avps)));
      if (decoded.kind !== "message") return expect.unreachable();
      if (row.tolerated?.[missing] === undefined) {
        expect(decoded.problem, `${name} without ${missing}`).toMatchObject({ resultCode: 2, errorCode: 3 });
      } else {
        expect(decoded.problem, `${name} without ${missing}`).toBeUndefined();
      }
    }
  }
});

test("any octets either decode or end in a named error", () => {
  assertProperty(
    fc.property(octets(0, 80), fc.boolean(), (random, plausible) => {
      const bytes = random.slice();
      if (plausible && bytes.length >= 20) {
        bytes.set([0xc8, 0x03, 0, bytes.length]);
        bytes.set([0x80, 0x08, 0, 0, 0, 0, 0], 12);
      }
      try {
        decodeControlMessage(bytes, { hidingSecrets: [Uint8Array.of(1)] });
      } catch (error) {
        expect([TruncatedError, ProtocolError]).toContain((error as Error).constructor);
      }
    }),
    { seed: 3931, runs: 40_000 },
  );
});

function withAvps(name: MessageName, avps: AvpValues, ...raw: readonly RawAvp[]): Uint8Array {
  const message = encodeControlMessage(header, anyMessage(name, avps));
  const writer = new Writer();
  for (const avp of raw) encodeAvp(writer, avp);
  const extended = concat(message, writer.finish());
  new DataView(extended.buffer).setUint16(2, extended.length);
  return extended;
}

function decodedMessage(bytes: Uint8Array, hidingSecrets: readonly Uint8Array[] = []) {
  const decoded = decodeControlMessage(bytes, { hidingSecrets });
  if (decoded.kind !== "message") throw new Error(`got ${decoded.kind}`);
  return decoded;
}

function raw(attributeType: number, changes: Partial<RawAvp> = {}): RawAvp {
  return { mandatory: true, hidden: false, vendorId: 0, attributeType, value: new Uint8Array(0), ...changes };
}

test("RFC 3931 §5.2: an unknown AVP is ignored with M=0 and refused with M=1, error code 8", () => {
  const optional = decodedMessage(withAvps("HELLO", {}, raw(5000, { mandatory: false })));
  expect([optional.problem, optional.ignored]).toEqual([undefined, ["AVP 5000"]]);
  expect(decodedMessage(withAvps("HELLO", {}, raw(5000))).problem).toMatchObject({
    errorCode: 8,
    section: "5.2",
  });
  const vendor = raw(3, { vendorId: 311 });
  expect(decodedMessage(withAvps("HELLO", {}, vendor)).problem?.text).toContain("vendor 311 AVP 3");
});

test("RFC 3931 §4.7.3: AVPs of L2TPv2 and Cisco's draft never break a message, whatever their M bit", () => {
  const v2 = [2, 3, 4, 24, 38].map((type) => raw(type, { value: new Uint8Array(4) }));
  const cisco = [...ciscoAvps.keys()].map((type) => raw(type, { vendorId: 9 }));
  const decoded = decodedMessage(withAvps("SCCCN", {}, ...v2, ...cisco));
  expect(decoded.problem).toBeUndefined();
  expect(decoded.ignored).toContain("Protocol Version (v2)");
  expect(decoded.ignored).toContain("Cisco Draft AVP Version");
});

test("Cisco's AVPs stand in for the IETF's where those are absent, and only there", () => {
  const id = raw(1, { vendorId: 9, value: Uint8Array.of(0, 0, 0, 5) });
  const hidden = raw(3, { vendorId: 9, hidden: true, value: new Uint8Array(4) });
  expect(decodedMessage(withAvps("SCCRQ", {}, id, hidden)).message.avps.assignedControlConnectionId).toBe(5);
  const both = withAvps("SCCRQ", { assignedControlConnectionId: 6 }, id);
  expect(decodedMessage(both).message.avps.assignedControlConnectionId).toBe(6);
  expect(describeAvp(9, 77)).toBe("vendor 9 AVP 77");
});

test("RFC 3931 §7.1: a malformed AVP is ignored with M=0 and refused with M=1", () => {
  const speed = raw(75, { mandatory: false, value: new Uint8Array(4) });
  expect(decodedMessage(withAvps("SCCCN", {}, speed)).problem).toBeUndefined();
  expect(decodedMessage(withAvps("SCCCN", {}, { ...speed, mandatory: true })).problem).toMatchObject({
    errorCode: 2,
  });
  for (const [type, length] of [
    [0x3b, 0],
    [0x3e, 3],
    [0x41, 5],
    [7, 0],
    [1, 3],
    [34, 5],
    [76, 1],
    [58, 5],
  ] as const) {
    const bad = raw(type, { value: new Uint8Array(length) });
    expect(decodedMessage(withAvps("SCCCN", {}, bad)).problem, `AVP ${type}`).toBeDefined();
  }
});

test("RFC 3931 §5.3: what must not be hidden, or cannot be revealed, is malformed", () => {
  const vector = raw(36, { value: new Uint8Array(16) });
  const name = raw(7, { hidden: true, value: new Uint8Array(20) });
  expect(decodedMessage(withAvps("SCCCN", {}, vector, name), [Uint8Array.of(1)]).problem?.text).toContain(
    "must not be",
  );
  const id = raw(63, { hidden: true, value: new Uint8Array(6) });
  expect(decodedMessage(withAvps("SCCCN", {}, id), [Uint8Array.of(1)]).problem?.text).toContain(
    "no Random Vector",
  );
  expect(decodedMessage(withAvps("SCCCN", {}, vector, id)).problem?.text).toContain("no secret");
  expect(decodedMessage(withAvps("SCCCN", {}, vector, id), [Uint8Array.of(1)]).problem?.text).toContain(
    "inner length",
  );
  expect(() => revealValue(new Uint8Array(1), 1, vector.value, vector.value)).toThrow(ProtocolError);
});

test("repeated AVPs: the first one counts", () => {
  const again = raw(63, { value: Uint8Array.of(0, 0, 0, 9) });
  const decoded = decodedMessage(withAvps("SCCCN", { localSessionId: 8 }, again));
  expect([decoded.message.avps.localSessionId, decoded.ignored]).toEqual([8, ["localSessionId again"]]);
});

test("RFC 3931 §5.1: no more than 128 AVPs in a message, none over 1 023 octets", () => {
  const many = Array.from({ length: 128 }, () => raw(5000, { mandatory: false }));
  expect(() => decodeControlMessage(withAvps("HELLO", {}, ...many))).toThrow(/more than 128/);
  expect(() =>
    encodeControlMessage(header, anyMessage("HELLO", { remoteEndId: new Uint8Array(1018) })),
  ).toThrow(InvariantError);
});

test("RFC 3931 §5.4.1: unknown message types tell whether they are mandatory; Cisco's ACK never is", () => {
  const unknown = (mandatory: boolean, vendorId: number) => {
    const writer = new Writer();
    encodeControlHeader(writer, header);
    encodeAvp(writer, { mandatory, hidden: false, vendorId, attributeType: 0, value: Uint8Array.of(0, 200) });
    return decodeControlMessage(writer.patchU16(2, writer.length).finish());
  };
  expect(unknown(true, 0)).toMatchObject({ kind: "unknown-type", messageType: 200, mandatory: true });
  expect(unknown(false, 0)).toMatchObject({ kind: "unknown-type", mandatory: false });
  expect(unknown(true, 9)).toMatchObject({ kind: "unknown-type", vendorId: 9, mandatory: false });
});

test("RFC 3931 §5.4.2: result codes of 2, 4 and 8 octets, and a text too long ends at a character", () => {
  expect(resultCode.decode(Uint8Array.of(0, 3))).toEqual({ resultCode: 3 });
  expect(resultCode.decode(Uint8Array.of(0, 3, 0, 0))).toEqual({ resultCode: 3, errorCode: 0 });
  expect(resultCode.decode(new Uint8Array(8)).errorMessage).toHaveLength(4);
  const long = resultCode.encode({ resultCode: 2, errorMessage: "ü".repeat(2000) });
  expect(long.length).toBe(1004);
  expect(resultCode.decode(long).errorMessage).toBe("ü".repeat(500));
  const odd = resultCode.encode({ resultCode: 2, errorMessage: `a${"ü".repeat(600)}` });
  expect(resultCode.decode(odd).errorMessage).not.toContain("\ufffd");
});

test("values of which only some are defined refuse the others", () => {
  const level = u16Between(0, 2);
  expect(level.decode(level.encode(2))).toBe(2);
  expect(() => level.decode(Uint8Array.of(0, 3))).toThrow(ProtocolError);
  expect(
    toHex(
      circuitErrors.encode({
        crcErrors: 1,
        hardwareOverruns: 0,
        bufferOverruns: 0,
        timeoutErrors: 0,
        alignmentErrors: 0,
      }),
    ),
  ).toHaveLength(52);
});
