import { type LogLineText, readLogLine } from "../log-text.ts";

/** TABLE: levels of lines that tell of something wrong. */
const problems: readonly string[] = ["warn", "error", "fatal"];

/** The lines of a log that tell of something wrong; those that are no JSON are errors. */
export function problemLines(log: string): readonly LogLineText[] {
  return log
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(readLogLine)
    .map((line) => (line.level === "" ? { ...line, level: "error" } : line))
    .filter(({ level }) => problems.includes(level));
}
