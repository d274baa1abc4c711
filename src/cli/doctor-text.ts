import { counted } from "../bytes/counted.ts";
import { printableText } from "../bytes/printable-text.ts";
import type { Examination, Finding, Fine } from "../doctor/examine.ts";
import { checkGroups, type Severity, severities } from "../doctor/outcome.ts";
import { colours } from "./colours.ts";
import { labelled, PLAIN_COLUMNS, wrappedLine } from "./text-layout.ts";

/** The text of `wirespan doctor`: findings by their severity, then what could not be looked at. */

/** Findings of one check with one text of why and one advice: of more, this many are shown. */
const MOST_OF_CHECK = 10;
const MARGIN = "         ";

/** TABLE: how severities are shown. */
const shown: Readonly<Record<Severity, (text: string) => string>> = {
  error: colours.red,
  warning: colours.yellow,
  note: colours.cyan,
};

/** The whole text; `isVerbose` with all that is in order. */
export function doctorText({ findings, ok, unseen }: Examination, isVerbose: boolean): string {
  const parts = [
    ...byCheck(findings).map(findingLines),
    ...(unseen.length === 0 ? [] : [unseenLines(unseen)]),
    ...(isVerbose && ok.length > 0 ? [ok.flatMap(okLines)] : []),
    [summary(findings, ok.length, isVerbose)],
  ];
  return parts.map((lines) => lines.join("\n")).join("\n\n");
}

function byCheck(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.check}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()];
}

function findingLines(findings: readonly Finding[]): readonly string[] {
  const [first] = findings;
  if (first === undefined) return [];
  const left = findings.length - MOST_OF_CHECK;
  return [
    ...findings.slice(0, MOST_OF_CHECK).flatMap(oneFinding),
    ...(left > 0 ? [`${MARGIN}and ${left} more; for all: wirespan doctor --json`] : []),
    ...wrapped(`${MARGIN}why: `, `${first.why} (${first.check})`).map(colours.dim),
  ];
}

function oneFinding({ severity, what, at, commands, advice }: Finding): readonly string[] {
  const label = shown[severity](severity.padEnd(MARGIN.length - 1));
  return [
    ...wrapped(`${label} `, printableText(what)),
    ...(at === undefined ? [] : [`${MARGIN}at ${printableText(at)}`]),
    // Never broken: they are to be pasted.
    ...commands.map((command) => `${MARGIN}run: ${colours.bold(printableText(command))}`),
    ...(advice === undefined ? [] : wrapped(`${MARGIN}do:  `, printableText(advice))),
  ];
}

function unseenLines(unseen: Examination["unseen"]): readonly string[] {
  const whys = new Map<string, string[]>();
  for (const { check, why } of unseen) whys.set(why, [...(whys.get(why) ?? []), check]);
  return [
    "Not looked at:",
    ...[...whys].flatMap(([why, checks]) =>
      wrappedLine(printableText(`  ${checks.join(", ")}: ${why}`), PLAIN_COLUMNS),
    ),
  ];
}

function okLines({ check, looksAt, group }: Fine): readonly string[] {
  const label = colours.green("ok".padEnd(MARGIN.length - 1));
  return wrapped(`${label} `, `${checkGroups[group]}: ${looksAt} (${check})`);
}

function summary(findings: readonly Finding[], okCount: number, isVerbose: boolean): string {
  const counts = severities.map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return counted(count, severity);
  });
  const hint = isVerbose || okCount === 0 ? "" : " (--verbose shows them)";
  return `${counts.join(", ")}; ${counted(okCount, "check")} in order${hint}`;
}

/** A text behind a label; words are not cut, as they may be paths. */
function wrapped(label: string, text: string): readonly string[] {
  return labelled(label, text, PLAIN_COLUMNS, "whole");
}
