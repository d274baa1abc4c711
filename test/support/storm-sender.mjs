/**
 * Sends frames of all kinds on eth0, in turn: argv has the seconds, the rounds a second, the limit of each
 * kind, and the address of a host that is known. Prints how many rounds were sent, and how many of them a
 * bucket of the limit would let pass at the times at which they left.
 */
import { performance } from "node:perf_hooks";

const dist = new URL("../../dist/os/", import.meta.url).href;
const { openPacketSocket } = await import(`${dist}sockets.js`);
const { addressOf, write } = await import(`${dist}libc.js`);

const VIRTIO_HEADER = 10;
const [seconds, rate, limit] = process.argv.slice(2, 5).map(Number);
const known = process.argv[5] ?? "";
const burstMs = (Math.max(8, Math.ceil(limit * 0.05)) - 1) * (1000 / limit);

const fd = openPacketSocket("eth0", { receives: false });
const frames = ["ffffffffffff", "01005e010101", "02deadbeef01", known].map((to) => {
  const octets = new Uint8Array(VIRTIO_HEADER + 64);
  octets.set(Buffer.from(`${to}02000000000c9000`, "hex"), VIRTIO_HEADER);
  return octets;
});

const begunMs = performance.now();
let [rounds, fitting, usedUntilMs] = [0, 0, 0];
for (;;) {
  const nowMs = performance.now();
  if (nowMs - begunMs > seconds * 1000) break;
  if ((nowMs - begunMs) * rate < rounds * 1000) continue;
  if (usedUntilMs <= nowMs + burstMs) {
    fitting += 1;
    usedUntilMs = Math.max(usedUntilMs, nowMs) + 1000 / limit;
  }
  let sent = 0;
  for (const octets of frames) if (write(fd, addressOf(octets), octets.length) === octets.length) sent += 1;
  if (sent !== frames.length) throw new Error("a frame was not sent");
  rounds += 1;
}
console.log(JSON.stringify({ rounds, fitting }));
