import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, problem } from "./api.ts";
import type { EventFeed } from "./events.ts";
import { type LiveNames, type LiveReading, type LiveSource, liveColumns } from "./live-numbers.ts";

/** What changes from second to second as server-sent events, for the page: a bounded number of readers. */

/** Readers at once. */
const MOST_STREAMS = 16;
/** Where there are more pseudowires than this, a reader gets those alone for which it asks. */
const MOST_ROWS = 1000;
/** A reader that takes nothing for so many readings is dropped. */
const MOST_SKIPPED = 10;
/** Events of the log that a reader gets at once; it gets so many of the last ones when it comes. */
const MOST_EVENTS = 200;

const streamHeaders = { "Content-Type": "text/event-stream", "Cache-Control": "no-store" };

/** What a reader asks for: pseudowires by their positions among the names with this id. */
interface Wanted {
  readonly namesId: number;
  readonly positions: readonly number[] | undefined;
}

/** The streams of one API server. */
export class LiveStreams {
  readonly #live: LiveSource;
  readonly #events: EventFeed;
  readonly #open = new Set<LiveStream>();

  constructor(live: LiveSource, events: EventFeed) {
    this.#live = live;
    this.#events = events;
  }

  /** Streams to a client, or returns the answer that refuses it. */
  serve(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Answer | undefined {
    if (this.#open.size >= MOST_STREAMS)
      return problem(503, `there are ${MOST_STREAMS} readers of /v1/live already`);
    const wanted = wantedOf(query);
    if (wanted === undefined)
      return problem(400, `pseudowires is a list of up to ${MOST_ROWS} positions such as 0.7.12`);
    // HEAD asks for the header alone.
    if (request.method === "HEAD") {
      response.writeHead(200, streamHeaders).end();
      return undefined;
    }
    const stream = new LiveStream(this.#live, this.#events, response, wanted);
    this.#open.add(stream);
    response.on("close", () => {
      this.#open.delete(stream);
      stream[Symbol.dispose]();
    });
    return undefined;
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of this.#open) stream.end();
  }
}

/** Undefined for a query that is wrong. */
function wantedOf(query: URLSearchParams): Wanted | undefined {
  const namesId = Number(query.get("names") ?? 0);
  const list = query.get("pseudowires");
  if (list === null || list === "") return { namesId, positions: list === null ? undefined : [] };
  if (!/^\d{1,7}(?:\.\d{1,7})*$/.test(list)) return undefined;
  const positions = list.split(".").map(Number);
  return positions.length > MOST_ROWS ? undefined : { namesId, positions };
}

/** One reader. Of what it does not take, no more than one reading is kept. */
class LiveStream implements Disposable {
  readonly #events: EventFeed;
  readonly #response: ServerResponse;
  readonly #wanted: Wanted;
  readonly #listening: Disposable;
  #namesId: number;
  #lastEvent: number;
  #skipped = 0;

  constructor(live: LiveSource, events: EventFeed, response: ServerResponse, wanted: Wanted) {
    this.#events = events;
    this.#response = response;
    this.#wanted = wanted;
    this.#namesId = wanted.namesId;
    this.#lastEvent = Math.max(events.oldest - 1, events.last - MOST_EVENTS);
    response.writeHead(200, streamHeaders);
    response.flushHeaders();
    this.#listening = live.listen((reading) => this.#send(reading));
  }

  end(): void {
    this[Symbol.dispose]();
    this.#response.end();
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }

  #send(reading: LiveReading): void {
    if (this.#response.writableEnded) return;
    if (this.#response.writableNeedDrain) {
      this.#skipped += 1;
      if (this.#skipped >= MOST_SKIPPED) this.#response.destroy();
      return;
    }
    this.#skipped = 0;
    const { names } = reading;
    const isKnown = names.id === this.#namesId;
    this.#namesId = names.id;
    const introduction = isKnown ? "" : frameOf("names", namesText(names));
    this.#response.write(introduction + this.#news() + frameOf("live", this.#readingText(reading)));
  }

  #readingText(reading: LiveReading): string {
    const { namesId, positions } = this.#wanted;
    if (positions === undefined) return allText(reading);
    return textOf(reading, namesId === reading.names.id ? positions : []);
  }

  /** What the log has since the last time. */
  #news(): string {
    const frames: string[] = [];
    for (let count = 0; count < MOST_EVENTS; count += 1) {
      const { event } = this.#events.next(this.#lastEvent);
      if (event === undefined) break;
      this.#lastEvent = event.number;
      frames.push(frameOf("log", event.json));
    }
    return frames.join("");
  }
}

function frameOf(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}

const namesTexts = new WeakMap<LiveNames, string>();

/** Made once for all readers. */
function namesText(names: LiveNames): string {
  const known = namesTexts.get(names);
  if (known !== undefined) return known;
  const text = JSON.stringify({ ...names, columns: liveColumns, most: MOST_ROWS });
  namesTexts.set(names, text);
  return text;
}

const allTexts = new WeakMap<LiveReading, string>();

/** Every pseudowire, where they are not too many; made once for all readers. */
function allText(reading: LiveReading): string {
  const known = allTexts.get(reading);
  if (known !== undefined) return known;
  const { length } = reading.names.pseudowires;
  const text = textOf(reading, length > MOST_ROWS ? [] : Array.from({ length }, (_, index) => index));
  allTexts.set(reading, text);
  return text;
}

/** A reading with the pseudowires at these positions. */
function textOf(reading: LiveReading, positions: readonly number[]): string {
  const { version, uptimeMs, names, tunnels, values, sums, discards } = reading;
  const width = liveColumns.length;
  const here = positions.filter((position) => position < names.pseudowires.length);
  const rows = here.map((position) => [
    position,
    ...values.subarray(position * width, position * width + width),
  ]);
  return JSON.stringify({ version, uptimeMs, names: names.id, tunnels: [...tunnels], sums, discards, rows });
}
