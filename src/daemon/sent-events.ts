import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, problem } from "./api.ts";

/** Server-sent events, for a bounded number of readers. */

/** Readers of one route at once. */
const MOST_STREAMS = 16;
const streamHeaders = { "Content-Type": "text/event-stream", "Cache-Control": "no-store" };

/** Begins to send once the header is out; what it returns stops that. */
export type BeginStream = (response: ServerResponse) => Disposable;

/** The streams of one route of an API server. */
export class SentEvents {
  readonly #what: string;
  readonly #asked: (request: IncomingMessage, query: URLSearchParams) => BeginStream | Answer;
  readonly #open = new Map<ServerResponse, Disposable>();

  /** `what` names them to a reader too many; `asked` is what a request gets, or the answer refusing it. */
  constructor(
    what: string,
    asked: (request: IncomingMessage, query: URLSearchParams) => BeginStream | Answer,
  ) {
    this.#what = what;
    this.#asked = asked;
  }

  /** Streams to a client, or returns the answer that refuses it. */
  serve(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Answer | undefined {
    if (this.#open.size >= MOST_STREAMS)
      return problem(503, `there are ${MOST_STREAMS} readers of ${this.#what} already`);
    const begin = this.#asked(request, query);
    if (typeof begin !== "function") return begin;
    response.writeHead(200, streamHeaders);
    // HEAD asks for the header alone.
    if (request.method === "HEAD") {
      response.end();
      return undefined;
    }
    response.flushHeaders();
    const stream = begin(response);
    this.#open.set(response, stream);
    response.on("close", () => {
      this.#open.delete(response);
      stream[Symbol.dispose]();
    });
    return undefined;
  }

  /** Ends all streams. */
  close(): void {
    for (const [response, stream] of this.#open) {
      stream[Symbol.dispose]();
      response.end();
    }
  }
}

/** An event as it is sent. */
export function eventFrame(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
