import type { LcceSnapshot, PseudowireSnapshot } from "../control/snapshot.ts";
import type { SessionCounters } from "../forwarding/plane.ts";

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

/** Says each note once, when it is first seen, and again only if it had gone in between; and that it has gone. */
export class NotesLog {
  readonly #say: (subject: string, note: string) => void;
  readonly #sayGone: (subject: string, note: string) => void;
  #said = new Map<string, readonly [subject: string, note: string]>();

  constructor(
    say: (subject: string, note: string) => void,
    sayGone: (subject: string, note: string) => void,
  ) {
    this.#say = say;
    this.#sayGone = sayGone;
  }

  /** All that there is to note at the moment, under the words for what it is about. */
  look(notes: Iterable<readonly [subject: string, note: string]>): void {
    const now = new Map<string, readonly [subject: string, note: string]>();
    for (const [subject, note] of notes) now.set(`${subject}: ${note}`, [subject, note]);
    for (const [key, [subject, note]] of this.#said) if (!now.has(key)) this.#sayGone(subject, note);
    for (const [key, [subject, note]] of now) if (!this.#said.has(key)) this.#say(subject, note);
    this.#said = now;
  }
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
