import type { Config } from "../config/config.ts";
import { monotonicClock } from "../os/clock.ts";
import { type MetricsSources, type NodeSubject, nodeSubject, subjectsOf } from "./metrics-subjects.ts";
import { nodeMetrics, pseudowireMetrics, tunnelMetrics } from "./metrics-table.ts";
import { labelText, MetricFamilies } from "./metrics-text.ts";
import { TunnelTotals } from "./tunnel-totals.ts";
import { version } from "./version.ts";

/** The metrics of a daemon as Prometheus reads them. */

/** For so long a text serves all readers. */
const FRESH_MS = 1000;
/** What is kept of a text for the next one is given up when nobody asks for so long. */
const KEEP_MS = 180_000;
/** The clock of the day may be set; times move by it only where it was set by more than this. */
const CLOCK_STEP_MS = 1000;

/** Of the process: what goes through all handles at each reading, under names that promtool refuses. */
const unwanted: readonly string[] = ["resources", "handles", "requests"].flatMap((kind) => [
  `nodejs_active_${kind}`,
  `nodejs_active_${kind}_total`,
]);

export interface MetricsOptions {
  /** What the daemon is at this moment. */
  sources(): Promise<MetricsSources>;
  /** What is counted beside the daemon. */
  counts(): Pick<NodeSubject, "reloads" | "refusedRequests">;
  /** The monotonic clock, and that of the day; default those of the machine. */
  readonly nowMs?: () => number;
  readonly dayMs?: () => number;
}

/** The whole daemon has no label. */
const ofNode = [""];

/** The labels of a configuration. */
interface Labels {
  readonly config: Config;
  readonly tunnels: readonly string[];
  readonly pseudowires: readonly string[];
}

/** Reads the metrics once for all that ask within a second. */
export class Metrics {
  readonly #options: Required<MetricsOptions>;
  readonly #node = new MetricFamilies(nodeMetrics);
  readonly #tunnels = new MetricFamilies(tunnelMetrics);
  readonly #pseudowires = new MetricFamilies(pseudowireMetrics);
  readonly #totals = new TunnelTotals();
  #labels: Labels | undefined;
  #process: Promise<() => Promise<string>> | undefined;
  #epochMs: number | undefined;
  #last: { readonly pieces: Promise<readonly Uint8Array[]>; fromMs: number } | undefined;
  #forget: NodeJS.Timeout | undefined;

  constructor(options: MetricsOptions) {
    this.#options = { nowMs: monotonicClock.nowMs, dayMs: Date.now, ...options };
  }

  /** The text in pieces, which stay as they are. */
  pieces(): Promise<readonly Uint8Array[]> {
    const nowMs = this.#options.nowMs();
    // One that is being made serves all, however long it takes.
    if (this.#last !== undefined && nowMs - this.#last.fromMs < FRESH_MS) return this.#last.pieces;
    clearTimeout(this.#forget);
    const last = { pieces: this.#read(), fromMs: Number.POSITIVE_INFINITY };
    this.#last = last;
    void last.pieces.then(
      () => {
        last.fromMs = nowMs;
        this.#forget = setTimeout(() => this.#clear(), KEEP_MS).unref();
      },
      // Whoever asked is told; others ask anew.
      () => {
        this.#last = undefined;
      },
    );
    return last.pieces;
  }

  async #read(): Promise<readonly Uint8Array[]> {
    const sources = await this.#options.sources();
    const epochMs = this.#epoch();
    const subjects = await subjectsOf(sources, this.#totals, epochMs);
    const pieces: Uint8Array[] = [];
    const node = nodeSubject(sources, subjects, epochMs, { version, ...this.#options.counts() });
    await this.#node.write([node], ofNode, pieces);
    const labels = this.#labelsOf(sources.config);
    await this.#tunnels.write(subjects.tunnels, labels.tunnels, pieces);
    if (sources.config.metrics.sessions)
      await this.#pseudowires.write(subjects.pseudowires, labels.pseudowires, pieces);
    pieces.push(Buffer.from(await this.#ofProcess()));
    return pieces;
  }

  /** The labels that name tunnels and pseudowires, in the order of the subjects; made once of each file. */
  #labelsOf(config: Config): Labels {
    if (this.#labels?.config !== config) {
      const named = config.tunnels.map(({ name, pseudowires }) => {
        const tunnel = labelText("tunnel", name);
        return { tunnel, own: pseudowires.map((one) => `${tunnel},${labelText("pseudowire", one.name)}`) };
      });
      const tunnels = named.map(({ tunnel }) => tunnel);
      this.#labels = { config, tunnels, pseudowires: named.flatMap(({ own }) => own) };
    }
    return this.#labels;
  }

  /** When the monotonic clock began; the same until the clock of the day is set. */
  #epoch(): number {
    const epochMs = this.#options.dayMs() - this.#options.nowMs();
    if (this.#epochMs === undefined || Math.abs(epochMs - this.#epochMs) > CLOCK_STEP_MS)
      this.#epochMs = epochMs;
    return this.#epochMs;
  }

  /** Those of the process: memory, processor time, delay of the event loop; from the first time on. */
  async #ofProcess(): Promise<string> {
    this.#process ??= import("prom-client").then(({ default: client }) => {
      const registry = new client.Registry();
      client.collectDefaultMetrics({ register: registry });
      for (const name of unwanted) registry.removeSingleMetric(name);
      return () => registry.metrics();
    });
    return (await this.#process)();
  }

  #clear(): void {
    this.#last = undefined;
    for (const families of [this.#node, this.#tunnels, this.#pseudowires]) families.clear();
  }
}
