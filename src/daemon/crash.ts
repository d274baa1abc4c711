import { messageOf, OperationalError } from "../bytes/errors.ts";
import type { Log } from "./log.ts";
import type { StatusReport } from "./status.ts";

/** The end of a daemon by a bug of ours: one line of the log with what a report about it needs. */

/** Tunnels and pseudowires that are named in a snapshot; of more only the number is known. */
const MOST_NAMES = 20;

/** The state of a daemon in a few lines, without secrets. */
export function stateSnapshot(report: StatusReport): object {
  const { version, uptimeMs, plane, controlConnections, pseudowires, discards, control } = report;
  return {
    ...{ version, uptimeMs, plane, discards, control },
    tunnels: countsOf(controlConnections.map(({ tunnel, state }) => ({ name: tunnel, state }))),
    pseudowires: countsOf(pseudowires),
  };
}

/** How many are in each state, and the names of those that are not established. */
function countsOf(rows: readonly { readonly name: string; readonly state: string }[]): object {
  const states: Record<string, number> = {};
  for (const { state } of rows) states[state] = (states[state] ?? 0) + 1;
  const down = rows.filter(({ state }) => state !== "established" && state !== "static");
  return { states, notEstablished: down.slice(0, MOST_NAMES).map(({ name }) => name) };
}

/**
 * Logs why a daemon ends: a fault of the machine in one line, a bug of ours with its stack and the daemon's
 * state.
 */
export function logFatal(log: Log, error: unknown, status: () => StatusReport | undefined): void {
  const problem = messageOf(error);
  const stack = error instanceof Error ? { stack: error.stack } : {};
  if (error instanceof OperationalError) {
    const isShown = process.env["WIRESPAN_DEBUG"] !== undefined;
    return log.fatal({ event: "fatal", problem, ...(isShown ? stack : {}) }, problem);
  }
  log.fatal(
    { event: "fatal", problem, ...stack, state: snapshotOr(status) },
    `internal error, exiting: ${problem}; ` +
      "this is a bug in wirespan: please report it with this line of the log",
  );
}

/** What is broken may keep the state from being read. */
function snapshotOr(status: () => StatusReport | undefined): object | undefined {
  try {
    const report = status();
    return report && stateSnapshot(report);
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}
