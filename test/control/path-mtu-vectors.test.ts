import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fromHex } from "../../src/bytes/hex.ts";
import { headersOf, headerTotal } from "../../src/daemon/frame-size.ts";
import { ETHERNET_HEADER_OCTETS } from "../../src/wire/ethernet.ts";
import { decodeControlMessage, encodeControlMessage } from "../../src/wire/message.ts";
import { splitControlMessage } from "../../src/wire/raw-message.ts";

interface Size {
  readonly ipver: 4 | 6;
  readonly transport: "udp" | "ip";
  readonly cookie: number;
  readonly outer_octets: number;
  readonly largest_frame_with_sublayer: number;
  readonly l3_mtu_untagged: number;
}

const { hello, sizes } = JSON.parse(
  readFileSync(new URL("../vectors/path-mtu-vectors.json", import.meta.url), "utf8"),
) as {
  readonly hello: readonly { readonly id: string; readonly title: string; readonly payload_hex: string }[];
  readonly sizes: readonly Size[];
};
const RANDOM_VECTOR = 36;

test.each(hello)("$id, $title, is a HELLO without effect, and ours is as long", ({ payload_hex: hex }) => {
  const octets = fromHex(hex);
  const decoded = decodeControlMessage(octets);
  expect(decoded).toMatchObject({ kind: "message", message: { name: "HELLO" } });
  expect("problem" in decoded ? decoded.problem : undefined).toBeUndefined();
  const avps = splitControlMessage(octets).avps.map(({ attributeType }) => attributeType);
  expect(avps.filter((type) => type === RANDOM_VECTOR)).toHaveLength(2);
  const { controlConnectionId, ns, nr } = decoded.header;
  const numbers = { controlConnectionId, ns, nr };
  const ours = encodeControlMessage(numbers, { name: "HELLO", avps: {} }, { paddedTo: octets.length });
  expect(ours.length).toBe(octets.length);
  expect(splitControlMessage(ours).avps.map(({ attributeType }) => attributeType)).toEqual(avps);
});

test.each(sizes)("IPv$ipver, $transport, cookie of $cookie: what a path of $outer_octets takes", (size) => {
  const { ipver: ipVersion, transport: encapsulation, cookie: cookieOctets } = size;
  const headers = headersOf({ ipVersion, encapsulation, cookieOctets, sublayer: "default" });
  const frame = size.outer_octets - headerTotal(headers);
  expect(frame).toBe(size.largest_frame_with_sublayer);
  expect(frame - ETHERNET_HEADER_OCTETS).toBe(size.l3_mtu_untagged);
});
