import { writeFileSync } from "node:fs";
import Table from "cli-table3";
import type { Print } from "../inside.ts";
import { candidates } from "./candidates.ts";
import { buildGround } from "./ground.ts";
import { type Measured, measure } from "./measure.ts";

export interface BenchOptions {
  readonly repetitions: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** File for all single results. */
  readonly json?: string | undefined;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Measures every candidate in turn, several times round; runs inside namespaces made for it. Resolves to an exit code. */
export async function benchInside(
  { repetitions, seconds, json }: BenchOptions,
  print: Print,
): Promise<number> {
  await buildGround();
  const results = new Map<string, Measured[]>(candidates.map(({ name }) => [name, []]));
  for (let round = 1; round <= repetitions; round += 1) {
    for (const { name, join } of candidates) {
      const undo = await join();
      try {
        const measured = await measure(seconds);
        results.get(name)?.push(measured);
        print(
          `round ${round} of ${repetitions}: ${name}: TCP ${measured.tcpGbits.toFixed(2)} Gbit/s, ${measured.kiloFrames.toFixed(0)} thousand frames/s`,
        );
      } finally {
        await undo();
      }
    }
  }
  print(
    `\nMedians of ${repetitions}, ${seconds} s each; ratios to the same run's baselines:\n${tableOf(results)}`,
  );
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(Object.fromEntries(results), null, 2)}\n`);
  return 0;
}

function tableOf(results: ReadonlyMap<string, readonly Measured[]>): string {
  const of = (name: string, key: keyof Measured) =>
    median((results.get(name) ?? []).map((measured) => measured[key]));
  const [plain, vxlan] = candidates.map(({ name }) => name);
  const table = new Table({
    head: ["", "TCP Gbit/s", "x plain", "x VXLAN", "60-octet frames, thousand/s", "x plain", "x VXLAN"],
    style: { head: [], border: [] },
  });
  for (const name of results.keys()) {
    const ratios = (key: keyof Measured) =>
      [plain, vxlan].map((base) => (of(name, key) / of(base ?? "", key)).toFixed(2));
    table.push([
      name,
      of(name, "tcpGbits").toFixed(2),
      ...ratios("tcpGbits"),
      of(name, "kiloFrames").toFixed(0),
      ...ratios("kiloFrames"),
    ]);
  }
  return table.toString();
}
