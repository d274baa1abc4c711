import { printableLine } from "../../bytes/printable-text.ts";

const QUIET_MS = 2000;
const STEP_MS = 1000;
const LINE_START = "\r\u001b[K";

/** Tells on a terminal what is waited for, once that takes more than two seconds. */
export class Progress {
  readonly #write: ((text: string) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isShown = false;

  /** `write` is undefined where nobody watches. */
  constructor(write: ((text: string) => void) | undefined) {
    this.#write = write;
  }

  began(what: string): void {
    this.ended();
    if (this.#write === undefined) return;
    const startMs = performance.now();
    const show = (): void => {
      const seconds = Math.round((performance.now() - startMs) / 1000);
      this.#isShown = true;
      this.#write?.(`${LINE_START}  ...   ${printableLine(what)} (${seconds} s)`);
      this.#timer = setTimeout(show, STEP_MS);
    };
    this.#timer = setTimeout(show, QUIET_MS);
  }

  ended(): void {
    clearTimeout(this.#timer);
    if (this.#isShown) this.#write?.(LINE_START);
    this.#isShown = false;
  }
}
