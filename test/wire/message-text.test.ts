import { expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { encodeAvp } from "../../src/wire/avp.ts";
import { encodeControlMessage } from "../../src/wire/message.ts";
import { describeControlMessage } from "../../src/wire/message-text.ts";
import { anyMessage } from "../support/any-message.ts";
import { rawAvp } from "../support/scripted-peer.ts";

const numbers = { controlConnectionId: 0x0a0b0c0d, ns: 3, nr: 4 };
const cookie = Uint8Array.of(0xc0, 0xff, 0xee, 1, 2, 3, 4, 5);
const nonce = new Uint8Array(16).fill(0xab);
const secret = new TextEncoder().encode("secret");
const randomVector = new Uint8Array(16).fill(0xcd);

/** The AVPs of a message as "name: text". */
function texts(octets: Uint8Array): readonly string[] {
  const described = describeControlMessage(octets);
  if ("damage" in described) return [`damaged: ${described.damage}`];
  return described.avps.map(({ name, text }) => `${name}: ${text}`);
}

test("a message is described with its numbers and AVPs, as the RFCs name them", () => {
  const octets = encodeControlMessage(
    numbers,
    anyMessage("SCCRQ", { hostName: "lyon", routerId: 0xc0000201, receiveWindowSize: 8 }),
  );
  expect(describeControlMessage(octets)).toEqual({
    ...{ message: "SCCRQ", ...numbers, messageOctets: octets.length, moreAvps: 0 },
    avps: [
      { name: "Host Name", text: '"lyon"' },
      { name: "Router ID", text: "192.0.2.1" },
      { name: "Receive Window Size", text: "8 messages" },
    ],
  });
  expect(describeControlMessage(encodeControlMessage(numbers, undefined))).toMatchObject({ message: "ZLB" });
  const cdn = { resultCode: { resultCode: 2, errorCode: 6, errorMessage: "no\u001b[2J room" } };
  const [result] = texts(encodeControlMessage(numbers, anyMessage("CDN", cdn)));
  expect(result).toMatch(/^Result Code: .*\(2\), error: .*\(6\), "no\\u\{1b\}\[2J room"$/);
});

test("of cookies, nonces, digests and hidden values only the length is told", () => {
  const call = anyMessage("ICRQ", { assignedCookie: cookie, localSessionId: 7, pseudowireType: 5 });
  const open = encodeControlMessage(numbers, call);
  expect(texts(open)).toContain("Assigned Cookie: 8 octets");
  const digest = [{ digestType: "hmac-md5", secret, nonces: nonce }] as const;
  const signed = encodeControlMessage(
    numbers,
    anyMessage("SCCRQ", { controlMessageAuthenticationNonce: nonce, hostName: "lyon" }),
    { digest },
  );
  expect(texts(signed)).toEqual([
    "Message Digest: 17 octets",
    "Control Message Authentication Nonce: 16 octets",
    'Host Name: "lyon"',
  ]);
  const hidden = encodeControlMessage(numbers, call, { hiding: { secret, randomVector } });
  expect(texts(hidden).filter((text) => text.includes("hidden, "))).not.toEqual([]);
  for (const octets of [open, signed, hidden]) {
    const all = JSON.stringify(describeControlMessage(octets));
    for (const value of [cookie, nonce, randomVector]) expect(all).not.toContain(toHex(value));
    expect(all).not.toContain("secret");
  }
});

test("what has no row is told by its numbers and its length alone", () => {
  const writer = new Writer();
  encodeAvp(writer, rawAvp(0, { value: Uint8Array.of(0, 6) }));
  encodeAvp(writer, rawAvp(3, { vendorId: 9999, value: cookie }));
  encodeAvp(writer, rawAvp(7, { value: new Uint8Array(0) }));
  const avps = writer.finish();
  const octets = encodeControlMessage(numbers, undefined);
  const whole = new Uint8Array(octets.length + avps.length);
  whole.set(octets);
  whole.set(avps, octets.length);
  new DataView(whole.buffer).setUint16(2, whole.length);
  expect(texts(whole)).toEqual(["vendor 9999 AVP 3: 8 octets", "Host Name: unreadable, 0 octets"]);
});

test("a message with many AVPs is described by some, and damage by its reason", () => {
  const writer = new Writer();
  encodeAvp(writer, rawAvp(0, { value: Uint8Array.of(0, 6) }));
  for (let count = 0; count < 60; count += 1) encodeAvp(writer, rawAvp(1000, { vendorId: 9 }));
  const header = encodeControlMessage(numbers, undefined);
  const avps = writer.finish();
  const whole = new Uint8Array(header.length + avps.length);
  whole.set(header);
  whole.set(avps, header.length);
  new DataView(whole.buffer).setUint16(2, whole.length);
  const described = describeControlMessage(whole);
  expect("avps" in described && [described.avps.length, described.moreAvps]).toEqual([40, 20]);
  expect(describeControlMessage(whole.subarray(0, 30))).toHaveProperty("damage");
  expect(describeControlMessage(new Uint8Array(3))).toHaveProperty("damage");
});
