import { existsSync, readFileSync } from "node:fs";

/** Logs of a lab as text: daemons write JSON, other programs whatever they like. */

/** A line of a log. */
export interface LogLineText {
  /** As ISO 8601 has it; empty where the line has none. */
  readonly time: string;
  readonly level: string;
  readonly text: string;
  /** The node that it is about, in the lab's own log. */
  readonly node?: string | undefined;
}

/** Reads a line of a log, in JSON or not. */
export function readLogLine(line: string): LogLineText {
  if (!line.startsWith("{")) return { time: "", level: "", text: line };
  try {
    const { time = "", level = "", text = line, node } = JSON.parse(line) as Partial<LogLineText>;
    return { time, level, text, node };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { time: "", level: "", text: line };
  }
}

/** TABLE: levels of what went wrong. */
const wrong = ["error", "fatal"];

/** Lines of a message that is no JSON, such as the list of what is wrong with a configuration. */
const MOST_LINES = 5;

/** What a log says last of what went wrong: its last error, or its last lines where it has none. */
export function lastProblem(path: string): string {
  const log = (existsSync(path) ? readFileSync(path, "utf8") : "").trim();
  if (log === "") return "nothing yet";
  const lines = log.split("\n").map(readLogLine);
  const error = lines.findLast(({ level }) => wrong.includes(level));
  const last = lines.slice(lines.findLastIndex(({ level }) => level !== "") + 1).slice(-MOST_LINES);
  if (last.some(({ text }) => text !== "")) return last.map(({ text }) => text).join("\n  ");
  return error?.text ?? lines.at(-1)?.text ?? "";
}
