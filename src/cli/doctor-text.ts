import { counted } from "../bytes/counted.ts";
import { printableText } from "../bytes/printable-text.ts";
import type { Examination, Finding, Fine } from "../doctor/examine.ts";
import { checkGroups, type Severity, severities } from "../doctor/outcome.ts";
import { colours } from "./colours.ts";

/** The text of `wirespan doctor`: findings by their severity, then what could not be looked at. */

const LINE_COLUMNS = 80;
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
    ...wrapped(`${first.why} (${first.check})`, `${MARGIN}why: `, `${MARGIN}     `).map(colours.dim),
  ];
}

function oneFinding({ severity, what, at, commands, advice }: Finding): readonly string[] {
  const [head = "", ...rest] = wrapped(printableText(what), MARGIN, MARGIN);
  const label = shown[severity](severity.padEnd(MARGIN.length - 1));
  return [
    `${label} ${head.slice(MARGIN.length)}`,
    ...rest,
    ...(at === undefined ? [] : [`${MARGIN}at ${printableText(at)}`]),
    // Never broken: they are to be pasted.
    ...commands.map((command) => `${MARGIN}run: ${colours.bold(printableText(command))}`),
    ...(advice === undefined ? [] : wrapped(printableText(advice), `${MARGIN}do:  `, `${MARGIN}     `)),
  ];
}

function unseenLines(unseen: Examination["unseen"]): readonly string[] {
  const whys = new Map<string, string[]>();
  for (const { check, why } of unseen) whys.set(why, [...(whys.get(why) ?? []), check]);
  return [
    "Not looked at:",
    ...[...whys].flatMap(([why, checks]) =>
      wrapped(printableText(`${checks.join(", ")}: ${why}`), "  ", "    "),
    ),
  ];
}

function okLines({ check, looksAt, group }: Fine): readonly string[] {
  const [head = "", ...rest] = wrapped(`${checkGroups[group]}: ${looksAt} (${check})`, MARGIN, MARGIN);
  return [`${colours.green("ok".padEnd(MARGIN.length - 1))} ${head.slice(MARGIN.length)}`, ...rest];
}

function summary(findings: readonly Finding[], okCount: number, isVerbose: boolean): string {
  const counts = severities.map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return counted(count, severity);
  });
  const hint = isVerbose || okCount === 0 ? "" : " (--verbose shows them)";
  return `${counts.join(", ")}; ${counted(okCount, "check")} in order${hint}`;
}

/** Lines of at most 80 columns, broken between words; a longer word has a line of its own. */
function wrapped(text: string, firstMargin: string, margin: string): readonly string[] {
  const lines: string[] = [];
  let line = firstMargin;
  let isEmpty = true;
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > LINE_COLUMNS) {
      lines.push(line);
      line = margin;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
