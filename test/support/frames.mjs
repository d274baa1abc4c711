import { fromHex, toHex } from "../../dist/bytes/hex.js";
import { FrameSocket, waitReadable } from "../../dist/lab/frame-socket.js";
import { TEST_SOURCE } from "../../dist/lab/special-frames.js";

/*
 * Test frames on an interface: node frames.mjs send INTERFACE HEX..., or node frames.mjs listen INTERFACE,
 * which prints each frame with the lab's source address as a line of JSON until its standard input ends.
 */
const SOURCE_OFFSET = 6;
const TURN_MS = 20;

function send(port, frames) {
  for (const frame of frames) {
    if (!port.send(fromHex(frame)))
      throw new Error(`send a frame of ${frame.length / 2} octets: ${port.problem}`);
  }
}

async function listen(port) {
  let over = false;
  process.stdin.on("end", () => {
    over = true;
  });
  process.stdin.resume();
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
  while (!over) {
    waitReadable([port.fd], TURN_MS);
    for (let frame = port.receive(); frame !== undefined; frame = port.receive()) {
      if (toHex(frame.subarray(SOURCE_OFFSET, SOURCE_OFFSET + 6)) !== TEST_SOURCE) continue;
      process.stdout.write(`${JSON.stringify({ frame: toHex(frame) })}\n`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const [task, interfaceName = "", ...frames] = process.argv.slice(2);
const port = new FrameSocket(interfaceName);
if (task === "send") send(port, frames);
else await listen(port);
