import { nearest } from "../config/nearest.ts";
import type { EventFeed, EventSubject } from "./events.ts";
import { eventLevels, isAtLeast, KEPT_FROM, type Level, levelNamed } from "./levels.ts";

/** Which events of the feed a reader wants. */
export interface EventFilter {
  readonly least: Level;
  readonly tunnel?: string | undefined;
  readonly pseudowire?: string | undefined;
  /** Not before this time of day, in ms. */
  readonly fromMs?: number | undefined;
  /** Of those that the feed remembers the last ones alone, so many. */
  readonly last?: number | undefined;
}

/** Why a query asks for nothing that there is. */
export interface FilterRefusal {
  readonly status: 400 | 404;
  readonly refusal: string;
}

/** The largest number that a query may ask for. */
const MOST = 1e12;

export function passes(filter: EventFilter, event: EventSubject): boolean {
  return (
    isAtLeast(event.level, filter.least) &&
    (filter.tunnel === undefined || event.tunnel === filter.tunnel) &&
    (filter.pseudowire === undefined || event.pseudowire === filter.pseudowire) &&
    (filter.fromMs === undefined || event.atMs >= filter.fromMs)
  );
}

/**
 * The filter of a query: `level`, `tunnel`, `pseudowire`, `sinceMs` (how long ago) and `last`. A name that
 * neither the configuration has nor an event is refused, for its events would never come.
 */
export function filterOf(query: URLSearchParams, feed: EventFeed): EventFilter | FilterRefusal {
  const least = levelNamed(query.get("level") ?? KEPT_FROM);
  if (least === undefined) return { status: 400, refusal: `level is one of ${eventLevels.join(", ")}` };
  const sinceMs = numberIn(query, "sinceMs");
  const last = numberIn(query, "last");
  if (Number.isNaN(sinceMs)) return { status: 400, refusal: "sinceMs is how long ago, in ms" };
  if (Number.isNaN(last)) return { status: 400, refusal: "last is how many events" };
  const tunnel = query.get("tunnel") ?? undefined;
  const pseudowire = query.get("pseudowire") ?? undefined;
  const unknown = unknownName(feed, "tunnel", tunnel) ?? unknownName(feed, "pseudowire", pseudowire);
  if (unknown !== undefined) return { status: 404, refusal: unknown };
  const fromMs = sinceMs === undefined ? undefined : feed.nowMs - sinceMs;
  return { least, tunnel, pseudowire, fromMs, last };
}

/** The number of a query; NaN where it is none. */
function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  return /^\d{1,13}$/.test(text) && Number(text) <= MOST ? Number(text) : Number.NaN;
}

function unknownName(
  feed: EventFeed,
  kind: "tunnel" | "pseudowire",
  name: string | undefined,
): string | undefined {
  const names = feed.names?.[kind === "tunnel" ? "tunnels" : "pseudowires"];
  if (name === undefined || names === undefined || names.includes(name) || feed.knows(kind, name))
    return undefined;
  const like = nearest(name, names.slice(0, MOST_COMPARED));
  return `there is no ${kind} of this name${like === undefined ? "" : `; the most like it is ${like}`}`;
}

/** Names that an unknown one is compared with. */
const MOST_COMPARED = 10_000;
