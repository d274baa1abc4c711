import { byName } from "../../bytes/name-order.ts";
import type { PseudowireStatus, StatusReport } from "../../daemon/status.ts";
import { sumOfDiscards } from "../../forwarding/counters-table.ts";
import { type Rates, ratesBetween } from "../rates.ts";
import { pseudowireState, type ShownState } from "../status/rows.ts";

/** What `wirespan watch` knows of a daemon, and what of it is to be seen: a function of reports and keys. */

/** Rates of so many reports are kept of each pseudowire. */
export const HISTORY = 40;

/** A pseudowire as a row. */
export interface WatchRow {
  readonly pseudowire: PseudowireStatus;
  readonly state: ShownState;
  readonly rates: Rates | undefined;
  readonly discards: number;
  /** Bits a second in both directions, the last one at the end. */
  readonly history: readonly number[];
}

/** TABLE: by what rows can be sorted, in the order of the key `s`, and how two are compared. */
export const sortings = [
  { name: "file", compare: () => 0 },
  {
    name: "state",
    compare: (a: WatchRow, b: WatchRow) => Number(isFine(a.state)) - Number(isFine(b.state)),
  },
  {
    name: "name",
    compare: (a: WatchRow, b: WatchRow) => byName(a.pseudowire.name, b.pseudowire.name),
  },
  { name: "in", compare: (a: WatchRow, b: WatchRow) => bitsOf(b, "received") - bitsOf(a, "received") },
  { name: "out", compare: (a: WatchRow, b: WatchRow) => bitsOf(b, "transmitted") - bitsOf(a, "transmitted") },
  { name: "discards", compare: (a: WatchRow, b: WatchRow) => b.discards - a.discards },
] as const;

export type Sorting = (typeof sortings)[number]["name"];

/** All that is shown follows from this. */
export interface WatchModel {
  readonly report: StatusReport;
  readonly rows: readonly WatchRow[];
  /** Why the last report is not one of now; undefined while it is. */
  readonly problem: string | undefined;
  /** The tunnel or pseudowire that alone is watched. */
  readonly only: string | undefined;
  readonly sorting: Sorting;
  readonly isReversed: boolean;
  /** Rows must have this text in their name, tunnel or circuit. */
  readonly filter: string;
  /** Whether keys are letters of the filter. */
  readonly isFiltering: boolean;
  /** The name of the pseudowire that is marked. */
  readonly selected: string | undefined;
  readonly showsDetail: boolean;
}

/** A key as `node:readline` tells it. */
export interface WatchKey {
  readonly name?: string | undefined;
  readonly ctrl?: boolean | undefined;
  /** What it writes. */
  readonly text?: string | undefined;
}

/** What is shown of the first report; of `only` alone, where it is given. */
export function firstModel(report: StatusReport, only: string | undefined): WatchModel {
  return {
    ...{ report, problem: undefined, only, sorting: "file", isReversed: false },
    ...{ filter: "", isFiltering: false, selected: undefined, showsDetail: false },
    rows: rowsOf(report, new Map(), new Map()),
  };
}

/** Takes in a report of later. */
export function withReport(model: WatchModel, report: StatusReport): WatchModel {
  const rates = ratesBetween(model.report, report);
  const histories = new Map(model.rows.map(({ pseudowire, history }) => [pseudowire.name, history]));
  return { ...model, report, problem: undefined, rows: rowsOf(report, rates, histories) };
}

/** Takes in that no report came: what was known stays, but nothing is known to pass. */
export function withProblem(model: WatchModel, problem: string): WatchModel {
  return { ...model, problem, rows: model.rows.map((row) => ({ ...row, rates: undefined })) };
}

