import { ignoreOperational } from "../bytes/errors.ts";
import type { EventFeed } from "./events.ts";
import type { LiveReading, LiveSource } from "./live-numbers.ts";
import { LiveReader, type LiveSources } from "./live-reading.ts";

/** Between readings. */
const PAUSE_MS = 1000;

export interface LiveFeedOptions {
  /** What the daemon is at this moment. */
  sources(): Promise<LiveSources>;
  readonly events: Pick<EventFeed, "last">;
  readonly pauseMs?: number;
}

/** Reads what changes once a second for all that listen, and nothing while nobody does. */
export class LiveFeed implements LiveSource {
  readonly #options: LiveFeedOptions;
  readonly #reader = new LiveReader();
  readonly #listeners = new Set<(reading: LiveReading) => void>();
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  listen(listener: (reading: LiveReading) => void): Disposable {
    this.#listeners.add(listener);
    this.#schedule(0);
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        if (this.#listeners.size === 0) clearTimeout(this.#timer);
      },
    };
  }

  #schedule(pauseMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isReading || this.#listeners.size === 0) return;
    this.#timer = setTimeout(() => void this.#read().catch(ignoreOperational), pauseMs).unref();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      const reading = await this.#reader.read(await this.#options.sources(), this.#options.events.last);
      for (const listener of this.#listeners) listener(reading);
    } finally {
      this.#isReading = false;
      this.#schedule(this.#options.pauseMs ?? PAUSE_MS);
    }
  }
}
