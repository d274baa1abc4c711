import { counted } from "../bytes/counted.ts";
import type { Config } from "../config/config.ts";
import { formatPlan, formatStep, replacesAll } from "../config/plan.ts";
import type { ConnectionSnapshot } from "../control/snapshot.ts";
import type { Bridges } from "./bridges.ts";
import type { Circuits } from "./circuits.ts";
import type { Locations } from "./configuration-file.ts";
import { frameLossLines, nextStartLines } from "./frame-loss.ts";
import type { HttpListeners } from "./http-listeners.ts";
import type { Log } from "./log.ts";
import { applySteps, planReload, type ReloadPlan } from "./reload.ts";
import type { ReloadReport } from "./status.ts";
import type { TunnelPathMtus } from "./tunnel-path-mtus.ts";
import type { KeptSecrets, ReadSecret, SecretsInUse } from "./tunnel-secrets.ts";
import type { Tunnels } from "./tunnels.ts";

/** Lines of the log for steps, and for problems; what is more is counted. */
const MOST_LINES = 100;

/** What a reload starts from, and what it changes. */
export interface Reloading {
  readonly config: Config;
  /** That of the start. */
  readonly startedConfig: Config;
  readonly locations: Locations;
  readonly secrets: KeptSecrets;
  readonly log: Log;
  readonly bridges: Bridges;
  readonly circuits: Circuits;
  readonly pathMtus: TunnelPathMtus;
  readonly http: HttpListeners;
  /** The control connections as they are. */
  connections(): readonly ConnectionSnapshot[];
  /** The configuration of the plan is the daemon's from here on. */
  begin(config: Config, locations: Locations): void;
  /** All steps were taken. */
  done(): void;
  /** The tunnels now: `replaceAll` makes them anew. */
  tunnels(): Tunnels;
  /** Closes all tunnels and opens those of the plan's configuration. */
  replaceAll(config: Config): Promise<void>;
}

/** A configuration that a daemon runs, or is to run. */
export interface RunningConfiguration {
  readonly config: Config;
  readonly locations: Locations;
  /** The secrets that it had; those of tunnels that are not here are read. */
  readonly secrets: SecretsInUse;
}

/** A daemon as reloads see it. */
export interface Reloadable {
  /** What it runs, to come back to. */
  running(): RunningConfiguration;
  /** What a reload would do; nothing is changed. */
  plan(wanted: Config): ReloadPlan;
  /**
   * Takes over what differs; a running tunnel whose secret cannot be read is left as it is, and one that
   * cannot be opened waits. Resolves to the plan, and to what waits or was left.
   */
  reload(wanted: RunningConfiguration): Promise<ReloadReport>;
}

/** A daemon's reloads; `now` gives what there is at the moment. */
export function reloadableOf(now: () => Reloading): Reloadable {
  const planBy = (wanted: Config, read: ReadSecret): ReloadPlan => {
    const reloading = now();
    const connections = new Map(reloading.connections().map((one) => [one.peer, one]));
    return planReload(reloading.config, wanted, reloading.tunnels(), {
      read,
      started: reloading.startedConfig,
      known: (tunnel) => connections.get(tunnel),
    });
  };
  return {
    running: () => {
      const { config, locations, tunnels } = now();
      const secrets = config.tunnels.flatMap(({ name }) => {
        const inUse = tunnels().secrets(name);
        return inUse === undefined ? [] : [[name, inUse] as const];
      });
      return { config, locations, secrets: new Map(secrets) };
    },
    plan: (wanted) => planBy(wanted, (...of) => now().secrets.readAnew(...of)),
    reload: async ({ config, locations, secrets }) => {
      const reloading = now();
      reloading.secrets.keep(config.tunnels, secrets);
      const plan = planBy(config, (...of) => reloading.secrets.read(...of));
      const report = await applyReload(plan, locations, reloading);
      reloading.done();
      return report;
    },
  };
}

