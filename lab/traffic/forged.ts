import { concat, fromHex } from "../../src/bytes/hex.ts";
import { addressOf, bind, linux, sendmmsg, socket } from "../../src/os/libc.ts";
import { SOCKADDR_OCTETS, writeSocketAddress } from "../../src/os/sockets.ts";

/**
 * Sends forged and malformed datagrams, in any number, from a peer's own address: `node forged.js REQUEST`,
 * with a Request in JSON. Prints the number of datagrams sent, as a line of JSON. For tests, inside their own
 * namespaces.
 */
export interface Request {
  readonly seed: number;
  readonly count: number;
  readonly encapsulation: "udp" | "ip";
  readonly from: string;
  readonly to: string;
  /** Local session id and cookie length of a session of the target, and the id of its control connection. */
  readonly sessionId: number;
  readonly cookieOctets: number;
  readonly controlConnectionId: number;
}

const PORT = 1701;
const BATCH = 64;
const BUFFER_OCTETS = 256;
const MESSAGE_OCTETS = 64;
const UDP_OCTETS = 8;

const request = JSON.parse(process.argv[2] ?? "{}") as Request;
let state = request.seed >>> 0 || 1;

/** A number from 0 to limit - 1, the same ones for the same seed (xorshift32). */
function random(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

function octets(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

function word(value: number): Uint8Array {
  const four = new Uint8Array(4);
  new DataView(four.buffer).setUint32(0, value);
  return four;
}

const dataWord = request.encapsulation === "udp" ? fromHex("00030000") : new Uint8Array(0);
const zeroWord = request.encapsulation === "udp" ? new Uint8Array(0) : new Uint8Array(4);

function control(body: Uint8Array, connection: number): Uint8Array {
  const length = new Uint8Array(2);
  new DataView(length.buffer).setUint16(0, 12 + body.length);
  return concat(zeroWord, fromHex("c803"), length, word(connection), octets(4), body);
}

/** TABLE: kinds of datagrams, sent in turn; each makes a payload of UDP or of IP protocol 115. */
const kinds: readonly (() => Uint8Array)[] = [
  () => concat(dataWord, word(request.sessionId), octets(request.cookieOctets), octets(60)),
  () => concat(dataWord, word(request.sessionId ^ (1 + random(0xffff))), octets(request.cookieOctets + 60)),
  () => concat(dataWord, word(request.sessionId)).subarray(0, random(dataWord.length + 4)),
  () => concat(dataWord, word(request.sessionId), octets(random(request.cookieOctets + 14))),
  () => octets(random(200)),
  () => concat(Uint8Array.of(random(128), random(256)), octets(60)),
  () => control(octets(random(100)), request.controlConnectionId),
  () => control(fromHex("800800000000" + "0006"), request.controlConnectionId),
  () =>
    control(fromHex(`8008000000000006 8017 0000 003b 00 ${"11".repeat(16)}`), request.controlConnectionId),
  () => control(fromHex("8008000000000004" + "800a00000001" + "00060006"), request.controlConnectionId),
  () => control(octets(random(40)), random(0x7fff_ffff)),
];

const kind = request.encapsulation === "udp" ? 17 : 115;
const fd = socket(linux.AF_INET, linux.SOCK_RAW | linux.SOCK_CLOEXEC, kind);
const own = new Uint8Array(SOCKADDR_OCTETS);
bind(fd, addressOf(own), writeSocketAddress(own, request.from, 0));
const name = new Uint8Array(SOCKADDR_OCTETS);
const nameOctets = writeSocketAddress(name, request.to, 0);
const buffers = new Uint8Array(BATCH * BUFFER_OCTETS);
const bufferView = new DataView(buffers.buffer);
const vectors = new DataView(new ArrayBuffer(BATCH * 16));
const messages = new DataView(new ArrayBuffer(BATCH * MESSAGE_OCTETS));
for (let index = 0; index < BATCH; index += 1) {
  vectors.setBigUint64(index * 16, BigInt(addressOf(buffers) + index * BUFFER_OCTETS), true);
  messages.setBigUint64(index * MESSAGE_OCTETS, BigInt(addressOf(name)), true);
  messages.setUint32(index * MESSAGE_OCTETS + 8, nameOctets, true);
  const vector = BigInt(addressOf(new Uint8Array(vectors.buffer)) + index * 16);
  messages.setBigUint64(index * MESSAGE_OCTETS + 16, vector, true);
  messages.setUint32(index * MESSAGE_OCTETS + 24, 1, true);
}

/** Writes one datagram into a buffer; over UDP one in sixteen has a source port that is not the peer's. */
function fill(index: number, turn: number): void {
  const payload = kinds[turn % kinds.length]?.() ?? octets(20);
  const at = index * BUFFER_OCTETS;
  const ahead = request.encapsulation === "udp" ? UDP_OCTETS : 0;
  if (ahead > 0) {
    bufferView.setUint16(at, random(16) === 0 ? PORT + 1 : PORT);
    bufferView.setUint16(at + 2, PORT);
    bufferView.setUint16(at + 4, UDP_OCTETS + payload.length);
    bufferView.setUint16(at + 6, 0);
  }
  buffers.set(payload, at + ahead);
  vectors.setBigUint64(index * 16 + 8, BigInt(ahead + payload.length), true);
}

let sent = 0;
while (sent < request.count) {
  const batch = Math.min(BATCH, request.count - sent);
  for (let index = 0; index < batch; index += 1) fill(index, sent + index);
  const done = sendmmsg(fd, addressOf(new Uint8Array(messages.buffer)), batch, 0);
  if (done < 0) throw new Error("send: the kernel refused");
  sent += done;
}
process.stdout.write(`${JSON.stringify({ sent })}\n`);
