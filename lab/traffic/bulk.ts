import { createCipheriv, createHash, type Hash } from "node:crypto";
import { createConnection, createServer, type Socket } from "node:net";
import { Readable } from "node:stream";
import type { Digest, Exchange } from "./exchange.ts";

/**
 * TCP in both directions: `node bulk.js listen ADDRESS OCTETS` reports that it listens, `node bulk.js connect
 * ADDRESS OCTETS` connects to it. Each sends so many random octets, receives what the other one sends, and
 * then prints an `Exchange`, as lines of JSON.
 */
const PORT = 5001;
const CHUNK_OCTETS = 256 * 1024;

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Counts and hashes octets. */
class Tally {
  readonly #hash: Hash = createHash("sha256");
  #octets = 0;

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#octets += chunk.length;
  }

  digest(): Digest {
    return { octets: this.#octets, sha256: this.#hash.digest("hex") };
  }
}

/** Random octets, the same for the same seed: the key stream of AES in counter mode. */
function randomOctets(seed: string, octets: number, tally: Tally): Readable {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-256-ctr", key, key.subarray(0, 16));
  const zeros = Buffer.alloc(CHUNK_OCTETS);
  let left = octets;
  return new Readable({
    highWaterMark: CHUNK_OCTETS,
    read() {
      const length = Math.min(left, CHUNK_OCTETS);
      left -= length;
      if (length === 0) return void this.push(null);
      const chunk = cipher.update(zeros.subarray(0, length));
      tally.add(chunk);
      this.push(chunk);
    },
  });
}

function exchange(socket: Socket, seed: string, octets: number): void {
  const [sent, received] = [new Tally(), new Tally()];
  socket.on("data", (chunk) => received.add(chunk));
  socket.on("close", () =>
    printJson({ sent: sent.digest(), received: received.digest() } satisfies Exchange),
  );
  randomOctets(seed, octets, sent).pipe(socket);
}

const [task = "", address = "", octetsText = "0"] = process.argv.slice(2);
if (task === "listen") {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    server.close();
    exchange(socket, task, Number(octetsText));
  });
  server.listen(PORT, address, () => printJson("listening"));
} else {
  const socket = createConnection({ port: PORT, host: address, allowHalfOpen: true }, () =>
    exchange(socket, task, Number(octetsText)),
  );
}
