/** Severities of events, the least severe first. */
export const eventLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

/** Severity of an event. */
export type Level = (typeof eventLevels)[number];

/** The severities that the ring of the event feed keeps, and every reader is sent. */
export const KEPT_FROM: Level = "info";

/** Whether a level is as severe as another one, or more. */
export function isAtLeast(level: Level, least: Level): boolean {
  return eventLevels.indexOf(level) >= eventLevels.indexOf(least);
}

/** The level of that name; undefined where there is none. */
export function levelNamed(name: string): Level | undefined {
  return eventLevels.find((level) => level === name);
}
