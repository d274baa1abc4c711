import type { StatusReport } from "../src/daemon/status.ts";
import { LiveModel, type Names, type Reading } from "./live-model.ts";

/** The connection to the daemon: status, readings and the log, as long as the page is open. */

/** An event of the log, with its fields. */
export interface LogEvent {
  readonly id: string;
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly text: string;
  readonly tunnel?: string;
  readonly pseudowire?: string;
}

/** Events that are kept. */
const MOST_EVENTS = 500;
const RETRY_MS = 1000;
/** Without a reading for so long, the daemon is taken to be gone. */
const SILENCE_MS = 5000;
/** The status is asked for no more often than this, and the less often the longer it is. */
const STATUS_MS = 1000;
const STATUS_MS_EACH = 5;
/** What is in the status without a change, such as times, is asked for again. */
const REFRESH_MS = 15_000;

export class Connection {
  readonly live = new LiveModel();
  status: StatusReport | undefined;
  /** When the status came, by the clock of the page. */
  statusMs = 0;
  events: readonly LogEvent[] = [];
  /** Since when nothing comes, in ms since 1970; undefined while all is well. */
  lostMs: number | undefined;
  /** What the daemon answered in place of a status. */
  refusal: string | undefined;
  readonly #changed: () => void;
  #source: EventSource | undefined;
  #wanted: readonly number[] = [];
  #heardMs = performance.now();
  #version = -1;
  #isAsking = false;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  open(): () => void {
    this.#listen();
    const timer = setInterval(() => this.#look(), 1000);
    return () => {
      clearInterval(timer);
      this.#source?.close();
    };
  }

  /** Pseudowires in view, by position, which are asked for where there are too many. */
  want(positions: readonly number[]): void {
    const { names } = this.live;
    if (names === undefined || names.pseudowires.length <= names.most) return;
    if (positions.join() === this.#wanted.join()) return;
    this.#wanted = positions;
    this.#listen();
  }

  #listen(): void {
    this.#source?.close();
    const { names } = this.live;
    const isChosen = names !== undefined && names.pseudowires.length > names.most;
    const query = isChosen ? `?names=${names.id}&pseudowires=${this.#wanted.join(".")}` : "";
    const source = new EventSource(`v1/live${query}`);
    this.#source = source;
    source.addEventListener("names", ({ data }) => {
      const before = this.live.names?.id;
      this.live.takeNames(JSON.parse(data) as Names);
      // Positions of other names are those of others.
      if (isChosen && before !== this.live.names?.id) this.#wanted = [];
    });
    source.addEventListener("log", ({ data }) => this.#takeEvent(JSON.parse(data) as LogEvent));
    source.addEventListener("live", ({ data }) => this.#takeReading(JSON.parse(data) as Reading));
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED && this.#source === source)
        setTimeout(() => this.#source === source && this.#listen(), RETRY_MS);
    });
  }

  #takeReading(reading: Reading): void {
    this.#heardMs = performance.now();
    this.lostMs = undefined;
    this.live.takeReading(reading, Date.now());
    if (reading.version !== this.#version) void this.#ask(reading.version);
    this.#changed();
  }

  #takeEvent(event: LogEvent): void {
    if (this.events.some(({ id }) => id === event.id)) return;
    this.events = [...this.events, event].slice(-MOST_EVENTS);
  }

  #look(): void {
    const silentMs = performance.now() - this.#heardMs;
    if (silentMs > SILENCE_MS && this.lostMs === undefined) {
      this.lostMs = Date.now() - silentMs;
      // It may be another daemon that answers next.
      this.#version = -1;
    }
    // What refuses us says why.
    if (this.status === undefined) void this.#ask(-1);
    if (this.lostMs === undefined && performance.now() - this.#askedMs > REFRESH_MS)
      void this.#ask(this.#version);
    if (this.lostMs !== undefined || this.status === undefined) this.#changed();
  }

  async #ask(version: number): Promise<void> {
    const pauseMs = Math.max(STATUS_MS, STATUS_MS_EACH * (this.status?.pseudowires.length ?? 0));
    if (this.#isAsking || performance.now() - this.#askedMs < pauseMs) return;
    this.#isAsking = true;
    this.#askedMs = performance.now();
    try {
      const response = await fetch("v1/status");
      const answer = await response.json();
      this.refusal = response.ok ? undefined : String(answer.error);
      if (response.ok) {
        this.status = answer;
        this.statusMs = Date.now();
        this.#version = version;
      }
    } catch {
      // The stream tells that nobody answers.
    } finally {
      this.#isAsking = false;
    }
    this.#changed();
  }
}
