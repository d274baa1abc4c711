import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { messageOf, OperationalError } from "../bytes/errors.ts";
import { attempt, errnoOf, ignoreErrno, SystemError } from "../os/errors.ts";
import { entryAt, removeFile, setMode } from "../os/files.ts";
import { type Answer, type ApiHandlers, findRoute, problem } from "./api.ts";
import { EventStreams } from "./event-stream.ts";
import { version } from "./version.ts";

/**
 * The HTTP server of the local API, on the control socket. Nothing that a client does makes it hold more than
 * this.
 */

/** Connections at once; more are closed at once. */
const MOST_CONNECTIONS = 64;
const MOST_HEADER_OCTETS = 8192;
const MOST_BODY_OCTETS = 4096;
/** A request must be complete within this time. */
const REQUEST_MS = 10_000;
/** A client must have taken its answer within this time. */
const SEND_MS = 20_000;
/**
 * Answers that are made or sent at once; further requests wait. A status of 100 000 pseudowires is some 50
 * MB.
 */
const MOST_ANSWERS = { read: 4, change: 2 } as const;
/** Begins the requests of versions that spoke JSON lines. */
const OPENING_BRACE = 0x7b;

/**
 * Serves the API on the control socket, for its owner alone; the socket file of a dead daemon is replaced.
 * The caller has checked the path and holds the daemon's lock. Bugs of ours that a request brings out go to
 * `broken`. Throws SystemError, also when somebody answers there.
 */
export async function openApiServer(
  path: string,
  handlers: ApiHandlers,
  broken: (error: unknown) => void,
): Promise<{ close(): Promise<void> }> {
  const server = createServer({
    maxHeaderSize: MOST_HEADER_OCTETS,
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: 1000,
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.maxRequestsPerSocket = 1;
  server.on("clientError", refuse);
  const streams = new EventStreams(handlers.feed);
  const semaphores = { read: new Semaphore(MOST_ANSWERS.read), change: new Semaphore(MOST_ANSWERS.change) };
  const service = { handlers, streams, semaphores };
  server.on("request", (request, response) => void serve(request, response, service).catch(broken));
  if (await answers(path)) {
    throw new SystemError("open the control socket", {
      errno: "EADDRINUSE",
      target: path,
      hint: "another wirespan is running there; give this one its own lcce.control_socket",
    });
  }
  removeFile(path);
  await listen(server, path);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        streams.close();
        // Not at once: what was written to the streams last is still on its way to the kernel.
        setImmediate(() => server.closeAllConnections());
      }),
  };
}

/**
 * Refuses a path where something else than a socket is, before anything is made or removed. Throws
 * SystemError.
 */
export function checkSocketPath(path: string): void {
  const found = attempt("open the control socket", path, () => entryAt(path));
  if (found === undefined || found.isSocket()) return;
  const hint = "something else is there, and stays; move it away, or set another lcce.control_socket";
  throw new SystemError("open the control socket", { errno: "ENOTSOCK", target: path, hint });
}

