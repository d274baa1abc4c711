import { counted } from "../bytes/counted.ts";
import type { LcceSnapshot, PseudowireSnapshot } from "../control/snapshot.ts";
import type { SessionCounters } from "../forwarding/plane.ts";
import type { Log } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";

/** Something that looks wrong with a tunnel or a pseudowire, though it may be up. */
export interface Note {
  readonly kind: "tunnel" | "pseudowire";
  readonly name: string;
  readonly text: string;
}

/** The notes of one pseudowire whose session is established. */
export function notesOf(
  pseudowire: PseudowireSnapshot,
  counters: SessionCounters | undefined,
): readonly string[] {
  return [...pseudowire.notes, ...cookieNotes(pseudowire, counters)];
}

/** A peer that ignores the cookie that we assigned: no ICRP says so, but its frames do (RFC 3931 §5.4.4). */
function cookieNotes(
  { state, session }: PseudowireSnapshot,
  counters: SessionCounters | undefined,
): readonly string[] {
  if (state !== "established" || session === undefined || counters === undefined) return [];
  const wrong = counters.discards["wrong-cookie"] ?? 0;
  if (session.receiveCookie.length === 0 || wrong === 0 || counters.receivedFrames > 0) return [];
  return ["established, but no frame carries our cookie: this peer seems to ignore cookies; set cookie: 0"];
}

/** Lines that the log has at most when many notes appear or are resolved at once; the rest is counted. */
const MOST_LINES = 20;

/** Receives what changed; `more` is text about lines of this kind that were left out before it. */
export interface NotesListener {
  readonly noteAdded: (note: Note, more: string) => void;
  readonly noteRemoved: (note: Note, more: string) => void;
  /** How many more were added and removed than were reported one by one. */
  readonly notesLeftOut: (added: number, removed: number) => void;
}

/**
 * The notes of the last update, compared with those of the next: reports each note when it appears and when
 * it is resolved. Of many at once it reports a few, and how many more there are.
 */
export class NotesLog {
  readonly #listener: NotesListener;
  readonly #limiter: LogLimiter;
  #reported = new Map<string, Note>();

  constructor(listener: NotesListener, limiter = new LogLimiter()) {
    this.#listener = listener;
    this.#limiter = limiter;
  }

  /** Takes all notes there are now. */
  update(notes: Iterable<Note>, nowMs: number): void {
    const { noteAdded, noteRemoved, notesLeftOut } = this.#listener;
    const now = new Map<string, Note>();
    for (const note of notes) now.set(noteText(note), note);
    for (const [key, note] of this.#reported) {
      const more = now.has(key) ? undefined : this.#limiter.admit("note-gone", nowMs, MOST_LINES);
      if (more !== undefined) noteRemoved(note, more);
    }
    for (const [key, note] of now) {
      const more = this.#reported.has(key) ? undefined : this.#limiter.admit("note", nowMs, MOST_LINES);
      if (more !== undefined) noteAdded(note, more);
    }
    this.#reported = now;
    const added = this.#limiter.takeLeftOut("note", nowMs);
    const removed = this.#limiter.takeLeftOut("note-gone", nowMs);
    if (added + removed > 0) notesLeftOut(added, removed);
  }
}

function noteText({ kind, name, text }: Note): string {
  return `${kind} ${name}: ${text}`;
}

/** Writes notes to the log. */
export function notesListener(log: Log): NotesListener {
  return {
    noteAdded: (note, more) =>
      log.warn({ event: "note", [note.kind]: note.name, note: note.text }, `${noteText(note)}${more}`),
    noteRemoved: (note, more) =>
      log.info(
        { event: "note-gone", [note.kind]: note.name, note: note.text },
        `${note.kind} ${note.name}: resolved: ${note.text}${more}`,
      ),
    notesLeftOut: (added, removed) =>
      log.warn(
        { event: "note", added, removed },
        `${counted(added, "more note")}, ${removed} more resolved; for all see: wirespan status --json`,
      ),
  };
}

/** All notes of control connections and sessions at the moment. */
export function* allNotes(
  { connections, pseudowires }: LcceSnapshot,
  sessions: readonly SessionCounters[],
): Iterable<Note> {
  const counters = new Map(sessions.map((session) => [session.localSessionId, session]));
  for (const { peer, notes } of connections)
    for (const text of notes) yield { kind: "tunnel", name: peer, text };
  for (const pseudowire of pseudowires) {
    const own = counters.get(pseudowire.session?.localSessionId ?? 0);
    for (const text of notesOf(pseudowire, own))
      yield { kind: "pseudowire", name: pseudowire.pseudowire, text };
  }
}
