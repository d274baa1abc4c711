import { setTimeout as pause } from "node:timers/promises";
import { plainAddresses } from "../bytes/subnets.ts";
import { notUpIn } from "../daemon/not-up.ts";
import { isWanted, type StatusReport } from "../daemon/status.ts";
import { millisecondsOf } from "./checks/quantities.ts";
import { isSiteUp, statusOf } from "./daemons.ts";
import { type LabLcce, type LabNode, nodesOf, type Topology, wirespansOf } from "./format/topology.ts";
import { lastProblem } from "./log-text.ts";
import { logOf } from "./nodes.ts";
import type { Programs } from "./programs/programs.ts";

/** Waiting until all sessions of a lab are up, and why they are not. */

const PAUSE_MS = 50;

/** Seconds without anything that comes up, after which sessions are not waited for any longer. */
const QUIET_SECONDS = 20;

/** How long sessions of a lab are waited for while nothing comes up; `timeout`: seconds of an option. */
export function quietMsOf({ sessionsWithin }: Pick<Topology, "sessionsWithin">, timeout?: number): number {
  if (timeout !== undefined) return timeout * 1000;
  return sessionsWithin === undefined ? QUIET_SECONDS * 1000 : millisecondsOf(sessionsWithin);
}

/** How to wait. */
export interface SessionsWait {
  /** Programs that this process started; undefined in a lab that has been up. */
  readonly programs?: Programs | undefined;
  /** Waiting ends after so long without anything having come up. */
  readonly quietMs: number;
  /** Called with what is up whenever that changes. */
  readonly told?: (text: string) => void;
}

/** What the waiting came to. */
export interface SessionsResult {
  readonly isUp: boolean;
  /** What is not up, and why, a line for each. */
  readonly problems: readonly string[];
}

type Reports = readonly (readonly [LabLcce, StatusReport | undefined])[];

/**
 * Waits for every session of every Wirespan that is started, but those with what is not; not after one of our
 * programs has failed, nor, in a lab that has been up, for a daemon that does not answer.
 */
export async function untilSessionsUp(topology: Topology, wait: SessionsWait): Promise<SessionsResult> {
  const { programs, quietMs, told } = wait;
  const started = programs === undefined ? await answeringOf(topology) : [];
  const isByHand = ({ name, start }: LabNode): boolean =>
    programs?.isByHand(name) ?? (start === "manual" && !started.includes(name));
  const lcces = wirespansOf(topology).filter((lcce) => !isByHand(lcce));
  const off = addressesOff(topology, isByHand);
  let most = -1;
  let text = "";
  let sinceMs = performance.now();
  for (;;) {
    const reports = await reportsOf(lcces, off);
    const isUp = reports.every(([, report]) => report !== undefined && isSiteUp(report));
    if (isUp) return { isUp, problems: [] };
    const mute = programs === undefined && reports.some(([, report]) => report === undefined);
    const count = countOf(reports);
    if (count > most) [most, sinceMs] = [count, performance.now()];
    const isOver = performance.now() - sinceMs > quietMs;
    if (mute || isOver || programs?.someFailed === true)
      return { isUp, problems: problemsOf(reports, programs) };
    const now = progressText(reports);
    if (now !== text) told?.(now);
    text = now;
    await pause(PAUSE_MS);
  }
}

/** The LCCEs whose daemons answer. */
async function answeringOf(topology: Topology): Promise<readonly string[]> {
  const reports = await reportsOf(wirespansOf(topology), new Set());
  return reports.flatMap(([{ name }, report]) => (report === undefined ? [] : [name]));
}

/** What daemons say, without tunnels to what is not started. */
async function reportsOf(lcces: readonly LabLcce[], off: ReadonlySet<string>): Promise<Reports> {
  return Promise.all(
    lcces.map(async (lcce) => {
      const report = await statusOf(lcce.site);
      return [lcce, report && withoutPeers(report, off)] as const;
    }),
  );
}

function withoutPeers(report: StatusReport, off: ReadonlySet<string>): StatusReport {
  const controlConnections = report.controlConnections.filter(({ remote }) => !off.has(hostOf(remote)));
  const tunnels = new Set(controlConnections.map(({ tunnel }) => tunnel));
  const pseudowires = report.pseudowires.filter(({ tunnel }) => tunnels.has(tunnel));
  return { ...report, controlConnections, pseudowires };
}

/** An address without its port. */
function hostOf(address: string): string {
  return /^\[(.*)\]/.exec(address)?.[1] ?? address.replace(/^([^:]*):\d+$/, "$1");
}

/** The addresses of nodes that are started by hand. */
function addressesOff(topology: Topology, isByHand: (node: LabNode) => boolean): ReadonlySet<string> {
  const ports = nodesOf(topology)
    .filter(isByHand)
    .flatMap((node) => node.ports);
  return new Set(ports.flatMap(plainAddresses));
}

/** How much has come up: whatever it is, the number grows with it. */
function countOf(reports: Reports): number {
  return reports.reduce((sum, [, report]) => {
    if (report === undefined) return sum;
    const { controlConnections, pseudowires } = report;
    const established = [...controlConnections, ...pseudowires].filter(
      ({ state }) => state === "established",
    );
    const up = [...controlConnections, ...pseudowires].filter(({ whyNot }) => whyNot === undefined);
    return sum + 1 + established.length + up.length;
  }, 0);
}

function progressText(reports: Reports): string {
  const answering = reports.filter(([, report]) => report !== undefined).length;
  const pseudowires = reports.flatMap(([, report]) => report?.pseudowires ?? []).filter(isWanted);
  const up = pseudowires.filter(({ state, whyNot }) => state === "established" && whyNot === undefined);
  const daemons = `${answering} of ${reports.length} daemons answer`;
  return `${daemons}, ${up.length} of ${pseudowires.length} pseudowires are up`;
}

function problemsOf(reports: Reports, programs: Programs | undefined): readonly string[] {
  const ofPrograms = (programs?.all ?? [])
    .filter(({ hasFailed }) => hasFailed)
    .map(({ node, name, ending, log }) => `${node}: ${name}: ${ending}; its log says: ${lastProblem(log)}`);
  const failed = new Set((programs?.all ?? []).filter(({ hasFailed }) => hasFailed).map(({ node }) => node));
  const ofDaemons = reports
    .filter(([{ name }]) => !failed.has(name))
    .flatMap(([{ name, site }, report]) =>
      report === undefined
        ? [`${name}: its daemon does not answer; its log says: ${lastProblem(logOf(site))}`]
        : reasonsOf(report).map((reason) => `${name}: ${reason}`),
    );
  return [...ofPrograms, ...ofDaemons];
}

/** Why something of a daemon is not up. */
function reasonsOf(report: StatusReport): readonly string[] {
  const { tunnels, pseudowires } = notUpIn(report);
  return [
    ...tunnels.map(({ tunnel, whyNot }) => `tunnel ${tunnel}: ${whyNot}`),
    ...pseudowires.map(({ name, tunnel, whyNot }) => `pseudowire ${name} of tunnel ${tunnel}: ${whyNot}`),
  ];
}
