import { concat } from "../../src/bytes/hex.ts";
import { FrameSocket, waitReadable } from "../../src/lab/frame-socket.ts";
import { addressOf, sendmmsg } from "../../src/os/libc.ts";
import { VNET_HEADER_OCTETS } from "../../src/os/sockets.ts";
import { benchFrame } from "./frame.ts";

/**
 * Sends frames out of an interface: node flood.js INTERFACE SECONDS OCTETS [RATE]. At full speed, or at RATE
 * a second with sleep in between. Prints the number of frames sent, as a line of JSON.
 */
const BATCH = 32;
const MESSAGE_OCTETS = 64;

const [interfaceName = "", seconds = "1", octets = "60", rate = "Infinity"] = process.argv.slice(2);
const port = new FrameSocket(interfaceName);
const message = concat(new Uint8Array(VNET_HEADER_OCTETS), benchFrame(Number(octets)));
const vector = new DataView(new ArrayBuffer(64));
vector.setBigUint64(0, BigInt(addressOf(message)), true);
vector.setBigUint64(8, BigInt(message.length), true);
const messages = new DataView(new ArrayBuffer(BATCH * MESSAGE_OCTETS));
const vectorAddress = BigInt(addressOf(new Uint8Array(vector.buffer)));
for (let index = 0; index < BATCH; index += 1) {
  messages.setBigUint64(index * MESSAGE_OCTETS + 16, vectorAddress, true);
  messages.setUint32(index * MESSAGE_OCTETS + 24, 1, true);
}
const address = addressOf(new Uint8Array(messages.buffer));
const beganMs = performance.now();
const endMs = beganMs + Number(seconds) * 1000;
const framesPerMs = Number(rate) / 1000;
let sent = 0;
for (let nowMs = beganMs; nowMs < endMs; nowMs = performance.now()) {
  if (sent > (nowMs - beganMs) * framesPerMs) {
    waitReadable([], 1);
    continue;
  }
  const done = sendmmsg(port.fd, address, BATCH, 0);
  if (done > 0) sent += done;
}
process.stdout.write(`${JSON.stringify({ sent })}\n`);
