import type { Timers } from "../bytes/timers.ts";
import type { Random } from "../environment.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { ControlDiscardReason } from "./control-discards.ts";
import type { Effect } from "./effects.ts";
import type { Identifiers } from "./identifiers.ts";
import type { LcceIdentity } from "./settings.ts";
import type { UnknownCall } from "./unknown-peers.ts";

/** An object that transmits its queued messages at the end of each input. */
export interface Flushable {
  flush(): void;
}

/** Shared state of the control plane while one input is handled. */
export interface LcceContext {
  readonly identity: LcceIdentity;
  readonly random: Random;
  readonly controlConnectionIds: Identifiers;
  readonly sessionIds: Identifiers;
  readonly timers: Timers;
  /** Milliseconds of the injected clock at the input being handled. */
  readonly nowMs: number;
  /** The next value of a Serial Number AVP (RFC 3931 §5.4.4). */
  nextSerialNumber(): number;
  emit(effect: Effect): void;
  /** Counts and reports a discarded control message. */
  discard(reason: ControlDiscardReason, path: PsnPath): void;
  /** The same for the SCCRQ of whom we do not know, and remembers its sender. */
  discardUnknown(path: PsnPath, call: UnknownCall): void;
  /** Schedules `flush` for the end of the input, so that acknowledgements are piggybacked. */
  markDirty(flushable: Flushable): void;
}

/** The earliest of several deadlines; undefined ones are ignored. */
export function earliest(...deadlines: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
  }
  return first;
}
