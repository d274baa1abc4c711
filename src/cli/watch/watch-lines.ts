import { shortCount, shortRate } from "../../bytes/quantities.ts";
import { colours } from "../colours.ts";
import { type Rates, sumOfRates } from "../rates.ts";
import { detailText } from "../status/detail.ts";
import { type ShownState, shownStates, stateText, tunnelState } from "../status/rows.ts";
import { columnWidths, rowLine, shortened, type TableColumn, titleLine } from "../text-layout.ts";
import { HISTORY, isFine, type WatchModel, type WatchRow, watchedRows } from "./watch-model.ts";

/** What `wirespan watch` shows, as lines. */

/** Lines around the rows: two above and one below. */
const FRAME_LINES = 3;
const bars = "▁▂▃▄▅▆▇█";

/** The last rates as bars, the highest of them at the top; as many as there is room for. */
export function sparkline(history: readonly number[], columns: number): string {
  const shown = history.slice(-columns);
  const most = shown.reduce((a, b) => Math.max(a, b), 0);
  return shown
    .map((value) => (most === 0 ? bars[0] : bars[Math.min(7, Math.floor((value / most) * 7.99))]))
    .join("");
}

const rateCell = (rates: Rates | undefined, name: keyof Rates) => [
  rates === undefined ? "-" : shortRate(rates[name]),
];

/** Fewer columns have no room for tunnels. */
const WITH_TUNNEL = 72;
/** Wider terminals have the circuit, and frames beside bits. */
const WITH_CIRCUIT = 104;

/** TABLE: the columns, for lines of so many columns. */
function watchColumns(columns: number, selected?: string): readonly TableColumn<WatchRow>[] {
  const isWide = columns >= WITH_CIRCUIT;
  const wide = (column: TableColumn<WatchRow>) => (isWide ? [column] : []);
  const paint = (text: string, { state }: WatchRow) => shownStates[state].paint(text);
  return [
    // Also without colours it is to be seen which row is marked.
    {
      title: "",
      cells: ({ state, pseudowire }) => [pseudowire.name === selected ? ">" : shownStates[state].mark],
      paint,
    },
    { title: "pseudowire", least: 12, cells: ({ pseudowire }) => [pseudowire.name] },
    ...(columns < WITH_TUNNEL
      ? []
      : [{ title: "tunnel", least: 8, cells: ({ pseudowire }: WatchRow) => [pseudowire.tunnel] }]),
    ...wide({ title: "circuit", least: 10, cells: ({ pseudowire }) => [pseudowire.circuit] }),
    { title: "state", cells: (row) => [stateText({ state: row.state, forMs: forMsOf(row) })], paint },
    { title: "in bit/s", align: "right", cells: ({ rates }) => rateCell(rates, "receivedBitsPerSecond") },
    { title: "out bit/s", align: "right", cells: ({ rates }) => rateCell(rates, "transmittedBitsPerSecond") },
    ...wide({
      title: "in frames/s",
      align: "right",
      cells: ({ rates }) => rateCell(rates, "receivedFramesPerSecond"),
    }),
    ...wide({
      title: "out frames/s",
      align: "right",
      cells: ({ rates }) => rateCell(rates, "transmittedFramesPerSecond"),
    }),
    {
      title: "discards",
      align: "right",
      cells: ({ discards }) => [shortCount(discards)],
      paint: (text, { discards }) => (discards > 0 ? colours.yellow(text) : text),
    },
    {
      title: "both ways",
      least: 8,
      // As wide from the first report on, so that no column moves.
      most: HISTORY,
      cells: ({ history }, room) => [sparkline(history, room).padStart(room)],
      paint: (text) => colours.cyan(text),
    },
  ];
}

function forMsOf({ pseudowire: { downForMs, establishedForMs } }: WatchRow): number | undefined {
  return downForMs ?? establishedForMs;
}

/** How many rows are seen on a screen of so many lines. */
export function rowsOnScreen(model: WatchModel, lines: number): number {
  const room = Math.max(1, lines - FRAME_LINES);
  return hasDetail(model) ? Math.max(1, Math.floor(room / 2)) : room;
}

