import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { plainLines, screenLines, sparkline } from "../../../src/cli/watch/watch-lines.ts";
import {
  firstModel,
  HISTORY,
  sortings,
  type WatchKey,
  type WatchModel,
  watchedRows,
  withKey,
  withProblem,
  withReport,
} from "../../../src/cli/watch/watch-model.ts";
import type { StatusReport } from "../../../src/daemon/status.ts";
import { passed, pseudowireStatus, reportOf, tunnelStatus } from "../../support/status-reports.ts";

/** A daemon that is up for so many seconds; `fast` passes a thousand frames in each. */
function reportAt(seconds: number, pid = 1): StatusReport {
  return reportOf({
    ...{ pid, uptimeMs: seconds * 1000, controlConnections: [tunnelStatus("branch")] },
    pseudowires: [
      pseudowireStatus("slow10", { ...passed(10 * seconds, 0), circuit: "eth2" }),
      pseudowireStatus("fast", { ...passed(1000 * seconds, 500 * seconds), discards: { "path-mtu": 3 } }),
      pseudowireStatus("slow9", { whyNot: "no link", state: "idle", discards: { "path-mtu": 9 } }),
    ],
  });
}

const key = (text: string): WatchKey => ({ text, name: text });
const named = (name: string): WatchKey => ({ name, text: "" });

function pressed(model: WatchModel, ...keys: readonly WatchKey[]): WatchModel {
  return keys.reduce((now, each) => {
    const after = withKey(now, each, 10);
    if (after === "quit") throw new Error("it ended");
    return after;
  }, model);
}

const namesOf = (model: WatchModel) => watchedRows(model).map(({ pseudowire }) => pseudowire.name);
const fresh = () => withReport(firstModel(reportAt(1), undefined), reportAt(2));

describe("what is known", () => {
  test("rates are of the time between two reports, by the daemon's own clock", () => {
    const [, fast] = fresh().rows;
    expect(fast?.rates).toEqual({
      ...{ receivedFramesPerSecond: 1000, receivedBitsPerSecond: 800_000 },
      ...{ transmittedFramesPerSecond: 500, transmittedBitsPerSecond: 400_000 },
    });
    expect(firstModel(reportAt(1), undefined).rows[1]?.rates).toBe(undefined);
  });

  test("a daemon that does not answer leaves what was known, without rates; a new one has none yet", () => {
    const gone = withProblem(fresh(), "ask the daemon: ECONNREFUSED");
    expect(gone.rows.map(({ rates }) => rates)).toEqual([undefined, undefined, undefined]);
    expect(screenLines(gone, 80, 24)[0]).toMatch(/^no answer, tried again: ask the daemon: ECONNREFUSED/);
    const other = withReport(gone, reportAt(1, 2));
    expect([other.problem, other.rows[1]?.rates]).toEqual([undefined, undefined]);
    expect(withReport(other, reportAt(3, 2)).rows[1]?.rates?.receivedFramesPerSecond).toBe(1000);
  });

  test("so many rates are kept and no more", () => {
    let model = fresh();
    for (let second = 3; second < 100; second++) model = withReport(model, reportAt(second));
    expect(model.rows.map(({ history }) => history.length)).toEqual([HISTORY, HISTORY, HISTORY]);
  });
});