function rowsOf(
  report: StatusReport,
  rates: ReadonlyMap<string, Rates>,
  histories: ReadonlyMap<string, readonly number[]>,
): readonly WatchRow[] {
  return report.pseudowires.map((pseudowire) => {
    const own = rates.get(pseudowire.name);
    const before = histories.get(pseudowire.name) ?? [];
    const bits = own === undefined ? 0 : own.receivedBitsPerSecond + own.transmittedBitsPerSecond;
    return {
      ...{ pseudowire, state: pseudowireState(pseudowire), rates: own },
      discards: sumOfDiscards(pseudowire.discards),
      history: [...before, bits].slice(-HISTORY),
    };
  });
}

/** Whether nobody needs to look at it. */
export function isFine(state: ShownState): boolean {
  return state === "up" || state === "static" || state === "standby";
}

function bitsOf({ rates }: WatchRow, direction: "received" | "transmitted"): number {
  return rates?.[`${direction}BitsPerSecond`] ?? 0;
}

/** The rows that the filter leaves, in the order that is wanted. */
export function watchedRows({ rows, only, filter, sorting, isReversed }: WatchModel): readonly WatchRow[] {
  const wanted = filter.toLowerCase();
  const left = rows.filter(({ pseudowire: { name, tunnel, circuit } }) => {
    if (only !== undefined && name !== only && tunnel !== only) return false;
    return wanted === "" || [name, tunnel, circuit].some((text) => text.toLowerCase().includes(wanted));
  });
  const compare = sortings.find((one) => one.name === sorting)?.compare;
  const sorted = compare === undefined || sorting === "file" ? left : [...left].sort(compare);
  return isReversed ? [...sorted].reverse() : sorted;
}

/** What a key makes of it; "quit" for those that end the watch. `page` is how many rows are seen at once. */
export function withKey(model: WatchModel, key: WatchKey, page: number): WatchModel | "quit" {
  const { name = "", ctrl = false, text = "" } = key;
  if (ctrl) return name === "c" ? "quit" : model;
  if (model.isFiltering) return withFilterKey(model, name, text);
  if (text === "q") return "quit";
  if (text === "/") return { ...model, isFiltering: true };
  if (text === "s") return { ...model, sorting: nextSorting(model.sorting) };
  if (text === "r") return { ...model, isReversed: !model.isReversed };
  if (name === "return" || name === "enter") return { ...model, showsDetail: !model.showsDetail };
  if (name === "escape") return { ...model, showsDetail: false, filter: "" };
  const by = stepOf(name, text, page);
  return by === undefined ? model : { ...model, selected: selectedAfter(model, by) };
}

function withFilterKey(model: WatchModel, name: string, text: string): WatchModel {
  if (name === "escape") return { ...model, isFiltering: false, filter: "" };
  if (name === "return" || name === "enter") return { ...model, isFiltering: false };
  if (name === "backspace") return { ...model, filter: model.filter.slice(0, -1) };
  // Names of pseudowires, tunnels and circuits have nothing else.
  const isLetter = /^[!-~ ]$/.test(text);
  return isLetter && model.filter.length < 63 ? { ...model, filter: `${model.filter}${text}` } : model;
}

function nextSorting(sorting: Sorting): Sorting {
  const at = sortings.findIndex((one) => one.name === sorting);
  return sortings[(at + 1) % sortings.length]?.name ?? "file";
}

/** By how many rows a key moves; undefined for one that does not. */
function stepOf(name: string, text: string, page: number): number | undefined {
  if (name === "down" || text === "j") return 1;
  if (name === "up" || text === "k") return -1;
  if (name === "pagedown" || name === "space") return page;
  if (name === "pageup") return -page;
  if (name === "home") return Number.NEGATIVE_INFINITY;
  return name === "end" ? Number.POSITIVE_INFINITY : undefined;
}

function selectedAfter(model: WatchModel, by: number): string | undefined {
  const rows = watchedRows(model);
  const at = rows.findIndex(({ pseudowire }) => pseudowire.name === model.selected);
  const next = at < 0 ? (by < 0 ? rows.length - 1 : 0) : at + by;
  return rows[Math.max(0, Math.min(rows.length - 1, next))]?.pseudowire.name;
}
