/**
 * At a host: waits for two probes for loops on eth0, and sends the first back, changed at once and as it was
 * once it is too old. Prints how many frames it sent.
 */
const dist = new URL("../../dist/", import.meta.url).href;
const { TypedFrameSocket } = await import(`${dist}os/typed-frame-socket.js`);
const { ifNameToIndex } = await import(`${dist}os/libc.js`);
const { PROBE_MAGIC, PROBE_TYPE } = await import(`${dist}daemon/loop-probe.js`);
const { PROBE_LIFE_MS } = await import(`${dist}daemon/loop-detector.js`);

const PAUSE_MS = 20;
/** Behind the type and the first word, where the digest counts. */
const FIRST_OCTET = 18;
const socket = TypedFrameSocket.open("eth0", ifNameToIndex("eth0"), PROBE_TYPE, PROBE_MAGIC);
let [sent, recorded, oldMs] = [0, undefined, 0];
const timer = setInterval(() => {
  const frame = socket.receive();
  if (recorded === undefined && frame !== undefined) {
    recorded = frame;
    oldMs = performance.now() + PROBE_LIFE_MS + 500;
    for (let index = FIRST_OCTET; index < frame.length; index += 1) {
      const changed = frame.slice();
      changed[index] ^= 1;
      // The last two octets are only there to fill the frame.
      if (index < 58 && socket.send(changed)) sent += 1;
    }
  } else if (recorded !== undefined && performance.now() > oldMs) {
    for (let count = 0; count < 3; count += 1) if (socket.send(recorded)) sent += 1;
    clearInterval(timer);
    console.log(sent);
    process.exit(0);
  }
}, PAUSE_MS);
