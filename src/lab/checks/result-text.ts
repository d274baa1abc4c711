import { printableBlock, printableLine } from "../../bytes/printable-text.ts";
import { timeText } from "./quantities.ts";
import type { CheckResult } from "./result.ts";

const INDENT = " ".repeat(12);
/** Width of the names before what is told. */
const NAME = 12;

/** A result as lines of a terminal: more of it where the check failed. */
export function resultText({ number, passed, title, durationMs, ...result }: CheckResult): string {
  const verdict = passed ? "ok  " : "FAIL";
  const line = `  ${verdict}  ${`${number}`.padStart(2)}  ${printableLine(title)} (${timeText(durationMs)})`;
  if (passed) return `${line}\n${INDENT}${printableBlock(result.seen, INDENT)}`;
  const rows = [
    ["expected", result.expected],
    ["seen", result.seen],
    ["difference", result.difference ?? ""],
    ["discarded", discardedText(result)],
    ["repeat", result.command],
  ] as const;
  const told = rows.filter(([name, text]) => text !== "" && (name !== "difference" || text !== result.seen));
  return [line, ...told.map(([name, text]) => `${INDENT}${`${name}:`.padEnd(NAME)}${indented(text)}`)].join(
    "\n",
  );
}

/** Further lines begin below the first one. */
function indented(text: string): string {
  return printableBlock(text, INDENT + " ".repeat(NAME));
}

/** What daemons discarded during a check, as a line. */
export function discardedText({ discarded = {} }: Pick<CheckResult, "discarded">): string {
  return Object.entries(discarded)
    .map(([lcce, counts]) => {
      const all = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`);
      return `${all.join(", ")} at ${lcce}`;
    })
    .join("; ");
}
