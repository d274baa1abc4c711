import type { LcceSnapshot, PseudowireSnapshot } from "../control/snapshot.ts";
import type { SessionCounters } from "../forwarding/plane.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";

/** What looks wrong with a pseudowire though its session is established, for people. */
export function notesOf(
  pseudowire: PseudowireSnapshot,
  counters: SessionCounters | undefined,
): readonly string[] {
  return [...pseudowire.notes, ...cookieNotes(pseudowire, counters)];
}

/** No ICRP tells that a peer ignores the cookie that it was assigned (RFC 3931 §5.4.4); its frames do. */
function cookieNotes(
  { state, session }: PseudowireSnapshot,
  counters: SessionCounters | undefined,
): readonly string[] {
  if (state !== "established" || session === undefined || counters === undefined) return [];
  const wrong = counters.discards["wrong-cookie"] ?? 0;
  if (session.receiveCookie.length === 0 || wrong === 0 || counters.receivedFrames > 0) return [];
  return ["established, but no frame had our cookie: this peer seems to ignore cookies; set cookie: 0"];
}

/** Notes of which the log tells each one that comes or goes, where there are no more at once. */
const MOST_LINES = 20;

/**
 * Where notes are told: each under the words for what it is about, with words about those left out before; and at the end how many more
 * came, or went.
 */
export interface NotesListener {
  readonly noteAdded: (subject: string, note: string, more: string) => void;
  readonly noteRemoved: (subject: string, note: string, more: string) => void;
  readonly notesLeftOut: (came: number, went: number) => void;
}

/**
 * Says each note once, when it is first seen, and again only if it had gone in between; and that it has gone. Of many at once it says a
 * few, and how many more there are.
 */
export class NotesLog {
  readonly #listener: NotesListener;
  readonly #limiter: LogLimiter;
  #said = new Map<string, readonly [subject: string, note: string]>();

  constructor(listener: NotesListener, limiter = new LogLimiter()) {
    this.#listener = listener;
    this.#limiter = limiter;
  }

  /** All that there is to note at the moment, under the words for what it is about. */
  update(notes: Iterable<readonly [subject: string, note: string]>, nowMs: number): void {
    const { noteAdded, noteRemoved, notesLeftOut } = this.#listener;
    const now = new Map<string, readonly [subject: string, note: string]>();
    for (const [subject, note] of notes) now.set(`${subject}: ${note}`, [subject, note]);
    for (const [key, note] of this.#said) {
      const more = now.has(key) ? undefined : this.#limiter.admit("note-gone", nowMs, MOST_LINES);
      if (more !== undefined) noteRemoved(...note, more);
    }
    for (const [key, note] of now) {
      const more = this.#said.has(key) ? undefined : this.#limiter.admit("note", nowMs, MOST_LINES);
      if (more !== undefined) noteAdded(...note, more);
    }
    this.#said = now;
    const came = this.#limiter.takeLeftOut("note", nowMs);
    const went = this.#limiter.takeLeftOut("note-gone", nowMs);
    if (came + went > 0) notesLeftOut(came, went);
  }
}

/** Notes as lines of a log. */
export function notesListener(log: Log): NotesListener {
  return {
    noteAdded: (subject, note, more) =>
      log.warn({ event: "note", subject, note }, `${subject}: ${note}${more}`),
    noteRemoved: (subject, note, more) =>
      log.info({ event: "note-gone", subject, note }, `${subject}: no longer: ${note}${more}`),
    notesLeftOut: (came, went) => {
      const text = `and ${came} more notes, and ${went} that have gone; wirespan status --json has all that there are`;
      log.warn({ event: "note", came, went }, text);
    },
  };
}

/** All notes at the moment, under what they are about. */
export function* allNotes(
  { connections, pseudowires }: LcceSnapshot,
  sessions: readonly SessionCounters[],
): Iterable<readonly [subject: string, note: string]> {
  const counters = new Map(sessions.map((session) => [session.localSessionId, session]));
  for (const { peer, notes } of connections) for (const note of notes) yield [`tunnel ${peer}`, note];
  for (const pseudowire of pseudowires) {
    const own = counters.get(pseudowire.session?.localSessionId ?? 0);
    for (const note of notesOf(pseudowire, own)) yield [`pseudowire ${pseudowire.pseudowire}`, note];
  }
}
