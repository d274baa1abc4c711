import type { EventFields } from "./event-table.ts";
import type { Level } from "./levels.ts";

/** The event feed: a bounded ring of what happened, read by the log, by the API and by whoever shows it. */

/** An event as it is published. */
export interface PublishedEvent {
  readonly level: Level;
  readonly fields: EventFields;
  readonly text: string;
}

/** An event in the ring: its number, counted from 1, and its JSON, which has the time and the text too. */
export interface FeedEvent {
  readonly number: number;
  readonly name: string;
  readonly json: string;
}

/** The next event after a number; `missed` are those in between that the ring no longer has. */
export interface NextEvent {
  readonly event: FeedEvent | undefined;
  readonly missed: number;
}

/** Bounds of the ring, whichever is reached first. */
const MOST_EVENTS = 1000;
const MOST_CHARACTERS = 1024 * 1024;
/** Longest JSON of an event; a longer one is kept without its fields and with the beginning of its text. */
const MOST_EVENT_CHARACTERS = 8192;
const MOST_CUT_CHARACTERS = 1024;
/** Keys whose values are never shown, wherever they are. */
const secretKeys: ReadonlySet<string> = new Set(["secret", "secrets", "receiveCookie", "transmitCookie"]);

/**
 * What the daemon has to say, for all readers. Events at "info" and above stay in a ring for readers that
 * come later; debugging ones are only for those that listen. Publishing never throws and never waits for a
 * reader.
 */
export class EventFeed {
  /** Names this feed: numbers of another daemon's mean nothing here. */
  readonly id: string;
  readonly #nowMs: () => number;
  readonly #ring: FeedEvent[] = [];
  readonly #listeners = new Set<(event: PublishedEvent) => void>();
  #characters = 0;
  #published = 0;

  /** `nowMs` is the time of day. */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
    this.id = String(nowMs());
  }

  publish(level: Level, fields: EventFields, text: string): void {
    if (level !== "debug") this.#keep(level, fields, text);
    for (const listener of this.#listeners) listener({ level, fields, text });
  }

  /** Calls `listener` with each event from now on, before `publish` returns. */
  listen(listener: (event: PublishedEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** The number of the oldest event in the ring, or of the next one if it is empty. */
  get oldest(): number {
    return this.#ring[0]?.number ?? this.#published + 1;
  }

  /** The number of the last event that was published, 0 before the first. */
  get last(): number {
    return this.#published;
  }

  /** The event that follows a number. */
  next(after: number): NextEvent {
    const [oldest] = this.#ring;
    if (oldest === undefined || after >= this.#published) return { event: undefined, missed: 0 };
    const index = Math.max(0, after + 1 - oldest.number);
    return { event: this.#ring[index], missed: Math.max(0, oldest.number - after - 1) };
  }

  #keep(level: Level, fields: EventFields, text: string): void {
    this.#published += 1;
    const { id } = this;
    const own = { id: `${id}-${this.#published}`, time: new Date(this.#nowMs()).toISOString(), level, text };
    const whole = JSON.stringify({ ...fields, ...own }, redacted);
    const { event: name } = fields;
    const short = { event: name, ...own, text: text.slice(0, MOST_CUT_CHARACTERS) };
    const json = whole.length <= MOST_EVENT_CHARACTERS ? whole : JSON.stringify(short);
    this.#ring.push({ number: this.#published, name, json });
    this.#characters += json.length;
    while (this.#ring.length > MOST_EVENTS || this.#characters > MOST_CHARACTERS)
      this.#characters -= this.#ring.shift()?.json.length ?? 0;
  }
}

function redacted(key: string, value: unknown): unknown {
  if (secretKeys.has(key)) return "[redacted]";
  return typeof value === "bigint" ? String(value) : value;
}
