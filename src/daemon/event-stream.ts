import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, problem } from "./api.ts";
import type { EventFeed, FeedEvent } from "./events.ts";

/** Events of the feed as server-sent events, for a bounded number of readers that may be slow. */

/** Readers at once. */
const MOST_STREAMS = 16;
/** A reader that takes nothing for so long is dropped. */
const STALL_MS = 30_000;

const streamHeaders = { "Content-Type": "text/event-stream", "Cache-Control": "no-store" };

/** The streams of one API server. */
export class EventStreams {
  readonly #feed: EventFeed;
  readonly #open = new Set<EventStream>();

  constructor(feed: EventFeed) {
    this.#feed = feed;
  }

  /** Streams to a client, or returns the answer that refuses it. */
  serve(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Answer | undefined {
    if (this.#open.size >= MOST_STREAMS)
      return problem(503, `there are ${MOST_STREAMS} readers of events already`);
    const follow = query.get("follow") ?? "true";
    if (follow !== "true" && follow !== "false")
      return problem(400, "follow is true, which is the default, or false");
    // HEAD asks for the header alone.
    if (request.method === "HEAD") {
      response.writeHead(200, streamHeaders).end();
      return undefined;
    }
    const lastId = request.headers["last-event-id"] ?? query.get("after") ?? "";
    const stream = new EventStream(this.#feed, response, String(lastId), follow === "true");
    this.#open.add(stream);
    response.on("close", () => {
      this.#open.delete(stream);
      stream[Symbol.dispose]();
    });
    stream.start();
    return undefined;
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of this.#open) stream.end();
  }
}

/**
 * One reader: the number of the last event that it was sent. Beyond the ring and one event nothing is kept
 * for it.
 */
class EventStream implements Disposable {
  readonly #feed: EventFeed;
  readonly #response: ServerResponse;
  readonly #follows: boolean;
  #listening: Disposable | undefined;
  #last: number;
  #stall: NodeJS.Timeout | undefined;

  constructor(feed: EventFeed, response: ServerResponse, lastId: string, follows: boolean) {
    this.#feed = feed;
    this.#response = response;
    this.#follows = follows;
    this.#last = numberIn(lastId, feed) ?? feed.oldest - 1;
  }

  start(): void {
    this.#response.writeHead(200, streamHeaders);
    this.#response.flushHeaders();
    this.#response.on("drain", () => this.#send());
    this.#listening = this.#feed.listen(() => this.#send());
    this.#send();
  }

  end(): void {
    this[Symbol.dispose]();
    this.#response.end();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#stall);
    this.#listening?.[Symbol.dispose]();
  }

  /** Sends what the ring has, as far as the client takes it; the rest when it takes more. */
  #send(): void {
    if (this.#response.writableNeedDrain || this.#response.writableEnded) return;
    clearTimeout(this.#stall);
    for (;;) {
      const { event, missed } = this.#feed.next(this.#last);
      if (event === undefined) break;
      this.#last = event.number;
      const gap = missed === 0 ? "" : `event: missed\ndata: ${JSON.stringify({ missed })}\n\n`;
      if (!this.#response.write(gap + frameOf(event, this.#feed.id))) return this.#awaitDrain();
    }
    if (!this.#follows) this.end();
  }

  #awaitDrain(): void {
    this.#stall = setTimeout(() => this.#response.destroy(), STALL_MS).unref();
  }
}

function frameOf({ number, name, json }: FeedEvent, feedId: string): string {
  return `id: ${feedId}-${number}\nevent: ${name}\ndata: ${json}\n\n`;
}

/**
 * The number in an id of this feed; undefined in any other, such as that of a former daemon, and in one that
 * this feed has not given yet.
 */
function numberIn(id: string, { id: feedId, last }: EventFeed): number | undefined {
  const [feed, number] = id.split("-");
  if (feed !== feedId || !/^\d{1,15}$/.test(number ?? "")) return undefined;
  return Number(number) <= last ? Number(number) : undefined;
}
