import type { LcceContext } from "./context.ts";

/** How long a refusal is told as the reason: a peer that is still refused tries again within that time. */
const REASON_MS = 600_000;
/** How long it is told beside what came after it. */
const KEPT_MS = 24 * 3_600_000;

interface Said {
  readonly text: string;
  readonly atMs: number;
}

/**
 * Messages from a peer's address that were refused while there was no connection: why, as text for people. It
 * tells more than the silence that follows, but not for ever: the cause may be gone, and other reasons come
 * after it.
 */
export class Refusals {
  readonly #context: LcceContext;
  #refused: Said | undefined;
  #failed: Said | undefined;

  constructor(context: LcceContext) {
    this.#context = context;
  }

  /** A message was refused while no connection was there. */
  add(text: string): void {
    this.#refused = { text, atMs: this.#context.nowMs };
  }

  /** A message failed authentication. */
  addFailure(text: string): void {
    this.#failed = { text, atMs: this.#context.nowMs };
  }

  forget(): void {
    this.#refused = undefined;
    this.#failed = undefined;
  }

  /** Why a peer is silent to whom there was or is to be a connection; `silence` where nothing came at all. */
  silenceReason(silence: string): string {
    return this.#failed !== undefined && this.#agoMs(this.#failed) < REASON_MS
      ? `no valid answer came: ${this.#failed.text}`
      : silence;
  }

  /** Why there is no connection: a refusal of late, or another reason, if there is one, beside an old one. */
  reasonBefore(other: string | undefined): string | undefined {
    const refused = this.#refused;
    if (refused === undefined) return other;
    const agoMs = this.#agoMs(refused);
    if (agoMs < REASON_MS) return refused.text;
    if (agoMs >= KEPT_MS) return other;
    return `${other ?? "nothing came since"}; before, ${agoText(agoMs)} ago: ${refused.text}`;
  }

  #agoMs({ atMs }: Said): number {
    return this.#context.nowMs - atMs;
  }
}

function agoText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
