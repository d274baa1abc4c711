import { createConnection, createServer, type Socket } from "node:net";

/**
 * TCP both ways: `node bulk.js echo ADDRESS` says that it listens and gives back what its one caller sends;
 * `node bulk.js call ADDRESS OCTETS` sends, and prints how many octets came back as they were sent. Lines of JSON.
 */
const PORT = 5001;

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Octets that differ wherever one looks, so that nothing lost or moved goes unseen. */
function pattern(octets: number): Buffer {
  const words = new Uint32Array(Math.ceil(octets / 4));
  for (let index = 0; index < words.length; index += 1) words[index] = Math.imul(index, 2_654_435_761);
  return Buffer.from(words.buffer, 0, octets);
}

function echo(address: string): void {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    server.close();
    socket.pipe(socket);
  });
  server.listen(PORT, address, () => say("listening"));
}

function call(address: string, octets: number): void {
  const sent = pattern(octets);
  const received: Buffer[] = [];
  const socket: Socket = createConnection(PORT, address, () => socket.end(sent));
  socket.on("data", (chunk) => received.push(chunk));
  socket.on("end", () => {
    const all = Buffer.concat(received);
    const same = all.findIndex((octet, index) => octet !== sent[index]);
    say(same === -1 ? all.length : same);
  });
}

const [task, address = "", octets = "0"] = process.argv.slice(2);
if (task === "echo") echo(address);
else call(address, Number(octets));
