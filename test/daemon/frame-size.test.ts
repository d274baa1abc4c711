import { describe, expect, test } from "vitest";
import { type DataMessageFormat, fragmentCount, overheadOctets } from "../../src/daemon/frame-size.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";

const addresses = { 4: ["192.0.2.1", "192.0.2.2"], 6: ["2001:db8::1", "2001:db8::2"] } as const;

function wrapped(
  family: 4 | 6,
  encapsulation: "udp" | "ip",
  cookie: number,
  transmitSublayer: "none" | "default",
): DataMessageFormat {
  const [localAddress, remoteAddress] = addresses[family];
  const port = encapsulation === "udp" ? 1701 : 0;
  const path = { encapsulation, localAddress, localPort: port, remoteAddress, remotePort: port };
  return { path, transmitCookie: new Uint8Array(cookie), transmitSublayer };
}

describe.each([4, 6] as const)("over IPv%i", (family) => {
  describe.each(["udp", "ip"] as const)("in %s", (encapsulation) => {
    test.each(
      [0, 4, 8].flatMap((cookie) =>
        (["none", "default"] as const).map((sublayer) => [cookie, sublayer] as const),
      ),
    )(
      "with a cookie of %i and sublayer %s, it is the length of the message that is sent",
      (cookie, sublayer) => {
        const format = wrapped(family, encapsulation, cookie, sublayer);
        const header = { sessionId: 1, cookie: format.transmitCookie };
        const numbered = { sequenceNumber: 1 };
        const whole = sublayer === "none" ? header : { ...header, sublayer: numbered };
        const message = encodeDataMessage(encapsulation, whole, new Uint8Array(14 + 4 + 1500)).length;
        const outer = (family === 4 ? 20 : 40) + (encapsulation === "udp" ? 8 : 0);
        expect(overheadOctets(format) + 14 + 4 + 1500).toBe(outer + message);
      },
    );
  });
});

test.each([
  [4, 1500, 1500, 1],
  [4, 1501, 1500, 2],
  [4, 20 + 2 * 1480, 1500, 2],
  [4, 20 + 2 * 1480 + 1, 1500, 3],
  // 1482 octets a piece: 1480 in all but the last.
  [4, 20 + 1480 + 1482, 1502, 2],
  [4, 20 + 1480 + 1483, 1502, 3],
  [6, 1500, 1500, 1],
  [6, 40 + 1448 + 1452, 1500, 2],
  [6, 40 + 1448 + 1453, 1500, 3],
] as const)(
  "over IPv%i, %i octets on a path of %i are so many packets: %i",
  (version, packet, mtu, pieces) => {
    expect(fragmentCount(version, packet, mtu)).toBe(pieces);
  },
);
