import { durationText } from "../../bytes/duration.ts";
import type { PseudowireStatus } from "../../daemon/status.ts";
import { counterTable } from "../../forwarding/counters-table.ts";
import { discardReasons } from "../../forwarding/discard-reasons.ts";
import { colours } from "../colours.ts";
import { labelled } from "../text-layout.ts";

const NAME_COLUMNS = 20;
const COUNT_COLUMNS = 13;

/** TABLE: what a discard reason means, by its name; a daemon of another version may have others. */
const meanings: ReadonlyMap<string, string> = new Map(discardReasons.map(({ name, help }) => [name, help]));

/** The counters of a pseudowire and its discards, each with what it means. */
export function counterLines(pseudowire: PseudowireStatus, columns: number): readonly string[] {
  const counters = counterTable.filter((row) => !("isRare" in row && pseudowire[row.name] === 0));
  const discards = Object.entries(pseudowire.discards);
  return [
    "",
    colours.dim(`counters, as they are now${clearedText(pseudowire.clearedAgoMs)}:`),
    ...counters.flatMap(({ name, direction, label, help }) =>
      line(`${direction === "received" ? "in" : "out"}: ${label}`, pseudowire[name], help, columns),
    ),
    "",
    ...(discards.length === 0
      ? ["no discards"]
      : [
          colours.yellow("discards:"),
          ...discards.flatMap(([reason, count]) =>
            line(reason, count, meanings.get(reason) ?? "not known to this version", columns),
          ),
        ]),
  ];
}

/** Since when they count, where they were cleared. */
export function clearedText(clearedAgoMs: number | undefined): string {
  return clearedAgoMs === undefined ? "" : `, cleared ${durationText(clearedAgoMs)} ago`;
}

function line(name: string, count: number, help: string, columns: number): readonly string[] {
  const number = String(count).padStart(COUNT_COLUMNS);
  return labelled(`  ${name.padEnd(NAME_COLUMNS)} ${number}  `, help.replaceAll("`", ""), columns);
}
