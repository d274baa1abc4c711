import { expect, test } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { fragmentationNeeded, packetTooBig } from "../../src/os/path-mtu-report.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";

const ports = { localPort: 1701, remotePort: 4000 };
const v4 = { localAddress: "192.0.2.1", remoteAddress: "198.51.100.2" };
const v6 = { localAddress: "2001:db8::1", remoteAddress: "2001:db8:1::2" };
const over = (encapsulation: "udp" | "ip", ends: typeof v4): PsnPath => ({
  ...ends,
  encapsulation,
  ...(encapsulation === "udp" ? ports : { localPort: 0, remotePort: 0 }),
});

test.each([
  ["udp", "11", "06a50fa000000000"],
  ["ip", "73", "0000000000000000"],
] as const)("RFC 1191 §4: fragmentation needed, of a packet over %s", (encapsulation, protocol, behind) => {
  const message = fragmentationNeeded(over(encapsulation, v4), 1400);
  const text = toHex(message);
  expect(text.slice(0, 4)).toBe("0304");
  expect(text.slice(8, 16)).toBe("00000578");
  // Version, class, length, id, DF, hop limit, protocol; then the addresses and what is behind the header.
  expect(text.slice(16, 36)).toBe(`4500057900004000${"40"}${protocol}`);
  expect(text.slice(40)).toBe(`c0000201c6336402${behind}`);
  // The sum of what has its own checksum in it is 0.
  expect([naiveChecksum(message), naiveChecksum(message.subarray(8, 28))]).toEqual([0, 0]);
});

test.each([
  ["udp", "11", "06a50fa000000000"],
  ["ip", "73", "0000000000000000"],
] as const)("RFC 4443 §3.2: packet too big, of a packet over %s", (encapsulation, protocol, behind) => {
  const text = toHex(packetTooBig(over(encapsulation, v6), 1400));
  // The kernel fills in the checksum.
  expect(text.slice(0, 16)).toBe("0200000000000578");
  expect(text.slice(16, 32)).toBe(`600000000551${protocol}40`);
  const addresses = ["20010db8000000000000000000000001", "20010db8000100000000000000000002"];
  expect(text.slice(32)).toBe(`${addresses.join("")}${behind}`);
});
