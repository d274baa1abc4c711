import { counted } from "../../bytes/counted.ts";
import { SystemError } from "../../os/errors.ts";
import type { CheckKind } from "../format/check-keys.ts";

/** What a check found. */
export interface CheckOutcome {
  readonly passed: boolean;
  /** What had to be, in a sentence. */
  readonly expected: string;
  /** What was, in a sentence. */
  readonly seen: string;
  /** The first thing that was not as expected; undefined where the check passed. */
  readonly difference?: string | undefined;
  /** The shell command that does the same by hand; undefined: `wirespan lab test` with this check alone. */
  readonly command?: string | undefined;
}

/** The result of a check, as `wirespan lab test --json` prints it. */
export interface CheckResult extends CheckOutcome {
  /** Its place in the topology file, from 1; 0 for that of the daemons' sessions, which every lab has. */
  readonly number: number;
  readonly kind: CheckKind | "sessions";
  /** What the topology calls it, or a sentence made of its keys. */
  readonly title: string;
  readonly difference: string | undefined;
  readonly command: string;
  readonly durationMs: number;
  /** Of a check that failed: what each daemon discarded meanwhile, by its LCCE and the reason. */
  readonly discarded?: Readonly<Record<string, Readonly<Record<string, number>>>> | undefined;
}

/** A check that cannot be carried out, such as between hosts of which one has no address. */
export class CheckError extends Error {
  override readonly name = "CheckError";
}

/** Does something whose refusal by the kernel means that a check cannot be carried out. */
export function asCheck<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new CheckError(error.message, { cause: error });
  }
}

/** How many checks passed, or failed: the last line of a test. */
export function totalText(results: readonly CheckResult[]): string {
  const failed = results.filter(({ passed }) => !passed).length;
  const all = counted(results.length, "check");
  return failed === 0 ? `${all} passed` : `${failed} of ${all} FAILED`;
}
