import { describe, expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import type { ControlDiscardReason } from "../../src/control/control-discards.ts";
import { FileReadings } from "../../src/daemon/file-readings.ts";
import { Metrics } from "../../src/daemon/metrics.ts";
import type { MetricRow } from "../../src/daemon/metrics-row.ts";
import type { MetricsSources } from "../../src/daemon/metrics-subjects.ts";
import { pseudowireMetrics } from "../../src/daemon/metrics-table.ts";
import { labelText, MetricFamilies } from "../../src/daemon/metrics-text.ts";
import { TunnelTotals } from "../../src/daemon/tunnel-totals.ts";
import { zeroCounters } from "../../src/forwarding/counters-table.ts";
import type { SessionCounters } from "../../src/forwarding/plane.ts";
import { planeNames } from "../../src/forwarding/plane.ts";
import { configOf, configText } from "../support/configuration.ts";

interface Count {
  readonly count: number | undefined;
}

const row: MetricRow<Count> = {
  name: "a_total",
  kind: "counter",
  help: 'Says "this" \\ and\nthat.',
  labels: ["direction"],
  series: [
    { labels: ["in"], value: ({ count }) => count },
    { labels: ["out"], value: ({ count }) => (count === undefined ? undefined : 2 * count) },
  ],
};

async function textOf<One>(
  families: MetricFamilies<One>,
  subjects: readonly One[],
  labels: readonly string[],
): Promise<string> {
  const pieces: Uint8Array[] = [];
  await families.write(subjects, labels, pieces);
  return Buffer.concat(pieces).toString();
}

describe("text", () => {
  test("has a head for each metric, and its lines together; no head without lines", async () => {
    const families = new MetricFamilies([row, { ...row, name: "b_total", series: [] }]);
    expect(await textOf(families, [{ count: 1 }, { count: undefined }], ['n="x"', 'n="y"'])).toBe(
      '# HELP a_total Says "this" \\\\ and\\nthat.\n# TYPE a_total counter\n' +
        'a_total{n="x",direction="in"} 1\na_total{n="x",direction="out"} 2\n',
    );
    expect(await textOf(families, [{ count: undefined }], [""])).toBe("");
  });

  test("values of labels have no quote, backslash or line end of their own", () => {
    expect(labelText("a", 'x"y\\z\nw')).toBe('a="x\\"y\\\\z\\nw"');
  });

  test("what is kept is that of the same subjects with the same values, of each slice of 1000", async () => {
    const families = new MetricFamilies([row]);
    const subjects = Array.from({ length: 2500 }, (_, index) => ({ count: index }));
    const labels = subjects.map((_, index) => `n="${index}"`);
    const first: Uint8Array[] = [];
    await families.write(subjects, labels, first);
    expect(Buffer.concat(first).toString().split("\n").length).toBe(2 + 5000 + 1);
    const changed = subjects.with(1234, { count: 7 });
    const second: Uint8Array[] = [];
    await families.write(changed, labels, second);
    // A head, and three slices of two series: the second of each is another one.
    expect(second.map((piece, index) => piece === first[index])).toEqual([
      ...[false, true, false, true],
      ...[true, false, true],
    ]);
    expect(Buffer.concat(second).toString()).toContain('a_total{n="1234",direction="out"} 14\n');
    const others: Uint8Array[] = [];
    await families.write(subjects.slice(1), labels.slice(1), others);
    expect(Buffer.concat(others).toString()).toBe(
      await textOf(new MetricFamilies([row]), subjects.slice(1), labels.slice(1)),
    );
    const gone = await textOf(families, changed.with(5, { count: undefined as never }), labels);
    expect(gone).not.toContain('n="5"');
  });

  test("others have their turn between slices", async () => {
    const subjects = Array.from({ length: 10_000 }, (_, index) => ({ count: index }));
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await new MetricFamilies([row]).write(
      subjects,
      subjects.map((_, index) => `n="${index}"`),
      [],
    );
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(18);
  });
});

function counted(localSessionId: number, frames: number, discards = 0): SessionCounters {
  const passed = { receivedFrames: frames, receivedOctets: 60 * frames, transmittedFrames: 1 };
  return { localSessionId, ...zeroCounters, ...passed, discards: discards === 0 ? {} : { runt: discards } };
}

describe("sums of a tunnel", () => {
  test("never fall, though a session's counters begin at 0 with the next one", () => {
    const totals = new TunnelTotals();
    const frames = (): readonly number[] => [totals.of("t").receivedFrames, totals.of("t").discards];
    totals.add("t", "p", counted(1, 100, 2));
    totals.add("t", "q", counted(2, 10));
    expect(frames()).toEqual([110, 2]);
    totals.add("t", "p", counted(1, 150, 5));
    expect(frames()).toEqual([160, 5]);
    totals.add("t", "p", counted(7, 20, 1));
    expect(frames()).toEqual([180, 6]);
    // A static session has the same id again.
    totals.add("t", "p", counted(7, 3));
    expect(frames()).toEqual([183, 6]);
  });

  test("are forgotten with the tunnel", () => {
    const totals = new TunnelTotals();
    totals.add("t", "p", counted(1, 100));
    totals.retain(configOf(configText()));
    expect(totals.of("t").receivedFrames).toBe(0);
  });
});

test("reloads are counted by what came of them", async () => {
  let dayMs = 1000;
  const readings = new FileReadings(() => dayMs);
  const report = { changed: true, plan: "", problems: [], refused: false };
  dayMs = 2000;
  await readings.of(async () => ({ ...report, refused: true }));
  expect(readings.counts).toEqual({ applied: 0, refused: 1, isLastRefused: true, appliedAtMs: 1000 });
  dayMs = 3000;
  expect(await readings.of(async () => report)).toBe(report);
  expect(readings.counts).toEqual({ applied: 1, refused: 1, isLastRefused: false, appliedAtMs: 3000 });
});

/** What metrics are read from: the tunnel `branch` with `lan`, established, and some counts. */
function sourcesOf(config: Config, counters: SessionCounters): MetricsSources {
  const discards = { "wrong-digest": 3, "missing-digest": 4, malformed: 0 };
  return {
    ...{ config, ipControlDrops: 2, plane: "ebpf", nowMs: 5000, startedMs: 1000 },
    counters: { sessions: [counters], discards: { truncated: 9 } },
    overview: {
      connections: [],
      discards: discards as Readonly<Record<ControlDiscardReason, number>>,
      ...{ unknownPeers: [], otherUnknownPeers: 5 },
    },
    log: { lines: 1, reason: undefined, leftOut: 6 },
    ends: () => undefined,
    waiting: () => undefined,
    staticPathMtu: () => undefined,
    pathLimits: () => undefined,
    history: (kind) => (kind === "pseudowire" ? { isUp: true, downs: 2, changedMs: 3000.25 } : undefined),
    isCircuitUp: () => true,
    pseudowireOfSession: () => "lan",
    planeOf: () => "ebpf",
  };
}

describe("a reading", () => {
  const setUp = (top = "") => {
    const times = { nowMs: 5000, dayMs: 1_000_000 };
    let readings = 0;
    let fails = false;
    const config = configOf(configText({ top }));
    const metrics = new Metrics({
      sources: async () => {
        readings += 1;
        if (fails) throw new Error("stopping");
        return sourcesOf(config, counted(7, 100 * readings, 1));
      },
      counts: () => ({ reloads: new FileReadings(() => 2000).counts, refusedRequests: { 401: 8 } }),
      nowMs: () => times.nowMs,
      dayMs: () => times.dayMs,
    });
    const text = async () => Buffer.concat(await metrics.pieces()).toString();
    return {
      ...{ metrics, text, times, readings: () => readings },
      fail: (is: boolean) => {
        fails = is;
      },
    };
  };

  test("has what the daemon, tunnels and pseudowires are, and the process", async () => {
    const lines = (await setUp().text()).split("\n");
    for (const line of [
      'wirespan_build_info{version="0.1.0",plane="ebpf"} 1',
      // The monotonic clock began at 995 s of the day.
      "wirespan_start_time_seconds 996",
      "wirespan_tunnels 1",
      "wirespan_tunnels_up 0",
      "wirespan_pseudowires_up 1",
      'wirespan_discards_total{reason="truncated"} 9',
      'wirespan_discards_total{reason="control-overflow"} 2',
      'wirespan_control_discards_total{reason="wrong-digest"} 3',
      "wirespan_authentication_failures_total 7",
      "wirespan_unknown_peers 5",
      'wirespan_http_refused_requests_total{status="401"} 8',
      'wirespan_tunnel_state{tunnel="branch",state="idle"} 1',
      'wirespan_tunnel_bytes_total{tunnel="branch",direction="received"} 6000',
      'wirespan_pseudowire_up{tunnel="branch",pseudowire="lan"} 1',
      'wirespan_pseudowire_last_change_timestamp_seconds{tunnel="branch",pseudowire="lan"} 998',
      'wirespan_pseudowire_plane{tunnel="branch",pseudowire="lan",plane="ebpf"} 1',
      'wirespan_pseudowire_frames_total{tunnel="branch",pseudowire="lan",direction="received"} 100',
      'wirespan_pseudowire_discards_total{tunnel="branch",pseudowire="lan",reason="runt"} 1',
    ])
      expect(lines).toContain(line);
    expect(lines.filter((line) => line.startsWith("nodejs_eventloop_lag_p99_seconds ")).length).toBe(1);
    expect(lines.some((line) => line.includes('reason="malformed"'))).toBe(false);
    expect(lines.some((line) => /_clamped_|_fragments_/.test(line))).toBe(false);
  });

  test("serves all that ask within a second, and at the same time, however long it takes", async () => {
    const { text, times, readings } = setUp();
    const [one, other] = await Promise.all([text(), text()]);
    expect([readings(), one === other]).toEqual([1, true]);
    times.nowMs += 999;
    await text();
    expect(readings()).toBe(1);
    times.nowMs += 1;
    expect(await text()).toContain('lan",direction="received"} 200\n');
    expect(readings()).toBe(2);
  });

  test("that failed is told to whoever asked, and not to the next one", async () => {
    const { text, fail } = setUp();
    fail(true);
    await expect(text()).rejects.toThrow("stopping");
    fail(false);
    expect(await text()).toContain("wirespan_tunnels 1\n");
  });

  test("moves no time by less than a second of the clock of the day", async () => {
    const { text, times } = setUp();
    await text();
    Object.assign(times, { nowMs: 7000, dayMs: 1_002_900 });
    expect(await text()).toContain("wirespan_start_time_seconds 996\n");
    Object.assign(times, { nowMs: 9000, dayMs: 2_004_000 });
    expect(await text()).toContain("wirespan_start_time_seconds 1996\n");
  });

  test("has no series of pseudowires where the file wants none, and the sums of tunnels", async () => {
    const text = await setUp("metrics: { sessions: false }").text();
    for (const { name } of pseudowireMetrics) expect(text).not.toContain(name);
    expect(text).toContain('wirespan_tunnel_frames_total{tunnel="branch",direction="received"} 100\n');
    expect(text).toContain('wirespan_tunnel_pseudowires_up{tunnel="branch"} 1\n');
  });
});

test("every plane has its series", () => {
  const plane = pseudowireMetrics.find(({ name }) => name === "wirespan_pseudowire_plane");
  expect(plane?.series?.map(({ labels }) => labels[0])).toEqual([...planeNames]);
});
