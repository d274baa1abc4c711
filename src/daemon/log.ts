import { isatty } from "node:tty";
import { type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import type { LogConfig } from "../config/config.ts";
import { LogOutput } from "../os/log-output.ts";

/** The structured log: lines with a stable event name, fields, and text for people. */
export type Log = Logger;

/** Descriptor of standard error. */
const STDERR = 2;

/** Whether a log in this format is text for people; "auto" is on a terminal. */
function isText(format: LogConfig["format"]): boolean {
  return format === "text" || (format === "auto" && isatty(STDERR));
}

/** A log and its output, which counts lost lines. */
export interface OpenLog {
  readonly log: Log;
  readonly output: LogOutput;
}

/** A log to standard error, as the configuration wants it. Logging never throws and never waits. */
export function createLog(config: LogConfig): OpenLog {
  const output = new LogOutput(STDERR);
  const options = {
    level: config.level,
    base: { pid: process.pid },
    redact: ["secret", "secrets", "*.secret", "receiveCookie", "transmitCookie"],
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  if (!isText(config.format)) return { log: pino(options, output), output };
  const format = prettyFactory({
    colorize: isatty(STDERR) && process.env["NO_COLOR"] === undefined,
    ignore: "pid,hostname",
    hideObject: true,
    translateTime: "SYS:HH:MM:ss.l",
  });
  return { log: pino(options, { write: (line: string) => output.write(format(line)) }), output };
}

/** Writes why a daemon does not start: as text, or as JSON where its log would be JSON. */
export function reportFatal(
  problems: readonly string[],
  config: LogConfig = { level: "info", format: "auto" },
): void {
  const { log, output } = createLog(config);
  if (isText(config.format)) output.write(`${problems.join("\n")}\n`);
  else for (const problem of problems) log.fatal({ event: "fatal", problem }, problem);
  output.flush(EXIT_FLUSH_MS);
}

/** The suffix of a log line that says where in the configuration file its subject is. */
export function locationText(place: string | undefined): string {
  return place === undefined ? "" : ` (${place})`;
}

/** How long the end of the process waits for the reader of the log, in milliseconds. */
export const EXIT_FLUSH_MS = 300;
