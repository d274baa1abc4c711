import type { ServerResponse } from "node:http";
import { problem } from "./api.ts";
import type { EventFeed } from "./events.ts";
import { type LiveNames, type LiveReading, type LiveSource, liveColumns } from "./live-numbers.ts";
import { eventFrame, SentEvents } from "./sent-events.ts";

/** What changes from second to second as server-sent events, for the page. */

/** Where there are more pseudowires than this, a reader gets those alone for which it asks. */
const MOST_ROWS = 1000;
/** A reader that takes nothing for so many readings is dropped. */
const MOST_SKIPPED = 10;
/** Events of the log that a reader gets at once; it gets so many of the last ones when it comes. */
const MOST_EVENTS = 200;

/** What a reader asks for: pseudowires by their positions among the names with this id. */
interface Wanted {
  readonly namesId: number;
  readonly positions: readonly number[] | undefined;
}

/** The streams of what changes, for one API server. */
export function liveStreams(live: LiveSource, events: EventFeed): SentEvents {
  return new SentEvents("/v1/live", (_, query) => {
    const wanted = wantedOf(query);
    return wanted === undefined
      ? problem(400, `pseudowires is a list of up to ${MOST_ROWS} positions such as 0.7.12`)
      : (response) => new LiveStream(live, events, response, wanted);
  });
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
    this.#listening = live.listen((reading) => this.#send(reading));
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
    const introduction = isKnown ? "" : eventFrame("names", namesText(names));
    this.#response.write(introduction + this.#news() + eventFrame("live", this.#readingText(reading)));
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
      frames.push(eventFrame("log", event.json));
    }
    return frames.join("");
  }
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
