import Table from "cli-table3";
import { statusOf } from "../../src/lab/daemons.ts";
import type { Print } from "../../src/lab/inside.ts";
import { machineFacts } from "./machine.ts";
import { addCircuits, type ManySessions, notUp, residentMegabytes, startMany } from "./many-sessions.ts";
import { type OutputFiles, writeText } from "./output.ts";
import { end, untilUp } from "./processes.ts";
import { machineText, markdownTable } from "./tables.ts";
import { buildTestBed, SIDES, type Side } from "./test-bed.ts";
import { send } from "./traffic.ts";
import { checkPlane, type Plane } from "./wirespan-variant.ts";

export interface SessionBenchOptions extends OutputFiles {
  /** How many sessions to measure with. */
  readonly counts: readonly number[];
  readonly planes: readonly Plane[];
  readonly seconds: number;
}

const UP_MS = 300_000;

interface Found {
  readonly plane: Plane;
  readonly sessions: number;
  /** From the start of both daemons to the last session established. */
  readonly setUpMs: number;
  /** Resident memory of one daemon. */
  readonly megabytes: number;
  /** Thousands of 60-octet frames a second, of a flood over one of the sessions. */
  readonly kiloFrames: number;
  /** Why there are no figures. */
  readonly failure?: string;
}

const HEAD = [
  "plane",
  "sessions",
  "set up, ms",
  "memory of a daemon, MB",
  "60-octet frames of a flood, thousand/s",
];

/**
 * Measures set-up and memory with growing numbers of sessions over one control connection. Resolves to an
 * exit code.
 */
export async function benchSessions(options: SessionBenchOptions, print: Print): Promise<number> {
  const { counts, planes, seconds } = options;
  await buildTestBed();
  await addCircuits(Math.max(...counts));
  const found: Found[] = [];
  for (const sessions of counts) {
    for (const plane of planes) {
      found.push(await measureOne({ sessions, plane, control: "negotiated" }, seconds));
      print(JSON.stringify(found.at(-1)));
    }
  }
  const rows = found.map(({ plane, sessions, setUpMs, megabytes, kiloFrames, failure }) =>
    failure === undefined
      ? [plane, sessions, setUpMs, megabytes, kiloFrames.toFixed(0)].map(String)
      : [plane, String(sessions), "not all came up", "-", "-"],
  );
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  table.push(...rows);
  print(table.toString());
  const machine = machineFacts();
  const text = `${machineText(machine)}\n\n${markdownTable(HEAD, rows)}`;
  writeText({ machine, found }, text, "sessions", options);
  return found.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

async function measureOne(many: ManySessions, seconds: number): Promise<Found> {
  const { plane, sessions } = many;
  const beganMs = performance.now();
  const daemons = startMany(many);
  try {
    const allUp = async () => (await Promise.all(SIDES.map((side) => isUp(side, sessions)))).every(Boolean);
    if (!(await untilUp(daemons, allUp, UP_MS))) throw notUp(many);
    const setUpMs = Math.round(performance.now() - beganMs);
    await checkPlane("a", plane);
    const pid = (await statusOf("a"))?.pid ?? 0;
    const megabytes = residentMegabytes(pid);
    const { arrived } = await send(seconds, 60);
    if (arrived === 0) throw new Error(`measure ${sessions} sessions by ${plane}: no frame arrived`);
    return { plane, sessions, setUpMs, megabytes, kiloFrames: arrived / seconds / 1000 };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { plane, sessions, setUpMs: 0, megabytes: 0, kiloFrames: 0, failure: error.message };
  } finally {
    await end(daemons);
  }
}

async function isUp(side: Side, sessions: number): Promise<boolean> {
  const report = await statusOf(side);
  return report?.pseudowires.filter(({ state }) => state === "established").length === sessions;
}
