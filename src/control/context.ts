import type { Random } from "../ports.ts";
import type { PsnPath } from "../wire/session-parameters.ts";
import type { ControlDiscardReason } from "./control-discards.ts";
import type { Effect } from "./effects.ts";
import type { Identifiers } from "./identifiers.ts";
import type { LcceIdentity } from "./settings.ts";
import type { Timers } from "./timers.ts";

/** Something with messages to transmit once the input at hand was handled. */
export interface Flushable {
  flush(): void;
}

/** What the parts of the core share while one input is handled. */
export interface Context {
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
  /** Counts a control message given up without effect. */
  discard(reason: ControlDiscardReason, path: PsnPath): void;
  /** Asks for `settle` at the end of the input, so that one datagram may acknowledge and carry several things. */
  markDirty(settleable: Flushable): void;
}

/** The earlier of deadlines, of which any may be absent. */
export function earliest(...deadlines: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
  }
  return first;
}
