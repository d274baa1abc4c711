import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { createConnection, createServer, type Socket } from "node:net";

/**
 * Random data by TCP, one way: `node transfer.js receive ADDRESS` prints the port that it listens on, and
 * then what it received; `node transfer.js send ADDRESS PORT octets|seconds NUMBER` prints what it sent. Both
 * print lines of JSON.
 */
const CHUNK_OCTETS = 128 * 1024;

/** What was sent or received. */
export interface Transferred {
  readonly octets: number;
  readonly sha256: string;
  /** From the first octet to the last one. */
  readonly durationMs: number;
}

/** What a receiver prints as soon as it listens. */
export interface Listening {
  readonly port: number;
}

function printJson(value: Transferred | Listening): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Counts and hashes octets, and takes the time. */
class Tally {
  readonly #hash = createHash("sha256");
  #octets = 0;
  #firstMs: number | undefined;
  #lastMs = 0;

  add(chunk: Uint8Array): void {
    this.#lastMs = performance.now();
    this.#firstMs ??= this.#lastMs;
    this.#hash.update(chunk);
    this.#octets += chunk.length;
  }

  get octets(): number {
    return this.#octets;
  }

  get sinceFirstMs(): number {
    return performance.now() - (this.#firstMs ?? performance.now());
  }

  result(): Transferred {
    const durationMs = this.#lastMs - (this.#firstMs ?? this.#lastMs);
    return { octets: this.#octets, sha256: this.#hash.digest("hex"), durationMs };
  }
}

function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

function receive(address: string): void {
  const server = createServer((socket) => {
    server.close();
    const tally = new Tally();
    socket.on("data", (chunk) => tally.add(chunk as Uint8Array));
    socket.on("end", () => printJson(tally.result()));
    socket.on("error", fail);
  });
  server.on("error", fail);
  server.listen(0, address, () => printJson({ port: (server.address() as { port: number }).port }));
}

/** Sends chunks until the wanted number of octets, or of seconds, is reached. */
function send(socket: Socket, unit: string, wanted: number): void {
  // The key stream of AES: random, and made faster than any link carries it.
  const cipher = createCipheriv("aes-256-ctr", randomBytes(32), randomBytes(16));
  const zeros = Buffer.alloc(CHUNK_OCTETS);
  const tally = new Tally();
  const left = (): number =>
    unit === "octets" ? wanted - tally.octets : tally.sinceFirstMs < wanted * 1000 ? CHUNK_OCTETS : 0;
  const write = (): void => {
    while (left() > 0) {
      const chunk = cipher.update(zeros.subarray(0, Math.min(CHUNK_OCTETS, left())));
      tally.add(chunk);
      if (!socket.write(chunk)) return void socket.once("drain", write);
    }
    socket.end(() => printJson(tally.result()));
  };
  write();
}

const [task, address = "", port = "", unit = "", wanted = ""] = process.argv.slice(2);
if (task === "receive") receive(address);
else {
  const socket = createConnection({ host: address, port: Number(port) });
  socket.on("connect", () => send(socket, unit, Number(wanted)));
  socket.on("error", fail);
}
