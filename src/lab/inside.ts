import { readFileSync } from "node:fs";
import type { StatusReport } from "../daemon/status.ts";
import { Capture } from "./capture.ts";
import { makeCheck } from "./checks.ts";
import { Daemons, isSiteUp, logOf, statusOf } from "./daemons.ts";
import { Network } from "./network.ts";
import { hostsOf, readTopology, type Topology } from "./topology.ts";
import { until } from "./until.ts";

/** The part of a lab that runs inside its own namespaces; lab.ts starts it there. */

export type Print = (line: string) => void;

/** Makes the text of a daemon's status. */
export type StatusText = (report: StatusReport) => string;

/**
 * Longest wait for all sessions: a start takes one to two seconds, on an emulated processor eleven, more on a
 * busy machine.
 */
const ESTABLISH_MS = 180_000;

export interface LabOptions {
  /** Plane of all daemons, instead of what the topology says: "auto", "userspace" or "ebpf". */
  readonly plane?: string | undefined;
}

export interface TestOptions extends LabOptions {
  /** Path of a capture file of the WAN. */
  readonly capture?: string | undefined;
}

/** Builds a topology, checks that it works, and takes it down; resolves to an exit code. */
export async function testInside(
  name: string,
  print: Print,
  statusText: StatusText,
  { capture, plane }: TestOptions,
): Promise<number> {
  const topology = readTopology(name);
  print(drawing(topology));
  await using _network = await Network.build(topology);
  await using _capture = capture === undefined ? undefined : await Capture.start(capture);
  const beganMs = performance.now();
  await using daemons = Daemons.start(topology, plane);
  return await checkInside(topology, print, statusText, { daemons, beganMs });
}

/** Checks that a topology works whose daemons run or were just started; resolves to an exit code. */
export async function checkInside(
  topology: Topology,
  print: Print,
  statusText: StatusText,
  started?: { readonly daemons: Daemons; readonly beganMs: number },
): Promise<number> {
  let failures = 0;
  const printResult = (passed: boolean, text: string): void => {
    if (!passed) failures += 1;
    print(`  ${passed ? "ok  " : "FAIL"}  ${text}`);
  };
  const up = await allUp(topology, started?.daemons);
  const took =
    started === undefined ? "" : `, ${Math.round(performance.now() - started.beganMs)} ms after their start`;
  printResult(up, `${Object.keys(topology.sites).length} daemons established all their sessions${took}`);
  for (const check of topology.checks) {
    for (const { passed, text } of await makeCheck(check, topology)) printResult(passed, text);
  }
  for (const site of Object.keys(topology.sites)) {
    const report = await statusOf(site);
    const text = report === undefined ? readFileSync(logOf(site), "utf8") : statusText(report);
    print(`\nwirespan status at ${site}:\n${text}`);
  }
  print(
    failures === 0 ? "\nThe sites are one network: every check passed." : `\n${failures} check(s) FAILED.`,
  );
  return failures === 0 ? 0 : 1;
}

/**
 * Builds a topology and keeps it until SIGTERM; `ready` is called once all sessions are up, or with the
 * reason why not.
 */
export async function holdInside(
  name: string,
  { plane }: LabOptions,
  ready: (problem?: string) => void,
): Promise<number> {
  const topology = readTopology(name);
  const ended = new Promise<void>((resolve) => {
    process.on("SIGTERM", () => resolve());
    process.on("SIGINT", () => resolve());
  });
  await using _network = await Network.build(topology);
  await using daemons = Daemons.start(topology, plane);
  ready((await allUp(topology, daemons)) ? undefined : "not every session came up; see: wirespan lab exec");
  await ended;
  return 0;
}

/** Waits for every session of every site, but not after one of our daemons has ended. */
async function allUp(topology: Topology, daemons?: Daemons): Promise<boolean> {
  const someEnded = (): boolean => daemons?.someEnded === true;
  const upOrEnded = async (): Promise<boolean> => {
    if (someEnded()) return true;
    const up = await Promise.all(Object.keys(topology.sites).map(isSiteUp));
    return up.every((isUp) => isUp);
  };
  return (await until(upOrEnded, ESTABLISH_MS)) && !someEnded();
}

/** The topology as lines of text. */
export function drawing(topology: Topology): string {
  const { wan, sites, title, name } = topology;
  const lines = Object.entries(sites).map(([site, { address }]) => {
    const hosts = hostsOf(topology)
      .filter((host) => host.site === site)
      .map((host) => `${host.name} ${host.address}${host.vlan === 0 ? "" : ` vlan ${host.vlan}`}`);
    const column = hosts.map((host) => `    ${host}`).join("\n");
    return `${column}\n      '-- [switch-${site}] --trunk-- [lcce-${site}: wirespan] ${address} --.`;
  });
  const wanLine = `${" ".repeat(30)}[wan, MTU ${wan.mtu}] connects them all`;
  return `Topology ${name}: ${title}\n\n${lines.join("\n\n")}\n\n${wanLine}\n`;
}
