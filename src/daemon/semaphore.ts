import type { ServerResponse } from "node:http";

/** Limits how many answers are worked on at a time. One whose client hangs up while it waits is not begun. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves once the work is done. */
  async use(response: ServerResponse, work: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else if (!(await this.#wait(response))) return;
    try {
      await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  /** Resolves to whether it may begin: false once its client is gone. */
  #wait(response: ServerResponse): Promise<boolean> {
    return new Promise((resolve) => {
      const proceed = () => {
        this.#waiting.delete(proceed);
        resolve(true);
      };
      this.#waiting.add(proceed);
      response.on("close", () => {
        if (this.#waiting.delete(proceed)) resolve(false);
      });
    });
  }
}
