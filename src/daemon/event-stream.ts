import type { ServerResponse } from "node:http";
import { problem } from "./api.ts";
import { type EventFilter, filterOf, passes } from "./event-filter.ts";
import type { EventFeed, FeedEvent, PublishedEvent } from "./events.ts";
import { isAtLeast, KEPT_FROM } from "./levels.ts";
import { eventFrame, SentEvents } from "./sent-events.ts";

/** Events of the feed as server-sent events, for readers that may be slow. */

/** A reader that takes nothing for so long is dropped. */
const STALL_MS = 30_000;

/** The streams of the events of a feed, for one API server. */
export function eventStreams(feed: EventFeed): SentEvents {
  return new SentEvents("events", ({ headers }, query) => {
    const follow = query.get("follow") ?? "true";
    if (follow !== "true" && follow !== "false")
      return problem(400, "follow is true, which is the default, or false");
    const filter = filterOf(query, feed);
    if ("refusal" in filter) return problem(filter.status, filter.refusal);
    const lastId = String(headers["last-event-id"] ?? query.get("after") ?? "");
    return (response) => new EventStream(feed, response, filter, lastId, follow === "true");
  });
}

/**
 * One reader: the number of the last event that it was sent. Beyond the ring and one event nothing is kept
 * for it. Events that the ring does not keep are sent as they come, to who asks for them and takes them.
 */
class EventStream implements Disposable {
  readonly #feed: EventFeed;
  readonly #response: ServerResponse;
  readonly #follows: boolean;
  readonly #filter: EventFilter;
  /** Events that are not kept, and that the client did not take. */
  #skipped = 0;
  readonly #listening: Disposable;
  #last: number;
  #stall: NodeJS.Timeout | undefined;

  constructor(
    feed: EventFeed,
    response: ServerResponse,
    filter: EventFilter,
    lastId: string,
    follows: boolean,
  ) {
    this.#feed = feed;
    this.#filter = filter;
    this.#response = response;
    this.#follows = follows;
    const { last } = filter;
    const first = () =>
      last === undefined ? feed.oldest - 1 : feed.beforeLast(last, (event) => passes(filter, event));
    this.#last = numberIn(lastId, feed) ?? first();
    response.on("drain", () => this.#send());
    // Also those that do not pass: what comes after them is not to look as if it were missing.
    const least = isAtLeast(filter.least, KEPT_FROM) ? KEPT_FROM : filter.least;
    this.#listening = feed.listen(
      (event) => this.#heard(event),
      () => least,
    );
    this.#send();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#stall);
    this.#listening[Symbol.dispose]();
  }

  #heard(event: PublishedEvent): void {
    if (isAtLeast(event.level, KEPT_FROM)) return this.#send();
    if (this.#response.writableEnded) return;
    const sent = this.#feed.asSent(event);
    if (!passes(this.#filter, sent)) return;
    if (this.#response.writableNeedDrain) this.#skipped += 1;
    else if (!this.#response.write(gapOf(this.#takeSkipped()) + frameOf(sent))) this.#awaitDrain();
  }

  #takeSkipped(): number {
    const skipped = this.#skipped;
    this.#skipped = 0;
    return skipped;
  }

  /** Sends what the ring has, as far as the client takes it; the rest when it takes more. */
  #send(): void {
    if (this.#response.writableNeedDrain || this.#response.writableEnded) return;
    clearTimeout(this.#stall);
    for (;;) {
      const { event, missed } = this.#feed.next(this.#last);
      if (event === undefined) break;
      this.#last = event.number;
      const gap = gapOf(missed + this.#takeSkipped());
      const frame = passes(this.#filter, event)
        ? `id: ${this.#feed.id}-${event.number}\n${frameOf(event)}`
        : "";
      if (gap + frame !== "" && !this.#response.write(gap + frame)) return this.#awaitDrain();
    }
    if (this.#follows) return;
    this[Symbol.dispose]();
    this.#response.end();
  }

  #awaitDrain(): void {
    this.#stall = setTimeout(() => this.#response.destroy(), STALL_MS).unref();
  }
}

function frameOf({ name, json }: Pick<FeedEvent, "name" | "json">): string {
  return eventFrame(name, json);
}

/** Says how many events are missing here; nothing where none is. */
function gapOf(missed: number): string {
  return missed === 0 ? "" : eventFrame("missed", JSON.stringify({ missed }));
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
