/**
 * Runs asynchronous operations one after another, in the order they were asked for; one that fails does not
 * stop the next.
 */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as the operation does, once it had its turn. */
  run<T>(operation: () => T | Promise<T>): Promise<T> {
    const done = this.#last.then(operation);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Resolves when all operations asked for so far are done. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
