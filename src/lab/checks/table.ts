import { type Check, type CheckKind, type CheckOf, checkKinds } from "../format/check-keys.ts";
import { checkApart } from "./apart.ts";
import { checkBulk } from "./bulk.ts";
import { checkCaptured } from "./captured.ts";
import type { CheckContext } from "./context.ts";
import { checkCounter, checkStatus } from "./counters.ts";
import { checkFailover } from "./failover.ts";
import { checkFrames, checkTagged } from "./frames.ts";
import { checkMulticast } from "./multicast.ts";
import { checkPing } from "./ping.ts";
import type { CheckOutcome } from "./result.ts";
import { checkRun } from "./run-command.ts";
import { checkThroughput } from "./throughput.ts";
import { checkTitles } from "./titles.ts";

type Checker<Kind extends CheckKind> = (check: CheckOf<Kind>, context: CheckContext) => Promise<CheckOutcome>;

/** TABLE: what carries out each kind of check. */
const checkers: { readonly [Kind in CheckKind]: Checker<Kind> } = {
  ping: checkPing,
  apart: checkApart,
  multicast: checkMulticast,
  tagged: checkTagged,
  frames: checkFrames,
  bulk: checkBulk,
  run: checkRun,
  status: checkStatus,
  counter: checkCounter,
  failover: checkFailover,
  throughput: checkThroughput,
  captured: checkCaptured,
};

/** The kind of a check: which of the keys that name kinds it has. */
export function checkKindOf(check: Check): CheckKind {
  const kind = (Object.keys(checkKinds) as CheckKind[]).find((name) => Object.hasOwn(check, name));
  if (kind === undefined)
    throw new Error(`find the kind of a check: none of ${Object.keys(check).join(", ")}`);
  return kind;
}

/** What a check shows: its title, or a sentence made of its keys. */
export function titleOf(check: Check): string {
  return check.title ?? (checkTitles[checkKindOf(check)] as (check: Check) => string)(check);
}

/**
 * Carries out a check. Rejects with CheckError where that cannot be done, with CommandError where a program
 * that it needs fails, and with any other error for bugs of ours.
 */
export function carryOut(check: Check, context: CheckContext): Promise<CheckOutcome> {
  return (checkers[checkKindOf(check)] as (check: Check, context: CheckContext) => Promise<CheckOutcome>)(
    check,
    context,
  );
}
