/**
 * Reads one control message (an SCCRQ with a digest) and one data message, and says what is in them. Run it
 * with `node examples/decode-a-message.ts` (Node 22.18 or later). In a program of your own, import from
 * "wirespan".
 */
import {
  decodeControlMessage,
  decodeDataMessage,
  decodeSessionId,
  hasMessageDigest,
  verifyMessageDigest,
} from "../src/index.ts";

/** What a peer that knows the secret "vpn-s3cret" sent to UDP port 1701, from the T bit on. */
const CONTROL = `
  c80300960000000000000000
  800800000000 0001
  80170000003b 00b30c51501e6e1835b51b67a1c05a61a8
  801600000049 101112131415161718191a1b1c1d1e1f
  801400000007 6c6363652d612e6578616d706c65
  800a0000003c c0000201
  800a0000003d 1a2b3c4d
  800a0000003e 00050004
  80080000000a 0008
  800e00000005 0102030405060708
  000d00000008 6578616d706c65`;
const DATA = `
  00030000 0b0b0002 b0b1b2b3b4b5b6b7
  ffffffffffff 02000000000a 0806 0001080006040001 02000000000a 0a000001 000000000000 0a000002`;

function octets(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.replace(/\s/g, ""), "hex"));
}

function digits(value: Uint8Array): string {
  return Buffer.from(value).toString("hex");
}

/** Octets as digits, all else as JSON. */
function shown(value: unknown): string {
  return value instanceof Uint8Array ? digits(value) : JSON.stringify(value);
}

export function main(print: (line: string) => void): void {
  const message = octets(CONTROL);
  const decoded = decodeControlMessage(message);
  if (decoded.kind !== "message") throw new Error(`a ${decoded.kind} was not what this example has`);
  print(`${decoded.message.name}, Ns ${decoded.header.ns}, Nr ${decoded.header.nr}`);
  for (const [name, value] of Object.entries(decoded.message.avps)) print(`  ${name}: ${shown(value)}`);
  if (hasMessageDigest(message)) {
    // An SCCRQ is digested without nonces: its sender knows neither yet (RFC 3931 §5.4.1).
    const key = { secret: new TextEncoder().encode("vpn-s3cret"), nonces: new Uint8Array(0) };
    print(`  its digest ${verifyMessageDigest(message, [key]) ? "is right" : "is wrong"}`);
  }

  const data = octets(DATA);
  print(`data message for session ${decodeSessionId("udp", data)}`);
  // Nothing in a data message says how long its cookie is, or whether there is a sublayer: the session knows.
  const { header, payload } = decodeDataMessage("udp", { cookieOctets: 8, sublayer: false }, data);
  const destination = digits(payload.subarray(0, 6));
  print(`  cookie ${digits(header.cookie)}, frame of ${payload.length} octets to ${destination}`);
}

if (process.argv[1] === import.meta.filename) main(console.log);
