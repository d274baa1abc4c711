import { timeText } from "../checks/quantities.ts";
import type { CheckResult } from "../checks/result.ts";
import { discardedText } from "../checks/result-text.ts";
import { escaped } from "./markup.ts";

/** The checks of a report: those that failed with all that was found. */
export function checksHtml(results: readonly CheckResult[]): string {
  return results.map(checkHtml).join("\n");
}

function checkHtml(result: CheckResult): string {
  const { number, title, passed, expected, seen, difference, command, durationMs } = result;
  const rows = [
    passed ? "" : row("expected", escaped(expected)),
    row("seen", escaped(seen)),
    difference === undefined
      ? ""
      : row("difference", `<span class="difference">${escaped(difference)}</span>`),
    discardedText(result) === "" ? "" : row("discarded meanwhile", escaped(discardedText(result))),
    row("repeat", `<code>${escaped(command)}</code>`),
  ];
  const mark = passed ? '<span class="good">✓</span>' : '<span class="bad">✗ failed</span>';
  const time = `<span class="time">${timeText(durationMs)}</span>`;
  const head = `<div class="head">${mark}<b>${number}. ${escaped(title)}</b>${time}</div>`;
  const body = `${head}<dl>${rows.join("")}</dl>`;
  return `<div class="check${passed ? "" : " failed"}" id="check-${number}">${body}</div>`;
}

function row(name: string, html: string): string {
  return `<dt>${name}</dt><dd>${html}</dd>`;
}
