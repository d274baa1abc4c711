import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** TABLE: what a level looks like on a terminal. */
const rows = [
  ["trace", "\x1b[2mtrace\x1b[22m"],
  ["info", "info "],
  ["warn", "\x1b[33mwarn \x1b[39m"],
  ["error", "\x1b[31merror\x1b[39m"],
  ["fatal", "\x1b[1m\x1b[31mfatal\x1b[39m\x1b[22m"],
  ["unheard", "unheard"],
] as const;

/** The line for an event, where standard output is a terminal or not. */
function line(data: object, isTerminal: boolean): string {
  const script = `
    process.stdout.isTTY = ${isTerminal};
    const { eventText } = await import("./dist/cli/event-text.js");
    process.stdout.write(eventText(${JSON.stringify(JSON.stringify(data))}));
  `;
  const env = { PATH: process.env["PATH"] ?? "", TERM: "xterm" };
  const words = ["--input-type=module", "-e", script];
  return spawnSync(process.execPath, words, { env, encoding: "utf8" }).stdout;
}

test.each(rows)("level %s has its colour on a terminal, and none elsewhere", (level, shown) => {
  const data = { time: "2026-01-02T00:00:00.000Z", level, text: "hq" };
  expect(line(data, true)).toBe(`2026-01-02T00:00:00.000Z ${shown} hq`);
  expect(line(data, false)).toBe(`2026-01-02T00:00:00.000Z ${level.padEnd(5)} hq`);
});

test("events that are missing are told", () => {
  expect(line({ missed: 1 }, false)).toBe("(1 event is missing here)");
  expect(line({ missed: 7 }, false)).toBe("(7 events are missing here)");
});
