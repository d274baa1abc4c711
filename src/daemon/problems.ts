import { OperationalError } from "../bytes/errors.ts";

/** Failures of several things of which each is done, whatever becomes of the others. */
export class Problems {
  readonly #messages: string[] = [];

  add(message: string): void {
    this.#messages.push(message);
  }

  /** Does something; an OperationalError becomes a problem. */
  try(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#keep(error);
    }
  }

  /** As `try`, for what takes time. */
  async collect(act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#keep(error);
    }
  }

  /** Throws one OperationalError for all problems; nothing where there are none. */
  throwAny(): void {
    if (this.#messages.length > 0) throw new OperationalError(this.#messages.join("; "));
  }

  #keep(error: unknown): void {
    if (!(error instanceof OperationalError)) throw error;
    this.add(error.message);
  }
}
