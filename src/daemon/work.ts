import { OperationalError } from "../bytes/errors.ts";

/**
 * Operations on the plane: one after another, in the order they were asked for; but those that were asked for
 * together do not wait for each other.
 */
export class Work {
  readonly #failed: (error: OperationalError) => void;
  readonly #broken: (error: unknown) => void;
  /** Done when all operations asked for so far are; the other one leaves out those that run together now. */
  #all: Promise<void> = Promise.resolve();
  #before: Promise<void> = Promise.resolve();
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

  /** Resolves when all operations asked for so far are done. */
  idle(): Promise<void> {
    return this.#all;
  }

  /** Runs after all that was asked for before. Resolves when it is done, or left. */
  enqueue(operation: () => Promise<void>): Promise<void> {
    this.#all = this.#all.then(() => this.#run(operation));
    this.#before = this.#all;
    return this.#all;
  }

  /** As `enqueue`, but beside those that are asked for likewise until another one is enqueued. */
  together(operation: () => Promise<void>): void {
    const done = this.#before.then(() => this.#run(operation));
    const all = this.#all;
    this.#all = done.then(() => all);
  }

  /** What was not begun is left. */
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
