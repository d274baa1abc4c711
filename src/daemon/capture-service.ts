import type { CaptureRequest } from "./capture-request.ts";

/** What the API needs of captures. */

/** Takes the octets of a capture. */
export interface CaptureOutput {
  write(octets: Uint8Array): void;
  /** Whether it takes nothing now: the capture waits, and what finds no room meanwhile is dropped. */
  readonly isFull: boolean;
}

/** Why a capture ended, and whether its client had asked for that. */
export interface CaptureEnd {
  readonly reason: string;
  readonly isAsked: boolean;
}

/** A capture that has begun. */
export interface RunningCapture {
  readonly id: number;
  /** Has it end; the first reason counts. */
  end(reason: string, isAsked?: boolean): void;
  /** Writes until it ends, and resolves to why it did. */
  run(output: CaptureOutput): Promise<CaptureEnd>;
}

/** The captures of a daemon. */
export interface CaptureService {
  /**
   * Begins a capture; `release` is for when it has run. Rejects with NoSuchNameError, and with
   * OperationalError.
   */
  open(request: CaptureRequest): Promise<RunningCapture>;
  release(capture: RunningCapture): void;
  /** Has a capture end, as its client asks; false for one that has. */
  stop(id: number): boolean;
}
