import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { escapedText } from "../src/bytes/printable-text.ts";
import { rateWithUnit } from "../src/bytes/quantities.ts";
import type { StatusReport } from "../src/daemon/status.ts";
import { Spark } from "./chart.tsx";
import type { LiveModel } from "./live-model.ts";
import { State } from "./overview.tsx";
import { type PseudowireRow, pseudowireRows, rowsInView, type SortKey } from "./status-view.ts";
import { countText } from "./text.ts";

/** The table of pseudowires, of which only the rows in view are drawn. */

const ROW_HEIGHT = 28;
const WANT_MS = 300;

/** TABLE: the columns. */
const columns: readonly { readonly key?: SortKey; readonly name: string; readonly isNumber?: true }[] = [
  { key: "name", name: "pseudowire" },
  { key: "state", name: "state" },
  { key: "tunnel", name: "tunnel" },
  { name: "circuit" },
  { key: "received", name: "from peer", isNumber: true },
  { key: "transmitted", name: "to peer", isNumber: true },
  { name: "40 s" },
  { key: "discards", name: "discards", isNumber: true },
];

interface PseudowiresProps {
  readonly status: StatusReport;
  readonly live: LiveModel;
  readonly tunnel: string | undefined;
  readonly picked: string | undefined;
  readonly pick: (pseudowire: string) => void;
  /** Takes the positions of those in view. */
  readonly want: (positions: readonly number[]) => void;
}

export function Pseudowires({ status, live, tunnel, picked, pick, want }: PseudowiresProps) {
  const [filter, setFilter] = useState("");
  const [sort, setSort] = useState<SortKey>("name");
  const [isReversed, setReversed] = useState(false);
  const input = useFilterKey();
  const rows = pseudowireRows(status, live, { filter, tunnel, sort, isReversed });
  const sortBy = (key: SortKey) => {
    setReversed(key === sort && !isReversed);
    setSort(key);
  };
  return (
    <section class="card" aria-label="Pseudowires">
      <div class="bar">
        <h2>
          Pseudowires{" "}
          <span class="count">
            {rows.length === status.pseudowires.length
              ? rows.length
              : `${rows.length} of ${status.pseudowires.length}`}
          </span>
        </h2>
        <input
          ref={input}
          type="search"
          placeholder="filter: name, tunnel, circuit, down   ( / )"
          aria-label="Filter pseudowires"
          value={filter}
          onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          onKeyDown={({ key, currentTarget }) => {
            if (key !== "Escape") return;
            setFilter("");
            currentTarget.blur();
          }}
        />
        {tunnel !== undefined && <span class="note">of tunnel {escapedText(tunnel)} (Esc: all)</span>}
      </div>
      <Rows {...{ rows, live, picked, pick, want, sort, isReversed, sortBy }} />
    </section>
  );
}

/** The filter, which the key / leads to. */
function useFilterKey() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      const { target } = event;
      const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", hear);
    return () => removeEventListener("keydown", hear);
  }, []);
  return input;
}

interface RowsProps extends Pick<PseudowiresProps, "live" | "picked" | "pick" | "want"> {
  readonly rows: readonly PseudowireRow[];
  readonly sort: SortKey;
  readonly isReversed: boolean;
  readonly sortBy: (key: SortKey) => void;
}

