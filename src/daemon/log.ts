import { type Logger, pino } from "pino";
import pretty from "pino-pretty";
import type { LogConfig } from "../config/config.ts";

/** Structured logs: a stable event name and fields, and words for people. */
export type Log = Logger;

/** A log to standard error, as the configuration wants it. */
export function createLog(config: LogConfig): Log {
  const isText = config.format === "text" || (config.format === "auto" && process.stderr.isTTY === true);
  const options = {
    level: config.level,
    base: { pid: process.pid },
    redact: ["secret", "secrets", "*.secret", "receiveCookie", "transmitCookie"],
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  if (!isText) return pino(options, pino.destination({ fd: 2, sync: true }));
  return pino(
    options,
    pretty({
      destination: 2,
      sync: true,
      ignore: "pid,hostname",
      hideObject: true,
      translateTime: "SYS:HH:MM:ss.l",
    }),
  );
}
