import { shellLine } from "../../bytes/shell-words.ts";
import { timeText } from "../checks/quantities.ts";
import { type CheckResult, totalText } from "../checks/result.ts";
import { checksHtml } from "./html-checks.ts";
import { daemonsHtml } from "./html-daemons.ts";
import { networksHtml } from "./html-ladder.ts";
import { escaped } from "./markup.ts";
import type { ReportData, ReportedCapture, ReportedLink } from "./report-data.ts";
import { reportStyle } from "./style.ts";
import type { TestDocument } from "./test-document.ts";

/** A report of a test as one HTML file, which loads nothing and has no scripts. */
export function reportHtml(data: ReportData): string {
  const { document, drawing, daemons, networks, links, captures } = data;
  const title = escaped(`Lab ${document.topology.name}: ${totalText(document.results)}`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${reportStyle}</style>
</head>
<body>
${headHtml(data)}
<div class="drawing">${drawing}</div>
<h2>Checks</h2>
<p class="faint">To repeat one, bring the lab up first:
<code>${escaped(upCommand(document.topology))}</code></p>
${checksHtml(document.results)}
<h2>What is on the links</h2>
${linksHtml(links)}
<h2>Daemons</h2>
${daemonsHtml(daemons)}
<h2>Control messages</h2>
<p class="faint">What crossed each network, from before the daemons were started where the test built the lab.
A message opens to show its AVPs.</p>
${networksHtml(networks)}
${capturesHtml(captures)}
</body>
</html>
`;
}

function upCommand({ argument }: TestDocument["topology"]): string {
  return shellLine(["wirespan", "lab", "up", argument]);
}

function headHtml({ document }: ReportData): string {
  const { topology, versions, began, durationMs, passed, results, planes } = document;
  const planeNames = [...new Set(Object.values(planes).map(({ name }) => name))];
  const facts = [
    ["began", `${began.slice(0, 19).replace("T", " ")} UTC`],
    ["took", timeText(durationMs)],
    ["plane", planeNames.join(", ") || "unknown"],
    ["Wirespan", versions.wirespan],
    ["kernel", versions.kernel],
    ["Node", versions.node],
    ["file", topology.file],
  ] as const;
  const list = facts.map(([name, value]) => `<li>${name} <b>${escaped(value)}</b></li>`).join("");
  const verdict = `<p class="verdict ${passed ? "good" : "bad"}">${escaped(totalText(results))}</p>`;
  const kind = `<p class="faint">Lab ${escaped(topology.name)}</p>`;
  const heading = `<h1>${escaped(topology.title)}</h1>`;
  const failed = results
    .filter((result) => !result.passed)
    .map(failedHtml)
    .join("");
  const failures = failed === "" ? "" : `<ul class="failures">${failed}</ul>`;
  return `<header>${kind}${heading}${verdict}${failures}<ul class="facts">${list}</ul></header>`;
}

function failedHtml({ number, title, difference = "" }: CheckResult): string {
  return `<li><a href="#check-${number}">${number}. ${escaped(title)}</a>: ${escaped(difference)}</li>`;
}

function linksHtml(links: readonly ReportedLink[]): string {
  if (links.length === 0) return '<p class="faint">Nothing: no link delays, loses or limits anything.</p>';
  const rows = links.map(
    ({ name, conditions, realisedBy }) =>
      `<tr><td class="mono">${escaped(name)}</td><td>${escaped(conditions)}</td>` +
      `<td>${escaped(realisedBy)}</td></tr>`,
  );
  const head = "<tr><th>link</th><th>conditions</th><th>made by</th></tr>";
  return `<div class="scroll"><table>${head}${rows.join("")}</table></div>`;
}

function capturesHtml(captures: readonly ReportedCapture[]): string {
  if (captures.length === 0) return "";
  const rows = captures.map(
    ({ point, file }) =>
      `<tr><td class="mono">${escaped(point)}</td><td><code>${escaped(file)}</code></td></tr>`,
  );
  const head = "<tr><th>point</th><th>file, for <code>wirespan decode</code> or Wireshark</th></tr>";
  return `<h2>Capture files</h2><div class="scroll"><table>${head}${rows.join("")}</table></div>`;
}
