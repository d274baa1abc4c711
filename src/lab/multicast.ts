import { createSocket } from "node:dgram";

/** A numbered multicast stream, sent or counted: node multicast.js send|receive LOCAL-ADDRESS COUNT. */
const GROUP = "239.1.1.1";
const PORT = 5001;
const PAYLOAD_OCTETS = 1000;
/** Slow enough for the receive buffer on a slow machine: losses must be the network's. */
const BURST = 5;
const BURST_MS = 10;
const PATIENCE_MS = 15_000;

function payload(number: number): Buffer {
  const octets = Buffer.alloc(PAYLOAD_OCTETS, number & 0xff);
  octets.writeUInt32BE(number);
  return octets;
}

const [task, address = "", wanted = "0"] = process.argv.slice(2);
const count = Number(wanted);
const socket = createSocket({ type: "udp4", reuseAddr: true });

if (task === "send") {
  socket.bind(0, address, () => {
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(4);
    let number = 0;
    let unsent = count;
    const timer = setInterval(() => {
      for (let burst = 0; burst < BURST && number < count; burst += 1, number += 1) {
        socket.send(payload(number), PORT, GROUP, () => {
          unsent -= 1;
          if (unsent === 0) socket.close();
        });
      }
      if (number === count) clearInterval(timer);
    }, BURST_MS);
  });
} else {
  const seen = new Set<number>();
  const finish = (): void => {
    process.stdout.write(`${JSON.stringify({ received: seen.size })}\n`);
    socket.close();
    clearTimeout(timer);
  };
  const timer = setTimeout(finish, PATIENCE_MS);
  socket.on("message", (octets) => {
    const number = octets.length >= 4 ? octets.readUInt32BE() : -1;
    if (octets.equals(payload(number & 0xffff_ffff))) seen.add(number);
    if (seen.size === count) finish();
  });
  socket.bind(PORT, () => {
    socket.addMembership(GROUP, address);
    process.stdout.write(`${JSON.stringify({ listening: true })}\n`);
  });
}