/** Listens at a path to which nobody but the owner can connect at any time. */
function listen(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177);
  const done = new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const errno = errnoOf(error);
      const hint = "may this user write to that directory?";
      reject(new SystemError("open the control socket", { errno, target: path, hint, cause: error }));
    });
    server.listen(path, () => {
      try {
        setMode(path, 0o600);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
  process.umask(mask);
  return done;
}

/** Whether somebody listens already; behind the file of a killed daemon nobody does. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.on("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });
}

/** What requests are served with. */
interface Service {
  readonly handlers: ApiHandlers;
  readonly streams: EventStreams;
  readonly semaphores: Readonly<Record<"read" | "change", Semaphore>>;
}

async function serve(request: IncomingMessage, response: ServerResponse, service: Service): Promise<void> {
  const { handlers, streams, semaphores } = service;
  response.on("error", () => response.destroy());
  response.setHeader("Connection", "close");
  const closed = new Promise<void>((resolve) => response.on("close", resolve));
  const { path, query } = targetOf(request.url ?? "/");
  const found = findRoute(request.method ?? "", path);
  if ("status" in found) return send(response, found);
  if (!(await readWhole(request)))
    return send(response, problem(413, `a request body has ${MOST_BODY_OCTETS} octets at most`));
  if (isGone(request, response)) return;
  if (found.kind === "stream") {
    const refusal = streams.serve(request, response, query);
    if (refusal !== undefined) send(response, refusal);
    return;
  }
  if (found.kind === "change") response.writeProcessing();
  await semaphores[found.kind].use(response, async () => {
    // A client that hung up meanwhile is seen one turn later; nothing is done for it.
    await new Promise(setImmediate);
    if (isGone(request, response)) return;
    const answer = await found.answer(handlers, query).catch(answerTo);
    send(response, answer);
    await closed;
    answer.sent?.();
  });
}

/** Path and query of a request, whatever it says: no text is refused here. */
function targetOf(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const [path = "", query = ""] = target.split("?", 2);
  return { path, query: new URLSearchParams(query) };
}

/**
 * The answer to a request that could not be done. Rejects with all but errors of operation: those are our
 * bugs.
 */
function answerTo(error: unknown): Answer {
  if (error instanceof OperationalError) return problem(503, messageOf(error));
  throw error;
}

/** Whether the body ended within its bound; it is not used. */
async function readWhole(request: IncomingMessage): Promise<boolean> {
  let octets = 0;
  try {
    for await (const chunk of request) {
      octets += (chunk as Uint8Array).length;
      if (octets > MOST_BODY_OCTETS) return false;
    }
  } catch (error) {
    // The client hung up.
    ignoreErrno(error);
  }
  return true;
}

function isGone(request: IncomingMessage, response: ServerResponse): boolean {
  return response.destroyed || request.socket.destroyed || request.socket.readableEnded;
}

function send(response: ServerResponse, { status, contentType, body, allow }: Answer): void {
  const limit = setTimeout(() => response.destroy(), SEND_MS).unref();
  response.on("close", () => clearTimeout(limit));
  if (allow !== undefined) response.setHeader("Allow", allow);
  const octets = Buffer.from(body);
  response.writeHead(status, { "Content-Type": contentType, "Content-Length": octets.length });
  response.end(octets);
}

/** Answers what is no HTTP, took too long, or has a header that is too long; then closes. */
function refuse(
  error: Error & { readonly code?: string; readonly rawPacket?: Uint8Array },
  client: Duplex,
): void {
  if (!client.writable) return void client.destroy();
  client.end(refusalOf(error), () => client.destroy());
}

function refusalOf({ code, rawPacket }: { readonly code?: string; readonly rawPacket?: Uint8Array }): string {
  if (rawPacket?.[0] === OPENING_BRACE) {
    const daemon = `this daemon (wirespan ${version})`;
    const error = `${daemon} speaks HTTP here; use the wirespan command of its version`;
    return `${JSON.stringify({ ok: false, error })}\n`;
  }
  const { status, body } =
    code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? problem(408, `no whole request within ${REQUEST_MS / 1000} s`)
      : code === "HPE_HEADER_OVERFLOW"
        ? problem(431, `a header has ${MOST_HEADER_OCTETS} octets at most`)
        : problem(400, "not an HTTP request");
  const head = `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n`;
  return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Limits how many answers are worked on at a time. One whose client hangs up while it waits is not begun. */
class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves once the work is done. */
  async use(response: ServerResponse, work: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else if (!(await this.#wait(response))) return;
    try {
      await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  /** Resolves to whether it may begin: false once its client is gone. */
  #wait(response: ServerResponse): Promise<boolean> {
    return new Promise((resolve) => {
      const proceed = () => {
        this.#waiting.delete(proceed);
        resolve(true);
      };
      this.#waiting.add(proceed);
      response.on("close", () => {
        if (this.#waiting.delete(proceed)) resolve(false);
      });
    });
  }
}