function Rows({ rows, live, picked, pick, want, sort, isReversed, sortBy }: RowsProps) {
  const place = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  const look = () => {
    const { scrollTop: top = 0, clientHeight: height = 400 } = place.current ?? {};
    if (top !== view.top || height !== view.height) setView({ top, height });
  };
  useEffect(look);
  const { first, end } = rowsInView(rows.length, { ...view, rowHeight: ROW_HEIGHT });
  const shown = rows.slice(first, end);
  useWanted(shown, picked, live, want);
  const focus = useArrows(place, rows, pick);
  return (
    <div class="scroll" ref={place} onScroll={look}>
      <table class="pseudowires" aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {columns.map(({ key, name, isNumber }) => (
              <th
                key={name}
                scope="col"
                class={isNumber ? "number" : ""}
                aria-sort={key === sort ? (isReversed ? "descending" : "ascending") : undefined}
              >
                {key === undefined ? (
                  name
                ) : (
                  <button type="button" class="sort" onClick={() => sortBy(key)}>
                    {name}
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={focus}>
          <tr class="space" style={{ height: `${first * ROW_HEIGHT}px` }} />
          {shown.map((row, index) => (
            <Row
              key={row.status.name}
              {...{ row, live, pick }}
              index={first + index}
              isPicked={row.status.name === picked}
            />
          ))}
          <tr class="space" style={{ height: `${(rows.length - end) * ROW_HEIGHT}px` }} />
        </tbody>
      </table>
      {rows.length === 0 && <p class="note">no pseudowire is like that</p>}
    </div>
  );
}

/** Asks for those in view once they stay in view. */
function useWanted(
  shown: readonly PseudowireRow[],
  picked: string | undefined,
  live: LiveModel,
  want: RowsProps["want"],
): void {
  const { names } = live;
  const positions = useMemo(() => new Map(names?.pseudowires.map(([name], index) => [name, index])), [names]);
  const inView = shown.map(({ status }) => status.name);
  const all = new Set(picked === undefined ? inView : [...inView, picked]);
  const wanted = [...all].flatMap((name) => positions.get(name) ?? []).sort((a, b) => a - b);
  const key = wanted.join();
  useEffect(() => {
    const timer = setTimeout(() => want(wanted), WANT_MS);
    return () => clearTimeout(timer);
  }, [key]);
}

/** Arrows go from row to row, Home and End to the ends. */
function useArrows(
  place: { readonly current: HTMLDivElement | null },
  rows: readonly PseudowireRow[],
  pick: (name: string) => void,
) {
  const next = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (next.current === undefined) return;
    const button = place.current?.querySelector<HTMLButtonElement>(
      `button[data-name="${CSS.escape(next.current)}"]`,
    );
    if (button === null || button === undefined) return;
    next.current = undefined;
    button.focus({ preventScroll: true });
  });
  return (event: KeyboardEvent) => {
    const { key, target } = event;
    if (!(target instanceof HTMLButtonElement) || place.current === null) return;
    const at = rows.findIndex(({ status }) => status.name === target.dataset["name"]);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: rows.length - 1,
    };
    const to = steps[key];
    if (to === undefined || rows[to] === undefined) return;
    event.preventDefault();
    next.current = rows[to].status.name;
    const { scrollTop, clientHeight } = place.current;
    const top = to * ROW_HEIGHT;
    const room = clientHeight - 2 * ROW_HEIGHT;
    if (top < scrollTop) place.current.scrollTop = top;
    else if (top > scrollTop + room) place.current.scrollTop = top - room;
    else
      target
        .closest("tbody")
        ?.querySelector<HTMLButtonElement>(`button[data-name="${CSS.escape(next.current)}"]`)
        ?.focus();
    if (event.shiftKey) pick(next.current);
  };
}

interface RowProps extends Pick<PseudowiresProps, "live" | "pick"> {
  readonly row: PseudowireRow;
  readonly index: number;
  readonly isPicked: boolean;
}

function Row({ row: { status, health, rates, discards }, live, pick, index, isPicked }: RowProps) {
  const { received, transmitted } = live.history(status.name);
  const isRising = (rates?.discards ?? 0) > 0;
  return (
    <tr class={isPicked ? "chosen" : ""} aria-rowindex={index + 2}>
      <td>
        <button
          type="button"
          class="link"
          data-name={status.name}
          aria-pressed={isPicked}
          onClick={() => pick(status.name)}
        >
          {escapedText(status.name)}
        </button>
      </td>
      <td>
        <State health={health} state={status.state} />
      </td>
      <td>{escapedText(status.tunnel)}</td>
      <td>{escapedText(status.circuit)}</td>
      <td class="number">{rates === undefined ? "" : rateWithUnit(rates.receivedBits)}</td>
      <td class="number">{rates === undefined ? "" : rateWithUnit(rates.transmittedBits)}</td>
      <td>
        <Spark values={received.map((value, at) => value + (transmitted[at] ?? 0))} />
      </td>
      <td
        class={`number ${isRising ? "rising" : ""}`}
        title={isRising ? `${rateWithUnit(rates?.discards ?? 0, "/s")} now` : undefined}
      >
        {isRising ? "\u25b2 " : ""}
        {countText(discards)}
      </td>
    </tr>
  );
}
