import { printableBlock, printableLine } from "../bytes/printable-text.ts";
import type { LabReport, LinkStateReport, NodeReport, ProgramReport } from "../lab/supervisor/api.ts";

/** What `wirespan lab status` and `wirespan lab list` print. */

/** How long something lasts, in one unit. */
function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Rows as lines, in columns as wide as they must be. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function programText({ name, state, pid, ending }: ProgramReport): string {
  const detail = pid === undefined ? ending : `pid ${pid}`;
  return `${name} ${state}${detail === undefined ? "" : ` (${detail})`}`;
}

function nodeRow({ name, kind, addresses, programs, byHand }: NodeReport): readonly string[] {
  const places = Object.entries(addresses).map(([port, some]) => `${port} ${some.join(" ")}`);
  const all = programs.map(programText).join(", ");
  const waits = byHand && programs.some(({ state }) => state === "off");
  return [name, kind, places.join(", "), waits ? `${all}, is started by hand` : all];
}

/** Nodes as lines of a table, and why their programs ended. */
export function nodeLines(nodes: readonly NodeReport[]): readonly string[] {
  return [...columns(nodes.map(nodeRow)), ...reasons(nodes)];
}

/** The tunnels and pseudowires of all nodes, a row for each. */
function connectionRows(nodes: readonly NodeReport[]): readonly (readonly string[])[] {
  return nodes.flatMap(({ name: node, tunnels = [] }) =>
    tunnels.flatMap(({ name: tunnel, state, pseudowires }) => [
      [node, `tunnel ${tunnel}`, state],
      ...pseudowires.map(({ name, state: its }) => [node, `  pseudowire ${name}`, its]),
    ]),
  );
}

/** What is not up, and why, a line for each. */
function reasons(nodes: readonly NodeReport[]): readonly string[] {
  return nodes.flatMap(({ name: node, programs, tunnels = [] }) => [
    ...programs.flatMap(({ name, ending, problem }) =>
      problem === undefined
        ? []
        : [`  ${node}: ${name}: ${ending}; its log says: ${printableBlock(problem, "    ")}`],
    ),
    ...tunnels.flatMap(({ name: tunnel, whyNot, pseudowires }) => [
      ...(whyNot === undefined ? [] : [`  ${node}: tunnel ${tunnel}: ${whyNot}`]),
      ...pseudowires.flatMap((pseudowire) =>
        pseudowire.whyNot === undefined || whyNot !== undefined
          ? []
          : [`  ${node}: pseudowire ${pseudowire.name} of tunnel ${tunnel}: ${pseudowire.whyNot}`],
      ),
    ]),
  ]);
}

/** A link with its conditions, a line for each direction that has any. */
export function linkStateLines({ name, down, out, in: back }: LinkStateReport): readonly string[] {
  const sides = [
    ["out", out],
    ["in", back],
  ] as const;
  const lines = sides.flatMap(([direction, { conditions, realisedBy }]) => {
    const texts = Object.entries(conditions).map(([key, value]) => `${key} ${value}`);
    return texts.length === 0
      ? []
      : [`${name} ${direction}: ${texts.join(", ")} (by ${realisedBy.join(", ")})`];
  });
  if (down) return [`${name}: down`, ...lines];
  return lines.length === 0 ? [`${name}: no conditions`] : lines;
}

/** The text of `wirespan lab status`. */
export function labStatusText(report: LabReport, nowMs: number): string {
  const { name, title, path, since, nodes, links } = report;
  const connections = columns(connectionRows(nodes));
  const down = reasons(nodes);
  return [
    `lab ${name}: ${printableLine(title)}`,
    `up for ${lasting(nowMs - Date.parse(since))}, of ${path}`,
    "",
    ...columns([["node", "kind", "addresses", "programs"], ...nodes.map(nodeRow)]),
    ...(connections.length === 0 ? [] : ["", ...connections]),
    ...(links.length === 0
      ? []
      : ["", "links:", ...links.flatMap(linkStateLines).map((line) => `  ${line}`)]),
    ...(down.length === 0 ? [] : ["", "not up, and why:", ...down]),
  ].join("\n");
}

/** The line of `wirespan lab list` for a lab that is up. */
export function listedLab(
  lab: { readonly name: string; readonly path: string },
  report: LabReport | undefined,
  nowMs: number,
): string {
  if (report === undefined) return `${lab.name.padEnd(18)}is being built, or does not answer; ${lab.path}`;
  const programs = report.nodes.flatMap((node) => node.programs);
  const running = programs.filter(({ state }) => state === "running").length;
  const age = lasting(nowMs - Date.parse(report.since));
  const lives = `${running} of ${programs.length} programs run`;
  const title = printableLine(report.title);
  return `${lab.name.padEnd(18)}up for ${age}, ${lives}: ${title}\n${"".padEnd(18)}${lab.path}`;
}
