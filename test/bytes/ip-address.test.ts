import fc from "fast-check";
import { expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import {
  addressOctets,
  addressText,
  canonicalAddress,
  dottedQuad,
  parseDottedQuad,
} from "../../src/bytes/ip-address.ts";
import { assertProperty } from "../support/seeds.ts";

test.each([
  ["192.0.2.1", "c0000201"],
  ["::", "00000000000000000000000000000000"],
  ["::1", "00000000000000000000000000000001"],
  ["2001:db8::a:0:1", "20010db8000000000000000a00000001"],
  ["fe80::1:2:3", "fe800000000000000000000100020003"],
])("the octets of %s, and its text again", (text, hexadecimal) => {
  expect(toHex(addressOctets(text))).toBe(hexadecimal);
  expect(addressText(addressOctets(text))).toBe(text);
});

test("any octets become a canonical text, and that the same octets again", () => {
  const octets = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  assertProperty(
    fc.property(octets, (address) => {
      const text = addressText(address);
      expect(addressOctets(text)).toEqual(address);
      if (!text.startsWith("::ffff:")) expect(canonicalAddress(text)?.text).toBe(text);
    }),
    { seed: 1, runs: 500 },
  );
});

test.each([
  "",
  "192.0.2",
  "192.0.2.01",
  "192.0.2.256",
  "fe80::1%eth0",
  "::ffff:192.0.2.1",
  "::ffff:c000:201",
  "g::",
])("%j is no address of an end of a tunnel", (text) => {
  expect(canonicalAddress(text)).toBeUndefined();
});

test("a dotted quad is 32 bits, and back", () => {
  for (const value of [0, 1, 0xc0000201, 0xffffffff]) expect(parseDottedQuad(dottedQuad(value))).toBe(value);
  expect(dottedQuad(0xc0000201)).toBe("192.0.2.1");
  expect(parseDottedQuad("192.0.2")).toBeUndefined();
});