/** Takes the steps of a plan, and says in the log what they are; resolves to what came of it. */
async function applyReload(
  change: ReloadPlan,
  locations: Locations,
  reloading: Reloading,
): Promise<ReloadReport> {
  const { log, bridges, circuits, pathMtus, http } = reloading;
  const { steps, config, frameLoss } = change;
  log.info(
    { event: "reload", steps: steps.length },
    `reloading the configuration: ${counted(steps.length, "step")}`,
  );
  for (const step of steps.slice(0, MOST_LINES)) {
    const text = [formatStep(step), ...step.reasons].join("; ");
    log.info({ event: "reload-step", step: text }, `reload: ${text}`);
  }
  const more = steps.length - MOST_LINES;
  if (more > 0) log.info({ event: "reload", more }, `reload: ${counted(more, "more step")}`);
  for (const line of frameLossLines(frameLoss).slice(0, MOST_LINES))
    log.info({ event: "reload-loss", detail: line }, `reload: frames are lost of ${line}`);
  pathMtus.rename(steps);
  reloading.begin(config, locations);
  await bridges.configure(config);
  await circuits.configure(config);
  if (replacesAll(steps)) await reloading.replaceAll(config);
  else await applySteps(steps, config, reloading.tunnels());
  const tunnels = reloading.tunnels();
  // The operator may have mended what tunnels were waiting for.
  const opened = [...(await tunnels.openWaiting()), ...(await http.configure(config.http))];
  await circuits.closeUnused();
  circuits.retryNow();
  await circuits.settle();
  await bridges.settle();
  log.level = config.log.level;
  const problems = [
    ...change.problems,
    ...tunnels.problems,
    ...bridges.told,
    ...circuits.problems,
    ...http.problems,
  ];
  tellProblems(log, problems, "");
  for (const line of opened.slice(0, MOST_LINES))
    log.info({ event: "reload-step", step: line }, `reload: ${line}`);
  const lines = steps.length > 0 || opened.length === 0 ? [formatPlan(steps), ...opened] : opened;
  const plan = [...lines, ...tunnels.awaited].join("\n");
  const changed = steps.length + opened.length > 0;
  const rest = problems.length === 0 ? "" : `; ${counted(problems.length, "problem")} left`;
  const fields = { event: "reloaded" as const, changed, steps: steps.length, waiting: problems.length };
  log.info(fields, `reloaded${changed ? "" : ": nothing differs"}${rest}`);
  return { changed, plan, problems, refused: false, ...detailsOf(change) };
}

/** What a plan says to programs. */
function detailsOf({
  steps,
  frameLoss,
}: ReloadPlan): Pick<ReloadReport, "steps" | "frameLoss" | "nextStart"> {
  return { steps, frameLoss, nextStart: nextStartLines(steps) };
}

/** What a reload would do, as it would report it. */
export function dryRunReport(change: ReloadPlan, notes: readonly string[]): ReloadReport {
  const { steps, problems, frameLoss } = change;
  const nextStart = nextStartLines(steps);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [title, ...lines.map((line) => `    ${line}`)];
  const losses = frameLossLines(frameLoss);
  const plan = [
    formatPlan(steps),
    ...section("frames are lost of", losses),
    ...(steps.length > 0 && losses.length === 0 ? ["no frame is lost"] : []),
    ...section("at the next start of the daemon", nextStart),
    "nothing was changed: this was a dry run",
  ].join("\n");
  return {
    ...{ changed: false, refused: false, dryRun: true, plan },
    ...{ problems: [...problems, ...notes], ...detailsOf(change) },
  };
}

/** Says in the log what is wrong with a file, or was left by a reload; of thousands the first ones. */
export function tellProblems(log: Log, problems: readonly string[], prefix: string): void {
  for (const problem of problems.slice(0, MOST_LINES))
    log.error({ event: "reload-problem", problem }, `${prefix}${problem}`);
  const more = problems.length - MOST_LINES;
  if (more > 0) log.error({ event: "reload-problem", more }, `${prefix}${counted(more, "more problem")}`);
}
