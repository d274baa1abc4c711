import { counted } from "../bytes/counted.ts";
import { durationText } from "../bytes/duration.ts";
import { messageOf, OperationalError, operationalMessage } from "../bytes/errors.ts";
import type { SourceFileText } from "../config/parse.ts";
import type { Clock } from "../environment.ts";
import { ConflictError } from "./api-errors.ts";
import { dryRunReport, type Reloadable, type RunningConfiguration, tellProblems } from "./apply-reload.ts";
import type { Log } from "./log.ts";
import type { ReloadPlan } from "./reload.ts";
import type { ReloadReport, ReloadRequest, StatusReport } from "./status.ts";
import { digestOf, type Unconfirmed } from "./unconfirmed-record.ts";

/**
 * The reloads of a daemon, and the way back from one: a configuration that is applied to be confirmed stays
 * only if somebody says in time that it shall. What it takes to go back is in memory; the files may be others
 * by then.
 */

/** A configuration as it was read from its files. */
export interface LoadedFiles extends Pick<RunningConfiguration, "config" | "locations"> {
  readonly files: readonly SourceFileText[];
  /** When, by the monotonic clock. */
  readonly readMs: number;
}

/** What reloads are made with. */
export interface ReloadsContext {
  /** The main file. */
  readonly file: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Reads the file; or all problems of it. */
  load(): LoadedFiles | { readonly problems: readonly string[] };
  /** Does a reload, and counts it. */
  counted(reload: () => Promise<ReloadReport>): Promise<ReloadReport>;
  /** What a plan would wait for on this machine, a line each. */
  waits(plan: ReloadPlan): Promise<readonly string[]>;
  /** Keeps what a daemon that starts meanwhile has to know; undefined: nothing. Throws OperationalError. */
  save(unconfirmed: Unconfirmed | undefined): void;
  /** Has `expire` called at a time of the clock, in place of the one before; undefined: not at all. */
  arm(deadlineMs: number | undefined): void;
}

/** A configuration to come back to, with the files that it was read from. */
interface Former {
  readonly running: RunningConfiguration;
  readonly loaded: LoadedFiles;
}

interface Pending {
  readonly former: Former;
  /** For how long it can be confirmed, and until when by the clock. */
  readonly withinMs: number;
  readonly deadlineMs: number;
  isReminded: boolean;
}

const CONFIRM = "wirespan reload --confirmed";
const REVERT = "wirespan reload --revert";

export class Reloads {
  readonly #context: ReloadsContext;
  /** What the daemon runs was read from these files. */
  #inForce: LoadedFiles;
  #pending: Pending | undefined;
  /** Digest of the files that were gone back from, while the daemon does not run what they say. */
  #undone: string | undefined;

  /** `undone` is there where the daemon starts with the configuration before that of its files. */
  constructor(context: ReloadsContext, inForce: LoadedFiles, undone: string | undefined) {
    this.#context = context;
    this.#inForce = inForce;
    this.#undone = undone;
  }

  /** What is in force, and whether it stays. */
  status(): NonNullable<StatusReport["configuration"]> {
    const { file, clock } = this.#context;
    const readForMs = Math.round(clock.nowMs() - this.#inForce.readMs);
    const pending = this.#pending;
    if (pending !== undefined) return { file, readForMs, revertsInMs: this.#leftMs(pending) };
    return this.#undone === undefined ? { file, readForMs } : { file, readForMs, undone: true };
  }

  /**
   * Reloads from the file; an invalid one changes nothing. Rejects with ConflictError while another one is to
   * be confirmed, which only one that is to be confirmed itself replaces; and with OperationalError.
   */
  async reload(daemon: Reloadable, { dryRun = false, confirmMs }: ReloadRequest): Promise<ReloadReport> {
    if (dryRun) return this.#dryRun(daemon);
    if (confirmMs === undefined) this.#refuseWhilePending();
    return this.#context.counted(async () => {
      const loaded = this.#context.load();
      if ("problems" in loaded) return this.#refused(loaded.problems);
      return confirmMs === undefined
        ? this.#take(daemon, loaded)
        : this.#takeUnconfirmed(daemon, loaded, confirmMs);
    });
  }

  async #dryRun(daemon: Reloadable): Promise<ReloadReport> {
    const loaded = this.#context.load();
    if ("problems" in loaded)
      return { changed: false, plan: "", problems: loaded.problems, refused: true, dryRun: true };
    const plan = daemon.plan(loaded.config);
    return dryRunReport(plan, await this.#context.waits(plan));
  }

  /**
   * A reload by a signal, which may come of a program: it confirms nothing, and does not bring back what was
   * gone back from.
   */
  async signalled(daemon: Reloadable): Promise<void> {
    const { log, file } = this.#context;
    const loaded = this.#context.load();
    if (this.#undone !== undefined && !("problems" in loaded) && digestOf(loaded.files) === this.#undone) {
      const reason =
        `SIGHUP: not reloaded: ${file} is as it was when it was not confirmed; ` +
        "to apply it all the same: wirespan reload";
      return log.warn({ event: "reload-undone", reason }, reason);
    }
    await this.reload(daemon, {});
  }

