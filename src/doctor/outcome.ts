import type { Facts, Seen } from "./facts.ts";

/** What checks say. */

/**
 * "error": something does not work, or will not; "warning": it works, and worse than it could or not for
 * long; "note": worth knowing.
 */
export type Severity = "error" | "warning" | "note";

/** TABLE: severities, the worst first. */
export const severities = ["error", "warning", "note"] as const satisfies readonly Severity[];

/** What a check found. */
export interface Found {
  readonly severity: Severity;
  /** What it is, with names and values. */
  readonly what: string;
  /** Commands that mend it on this machine, to be pasted. */
  readonly commands?: readonly string[] | undefined;
  /** What to do beside them, or in place of them. */
  readonly advice?: string | undefined;
  /** The key of the file that it is about. */
  readonly path?: readonly PropertyKey[] | undefined;
  /** The tunnel, pseudowire or interface that it is about. */
  readonly subject?: string | undefined;
}

/**
 * Findings, none where all is well; why nothing could be seen; undefined where there is nothing to look at.
 */
export type Judgement = readonly Found[] | { readonly unseen: string } | undefined;

/** TABLE: groups of checks, in the order in which they are told. */
export const checkGroups = {
  file: "File",
  machine: "Machine",
  rights: "Rights and limits",
  network: "Network",
  firewall: "Firewall",
  peers: "Peers",
  secrets: "Secrets",
  circuits: "Circuits",
  neighbours: "Other programs",
  daemon: "Daemon",
} as const;
export type CheckGroup = keyof typeof checkGroups;

/** A check. */
export interface CheckRow {
  readonly group: CheckGroup;
  /** What it looks at, for the documents and for `--verbose`. */
  readonly looksAt: string;
  /** Why it matters, for the documents and below each finding. */
  readonly why: string;
  /** What mends it, for the documents; findings have the commands of this machine. */
  readonly remedy: string;
  readonly find: (facts: Facts) => Judgement;
}

/** Judges a value that may not have been seen. */
export function judge<T>(seen: Seen<T> | undefined, act: (value: T) => readonly Found[]): Judgement {
  if (seen === undefined) return undefined;
  return seen.unseen === undefined ? act(seen.value) : { unseen: seen.unseen };
}

/** Judges several things alike, each of which may not have been seen; undefined where there is none. */
export function judgeEach<T>(things: readonly T[], act: (thing: T) => Judgement): Judgement {
  const outcomes = things.map(act).filter((each) => each !== undefined);
  if (outcomes.length === 0) return undefined;
  const found = outcomes.flatMap((each) => ("unseen" in each ? [] : each));
  const unseen = outcomes.find((each) => "unseen" in each);
  return found.length === 0 && unseen !== undefined ? unseen : found;
}
