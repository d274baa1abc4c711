import { sumOfDiscards } from "../forwarding/counters-table.ts";
import type { SessionCounters } from "../forwarding/plane.ts";
import { isTunnelUp } from "./connection-report.ts";
import { type LiveNames, type LiveReading, liveColumns } from "./live-numbers.ts";
import type { MetricsSources } from "./metrics-subjects.ts";
import { type CountersSources, countersByPseudowire } from "./session-counters.ts";
import { discardsOf } from "./status-sources.ts";

/** Reads what changes from second to second. */

/** Pseudowires that are read before others have their turn. */
const A_SLICE = 500;
/** FNV-1a. */
const FNV = { basis: 0x811c9dc5, prime: 0x01000193 } as const;

/** What is read. */
export type LiveSources = CountersSources &
  Pick<
    MetricsSources,
    | ("config" | "overview" | "ipControlDrops" | "nowMs" | "startedMs")
    | ("ends" | "waiting" | "history" | "isCircuitUp")
  >;

/** Makes readings; keeps the names while the configuration is the same. */
export class LiveReader {
  #config: unknown;
  #names: LiveNames = { id: 0, tunnels: [], pseudowires: [] };
  #digest = 0;
  #version = 0;

  /** Reads; after each few hundred pseudowires others have their turn. `lastEvent` counts as a change. */
  async read(sources: LiveSources, lastEvent: number): Promise<LiveReading> {
    const { config, nowMs, startedMs } = sources;
    if (config !== this.#config) {
      this.#config = config;
      this.#names = namesOf(config.tunnels, this.#names.id + 1);
    }
    const names = this.#names;
    const digest = new Digest();
    for (const value of [names.id, lastEvent]) digest.add(value);
    const tunnels = await tunnelsUp(sources, digest);
    const { values, sums, discards } = await this.#rows(sources, names, digest);
    if (digest.value !== this.#digest) this.#version += 1;
    this.#digest = digest.value;
    const uptimeMs = Math.round(nowMs - startedMs);
    return { version: this.#version, uptimeMs, names, tunnels, values, sums, discards };
  }

  async #rows(
    sources: LiveSources,
    { pseudowires }: LiveNames,
    digest: Digest,
  ): Promise<Pick<LiveReading, "values" | "sums" | "discards">> {
    const discards = new Map<string, number>();
    addTo(discards, discardsOf(sources));
    for (const [index, session] of sources.counters.sessions.entries()) {
      addTo(discards, session.discards);
      if (index % A_SLICE === A_SLICE - 1) await new Promise(setImmediate);
    }
    const countersOf = await countersByPseudowire(sources);
    const width = liveColumns.length;
    const values = new Float64Array(pseudowires.length * width);
    const sums = new Array<number>(width).fill(0);
    for (const [index, [name]] of pseudowires.entries()) {
      const history = sources.history("pseudowire", name);
      const row = rowOf(history?.isUp === true, sources.isCircuitUp(name), countersOf.get(name));
      values.set(row, index * width);
      for (const [column, value] of row.entries()) sums[column] = (sums[column] ?? 0) + value;
      digest.add((row[0] ?? 0) + 2 * (row[1] ?? 0) + 4 * (history?.downs ?? 0));
      digest.add(history?.changedMs ?? 0);
      if (index % A_SLICE === A_SLICE - 1) await new Promise(setImmediate);
    }
    return { values, sums, discards: Object.fromEntries(discards) };
  }
}

function namesOf(
  tunnels: readonly { readonly name: string; readonly pseudowires: readonly { readonly name: string }[] }[],
  id: number,
): LiveNames {
  return {
    id,
    tunnels: tunnels.map(({ name }) => name),
    pseudowires: tunnels.flatMap(({ pseudowires }, index) =>
      pseudowires.map(({ name }) => [name, index] as const),
    ),
  };
}

async function tunnelsUp(sources: LiveSources, digest: Digest): Promise<Uint8Array> {
  const { config, overview } = sources;
  const connections = new Map(overview.connections.map((connection) => [connection.peer, connection]));
  const up = new Uint8Array(config.tunnels.length);
  for (const [index, tunnel] of config.tunnels.entries()) {
    const { name } = tunnel;
    const isWaiting = sources.waiting(name) !== undefined;
    const isUp = isTunnelUp(sources, tunnel, connections.get(name));
    up[index] = isUp ? 1 : 0;
    digest.add((isUp ? 1 : 0) + (isWaiting ? 2 : 0));
    digest.add(sources.history("tunnel", name)?.changedMs ?? 0);
    if (index % A_SLICE === A_SLICE - 1) await new Promise(setImmediate);
  }
  return up;
}

function rowOf(isUp: boolean, isCircuitUp: boolean, counted: SessionCounters | undefined): readonly number[] {
  const flags = [isUp ? 1 : 0, isCircuitUp ? 1 : 0];
  if (counted === undefined) return [...flags, 0, 0, 0, 0, 0];
  const { receivedFrames, receivedOctets, transmittedFrames, transmittedOctets } = counted;
  const passed = [receivedFrames, receivedOctets, transmittedFrames, transmittedOctets];
  return [...flags, ...passed, sumOfDiscards(counted.discards)];
}

function addTo(sums: Map<string, number>, counts: Readonly<Partial<Record<string, number>>>): void {
  for (const [reason, count = 0] of Object.entries(counts))
    if (count > 0) sums.set(reason, (sums.get(reason) ?? 0) + count);
}

/** Tells whether numbers are the same as before, but for one chance in four thousand millions. */
class Digest {
  #value: number = FNV.basis;

  add(value: number): void {
    this.#value = Math.imul(this.#value ^ Math.trunc(value), FNV.prime);
  }

  get value(): number {
    return this.#value;
  }
}
