import type { EventFields } from "./event-table.ts";
import { isAtLeast, KEPT_FROM, type Level } from "./levels.ts";

/** The event feed: a bounded ring of what happened, read by the log, by the API and by whoever shows it. */

/** An event as it is published. */
export interface PublishedEvent {
  readonly level: Level;
  readonly fields: EventFields;
  readonly text: string;
}

/** What an event is about, for those who want only some. */
export interface EventSubject {
  readonly level: Level;
  /** The tunnel and the pseudowire, by the names that they had. */
  readonly tunnel: string | undefined;
  readonly pseudowire: string | undefined;
  /** When it was published, in ms of the time of day. */
  readonly atMs: number;
}

/** An event in the ring: its number, counted from 1, and its JSON, which has the time and the text too. */
export interface FeedEvent extends EventSubject {
  readonly number: number;
  readonly name: string;
  readonly json: string;
}

/** The next event after a number; `missed` are those in between that the ring no longer has. */
export interface NextEvent {
  readonly event: FeedEvent | undefined;
  readonly missed: number;
}

/** The tunnels and pseudowires that events may be about: those of the configuration. */
export interface FeedNames {
  readonly tunnels: readonly string[];
  readonly pseudowires: readonly string[];
  find(pseudowire: string): { readonly tunnel: string } | undefined;
}

/** Bounds of the ring, whichever is reached first. */
const MOST_EVENTS = 1000;
const MOST_CHARACTERS = 1024 * 1024;
/** Longest JSON of an event; a longer one is kept without its fields and with the beginning of its text. */
const MOST_EVENT_CHARACTERS = 8192;
const MOST_CUT_CHARACTERS = 1024;
/** Keys whose values are never shown, wherever they are. */
const secretKeys: ReadonlySet<string> = new Set(["secret", "secrets", "receiveCookie", "transmitCookie"]);

/** Who hears events as they are published, from a level on that may change. */
interface Listener {
  readonly heard: (event: PublishedEvent) => void;
  readonly least: () => Level;
}

/**
 * What the daemon has to say, for all readers. Events at "info" and above stay in a ring for readers that
 * come later; others are only for those that listen. Publishing never throws and never waits for a reader.
 */
export class EventFeed {
  /** Names this feed: numbers of another daemon's mean nothing here. */
  readonly id: string;
  /** Undefined as long as nobody has given them. */
  names: FeedNames | undefined;
  readonly #nowMs: () => number;
  readonly #ring: FeedEvent[] = [];
  readonly #listeners = new Set<Listener>();
  #characters = 0;
  #published = 0;

  /** `nowMs` is the time of day. */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
    this.id = String(nowMs());
  }

  publish(level: Level, given: EventFields, text: string): void {
    const fields = this.#withTunnel(given);
    if (isAtLeast(level, KEPT_FROM)) this.#keep(level, fields, text);
    for (const { heard, least } of this.#listeners)
      if (isAtLeast(level, least())) heard({ level, fields, text });
  }

  /** Whether somebody hears events of a level: what nobody hears need not be made. */
  wants(level: Level): boolean {
    if (isAtLeast(level, KEPT_FROM)) return true;
    for (const { least } of this.#listeners) if (isAtLeast(level, least())) return true;
    return false;
  }

  /** Calls `heard` with each event of a level or above from now on, before `publish` returns. */
  listen(heard: (event: PublishedEvent) => void, least: () => Level = () => KEPT_FROM): Disposable {
    const listener = { heard, least };
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

  /** The number in front of the last `count` events that pass, or of all where there are fewer. */
  beforeLast(count: number, passes: (event: FeedEvent) => boolean): number {
    let found = 0;
    for (const event of this.#ring.toReversed()) {
      if (found === count) return event.number;
      if (passes(event)) found += 1;
    }
    return this.oldest - 1;
  }

  /** Whether an event in the ring is about something of that name. */
  knows(kind: "tunnel" | "pseudowire", name: string): boolean {
    return this.#ring.some((event) => event[kind] === name);
  }

  /** The time of day, in ms. */
  get nowMs(): number {
    return this.#nowMs();
  }

  /** An event as the API sends it: with its subject, and as JSON with an id where it has a number. */
  asSent({ level, fields, text }: PublishedEvent, number?: number): Omit<FeedEvent, "number"> {
    const atMs = this.#nowMs();
    const id = number === undefined ? {} : { id: `${this.id}-${number}` };
    const own = { ...id, time: new Date(atMs).toISOString(), level, text };
    const whole = JSON.stringify({ ...fields, ...own }, redacted);
    const { event: name } = fields;
    const short = { event: name, ...own, text: text.slice(0, MOST_CUT_CHARACTERS) };
    const json = whole.length <= MOST_EVENT_CHARACTERS ? whole : JSON.stringify(short);
    return {
      name,
      json,
      level,
      atMs,
      tunnel: nameIn(fields, "tunnel"),
      pseudowire: nameIn(fields, "pseudowire"),
    };
  }

  #keep(level: Level, fields: EventFields, text: string): void {
    this.#published += 1;
    const number = this.#published;
    const event = { number, ...this.asSent({ level, fields, text }, number) };
    this.#ring.push(event);
    this.#characters += event.json.length;
    while (this.#ring.length > MOST_EVENTS || this.#characters > MOST_CHARACTERS)
      this.#characters -= this.#ring.shift()?.json.length ?? 0;
  }

  /** Whoever publishes an event of a pseudowire may not know its tunnel. */
  #withTunnel(fields: EventFields): EventFields {
    const pseudowire = nameIn(fields, "pseudowire");
    if (pseudowire === undefined || nameIn(fields, "tunnel") !== undefined) return fields;
    const tunnel = this.names?.find(pseudowire)?.tunnel;
    return tunnel === undefined ? fields : ({ ...fields, tunnel } as EventFields);
  }
}

function nameIn(fields: EventFields, key: "tunnel" | "pseudowire"): string | undefined {
  const name = key in fields ? (fields as { readonly [key]: unknown })[key] : undefined;
  return typeof name === "string" ? name : undefined;
}

function redacted(key: string, value: unknown): unknown {
  if (secretKeys.has(key)) return "[redacted]";
  return typeof value === "bigint" ? String(value) : value;
}