function hasDetail({ showsDetail, selected }: WatchModel): boolean {
  return showsDetail && selected !== undefined;
}

/** The screen of a terminal: no more than `lines` lines of at most so many columns. */
export function screenLines(model: WatchModel, columns: number, lines: number): readonly string[] {
  const rows = watchedRows(model);
  const seen = rowsOnScreen(model, lines);
  const at = rows.findIndex(({ pseudowire }) => pseudowire.name === model.selected);
  // The marked row is in the middle, as far as there are rows on both sides.
  const top = Math.max(0, Math.min(rows.length - seen, at - Math.floor(seen / 2)));
  const table = watchColumns(columns, model.selected);
  const widths = columnWidths(table, rows, columns);
  const shown = rows.slice(top, top + seen);
  const rowLines = shown.map((row, index) => {
    const line = rowLine(table, widths, row);
    return top + index === at ? colours.inverse(line) : line;
  });
  const detail = detailLines(model, rows[at], columns, lines - FRAME_LINES - rowLines.length);
  const filler = Math.max(0, lines - FRAME_LINES - rowLines.length - detail.length);
  return [
    colours.inverse(headLine(model, columns)),
    colours.dim(titleLine(table, widths)),
    ...rowLines,
    ...Array.from({ length: filler }, () => ""),
    ...detail,
    footLine(model, rows.length, columns),
  ].slice(0, lines);
}

function detailLines(
  model: WatchModel,
  row: WatchRow | undefined,
  columns: number,
  room: number,
): readonly string[] {
  if (!hasDetail(model) || row === undefined || room < 2) return [];
  const { pseudowire, rates } = row;
  const known = new Map(rates === undefined ? [] : [[pseudowire.name, rates] as const]);
  const text = detailText(model.report, { pseudowire }, known, columns).split("\n");
  return [colours.dim("─".repeat(columns)), ...text].slice(0, room);
}

/** Who it is, how much of it is up, and what passes all of it. */
function headLine({ report, rows, problem }: WatchModel, columns: number): string {
  if (problem !== undefined) return shortened(`no answer, tried again: ${problem}`, columns).padEnd(columns);
  const { hostName, plane, controlConnections } = report;
  const isUp = (state: ShownState) => isFine(state) || state === "attention";
  const tunnels = controlConnections.filter((one) => isUp(tunnelState(one)));
  const up = rows.filter(({ state }) => isUp(state)).length;
  const all = sumOfRates(rows.flatMap(({ rates }) => rates ?? []));
  const [received, transmitted] = [all.receivedBitsPerSecond, all.transmittedBitsPerSecond];
  const passing = `in ${shortRate(received)} out ${shortRate(transmitted)} bit/s`;
  const text =
    `${hostName} (${plane.name}): ${tunnels.length} of ${controlConnections.length} tunnels up, ` +
    `${up} of ${rows.length} pseudowires; ${passing}`;
  return shortened(text, columns).padEnd(columns);
}

/** What keys do. */
function footLine(model: WatchModel, rows: number, columns: number): string {
  const { isFiltering, filter, sorting, isReversed, showsDetail } = model;
  if (isFiltering) return shortened(`filter: ${filter}_   (enter: keep, escape: none)`, columns);
  const order = `${sorting}${isReversed ? " reversed" : ""}`;
  const kept = filter === "" ? "/ filter" : `/ filter "${filter}": ${rows}`;
  const detail = showsDetail ? "enter close" : "enter details";
  const text = `q quit  ↑↓ mark  ${detail}  s sort: ${order}  r reverse  ${kept}`;
  return colours.dim(shortened(text, columns));
}

/** The table without a terminal, as lines. */
export function plainLines(model: WatchModel, columns: number): readonly string[] {
  const rows = watchedRows(model);
  const table = watchColumns(columns);
  const widths = columnWidths(table, rows, columns);
  return [
    headLine(model, columns).trimEnd(),
    titleLine(table, widths),
    ...rows.map((row) => rowLine(table, widths, row)),
  ];
}