describe("keys", () => {
  test("q and Ctrl-C end it, but not while the filter is written", () => {
    expect(withKey(fresh(), key("q"), 10)).toBe("quit");
    expect(withKey(fresh(), { name: "c", ctrl: true }, 10)).toBe("quit");
    const filtering = pressed(fresh(), key("/"), key("q"));
    expect(filtering).toMatchObject({ filter: "q", isFiltering: true });
    expect(withKey(filtering, { name: "c", ctrl: true }, 10)).toBe("quit");
  });

  test("s sorts by each in turn, r the other way round", () => {
    let model = fresh();
    const orders = sortings.map(({ name }) => {
      const order = [name, ...namesOf(model)];
      model = pressed(model, key("s"));
      return order;
    });
    expect(orders).toEqual([
      ["file", "slow10", "fast", "slow9"],
      ["state", "slow9", "slow10", "fast"],
      ["name", "fast", "slow9", "slow10"],
      ["in", "fast", "slow10", "slow9"],
      ["out", "fast", "slow10", "slow9"],
      ["discards", "slow9", "fast", "slow10"],
    ]);
    expect(model.sorting).toBe("file");
    expect(namesOf(pressed(model, key("r")))).toEqual(["slow9", "fast", "slow10"]);
  });

  test("/ filters by name, tunnel and circuit; backspace, enter and escape", () => {
    const typed = pressed(fresh(), key("/"), key("S"), key("l"), key("x"), named("backspace"));
    expect(namesOf(typed)).toEqual(["slow10", "slow9"]);
    const kept = pressed(typed, named("return"));
    expect(kept).toMatchObject({ filter: "Sl", isFiltering: false });
    expect(namesOf(pressed(kept, named("escape")))).toHaveLength(3);
    expect(namesOf(pressed(fresh(), key("/"), key("e"), key("t"), key("h"), key("2")))).toEqual(["slow10"]);
  });

  test("a row is marked, and stays so when rows are sorted; its details", () => {
    const second = pressed(fresh(), named("down"), named("down"));
    expect(second.selected).toBe("fast");
    expect(pressed(second, key("k"), key("k"), key("k")).selected).toBe("slow10");
    expect(
      [pressed(second, named("end")), pressed(second, named("pagedown"))].map((one) => one.selected),
    ).toEqual(["slow9", "slow9"]);
    expect(pressed(second, named("home")).selected).toBe("slow10");
    const sorted = pressed(second, key("s"), named("return"));
    expect(sorted.selected).toBe("fast");
    expect(screenLines(sorted, 80, 24).join("\n")).toMatch(/^pseudowire fast of tunnel branch: up/m);
    expect(screenLines(sorted, 80, 24).filter((line) => line.startsWith(">"))).toEqual([
      expect.stringMatching(/^> fast /),
    ]);
  });

  test("of one that alone is watched, others are not shown", () => {
    expect(namesOf(firstModel(reportAt(1), "fast"))).toEqual(["fast"]);
    expect(namesOf(firstModel(reportAt(1), "branch"))).toHaveLength(3);
  });
});

describe("the screen", () => {
  test.each([
    [80, 24],
    [120, 40],
    [60, 10],
    [80, 3],
  ])("has %i columns and %i lines", (columns, lines) => {
    for (const model of [
      fresh(),
      pressed(fresh(), named("down"), named("return")),
      withProblem(fresh(), "x"),
    ]) {
      const shown = screenLines(model, columns, lines);
      expect(shown).toHaveLength(lines);
      for (const line of shown) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    }
  });

  test("as it is seen", () => {
    expect(screenLines(fresh(), 80, 7).map((line) => line.trimEnd())).toEqual([
      "paris (ebpf): 1 of 1 tunnels up, 2 of 3 pseudowires; in 808k out 400k bit/s",
      "  pseudowire tunnel state      in bit/s out bit/s discards both ways",
      `${"+ slow10     branch up 3 min      8.00k         0        0".padEnd(78)}▁█`,
      `${"+ fast       branch up 3 min       800k      400k        3".padEnd(78)}▁█`,
      `${"- slow9      branch down 3 min        0         0        9".padEnd(78)}▁▁`,
      "",
      "q quit  ↑↓ mark  enter details  s sort: file  r reverse  / filter",
    ]);
  });

  test("of a thousand pseudowires those around the marked one are drawn", () => {
    const pseudowires = Array.from({ length: 1000 }, (_, index) => pseudowireStatus(`pw${index}`));
    const model = { ...firstModel(reportOf({ pseudowires }), undefined), selected: "pw500" };
    const rows = screenLines(model, 80, 24).flatMap((line) => /^[+>] (pw\d+)/.exec(line)?.[1] ?? []);
    expect([rows[0], rows.length, rows.at(-1)]).toEqual(["pw490", 21, "pw510"]);
  });

  test("bars are of eight heights, of the last rates that have room", () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe("▁▂▃▄▅▆▇█");
    expect(sparkline([9, 0, 0], 2)).toBe("▁▁");
    expect(sparkline([], 8)).toBe("");
  });

  test("without a terminal it is a table of lines", () => {
    const lines = plainLines(fresh(), 80);
    expect(lines).toHaveLength(5);
    expect(lines[3]).toMatch(/^\+ fast +branch +up 3 min +800k +400k +3 /);
  });
});
