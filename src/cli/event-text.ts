import { counted } from "../bytes/counted.ts";
import { type Level, levelNamed } from "../daemon/levels.ts";
import { colours } from "./colours.ts";

/** Events of a daemon as text: the parts of a stream of server-sent events that concern us. */

/** Splits a stream of server-sent events into the data of each event. */
export class EventParser {
  #rest = "";

  /** The data of the events that are complete with this piece of the stream. */
  take(piece: string): readonly string[] {
    const blocks = (this.#rest + piece).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const data = block.split("\n").flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : []));
      return data.length === 0 ? [] : [data.join("\n")];
    });
  }
}

interface EventData {
  readonly time?: string;
  readonly level?: string;
  readonly text?: string;
  /** Of an event that stands for others, which the daemon no longer has. */
  readonly missed?: number;
}

/** TABLE: how levels are set off on a terminal. */
const levelColours = {
  trace: colours.dim,
  debug: colours.dim,
  info: (text: string) => text,
  warn: colours.yellow,
  error: colours.red,
  fatal: (text: string) => colours.bold(colours.red(text)),
} as const satisfies Readonly<Record<Level, (text: string) => string>>;

/** The line for an event. */
export function eventText(data: string): string {
  const { time = "", level = "", text = "", missed } = JSON.parse(data) as EventData;
  if (missed !== undefined)
    return `(${counted(missed, "event")} ${missed === 1 ? "is" : "are"} missing here)`;
  const shown = levelColours[levelNamed(level) ?? "info"](level.padEnd(5));
  return `${time} ${shown} ${text}`;
}
