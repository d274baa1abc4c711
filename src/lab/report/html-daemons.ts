import type { ControlConnectionStatus, PseudowireStatus } from "../../daemon/status.ts";
import { countersOf } from "../checks/counters.ts";
import { escaped } from "./markup.ts";
import type { ReportedDaemon } from "./report-data.ts";

/** Lines of a log that are shown; of more, the last ones. */
const MOST_LINES = 40;

/** Status before and after the checks, what was counted, log and configuration of each daemon. */
export function daemonsHtml(daemons: readonly ReportedDaemon[]): string {
  return daemons.map(daemonHtml).join("\n");
}

function daemonHtml(daemon: ReportedDaemon): string {
  const { name, before, after, configuration, problems } = daemon;
  const report = after ?? before;
  const plane = report && `plane <b>${escaped(report.plane.name)}</b>: ${escaped(report.plane.reason)}`;
  const lines = [
    `<h3 id="daemon-${escaped(name)}">${escaped(name)}</h3>`,
    `<p class="faint">${plane ?? "it does not answer"}</p>`,
    after === undefined ? "" : connectionsHtml(after.controlConnections, before?.controlConnections ?? []),
    after === undefined ? "" : pseudowiresHtml(after.pseudowires, before?.pseudowires ?? []),
    countersHtml(daemon),
    problems.length === 0 ? '<p class="faint">No warning or error in its log.</p>' : logHtml(problems),
    `<details><summary>Configuration, without secrets</summary>
<pre>${escaped(configuration)}</pre></details>`,
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function tableHtml(head: readonly string[], rows: readonly string[]): string {
  const cells = head.map((text) => `<th${text.endsWith(" ") ? ' class="number"' : ""}>${text.trim()}</th>`);
  return `<div class="scroll"><table><tr>${cells.join("")}</tr>${rows.join("")}</table></div>`;
}

function cell(text: string): string {
  return `<td>${escaped(text)}</td>`;
}

function number(value: number): string {
  return `<td class="number">${value}</td>`;
}

/** A state, with the one before where that was another one, and why it is not up. */
function stateCell(state: string, before: string | undefined, whyNot: string | undefined): string {
  const isUp = ["established", "static"].includes(state) && whyNot === undefined;
  const was =
    before === undefined || before === state ? "" : ` <span class="faint">(was ${escaped(before)})</span>`;
  const why = whyNot === undefined ? "" : `<br>${escaped(whyNot)}`;
  return `<td class="${isUp ? "good" : "bad"}">${escaped(state)}${was}${why}</td>`;
}

function connectionsHtml(
  connections: readonly ControlConnectionStatus[],
  before: readonly ControlConnectionStatus[],
): string {
  if (connections.length === 0) return "";
  const head = [
    "tunnel",
    "control connection",
    "path",
    "authentication",
    "sent ",
    "received ",
    "retransmitted ",
  ];
  return tableHtml(
    head,
    connections.map((connection) => {
      const { tunnel, state, whyNot, encapsulation, local, remote, authentication } = connection;
      const was = before.find((other) => other.tunnel === tunnel)?.state;
      const path = `${encapsulation} ${local} → ${remote}`;
      const counts = [connection.sent, connection.received, connection.retransmitted].map(number).join("");
      const state_ = stateCell(state, was, whyNot);
      return `<tr>${cell(tunnel)}${state_}${cell(path)}${cell(authentication)}${counts}</tr>`;
    }),
  );
}

function pseudowiresHtml(
  pseudowires: readonly PseudowireStatus[],
  before: readonly PseudowireStatus[],
): string {
  if (pseudowires.length === 0) return "";
  return tableHtml(
    ["pseudowire", "session", "circuit", "forwarded by", "frames in ", "frames out "],
    pseudowires.map((pseudowire) => {
      const { name, state, whyNot, circuit, plane, planeReason } = pseudowire;
      const was = before.find((other) => other.name === name)?.state;
      const by = [plane ?? "-", planeReason].filter((text) => text !== undefined).join(": ");
      const frames = `${number(pseudowire.receivedFrames)}${number(pseudowire.transmittedFrames)}`;
      return `<tr>${cell(name)}${stateCell(state, was, whyNot)}${cell(circuit)}${cell(by)}${frames}</tr>`;
    }),
  );
}

/** What was counted before and after the checks, without what stayed zero. */
function countersHtml({ before, after }: ReportedDaemon): string {
  const [first, last] = [before && countersOf(before), after && countersOf(after)];
  const names = Object.keys(last ?? first ?? {}).filter(
    (name) => (last?.[name] ?? 0) > 0 || (first?.[name] ?? 0) > 0,
  );
  const text = (counts: typeof first, name: string) => (counts === undefined ? "-" : `${counts[name] ?? 0}`);
  const rows = names.sort().map((name) => {
    const moved = (last?.[name] ?? 0) - (first?.[name] ?? 0);
    const difference =
      first === undefined || last === undefined || moved === 0 ? "" : `${moved > 0 ? "+" : ""}${moved}`;
    const cells = [text(first, name), text(last, name), difference].map(
      (value) => `<td class="number">${value}</td>`,
    );
    return `<tr><td class="mono">${escaped(name)}</td>${cells.join("")}</tr>`;
  });
  if (rows.length === 0) return '<p class="faint">Nothing was counted, and nothing discarded.</p>';
  return tableHtml(["counter or reason of a discard", "before ", "after ", "difference "], rows);
}

function logHtml(problems: ReportedDaemon["problems"]): string {
  const shown = problems.slice(-MOST_LINES);
  const lines = shown.map(({ time, level, text }) => `${time.slice(11, 23)}  ${level.padEnd(5)}  ${text}`);
  const left = problems.length - shown.length;
  const more = left === 0 ? "" : `, the last ${shown.length}`;
  return `<details open><summary>${problems.length} warnings and errors in its log${more}</summary>
<pre>${escaped(lines.join("\n"))}</pre></details>`;
}
