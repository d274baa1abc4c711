import { describe, expect, test } from "vitest";
import { durationText } from "../../src/bytes/duration.ts";
import { escapedText } from "../../src/bytes/printable-text.ts";
import { rateWithUnit } from "../../src/bytes/quantities.ts";
import type { StatusReport } from "../../src/daemon/status.ts";
import { KEPT, LiveModel, type Reading } from "../../web/live-model.ts";
import { attention, notUp, pseudowireRows, rowsInView } from "../../web/status-view.ts";
import { countText } from "../../web/text.ts";

/** What the page shows of reports and readings, without a browser. */

const columns = [
  "isUp",
  "isCircuitUp",
  "receivedFrames",
  "receivedOctets",
  "transmittedFrames",
  "transmittedOctets",
  "discards",
];
const names = {
  id: 1,
  tunnels: ["hq"],
  pseudowires: [
    ["lan", 0],
    ["voice", 0],
  ] as const,
  columns,
  most: 1000,
};

function reading(uptimeMs: number, octets: number, more: Partial<Reading> = {}): Reading {
  const rows = [[0, 1, 1, octets / 100, octets, 0, 0, 0]];
  return {
    version: 1,
    uptimeMs,
    names: 1,
    tunnels: [1],
    sums: rows[0]!.slice(1),
    discards: {},
    rows,
    ...more,
  };
}

function modelOf(...readings: readonly Reading[]): LiveModel {
  const model = new LiveModel();
  model.takeNames(names);
  for (const one of readings) model.takeReading(one, one.uptimeMs);
  return model;
}

describe("rates between readings", () => {
  test("by the daemon's clock, of a pseudowire and of all", () => {
    const model = modelOf(reading(1000, 0), reading(3000, 1000));
    expect(model.row("lan")?.rates).toMatchObject({
      receivedBits: 4000,
      receivedFrames: 5,
      transmittedBits: 0,
    });
    expect(model.total?.rates?.receivedBits).toBe(4000);
    expect(model.row("voice")).toBeUndefined();
    expect([model.isTunnelUp("hq"), model.isTunnelUp("elsewhere")]).toEqual([true, undefined]);
  });

  test("none of the first reading, and none where counters began anew", () => {
    expect(modelOf(reading(1000, 500)).row("lan")?.rates).toBeUndefined();
    expect(modelOf(reading(1000, 500), reading(2000, 10)).row("lan")?.rates).toBeUndefined();
  });

  test("another daemon begins anew, and readings of names that are not known are left out", () => {
    const model = modelOf(reading(90_000, 500), reading(1000, 600));
    expect([model.row("lan")?.rates, model.times.length]).toEqual([undefined, 1]);
    model.takeReading(reading(2000, 700, { names: 2 }), 2000);
    expect(model.reading?.uptimeMs).toBe(1000);
    model.takeNames({ ...names, id: 2, pseudowires: [["voice", 0]] });
    expect(model.row("lan")).toBeUndefined();
  });

  test("history is bounded, and begins anew after a gap", () => {
    const model = modelOf(...Array.from({ length: 300 }, (_, index) => reading(1000 * (index + 1), index)));
    expect(model.history("lan").received.length).toBe(KEPT);
    expect(model.times.length).toBe(KEPT);
    model.takeReading(reading(310_000, 400), 310_000);
    expect(model.history("lan").received.length).toBe(1);
  });

  test("discards that grow are told by reason", () => {
    const model = modelOf(
      reading(0, 0, { discards: { late: 1, runt: 2 } }),
      reading(2000, 0, { discards: { late: 5, runt: 2 } }),
    );
    expect([...model.discardRates]).toEqual([["late", 2]]);
  });
});

const status = {
  controlConnections: [
    { tunnel: "hq", state: "established", notes: ["looks odd"] },
    { tunnel: "branch", state: "idle", whyNot: "no answer", downForMs: 5 },
    { tunnel: "old", state: "disabled", whyNot: "disabled" },
    { tunnel: "shut", state: "admin-down", whyNot: "closed by hand" },
  ],
  pseudowires: [
    { name: "lan10", tunnel: "hq", circuit: "eth1", state: "established", discards: {} },
    {
      name: "lan9",
      tunnel: "hq",
      circuit: "eth2",
      state: "idle",
      whyNot: "no carrier",
      discards: { late: 3 },
    },
    {
      name: "far",
      tunnel: "branch",
      circuit: "eth3",
      state: "wait-control-conn",
      whyNot: "its tunnel",
      discards: {},
    },
  ],
  bridges: [{ name: "br0", problem: "no port", ports: [] }],
  unknownPeers: [{ hostName: "x", address: "192.0.2.9", sccrqs: 1, lastAgoMs: 7, reason: "unknown-peer" }],
  log: { lostLines: 2, reason: "disk full", leftOutLines: 0 },
} as unknown as StatusReport;

