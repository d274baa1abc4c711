import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import Table from "cli-table3";
import { statusOf } from "../../src/lab/daemons.ts";
import type { Print } from "../../src/lab/inside.ts";
import { socketOf } from "../../src/lab/nodes.ts";
import { machineFacts } from "./machine.ts";
import { addCircuits, type ManySessions, notUp, startMany } from "./many-sessions.ts";
import { type OutputFiles, writeText } from "./output.ts";
import { end, untilUp } from "./processes.ts";
import { median } from "./results.ts";
import { machineText, markdownTable } from "./tables.ts";
import { buildTestBed, SIDES } from "./test-bed.ts";
import type { Plane } from "./wirespan-variant.ts";

/** What reading the metrics of many sessions each second costs a daemon, and whether HELLOs suffer. */

export interface ScrapeBenchOptions extends OutputFiles {
  /** How many sessions to measure with. */
  readonly counts: readonly number[];
  readonly planes: readonly Plane[];
  /** How long metrics are read, and how long they are not, in seconds. */
  readonly seconds: number;
}

const UP_MS = 300_000;
const PAUSE_MS = 1000;

interface Found {
  readonly plane: Plane;
  readonly sessions: number;
  readonly kilobytes: number;
  /** From the request to the last octet of the answer; the median. */
  readonly answerMs: number;
  /** Delay of the daemon's event loop, as it measures it itself, without and with readings. */
  readonly idleP99Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
  /** Processor time of the daemon's main thread without and with readings, in parts of a processor. */
  readonly idleShare: number;
  readonly share: number;
  /** HELLOs and other control messages that had to be sent again meanwhile, at both ends. */
  readonly retransmitted: number;
  readonly failure?: string;
}

const HEAD = [
  "plane",
  "sessions",
  "text, KB",
  "answer, ms",
  "event loop p99 without, ms",
  "p99, ms",
  "most, ms",
  "processor without, %",
  "processor, %",
  "sent again",
];

/** Measures with growing numbers of sessions. Resolves to an exit code. */
export async function benchScrapes(options: ScrapeBenchOptions, print: Print): Promise<number> {
  const { counts, planes, seconds } = options;
  await buildTestBed();
  await addCircuits(Math.max(...counts));
  const found: Found[] = [];
  for (const sessions of counts)
    for (const plane of planes) {
      found.push(await measureOne({ sessions, plane, control: "negotiated", helloSeconds: 1 }, seconds));
      print(JSON.stringify(found.at(-1)));
    }
  const rows = found.map(rowOf);
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  table.push(...rows);
  print(table.toString());
  const machine = machineFacts();
  const text = `${machineText(machine)}\n\n${markdownTable(HEAD, rows)}`;
  writeText({ machine, found }, text, "scrapes", options);
  return found.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

function rowOf(one: Found): string[] {
  if (one.failure !== undefined) return [one.plane, String(one.sessions), "not all came up", ..."-------"];
  const times = [one.answerMs, one.idleP99Ms, one.p99Ms, one.mostMs].map((ms) => ms.toFixed(1));
  const shares = [one.idleShare, one.share].map((share) => (100 * share).toFixed(1));
  const head = [one.plane, String(one.sessions), one.kilobytes.toFixed(0)];
  return [...head, ...times, ...shares, String(one.retransmitted)];
}

async function measureOne(many: ManySessions, seconds: number): Promise<Found> {
  const { plane, sessions } = many;
  const daemons = startMany(many);
  try {
    if (!(await untilUp(daemons, () => areUp(sessions), UP_MS))) throw notUp(many);
    const pid = (await statusOf("a"))?.pid ?? 0;
    // The first reading makes what later ones keep, and begins the measurement of the event loop.
    await read();
    await pause(PAUSE_MS);
    await read();
    const idleBefore = mainThreadMs(pid);
    await pause(1000 * seconds);
    const idleShare = (mainThreadMs(pid) - idleBefore) / (1000 * seconds);
    const idle = await read();
    const again = await retransmissions();
    const beganMs = performance.now();
    const before = mainThreadMs(pid);
    const texts: Reading[] = [];
    for (let left = seconds; left > 0; left -= 1) {
      texts.push(await read());
      await pause(Math.max(0, PAUSE_MS - (texts.at(-1)?.tookMs ?? 0)));
    }
    const share = (mainThreadMs(pid) - before) / (performance.now() - beganMs);
    const lag = (name: string) =>
      texts.slice(1).map(({ text }) => 1000 * metricIn(text, `nodejs_eventloop_lag_${name}_seconds`));
    return {
      ...{ plane, sessions, idleShare, share },
      kilobytes: (texts.at(-1)?.text.length ?? 0) / 1000,
      answerMs: median(texts.map(({ tookMs }) => tookMs)),
      idleP99Ms: 1000 * metricIn(idle.text, "nodejs_eventloop_lag_p99_seconds"),
      p99Ms: median(lag("p99")),
      mostMs: Math.max(...lag("max")),
      retransmitted: (await retransmissions()) - again,
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const nothing = { kilobytes: 0, answerMs: 0, idleP99Ms: 0, p99Ms: 0, mostMs: 0, retransmitted: 0 };
    return { plane, sessions, ...nothing, idleShare: 0, share: 0, failure: error.message };
  } finally {
    await end(daemons);
  }
}

async function areUp(sessions: number): Promise<boolean> {
  const reports = await Promise.all(SIDES.map((side) => statusOf(side)));
  return reports.every(
    (report) => report?.pseudowires.filter(({ state }) => state === "established").length === sessions,
  );
}

interface Reading {
  readonly text: string;
  readonly tookMs: number;
}

/** Reads the metrics of the daemon of a. */
function read(): Promise<Reading> {
  const beganMs = performance.now();
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socketOf("a"), path: "/metrics", agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () =>
        resolve({ text: Buffer.concat(pieces).toString(), tookMs: performance.now() - beganMs }),
      );
    });
    call.on("error", reject);
    call.end();
  });
}

function metricIn(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
}

async function retransmissions(): Promise<number> {
  const reports = await Promise.all(SIDES.map((side) => statusOf(side)));
  return reports
    .flatMap((report) => report?.controlConnections ?? [])
    .reduce((sum, { retransmitted }) => sum + retransmitted, 0);
}

/** User and system time of the main thread of a process: fields 14 and 15 of proc_pid_stat(5), in 10 ms. */
function mainThreadMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
