import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import type { StatusReport } from "../daemon/status.ts";
import { version } from "../daemon/version.ts";
import type { CheckContext, FailureControl } from "./checks/context.ts";
import { countersOf } from "./checks/counters.ts";
import { Progress } from "./checks/progress.ts";
import { type CheckResult, totalText } from "./checks/result.ts";
import { resultText } from "./checks/result-text.ts";
import { type CheckListener, chosenChecks, runChecks } from "./checks/run-checks.ts";
import { sessionsResult } from "./checks/sessions.ts";
import { type LabLcce, type Topology, wirespansOf } from "./format/topology.ts";
import { logOf } from "./nodes.ts";
import { reportData, type Statuses, statusesOf } from "./report/collect.ts";
import { reportHtml } from "./report/html.ts";
import { junitXml } from "./report/junit.ts";
import type { TestDocument } from "./report/test-document.ts";
import type { ResultOptions } from "./result-options.ts";
import type { SessionsResult } from "./sessions.ts";
import type { LinkStateReport } from "./supervisor/api.ts";
import { TestCaptures } from "./test-captures.ts";
import { topologyArgument } from "./topology-files.ts";

/** A lab whose checks are made. */
export interface TestedLab {
  readonly topology: Topology;
  readonly failures: FailureControl;
  /** Captures that run since before the daemons were started; undefined: they start with the checks. */
  readonly captures: TestCaptures | undefined;
  /** Waits until every session is up. */
  sessionsUp(): Promise<SessionsResult>;
  /** The links that are not perfect. */
  readonly links: () => Promise<readonly LinkStateReport[]>;
}

/** What a test writes to. */
export interface TestOutput {
  print(line: string): void;
  statusText(report: StatusReport): string;
}

/** Makes the checks of a lab that stands; resolves to an exit code. Rejects for bugs of ours alone. */
export async function testTopology(
  lab: TestedLab,
  { print, statusText }: TestOutput,
  options: ResultOptions,
): Promise<number> {
  const { topology } = lab;
  const chosen = chosenChecks(topology.checks, options.only);
  const isText = options.json !== true;
  await using own = lab.captures === undefined ? await TestCaptures.start(topology, options) : undefined;
  const listener = listenerOf((result) => {
    if (isText) print(resultText(result));
  });
  const [began, startMs] = [new Date(), performance.now()];
  const sessions = await sessionsResult(lab, listener);
  const before = await statusesOf(topology);
  const context = contextOf(lab, before, sessions.passed);
  const results = [sessions, ...(await runChecks(chosen, context, listener))];
  const durationMs = Math.round(performance.now() - startMs);
  const after = await statusesOf(topology);
  const document = documentOf(topology, after, { began, durationMs, results });
  const captures = lab.captures ?? own;
  await captures?.end();
  if (options.junit !== undefined) writeFileSync(options.junit, junitXml(document));
  if (options.report !== undefined && captures !== undefined) {
    const state = { topology, before, after, captures, links: await lab.links() };
    writeFileSync(options.report, reportHtml(await reportData(document, state)));
  }
  if (isText) {
    const isTold = options.verbose === true || !document.passed;
    for (const lcce of isTold ? wirespansOf(topology) : []) print(statusLines(lcce, after, statusText));
    print(`\n${totalText(results)}`);
  } else print(JSON.stringify(document, undefined, 2));
  return document.passed ? 0 : 1;
}

function listenerOf(told: (result: CheckResult) => void): CheckListener {
  const progress = new Progress(process.stderr.isTTY ? (text) => process.stderr.write(text) : undefined);
  return {
    began: (_, title) => progress.began(title),
    ended: (result) => {
      progress.ended();
      told(result);
    },
  };
}

function contextOf(
  { topology, failures, links }: TestedLab,
  before: Statuses,
  hasSessions: boolean,
): CheckContext {
  const countersBefore = new Map([...before].map(([site, report]) => [site, countersOf(report)]));
  return { topology, failures, links, hasSessions, countersBefore };
}

function statusLines({ site }: LabLcce, after: Statuses, statusText: TestOutput["statusText"]): string {
  const report = after.get(site);
  const text = report === undefined ? readFileSync(logOf(site), "utf8") : statusText(report);
  return `\nwirespan status at ${site}:\n${text}`;
}

function documentOf(
  topology: Topology,
  statuses: Statuses,
  run: { readonly began: Date; readonly durationMs: number; readonly results: readonly CheckResult[] },
): TestDocument {
  const planes = wirespansOf(topology).flatMap(({ name, site }) => {
    const report = statuses.get(site);
    return report === undefined ? [] : [[name, report.plane] as const];
  });
  return {
    topology: {
      name: topology.name,
      title: topology.title,
      file: topology.file,
      argument: topologyArgument(topology.file),
    },
    versions: { wirespan: version, node: process.version, kernel: release() },
    planes: Object.fromEntries(planes),
    began: run.began.toISOString(),
    durationMs: run.durationMs,
    passed: run.results.every(({ passed }) => passed),
    results: run.results,
  };
}
