import { describe, expect, test } from "vitest";
import type { AvpName } from "../../src/wire/avp-table.ts";
import { vendor } from "../../src/wire/constants.ts";
import { messageTypeText, octetsText, safeText, valueText } from "../../src/wire/value-text.ts";

const stopCcn = 4;
const cdn = 14;
const of = (...octets: number[]) => Uint8Array.from(octets);

describe("values of AVPs as text", () => {
  test.each<[AvpName, unknown, number, string | RegExp]>([
    ["resultCode", { resultCode: 3 }, cdn, /\(3\)$/],
    ["resultCode", { resultCode: 2, errorCode: 6 }, stopCcn, /\(2\), error: .*\(6\)$/],
    ["resultCode", { resultCode: 3, errorCode: 9 }, cdn, /\(3\), error code 9$/],
    ["resultCode", { resultCode: 3, errorCode: 0 }, cdn, /\(3\), error: .*\(0\)$/],
    ["resultCode", { resultCode: 60_000, errorMessage: "why" }, stopCcn, 'unassigned (60000), "why"'],
    ["assignedCookie", of(), cdn, "none"],
    ["assignedCookie", of(1, 2, 3, 4), cdn, "01020304 (4 octets)"],
    ["remoteSessionId", 0, cdn, "not known yet (0)"],
    ["remoteSessionId", 9, cdn, "0x00000009"],
    ["messageDigest", { digestType: 0, digest: of(0xab) }, cdn, "HMAC-MD5 ab"],
    ["messageDigest", { digestType: 77, digest: of(0xab) }, cdn, "digest type 77 ab"],
    ["extendedVendorId", of(0, 1, 0, 0, 0, 7), cdn, "vendor 65536 AVP 7: empty"],
    ["extendedVendorId", of(0, 1, 0, 0, 0, 7, 0xff), cdn, "vendor 65536 AVP 7: ff"],
    ["failoverCapability", { capabilities: 0, recoveryTimeMs: 5 }, cdn, /^neither channel, .* 5 ms$/],
    ["failoverCapability", { capabilities: 3, recoveryTimeMs: 5 }, cdn, /^control channel and data channel/],
    [
      "vccvCapability",
      { controlChannelTypes: 0, connectivityVerificationTypes: 0 },
      cdn,
      "channel: none (0x00), checks: none (0x00)",
    ],
    ["txConnectSpeed", 0n, cdn, "unknown (0)"],
    ["txConnectSpeed", 1000n, cdn, "1000 bit/s"],
    [
      "circuitStatus",
      {
        ...{ active: false, isNew: true, receiveFault: true, transmitFault: false },
        ...{ psnReceiveFault: false, psnTransmitFault: false, standby: true },
      },
      cdn,
      "inactive, new, circuit receive fault, standby",
    ],
    ["l2SpecificSublayer", 9, cdn, "unassigned (9)"],
    ["pseudowireType", 0x7fff, cdn, "unassigned (0x7fff)"],
    ["vendorName", "a\u202eb", cdn, '"a\\u{202e}b"'],
    ["tieBreaker", of(), cdn, "empty"],
    ["tieBreaker", of(0xff), cdn, "ff"],
    ["serialNumber", 5, cdn, "5"],
    ["circuitErrors", { reserved: 0, crcErrors: 3 }, cdn, /^\S.* 3$/],
  ])("%s %o", (name, value, messageType, text) => {
    const shown = valueText(name, value, messageType);
    if (typeof text === "string") expect(shown).toBe(text);
    else expect(shown).toMatch(text);
  });
});

test("message types have their names, or their numbers", () => {
  expect(messageTypeText(vendor.ietf, 1)).toBe("SCCRQ");
  expect(messageTypeText(vendor.ietf, 999)).toBe("message type 999");
  expect(messageTypeText(vendor.cisco, 999)).toBe("vendor 9 message type 999");
  expect(messageTypeText(4711, 0)).toBe("vendor 4711 message type 0");
});

test("octets are text where they can be read, and hexadecimal otherwise", () => {
  expect(octetsText(of())).toBe("empty");
  expect(octetsText(of(0x6c, 0x61, 0x6e))).toBe('"lan"');
  expect(octetsText(of(0x6c, 0))).toMatch(/6c00/);
  expect(safeText('a"b\u001b')).toBe('"a\\u{22}b\\u{1b}"');
});
