import { expect, test } from "vitest";
import { fromHex, toHex } from "../../../src/bytes/hex.ts";
import { dhcpFrame, messageTypes, readDhcpAnswer } from "../../../src/lab/programs/dhcp-messages.ts";

const hardware = fromHex("020000000001");
const TRANSACTION = 0x01020304;
const cookie = "63825363";
/** Up to the addresses of BOOTP, which begin with the client's. */
const bootp = "0101060001020304" + "00008000";

test("a discover is a broadcast with right lengths and checksum, and wants mask, router and lease", () => {
  const frame = dhcpFrame({ type: messageTypes.discover, transaction: TRANSACTION, hardware });
  const octets = 240 + 3 + 5 + 1;
  expect(toHex(frame.subarray(0, 14))).toBe("ffffffffffff0200000000010800");
  const view = new DataView(frame.buffer);
  expect(view.getUint16(16)).toBe(20 + 8 + octets);
  expect(view.getUint16(38)).toBe(8 + octets);
  expect(frame.length).toBe(14 + 20 + 8 + octets);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  expect((sum & 0xffff) + (sum >>> 16)).toBe(0xffff);
  expect(toHex(frame.subarray(34, 38))).toBe("00440043");
  expect(toHex(frame.subarray(42, 42 + 12))).toBe(bootp);
  expect(toHex(frame.subarray(42 + 28, 42 + 34))).toBe("020000000001");
  expect(toHex(frame.subarray(42 + 236))).toBe(`${cookie}3501013703010333ff`);
});

test("a request names the address that was offered, and by whom; a renewal the current one alone", () => {
  const question = { type: messageTypes.request, transaction: TRANSACTION, hardware };
  const asked = dhcpFrame({ ...question, requested: "10.0.0.7", server: "10.0.0.1" });
  expect(toHex(asked.subarray(42 + 240))).toBe("350103" + "32040a000007" + "36040a000001" + "3703010333ff");
  const renewed = dhcpFrame({ ...question, current: "10.0.0.7" });
  expect(toHex(renewed.subarray(42 + 12, 42 + 16))).toBe("0a000007");
  expect(toHex(renewed.subarray(42 + 240))).toBe("350103" + "3703010333ff");
});

/** A frame of a server with these options. */
function answer(options: string, { transaction = "01020304", port = "0044", octets = 0 } = {}): Uint8Array {
  const message = `02010600${transaction}00008000000000000a000007${"00".repeat(216)}`;
  const ip = `4500${"00".repeat(7)}11${"00".repeat(10)}`;
  return fromHex(
    `${"ff".repeat(6)}0200000000020800${ip}0043${port}00000000${message}${options}${"00".repeat(octets)}`,
  );
}

const offer = `${cookie}35010236040a0000013304000000f00104ffffff8003040a0000feff`;

test("an answer has address, mask, router and lease, or 24 bits and an hour where it says none", () => {
  const all = { type: 2, address: "10.0.0.7", server: "10.0.0.1", prefixLength: 25 };
  expect(readDhcpAnswer(answer(offer), TRANSACTION)).toEqual({ ...all, router: "10.0.0.254", leaseS: 240 });
  expect(readDhcpAnswer(answer(`${cookie}350105`), TRANSACTION)).toEqual({
    type: 5,
    address: "10.0.0.7",
    server: "0.0.0.0",
    prefixLength: 24,
    router: undefined,
    leaseS: 3600,
  });
});

test.each([
  ["another transaction", answer(offer, { transaction: "01020305" })],
  ["another port", answer(offer, { port: "0045" })],
  ["no cookie", answer(offer.replace(cookie, "00000000"))],
  ["ARP", fromHex(`${"ff".repeat(6)}0200000000020806${"00".repeat(300)}`)],
  ["an end within it", answer(offer).subarray(0, 200)],
])("a frame with %s is no answer", (_, frame) => {
  expect(readDhcpAnswer(frame, TRANSACTION)).toBeUndefined();
});

test("options that end within themselves are read to their end", () => {
  expect(readDhcpAnswer(answer(`${cookie}35010233`), TRANSACTION)).toMatchObject({ type: 2, leaseS: 3600 });
});
