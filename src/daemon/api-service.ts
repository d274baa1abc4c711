import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { ignoreErrno } from "../os/errors.ts";
import { type Answer, type ApiHandlers, answerTo, findRoute, problem, type Route } from "./api.ts";
import { serveCapture } from "./capture-stream.ts";
import { eventStreams } from "./event-stream.ts";
import { liveStreams } from "./live-stream.ts";
import { Semaphore } from "./semaphore.ts";
import type { SentEvents } from "./sent-events.ts";
import { version } from "./version.ts";

/**
 * How requests of the API are served, at the control socket and at the listeners of `http:`. Nothing that a
 * client does makes a server hold more than this.
 */

/** Connections of a server at once; more are closed at once. */
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

export interface ServiceOptions {
  readonly handlers: ApiHandlers;
  readonly offered: readonly Route[];
  /** Fields of the header of every answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer to a request that is not to be served; absent where all are. */
  readonly refusal?: (request: IncomingMessage, target: Target) => Answer | undefined;
  /** Takes bugs of ours that a request brings out. */
  readonly broken: (error: unknown) => void;
  /** How long a request may take to come, in ms. */
  readonly requestMs?: number;
}

/** Path and query of a request. */
export interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Serves the offered routes to the clients of its servers, which share the bounds of answers and readers. */
export class ApiService {
  readonly #options: ServiceOptions;
  readonly #streams: Readonly<Record<"stream" | "live", SentEvents>>;
  readonly #semaphores = {
    read: new Semaphore(MOST_ANSWERS.read),
    change: new Semaphore(MOST_ANSWERS.change),
  };

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { feed, live } = options.handlers;
    this.#streams = { stream: eventStreams(feed), live: liveStreams(live, feed) };
  }

  /** A server that does not listen yet. */
  newServer(): Server {
    const requestMs = this.#options.requestMs ?? REQUEST_MS;
    const server = createServer({
      maxHeaderSize: MOST_HEADER_OCTETS,
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: Math.min(1000, requestMs),
    });
    server.maxConnections = MOST_CONNECTIONS;
    server.maxRequestsPerSocket = 1;
    server.on("clientError", (error, client) => this.#refuse(error, client));
    server.on("request", (request, response) => {
      void this.#serve(request, response).catch(this.#options.broken);
    });
    return server;
  }

  /** Ends a server and its connections; those of streams get what was sent last. */
  closeServer(server: Server): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      // Not at once: what was written to the streams last is still on its way to the kernel.
      setImmediate(() => server.closeAllConnections());
    });
  }

  /** Ends all streams. */
  closeStreams(): void {
    for (const streams of Object.values(this.#streams)) streams.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { handlers, offered, headers = {}, refusal } = this.#options;
    response.on("error", () => response.destroy());
    response.setHeader("Connection", "close");
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const closed = new Promise<void>((resolve) => response.on("close", resolve));
    const { path, query } = targetOf(request.url ?? "/");
    const refused = refusal?.(request, { path, query });
    if (refused !== undefined) return send(response, refused);
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "");
    const found = findRoute(method, path, offered);
    if ("status" in found) return send(response, found);
    if (!(await readWhole(request)))
      return send(response, problem(413, `a request body has ${MOST_BODY_OCTETS} octets at most`, offered));
    if (isGone(request, response)) return;
    if (found.kind === "stream" || found.kind === "live") {
      const answer = this.#streams[found.kind].serve(request, response, query);
      if (answer !== undefined) send(response, answer);
      return;
    }
    if (found.kind === "capture") {
      const answer = await serveCapture(request, response, query, handlers);
      if (answer !== undefined) send(response, answer);
      return;
    }
    if (found.kind === "change") response.writeProcessing();
    await this.#semaphores[found.kind].use(response, async () => {
      // A client that hung up meanwhile is seen one turn later; nothing is done for it.
      await new Promise(setImmediate);
      if (isGone(request, response)) return;
      const answer = await found.answer(handlers, query).catch(answerTo);
      send(response, answer);
      await closed;
      answer.sent?.();
    });
  }

  /** Answers what is no HTTP, took too long, or has a header that is too long; then closes. */
  #refuse(error: Error & { readonly code?: string; readonly rawPacket?: Uint8Array }, client: Duplex): void {
    if (!client.writable) return void client.destroy();
    client.end(this.#refusalOf(error), () => client.destroy());
  }

  #refusalOf({ code, rawPacket }: { readonly code?: string; readonly rawPacket?: Uint8Array }): string {
    if (rawPacket?.[0] === OPENING_BRACE) {
      const daemon = `this daemon (wirespan ${version})`;
      const error = `${daemon} speaks HTTP here; use the wirespan command of its version`;
      return `${JSON.stringify({ ok: false, error })}\n`;
    }
    const { offered, requestMs = REQUEST_MS } = this.#options;
    const { status, body } =
      code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? problem(408, `no whole request within ${requestMs / 1000} s`, offered)
        : code === "HPE_HEADER_OVERFLOW"
          ? problem(431, `a header has ${MOST_HEADER_OCTETS} octets at most`, offered)
          : problem(400, "not an HTTP request", offered);
    const head = `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n`;
    return `${head}Content-Length: ${Buffer.byteLength(String(body))}\r\n\r\n${body}`;
  }
}

/** Path and query of a request, whatever it says: no text is refused here. */
function targetOf(target: string): Target {
  const [path = "", query = ""] = target.split("?", 2);
  return { path, query: new URLSearchParams(query) };
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

function send(response: ServerResponse, { status, contentType, body, allow, headers }: Answer): void {
  const limit = setTimeout(() => response.destroy(), SEND_MS).unref();
  response.on("close", () => clearTimeout(limit));
  if (allow !== undefined) response.setHeader("Allow", allow);
  const pieces = typeof body === "string" || body instanceof Uint8Array ? [Buffer.from(body)] : body;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  response.writeHead(status, { ...headers, "Content-Type": contentType, "Content-Length": length });
  sendPieces(response, pieces, 0);
}

/** Sends pieces from one on as far as the client takes them; the rest when it takes more. */
function sendPieces(response: ServerResponse, pieces: readonly Uint8Array[], from: number): void {
  for (let index = from; index < pieces.length; index += 1) {
    if (response.write(pieces[index])) continue;
    response.once("drain", () => sendPieces(response, pieces, index + 1));
    return;
  }
  response.end();
}
