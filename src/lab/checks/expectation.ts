import type { CheckOf } from "../format/check-keys.ts";
import { boundedMatch, tooLong } from "./bounded-match.ts";

/** What an output or a value must be, as a topology says it. */
export type Expectation = CheckOf<"status">["expect"];
type Conditions = Exclude<Expectation, string | number | boolean>;

/** A condition with its value, as it stands in the topology. */
export function expectationText(expectation: Expectation): string {
  const parts = Object.entries(expectedConditions(expectation)).filter(([, value]) => value !== undefined);
  return parts.map(([name, value]) => `${words[name] ?? name} ${JSON.stringify(value)}`).join(", ");
}

const words: Readonly<Record<string, string>> = {
  equals: "equal to",
  contains: "containing",
  matches: "matching",
  at_least: "at least",
  at_most: "at most",
  status: "exit status",
};

/** The conditions of an expectation; a bare value is one that must be equal. */
export function expectedConditions(expectation: Expectation): Conditions {
  return typeof expectation === "object" ? expectation : { equals: expectation };
}

/** TABLE: what each condition but the exit status says of a value that does not meet it. */
const judges: {
  readonly [Name in Exclude<keyof Conditions, "status">]-?: (
    seen: string,
    wanted: NonNullable<Conditions[Name]>,
  ) => string | undefined;
} = {
  equals: (seen, wanted) => (seen === String(wanted) ? undefined : differenceOfTexts(String(wanted), seen)),
  contains: (seen, wanted) =>
    seen.includes(wanted) ? undefined : `${quoted(wanted)} is nowhere in ${quoted(seen)}`,
  matches: (seen, wanted) => {
    const matches = boundedMatch(wanted, "m", seen);
    if (matches === undefined) return tooLong(wanted);
    return matches ? undefined : `/${wanted}/ does not match ${quoted(seen)}`;
  },
  at_least: (seen, wanted) =>
    numberOf(seen) >= wanted ? undefined : `${numberText(seen)} is less than ${wanted}`,
  at_most: (seen, wanted) =>
    numberOf(seen) <= wanted ? undefined : `${numberText(seen)} is more than ${wanted}`,
};

/** The first condition that a value does not meet, as a sentence; undefined when it meets all. */
export function unmet(expectation: Expectation, seen: string): string | undefined {
  const conditions = expectedConditions(expectation);
  for (const name of Object.keys(judges) as (keyof typeof judges)[]) {
    const wanted = conditions[name];
    if (wanted === undefined) continue;
    const problem = (judges[name] as (seen: string, wanted: unknown) => string | undefined)(seen, wanted);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function numberOf(seen: string): number {
  return seen.trim() === "" ? Number.NaN : Number(seen);
}

function numberText(seen: string): string {
  return Number.isNaN(numberOf(seen)) ? `${quoted(seen)}, which is no number,` : seen;
}

const LONGEST = 300;

/** A text in quotation marks, with the middle left out if it is long. */
export function quoted(text: string, longest = LONGEST): string {
  const half = longest / 2;
  const left = text.length - longest;
  return left <= 0
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, half))} (${left} more) ${JSON.stringify(text.slice(-half))}`;
}

/** What tells two texts apart: the first line that differs, where there are several. */
function differenceOfTexts(wanted: string, seen: string): string {
  const [wantedLines, seenLines] = [wanted.split("\n"), seen.split("\n")];
  const count = Math.max(wantedLines.length, seenLines.length);
  if (count === 1) return `${quoted(seen)} is not ${quoted(wanted)}`;
  const at = Array.from({ length: count }, (_, index) => index).find(
    (index) => wantedLines[index] !== seenLines[index],
  );
  const line = (lines: readonly string[]) => {
    const text = lines[at ?? 0];
    return text === undefined ? "missing" : quoted(text);
  };
  return `line ${(at ?? 0) + 1} is ${line(seenLines)}, not ${line(wantedLines)}`;
}
