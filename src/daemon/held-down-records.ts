import { OperationalError } from "../bytes/errors.ts";
import type { Log } from "./log.ts";
import { isJsonObject, RecordFile } from "./record-file.ts";

/** Indexes of interfaces, by their names. */
type Content = Readonly<Record<string, number>>;

function isContent(value: unknown): value is Content {
  return isJsonObject(value) && Object.values(value).every(Number.isInteger);
}

/**
 * The interfaces that are switched off because the other end is down (`follow_peer: link-down`), also by an
 * earlier daemon: they stay off when it is killed, and somebody has to give them back.
 */
export class HeldDownRecords {
  readonly #file: RecordFile<Content> | undefined;
  readonly #log: Pick<Log, "warn">;
  readonly #indexes = new Map<string, number>();

  /** Without a control socket they are kept in memory alone. */
  constructor(log: Pick<Log, "warn">, controlSocket?: string) {
    this.#log = log;
    if (controlSocket === undefined) return;
    const file = new RecordFile<Content>(controlSocket, "down");
    this.#file = file;
    this.#attempt(() => {
      const content = file.read(isContent, "which interfaces it switched off") ?? {};
      for (const [name, index] of Object.entries(content)) this.#indexes.set(name, index);
    });
  }

  /** Whether this very interface was switched off. */
  has(name: string, index: number): boolean {
    return this.#indexes.get(name) === index;
  }

  /** Names and indexes. */
  all(): readonly (readonly [string, number])[] {
    return [...this.#indexes];
  }

  /** As an interface is about to be switched off. */
  add(name: string, index: number): void {
    this.#indexes.set(name, index);
    this.#save();
  }

  /** After an interface was switched on, or is gone. */
  remove(name: string): void {
    if (this.#indexes.delete(name)) this.#save();
  }

  #save(): void {
    const content = this.#indexes.size === 0 ? undefined : Object.fromEntries(this.#indexes);
    this.#attempt(() => this.#file?.save(content));
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const problem = error.message;
      this.#log.warn({ event: "circuit", problem }, problem);
    }
  }
}