  /** The configuration stays. Throws ConflictError where none is to be confirmed. */
  confirm(): void {
    if (this.#pending === undefined) throw new ConflictError(this.#nothingPending("confirm"));
    this.#end();
    this.#save(undefined);
    this.#context.log.info({ event: "reload-confirmed" }, "the configuration is confirmed and stays");
  }

  /** Goes back at once. Rejects with ConflictError where nothing is to be confirmed. */
  async revert(daemon: Reloadable): Promise<ReloadReport> {
    if (this.#pending === undefined) throw new ConflictError(this.#nothingPending("go back from"));
    return this.#goBack(daemon, this.#pending, "as it was asked for");
  }

  /** The time asked for by `arm` has come. Resolves once everything is done that follows from it. */
  async expire(daemon: Reloadable): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { clock, log } = this.#context;
    if (clock.nowMs() >= pending.deadlineMs) {
      await this.#goBack(daemon, pending, `nobody confirmed it within ${durationText(pending.withinMs)}`);
      return;
    }
    if (!pending.isReminded) {
      pending.isReminded = true;
      const leftMs = this.#leftMs(pending);
      log.warn({ event: "reload-unconfirmed", leftMs }, `${this.#pendingText(pending)}`);
    }
    this.#context.arm(pending.deadlineMs);
  }

  /** The daemon ends: nothing more is done. Whoever starts goes back. */
  close(): void {
    this.#context.arm(undefined);
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) return;
    const reason = "the daemon ends while its configuration is not confirmed: the next start goes back";
    this.#context.log.warn({ event: "reload-undone", reason }, reason);
  }

  async #take(daemon: Reloadable, loaded: LoadedFiles): Promise<ReloadReport> {
    const report = await daemon.reload({ ...loaded, secrets: new Map() });
    this.#inForce = loaded;
    if (this.#undone !== undefined) this.#save(undefined);
    this.#undone = undefined;
    return report;
  }

  async #takeUnconfirmed(daemon: Reloadable, loaded: LoadedFiles, withinMs: number): Promise<ReloadReport> {
    const { file, save } = this.#context;
    const former = this.#pending?.former ?? { running: daemon.running(), loaded: this.#inForce };
    if (former.running.config.lcce.controlSocket !== loaded.config.lcce.controlSocket)
      return this.#refused([CONTROL_SOCKET]);
    const isSecond = this.#pending !== undefined;
    // Before anything changes: the daemon may not live to say it.
    save({ file, applied: digestOf(loaded.files), former: former.loaded.files });
    this.#context.arm(undefined);
    this.#inForce = loaded;
    this.#undone = undefined;
    let isChanged = true;
    try {
      const report = await daemon.reload({ ...loaded, secrets: new Map() });
      isChanged = report.changed || isSecond;
      return isChanged ? { ...report, confirmWithinMs: withinMs } : report;
    } finally {
      // Also if it failed halfway. The time is for what was applied.
      if (isChanged) this.#begin(former, withinMs);
      else this.#save(undefined);
    }
  }

  #begin(former: Former, withinMs: number): void {
    const nowMs = this.#context.clock.nowMs();
    const pending = { former, withinMs, deadlineMs: nowMs + withinMs, isReminded: false };
    this.#pending = pending;
    this.#context.arm(nowMs + withinMs / 2);
    this.#context.log.warn({ event: "reload-unconfirmed", leftMs: withinMs }, this.#pendingText(pending));
  }

  async #goBack(daemon: Reloadable, pending: Pending, why: string): Promise<ReloadReport> {
    const { file, log } = this.#context;
    const { running, loaded } = pending.former;
    const reason = `going back to the configuration before: ${why}`;
    log.warn({ event: "reload-undone", reason }, reason);
    const undone = digestOf(this.#inForce.files);
    this.#end();
    // The record stays: until the file is another one, a start takes the configuration before, too.
    this.#undone = undone;
    this.#inForce = loaded;
    const report = await this.#context.counted(() => daemon.reload(running));
    const rest = `the configuration before is in force; ${file} was not confirmed: change it back`;
    log.warn({ event: "reload-undone", reason: rest }, rest);
    return report;
  }

  #end(): void {
    this.#pending = undefined;
    this.#context.arm(undefined);
  }

  #refuseWhilePending(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const text =
      `not reloaded: ${this.#pendingText(pending)}; ` +
      "to try the file as it is now: wirespan reload --confirm SECONDS";
    this.#context.log.warn({ event: "reload-unconfirmed", leftMs: this.#leftMs(pending) }, text);
    throw new ConflictError(text);
  }

  #refused(problems: readonly string[]): ReloadReport {
    const { log, file } = this.#context;
    tellProblems(log, problems, "not reloaded: ");
    const text = `not reloaded: ${counted(problems.length, "problem")} in ${file}; nothing was changed`;
    log.error({ event: "reload-refused", waiting: problems.length }, text);
    return { changed: false, plan: "", problems, refused: true };
  }

  #pendingText(pending: Pending): string {
    const left = durationText(this.#leftMs(pending));
    return (
      `the configuration before comes back in ${left} unless this one is confirmed: ${CONFIRM}; ` +
      `at once: ${REVERT}`
    );
  }

  #nothingPending(what: string): string {
    const more = this.#undone === undefined ? "" : "; the configuration before is back already";
    return `there is no reload to ${what}${more}`;
  }

  #leftMs({ deadlineMs }: Pending): number {
    return Math.max(0, Math.round(deadlineMs - this.#context.clock.nowMs()));
  }

  /** What cannot be written now is told: a start would go by it. */
  #save(unconfirmed: Unconfirmed | undefined): void {
    try {
      this.#context.save(unconfirmed);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const problem = `the next start may go back to the configuration before: ${messageOf(error)}`;
      this.#context.log.error({ event: "reload-problem", problem: operationalMessage(error) }, problem);
    }
  }
}

const CONTROL_SOCKET =
  "lcce.control_socket is another one: --confirm does not take that, for the next start would not find " +
  "what to go back to; change it by a reload of its own";
