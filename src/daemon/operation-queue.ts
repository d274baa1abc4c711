import { OperationalError } from "../bytes/errors.ts";

/**
 * Operations on the plane: one after another, in the order in which they were enqueued; only those that may
 * run at the same time do, such as additions of many sessions.
 */
export class OperationQueue {
  readonly #failed: (error: OperationalError) => void;
  readonly #broken: (error: unknown) => void;
  /** Resolves when all operations enqueued so far are done. */
  #all: Promise<void> = Promise.resolve();
  /** Resolves when the last operation that runs alone is done. */
  #lastAlone: Promise<void> = Promise.resolve();
  #isClosed = false;

  /**
   * `failed` gets the errors of operations. Those that are bugs of ours go to `broken`: by default to the
   * handler of uncaught exceptions, which ends the process.
   */
  constructor(failed: (error: OperationalError) => void, broken: (error: unknown) => void = throwUncaught) {
    this.#failed = failed;
    this.#broken = broken;
  }

  /** Whether nothing is begun any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when all operations enqueued so far are done. */
  idle(): Promise<void> {
    return this.#all;
  }

  /** Runs alone, after all that was enqueued before. Resolves when it is done, or was dropped by `close`. */
  enqueue(operation: () => Promise<void>): Promise<void> {
    this.#all = this.#all.then(() => this.#run(operation));
    this.#lastAlone = this.#all;
    return this.#all;
  }

  /** Runs after the last operation that runs alone, at the same time as others that were enqueued so. */
  enqueueConcurrent(operation: () => Promise<void>): void {
    const done = this.#lastAlone.then(() => this.#run(operation));
    const all = this.#all;
    this.#all = done.then(() => all);
  }

  /** Drops the operations that were not begun. */
  close(): void {
    this.#isClosed = true;
  }

  async #run(operation: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return;
    try {
      await operation();
    } catch (error) {
      if (error instanceof OperationalError) this.#failed(error);
      else this.#broken(error);
    }
  }
}

export function throwUncaught(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
