import { type CheckName, checkTable, doctorChecks } from "./check-table.ts";
import type { Facts } from "./facts.ts";
import {
  type CheckGroup,
  type CheckRow,
  checkGroups,
  type Found,
  type Severity,
  severities,
} from "./outcome.ts";

/** What all checks say of what was seen. */

/** A finding, as `wirespan doctor --json` has it: kept stable (docs/doctor.md). */
export interface Finding {
  readonly check: CheckName;
  readonly group: CheckGroup;
  readonly severity: Severity;
  /** What it is. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** Commands that mend it on this machine. */
  readonly commands: readonly string[];
  /** What to do beside them, or in place of them. */
  readonly advice?: string | undefined;
  /** The key of the file that it is about, such as "tunnels.hq.remote", and its "file:line:column". */
  readonly key?: string | undefined;
  readonly at?: string | undefined;
  /** The path of that key. */
  readonly path?: readonly PropertyKey[] | undefined;
}

/** A check that found nothing. */
export interface Fine {
  readonly check: CheckName;
  readonly group: CheckGroup;
  readonly looksAt: string;
}

/** What was examined. */
export interface Examination {
  /** The worst first, each group together. */
  readonly findings: readonly Finding[];
  /** Checks that found nothing. */
  readonly ok: readonly Fine[];
  /** Checks that could not look, and why. */
  readonly unseen: readonly { readonly check: CheckName; readonly why: string }[];
}

/** Runs all checks over what was seen. `placeOf` says where in the file a key is. */
export function examine(
  facts: Facts,
  placeOf: (path: readonly PropertyKey[]) => string | undefined = () => undefined,
): Examination {
  const findings: Finding[] = [];
  const ok: Fine[] = [];
  const unseen: { check: CheckName; why: string }[] = [];
  for (const check of doctorChecks) {
    const { find, group, looksAt } = checkTable[check] as CheckRow;
    const outcome = find(facts);
    if (outcome === undefined) continue;
    if ("unseen" in outcome) unseen.push({ check, why: outcome.unseen });
    else if (outcome.length === 0) ok.push({ check, group, looksAt });
    else findings.push(...outcome.map((found) => findingOf(check, found, placeOf)));
  }
  const groups = Object.keys(checkGroups);
  const rank = ({ severity, group }: Finding) =>
    severities.indexOf(severity) * groups.length + groups.indexOf(group);
  return { findings: findings.toSorted((one, other) => rank(one) - rank(other)), ok, unseen };
}

function findingOf(
  check: CheckName,
  { severity, what, commands = [], advice, path }: Found,
  placeOf: (path: readonly PropertyKey[]) => string | undefined,
): Finding {
  const { group, why } = checkTable[check];
  const key = path?.map(String).join(".");
  return { check, group, severity, what, why, commands, advice, key, at: path && placeOf(path), path };
}
