import { counted } from "../bytes/counted.ts";
import { formatPlan, formatStep } from "../config/plan.ts";
import type { Bridges } from "./bridges.ts";
import type { Circuits } from "./circuits.ts";
import type { HttpListeners } from "./http-listeners.ts";
import type { Log } from "./log.ts";
import { applySteps, type ReloadPlan } from "./reload.ts";
import type { ReloadReport } from "./status.ts";
import type { TunnelPathMtus } from "./tunnel-path-mtus.ts";
import type { Tunnels } from "./tunnels.ts";

/** Lines of the log for steps, and for problems; what is more is counted. */
const MOST_LINES = 100;

/** What a reload changes. */
export interface ReloadSubjects {
  readonly log: Log;
  readonly bridges: Bridges;
  readonly circuits: Circuits;
  readonly pathMtus: TunnelPathMtus;
  readonly http: HttpListeners;
  /** The configuration of the plan is the daemon's from here on. */
  begin(): void;
  /** The tunnels now: `replaceAll` makes them anew. */
  tunnels(): Tunnels;
  /** Closes all tunnels and opens those of the plan's configuration. */
  replaceAll(): Promise<void>;
}

/** Takes the steps of a plan, and says in the log what they are; resolves to what came of it. */
export async function applyReload(change: ReloadPlan, subjects: ReloadSubjects): Promise<ReloadReport> {
  const { log, bridges, circuits, pathMtus, http } = subjects;
  const { steps, config } = change;
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
  pathMtus.rename(steps);
  subjects.begin();
  await bridges.configure(config);
  await circuits.configure(config);
  const isAll = steps.some(({ kind, action }) => kind === "lcce" && action === "replace");
  if (isAll) await subjects.replaceAll();
  else await applySteps(steps, config, subjects.tunnels());
  const tunnels = subjects.tunnels();
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
  return { changed, plan, problems, refused: false };
}

/** Says in the log what is wrong with a file, or was left by a reload; of thousands the first ones. */
export function tellProblems(log: Log, problems: readonly string[], prefix: string): void {
  for (const problem of problems.slice(0, MOST_LINES))
    log.error({ event: "reload-problem", problem }, `${prefix}${problem}`);
  const more = problems.length - MOST_LINES;
  if (more > 0) log.error({ event: "reload-problem", more }, `${prefix}${counted(more, "more problem")}`);
}
