import widthOf from "string-width";
import wrapAnsi from "wrap-ansi";

/** How text is fitted to the columns of a terminal. */

/** Columns of what is printed where no terminal is, and the fewest that lines are made for. */
export const PLAIN_COLUMNS = 80;
const LEAST_COLUMNS = 60;
/** Wider lines are hard to follow with the eye. */
const MOST_COLUMNS = 160;

/** The columns that a text takes; most texts need no look at each of their characters. */
function stringWidth(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : widthOf(text);
}

/** The columns of the terminal that standard output goes to, within bounds; without a terminal 80. */
export function outputColumns(): number {
  const { isTTY, columns } = process.stdout;
  return isTTY === true ? fittingColumns(columns) : PLAIN_COLUMNS;
}

/** Columns that lines are made for, by those that a terminal has. */
export function fittingColumns(columns: number): number {
  return Math.max(LEAST_COLUMNS, Math.min(MOST_COLUMNS, columns));
}

/** A text of so many columns at most: of a longer one the middle is left out, with `…` in its place. */
export function shortened(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  const characters = [...text];
  const headColumns = Math.ceil((columns - 1) / 2);
  const head = taken(characters, headColumns);
  const tail = taken([...characters].reverse(), columns - 1 - stringWidth(head));
  return `${head}…${[...tail].reverse().join("")}`;
}

/** As many characters from the beginning as have room. */
function taken(characters: readonly string[], columns: number): string {
  let text = "";
  let used = 0;
  for (const character of characters) {
    used += stringWidth(character);
    if (used > columns) break;
    text += character;
  }
  return text;
}

/** A text with blanks up to so many columns, behind it or before it. */
export function cellText(text: string, columns: number, align: "left" | "right" = "left"): string {
  const blanks = " ".repeat(Math.max(0, columns - stringWidth(text)));
  return align === "left" ? `${text}${blanks}` : `${blanks}${text}`;
}

/** A line of text as lines of so many columns at most; those behind the first begin with `indent`. */
export function wrappedLine(text: string, columns: number, indent = "    "): readonly string[] {
  if (stringWidth(text) <= columns) return [text];
  const [lead = ""] = /^ */.exec(text) ?? [];
  const room = columns - Math.max(lead.length, indent.length);
  const [first = "", ...more] = wrapAnsi(text.slice(lead.length), room, { hard: true }).split("\n");
  return [`${lead}${first}`, ...more.map((line) => `${indent}${line}`)];
}

/**
 * A text behind a label, as lines of so many columns at most; later lines begin below the text. `longWords`
 * is what becomes of words that have no room in a line: they are cut, or stand in a line of their own.
 */
export function labelled(
  label: string,
  text: string,
  columns: number,
  longWords: "cut" | "whole" = "cut",
): readonly string[] {
  const room = columns - stringWidth(label);
  const [first = "", ...more] = wrapAnsi(text, room, { hard: longWords === "cut" }).split("\n");
  const indent = " ".repeat(stringWidth(label));
  return [`${label}${first}`, ...more.map((line) => `${indent}${line}`)];
}

/** A column of a table. */
export interface TableColumn<Row> {
  readonly title: string;
  readonly align?: "right";
  /** To how many columns it may shrink; absent: it has the room of its longest cell. */
  readonly least?: number;
  /** How many columns it has where there is room; absent: as many as its longest cell. */
  readonly most?: number;
  /** The cell of a row, which has room for so many columns; of several texts the first one that fits. */
  cells(row: Row, room: number): readonly string[];
  /** Colours what is shown of a row. */
  paint?(text: string, row: Row): string;
}

/** The width of each column, so that a line has so many columns at most; the widest shrink first. */
export function columnWidths<Row>(
  table: readonly TableColumn<Row>[],
  rows: readonly Row[],
  columns: number,
): readonly number[] {
  const widths = table.map((column) => column.most ?? longestCell(column, rows));
  const room = columns - (table.length - 1);
  const sum = () => widths.reduce((all, width) => all + width, 0);
  for (let excess = sum() - room; excess > 0; excess--) {
    const spare = widths.map((width, index) => width - (table[index]?.least ?? width));
    const widest = spare.reduce(
      (best, each, index) => (each > 0 && (best < 0 || each > (spare[best] ?? 0)) ? index : best),
      -1,
    );
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function longestCell<Row>(column: TableColumn<Row>, rows: readonly Row[]): number {
  return rows.reduce(
    (most, row) => Math.max(most, stringWidth(column.cells(row, Number.POSITIVE_INFINITY)[0] ?? "")),
    stringWidth(column.title),
  );
}

/** The titles of a table as a line. */
export function titleLine<Row>(table: readonly TableColumn<Row>[], widths: readonly number[]): string {
  return table
    .map(({ title, align }, index) =>
      cellText(shortened(title, widths[index] ?? 0), widths[index] ?? 0, align),
    )
    .join(" ")
    .trimEnd();
}

/** A row of a table as a line. */
export function rowLine<Row>(
  table: readonly TableColumn<Row>[],
  widths: readonly number[],
  row: Row,
): string {
  return table
    .map((column, index) => {
      const width = widths[index] ?? 0;
      const cells = column.cells(row, width);
      const fitting =
        cells.find((cell) => stringWidth(cell) <= width) ?? shortened(cells.at(-1) ?? "", width);
      const text = cellText(fitting, width, column.align);
      return column.paint === undefined ? text : column.paint(text, row);
    })
    .join(" ")
    .trimEnd();
}
