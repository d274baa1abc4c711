import { isatty } from "node:tty";
import { type DestinationStream, type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import type { LogConfig } from "../config/config.ts";
import { LogOutput } from "../os/log-output.ts";
import type { EventFields } from "./event-table.ts";
import { EventFeed } from "./events.ts";
import { type Level, levelNamed } from "./levels.ts";
import { LogLimiter } from "./log-limiter.ts";

/** Where the daemon says what happens: a stable event name among the fields, and text for people. */
export type Log = {
  readonly [At in Level]: (fields: EventFields<At>, text: string) => void;
} & {
  /** Least severe level that the log writes; the event feed has "info" and above in any case. */
  level: LogConfig["level"];
};

/** The key of the text for people in a line of JSON. */
const TEXT_KEY = "text";
/** Descriptor of standard error. */
const STDERR = 2;

/** Whether a log in this format is text for people; "auto" is on a terminal. */
function isText(format: LogConfig["format"]): boolean {
  return format === "text" || (format === "auto" && isatty(STDERR));
}

/**
 * A log, the feed of all its events, its output, which counts lost lines, and what bounds lines that others
 * can cause, and counts those left out.
 */
export interface OpenLog {
  readonly log: Log;
  readonly feed: EventFeed;
  readonly output: LogOutput;
  readonly limiter: LogLimiter;
}

/** A log to standard error, as the configuration wants it. Logging never throws and never waits. */
export function createLog(config: LogConfig): OpenLog {
  const output = new LogOutput(STDERR);
  const writer = openWriter(config, output);
  const feed = new EventFeed();
  feed.listen(
    ({ level, fields, text }) => writer[level](fields, text),
    () => levelNamed(writer.level) ?? "info",
  );
  const log: Log = {
    trace: (fields, text) => feed.publish("trace", fields, text),
    debug: (fields, text) => feed.publish("debug", fields, text),
    info: (fields, text) => feed.publish("info", fields, text),
    warn: (fields, text) => feed.publish("warn", fields, text),
    error: (fields, text) => feed.publish("error", fields, text),
    fatal: (fields, text) => feed.publish("fatal", fields, text),
    get level() {
      return writer.level as LogConfig["level"];
    },
    set level(level) {
      writer.level = level;
    },
  };
  return { log, feed, output, limiter: new LogLimiter() };
}

/** Writes events as lines of JSON or of text. */
function openWriter({ level, format }: LogConfig, output: LogOutput): Logger {
  const options = {
    level,
    base: { pid: process.pid },
    // As the events of the API are: the level is a word, and what people read is the text.
    messageKey: TEXT_KEY,
    formatters: { level: (level: string) => ({ level }) },
    redact: ["secret", "secrets", "*.secret", "receiveCookie", "transmitCookie"],
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(options, isText(format) ? textStream(output) : output);
}

function textStream(output: LogOutput): DestinationStream {
  const format = prettyFactory({
    colorize: isatty(STDERR) && process.env["NO_COLOR"] === undefined,
    ignore: "pid,hostname",
    messageKey: TEXT_KEY,
    hideObject: true,
    translateTime: "SYS:HH:MM:ss.l",
  });
  return { write: (line: string) => output.write(format(line)) };
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
export function locationText(location: string | undefined): string {
  return location === undefined ? "" : ` (${location})`;
}

/** How long the end of the process waits for the reader of the log, in milliseconds. */
export const EXIT_FLUSH_MS = 300;