describe("what comes first", () => {
  test("what is not up, with the reason; a tunnel once for its pseudowires; not what is closed", () => {
    expect(notUp(status).map(({ kind, name, text }) => `${kind} ${name}: ${text}`)).toEqual([
      "tunnel branch: no answer (1 pseudowire)",
      "pseudowire lan9: no carrier",
    ]);
  });

  test("pseudowires of a tunnel that is closed by hand are not told one by one", () => {
    const closed = {
      name: "x",
      tunnel: "shut",
      state: "idle",
      whyNot: "its tunnel is administratively down",
    };
    const pseudowires = [...status.pseudowires, closed] as StatusReport["pseudowires"];
    expect(notUp({ ...status, pseudowires })).toEqual(notUp(status));
  });

  test("what needs attention", () => {
    expect(attention(status).map(({ kind, name, text }) => `${kind} ${name}: ${text}`)).toEqual([
      "tunnel hq: looks odd",
      "bridge br0: no port",
      "daemon log: 2 lines lost: disk full",
      "unknown peer x: at 192.0.2.9: 1 SCCRQ, unknown-peer",
    ]);
  });
});

describe("the table of pseudowires", () => {
  const all = { filter: "", tunnel: undefined, sort: "name", isReversed: false } as const;
  const shown = (choice: Partial<Parameters<typeof pseudowireRows>[2]>, model = new LiveModel()) =>
    pseudowireRows(status, model, { ...all, ...choice }).map(({ status: { name } }) => name);

  test("is sorted as people count, by state, by discards, and the other way", () => {
    expect(shown({})).toEqual(["far", "lan9", "lan10"]);
    expect(shown({ isReversed: true })).toEqual(["lan10", "lan9", "far"]);
    expect(shown({ sort: "state" })).toEqual(["far", "lan9", "lan10"]);
    expect(shown({ sort: "discards" })).toEqual(["lan9", "far", "lan10"]);
  });

  test("each word of the filter must be there, in any case; a tunnel may be chosen", () => {
    expect(shown({ filter: "HQ down" })).toEqual(["lan9"]);
    expect(shown({ tunnel: "hq" })).toEqual(["lan9", "lan10"]);
  });

  test("a reading is newer than the report", () => {
    const model = new LiveModel();
    model.takeNames({ ...names, pseudowires: [["lan10", 0]] });
    model.takeReading(reading(1000, 0, { rows: [[0, 0, 1, 0, 0, 0, 0, 0]] }), 1000);
    const [row] = pseudowireRows(status, model, { ...all, filter: "lan10" });
    expect(row?.health).toBe("down");
  });

  test("rows out of view are not drawn, however many there are", () => {
    const view = { height: 400, rowHeight: 28 };
    for (const top of [0, 14, 28_000, 2_799_600]) {
      const { first, end } = rowsInView(100_000, { ...view, top });
      expect(end - first).toBeLessThan(30);
      expect(first * 28).toBeLessThanOrEqual(top);
      expect(end * 28).toBeGreaterThanOrEqual(top + 400);
    }
    expect(rowsInView(0, { ...view, top: 0 })).toEqual({ first: 0, end: 0 });
    // A filter made the list shorter than where it was scrolled to.
    expect(rowsInView(3, { ...view, top: 9000 })).toMatchObject({ end: 3 });
  });
});

test.each([
  [rateWithUnit(0), "0 bit/s"],
  [rateWithUnit(0.25, "/s"), "0.3 /s"],
  [rateWithUnit(1234), "1.23 kbit/s"],
  [rateWithUnit(12_345_678), "12.3 Mbit/s"],
  [rateWithUnit(999e9), "999 Gbit/s"],
  [countText(1_234_567), "1\u202f234\u202f567"],
  [durationText(59_999), "59 s"],
  [durationText(61_000), "1 min 1 s"],
  [durationText(273_840_000), "3 d 4 h"],
  [escapedText("a\u202eb\u200bc\n"), "a\\u202eb\\u200bc\\x0a"],
  // A letter of Hangul that is not seen.
  [escapedText("hq\u3164"), "hq\\u3164"],
  [rateWithUnit(999_600), "1.00 Mbit/s"],
])("%j", (text, wanted) => {
  expect(text).toBe(wanted);
});
