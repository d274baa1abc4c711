import Table from "cli-table3";
import { run } from "../../src/lab/command.ts";
import { statusOf } from "../../src/lab/daemons.ts";
import type { Print } from "../../src/lab/inside.ts";
import { inNode } from "../../src/lab/nodes.ts";
import { machineFacts } from "./machine.ts";
import {
  addCircuits,
  type ManySessions,
  mapMegabytesOf,
  notUp,
  residentMegabytes,
  startMany,
} from "./many-sessions.ts";
import { type OutputFiles, writeText } from "./output.ts";
import { end, untilUp } from "./processes.ts";
import { median } from "./results.ts";
import { machineText, markdownTable } from "./tables.ts";
import { buildTestBed, siteAddress } from "./test-bed.ts";
import { send } from "./traffic.ts";
import type { Plane } from "./wirespan-variant.ts";

export interface LookupBenchOptions extends OutputFiles {
  /** How many sessions a plane holds. */
  readonly counts: readonly number[];
  readonly planes: readonly Plane[];
  readonly seconds: number;
  readonly repetitions: number;
}

/** Time for a daemon to come up, and for each session. */
const UP_MS = 60_000;
const SESSION_UP_MS = 2;

interface Found {
  readonly plane: Plane;
  readonly sessions: number;
  /** Thousands of 60-octet frames a second, of floods over one of the sessions. */
  readonly kiloFrames: readonly number[];
  /** Resident memory of one daemon. */
  readonly daemonMegabytes: number;
  /** Memory of its BPF maps in the kernel. */
  readonly mapMegabytes: number;
  /** Why there are no figures. */
  readonly failure?: string;
}

const HEAD = [
  "plane",
  "sessions",
  "60-octet frames of a flood, thousand/s",
  "memory of a daemon, MB",
  "of its maps in the kernel, MB",
];

/**
 * Measures what the number of sessions of a plane costs the frames of one: all are static, and one carries
 * traffic. Resolves to an exit code.
 */
export async function benchLookup(options: LookupBenchOptions, print: Print): Promise<number> {
  const { counts, planes } = options;
  await buildTestBed();
  await addCircuits(Math.max(...counts));
  const found: Found[] = [];
  for (const sessions of counts) {
    for (const plane of planes) {
      found.push(await measureOne({ sessions, plane, control: "static" }, options));
      print(JSON.stringify(found.at(-1)));
    }
  }
  const rows = found.map(rowOf);
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  table.push(...rows);
  print(table.toString());
  const machine = machineFacts();
  const text = `${machineText(machine)}\n\n${markdownTable(HEAD, rows)}`;
  writeText({ machine, found }, text, "lookup", options);
  return found.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

function rowOf({ plane, sessions, kiloFrames, daemonMegabytes, mapMegabytes, failure }: Found): string[] {
  const begin = [plane, String(sessions)];
  if (failure !== undefined) return [...begin, "none came up", "-", "-"];
  const digits = (value: number) => value.toFixed(0);
  const [least, greatest] = [Math.min(...kiloFrames), Math.max(...kiloFrames)].map(digits);
  const speed = `${digits(median(kiloFrames))} (${least} to ${greatest})`;
  return [...begin, speed, digits(daemonMegabytes), digits(mapMegabytes)];
}

async function measureOne(many: ManySessions, { seconds, repetitions }: LookupBenchOptions): Promise<Found> {
  const { plane, sessions } = many;
  const daemons = startMany(many);
  try {
    if (!(await untilUp(daemons, pingAnswers, UP_MS + sessions * SESSION_UP_MS))) throw notUp(many);
    const report = await statusOf("a");
    const up = report?.pseudowires.filter(({ state }) => state === "established").length;
    if (up !== sessions) throw new Error(`measure ${sessions} sessions by ${plane}: ${up} are up`);
    const pid = report?.pid ?? 0;
    const daemonMegabytes = residentMegabytes(pid);
    const mapMegabytes = mapMegabytesOf(pid);
    const kiloFrames: number[] = [];
    while (kiloFrames.length < repetitions)
      kiloFrames.push((await send(seconds, 60)).arrived / seconds / 1000);
    return { plane, sessions, kiloFrames, daemonMegabytes, mapMegabytes };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return {
      plane,
      sessions,
      kiloFrames: [],
      daemonMegabytes: 0,
      mapMegabytes: 0,
      failure: error.message,
    };
  } finally {
    await end(daemons);
  }
}

/** Whether the other site answers a ping: cheap even where a status would be megabytes. */
async function pingAnswers(): Promise<boolean> {
  const command = inNode("site-a", "ping", "-q", "-c1", "-W1", siteAddress.b);
  return (await run(command, { accept: [0, 1, 2] })).status === 0;
}
