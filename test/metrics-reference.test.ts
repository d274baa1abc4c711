import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { MetricRow } from "../src/daemon/metrics-row.ts";
import { nodeMetrics, pseudowireMetrics, tunnelMetrics } from "../src/daemon/metrics-table.ts";

const file = new URL("../docs/metrics.md", import.meta.url);
const read = (name: string) => readFileSync(new URL(`../packaging/${name}`, import.meta.url), "utf8");

function rows(metrics: readonly MetricRow<never>[]): string {
  return [
    "| metric | kind | labels | meaning |",
    "|---|---|---|---|",
    ...metrics.map(
      ({ name, kind, labels, help }) =>
        `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
    ),
  ].join("\n");
}

function reference(): string {
  return `# Metrics

Made from the tables in \`src/daemon/metrics-table.ts\` by \`npm run docs\`; do not edit. \`GET /metrics\` has
them in the text format of Prometheus (version 0.0.4), at the [control socket](operating.md#local-api) and
at the addresses of \`http.listen\`; [http.md](http.md#metrics) says how Prometheus reads them.

- Times are seconds since 1970, by the clock of the day: "for how long" is \`time() - METRIC\`.
- A session's counters begin at 0 with the next session, and those of control messages with the next control
  connection, as Prometheus expects of counters. Sums of tunnels go on.
- Counts by reason are there only where they are not 0: \`METRIC or vector(0)\` gives a 0.
  [discards.md](discards.md) explains the reasons.
- \`metrics: { sessions: false }\` leaves out the series of pseudowires.

## The daemon

${rows(nodeMetrics)}

Those of the process come beside them, from the package prom-client, counted from the first reading on:
\`process_...\` (processor time, memory, open files) and \`nodejs_...\`, of which
\`nodejs_eventloop_lag_p99_seconds\` says for how long control messages had to wait.

## Tunnels

With the label \`tunnel\`.

${rows(tunnelMetrics)}

## Pseudowires

With the labels \`tunnel\` and \`pseudowire\`. The counters are those of [discards.md](discards.md) in both
directions; all but frames and octets are there only where they are not 0.

${rows(pseudowireMetrics)}
`;
}

test("docs/metrics.md is what the tables of metrics say", () => {
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, reference());
  expect(readFileSync(file, "utf8"), "write it anew with npm run docs").toBe(reference());
});

const all: readonly MetricRow<never>[] = [...nodeMetrics, ...tunnelMetrics, ...pseudowireMetrics];
const names = new Set(all.map(({ name }) => name));
/** Those of the process that are named, of the package prom-client. */
const ofProcess = ["process_cpu_seconds_total", "process_resident_memory_bytes"];
const ofEventLoop = ["nodejs_eventloop_lag_p99_seconds"];

/** Metrics that a text of PromQL names, but for those that the rules make themselves. */
function namesIn(text: string): readonly string[] {
  return [...new Set(text.match(/\b(?:wirespan|process|nodejs)_[a-z0-9_]+\b/g))];
}

test("every metric has a name of its own, as Prometheus wants it", () => {
  expect(names.size).toBe(all.length);
  for (const { name, kind, labels, series, samples } of all) {
    expect(name).toMatch(/^wirespan_[a-z0-9_]+$/);
    expect(name.endsWith("_total"), name).toBe(kind === "counter");
    expect(name).not.toMatch(/_(ms|octets|milliseconds)(_|$)/);
    expect(series !== undefined || samples !== undefined, name).toBe(true);
    for (const one of series ?? []) expect(one.labels.length, name).toBe(labels.length);
  }
});

interface Panel {
  readonly title?: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string }[];
}

test("the dashboard for Grafana names metrics that there are, of the data source that it asks for", () => {
  const dashboard = JSON.parse(read("grafana/wirespan.json")) as {
    readonly __inputs: readonly { readonly name: string; readonly pluginId: string }[];
    readonly panels: readonly Panel[];
    readonly templating: { readonly list: readonly { readonly query: unknown }[] };
  };
  expect(dashboard.__inputs).toEqual([
    expect.objectContaining({ name: "DS_PROMETHEUS", pluginId: "prometheus" }),
  ]);
  const { panels } = dashboard;
  expect(panels.length).toBeGreaterThan(8);
  for (const { title, datasource, targets = [] } of panels) {
    if (targets.length === 0) continue;
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how Grafana writes an input
    expect(datasource?.uid, title).toBe("${DS_PROMETHEUS}");
    for (const { expr } of targets) expect(namesIn(expr).length, title).toBeGreaterThan(0);
  }
  const used = namesIn(JSON.stringify([panels, dashboard.templating]));
  expect(used.length).toBeGreaterThan(10);
  expect(used.filter((name) => ![...names, ...ofProcess, ...ofEventLoop].includes(name))).toEqual([]);
});

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly annotations: { readonly summary: string; readonly description: string };
    }[];
  }[];
}

test("the alert rules for Prometheus name metrics that there are, and say what to do", () => {
  const rules = (parse(read("prometheus/wirespan-rules.yaml")) as Rules).groups.flatMap(
    (group) => group.rules,
  );
  expect(rules.length).toBeGreaterThan(6);
  for (const { alert, expr, annotations } of rules) {
    expect(alert).toMatch(/^Wirespan[A-Z]/);
    expect(annotations.summary && annotations.description, alert).toBeTruthy();
    const unknown = namesIn(expr).filter((name) => !names.has(name) && !ofEventLoop.includes(name));
    expect(unknown, alert).toEqual([]);
  }
});
