import type { Issue } from "../../config/issues.ts";
import type { KeyPath } from "../../config/schema-text.ts";
import type { Check } from "./check-keys.ts";
import { type DeclaredKind, type DeclaredName, declared, nameProblem } from "./declared.ts";
import type { RawTopology } from "./file-keys.ts";
import type { Topology } from "./topology.ts";

/** What checks between keys of a topology file look at, and where they say what they find. */

/** A file without its invalid keys, and what was in it. */
export interface Scope {
  readonly raw: RawTopology;
  /** The file as it is written. */
  readonly value: unknown;
  /** The same with its shorthand written out. */
  readonly topology: Topology;
  /** All names of the file, also of nodes that are invalid themselves. */
  readonly names: readonly DeclaredName[];
  /** Whether there may be no other names, in parts that cannot be read. */
  readonly hasAllNames: boolean;
  /** The valid items of lists, with their places in the file. */
  readonly checks: readonly (readonly [index: number, Check])[];
  readonly captures: readonly (readonly [index: number, string])[];
  readonly uplinks: readonly (readonly [index: number, readonly [string, string]])[];
}

/** Reports an issue at a path; `atKey` where it is the key that is wrong. */
export type Report = (path: KeyPath, message: string, atKey?: "at key") => void;

/** The issues that some checks report. */
export function reported(checks: (report: Report) => void): readonly Issue[] {
  const issues: Issue[] = [];
  checks((path, message, atKey) => issues.push({ path, message, atKey: atKey !== undefined }));
  return issues;
}

/** Whether a text names something of these kinds; reports it otherwise. */
export function isNamed(
  { names, hasAllNames }: Scope,
  text: string,
  kinds: readonly DeclaredKind[],
  report: (message: string) => void,
): boolean {
  const problem = nameProblem(names, text, kinds);
  if (problem !== undefined && (hasAllNames || declared(names, text) !== undefined)) report(problem);
  return problem === undefined;
}
