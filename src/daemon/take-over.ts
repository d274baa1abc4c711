import { setTimeout as pause } from "node:timers/promises";
import { messageOf, OperationalError } from "../bytes/errors.ts";
import type { Config } from "../config/config.ts";
import { SystemError } from "../os/errors.ts";
import type { Lock } from "../os/locks.ts";
import type { HandedPathMtu, HandOver } from "./api.ts";
import { askHandOver, requestHandOver } from "./api-client.ts";
import { NoAnswerError, NoDaemonError } from "./api-errors.ts";
import { daemonHolder, lockDaemon } from "./locks.ts";
import type { Log } from "./log.ts";

/**
 * Take-over of a running daemon without an interruption: it ends as by a crash, and the next one adopts what
 * it leaves in the kernel.
 */

/** A daemon answers at once, unless it is starting or reading a large configuration. */
const ANSWER_MS = 10_000;
/** Longer than a daemon needs to close its control connections. */
const LEAVE_MS = 5000;
const PAUSE_MS = 5;

/** What the one that takes over has of the daemon before it. */
export interface TakenOver {
  /** Of the control socket. */
  readonly lock: Lock;
  readonly pathMtus: readonly HandedPathMtu[];
}

/**
 * Has the daemon at a control socket make room, and takes its lock; without a daemon only the lock. Rejects
 * with OperationalError if that one does not answer in time or cannot hand over, such as one of an older
 * version: it is left alone then, and does not leave later either. Rejects with SystemError too.
 */
export async function takeOverFrom(
  { lcce: { controlSocket }, plane: wanted }: Pick<Config, "lcce" | "plane">,
  log: Log,
): Promise<TakenOver> {
  const former = await ask(controlSocket, askHandOver);
  if (former === undefined) {
    log.info({ event: "take-over" }, `no daemon runs at ${controlSocket}: nothing to take over`);
    return { lock: lockDaemon(controlSocket), pathMtus: [] };
  }
  const { pid, goesOn, plane, planeReason, pathMtus = [] } = former;
  const text = !goesOn
    ? `it closes its control connections first: plane ${plane}: ${planeReason}`
    : wanted === "userspace"
      ? "its programs forward until this daemon ends that, for the configuration has plane: userspace"
      : "forwarding continues";
  log.info({ event: "take-over", otherPid: pid, goesOn }, `taking over from pid ${pid}: ${text}`);
  await ask(controlSocket, requestHandOver);
  return { lock: await lockWhenFree(controlSocket), pathMtus };
}

/**
 * Has the daemon at a control socket end as for one that takes over, and resolves to what became of
 * forwarding, once it ended. Rejects as questions to a daemon do, and with SystemError where it does not end
 * in time.
 */
export async function endForNext(controlSocket: string): Promise<HandOver> {
  const left = await askHandOver(controlSocket, ANSWER_MS);
  await requestHandOver(controlSocket, ANSWER_MS);
  (await lockWhenFree(controlSocket))[Symbol.dispose]();
  return left;
}

/** Resolves to undefined where no daemon runs. Rejects with an OperationalError that says what to do. */
async function ask<Result>(
  controlSocket: string,
  request: (controlSocket: string, limitMs: number) => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await request(controlSocket, ANSWER_MS);
  } catch (error) {
    if (error instanceof NoDaemonError && isNobody(error.cause)) return undefined;
    const pid = daemonHolder(controlSocket)?.pid;
    const advice =
      error instanceof NoAnswerError
        ? "it hangs, is stopped, or is still starting, and was left alone; " +
          `see: ps -p ${pid ?? "PID"}; ` +
          `if it hangs: kill -KILL ${pid ?? "PID"} (eBPF forwarding continues), then start this one`
        : "stop it, then start this one";
    const subject = `${controlSocket}${pid === undefined ? "" : `, pid ${pid}`}`;
    throw new OperationalError(`take over from the daemon at ${subject}: ${messageOf(error)}; ${advice}`, {
      cause: error,
    });
  }
}

/** Nobody listens there, or nothing is there. */
function isNobody(cause: unknown): boolean {
  return ["ENOENT", "ECONNREFUSED"].includes((cause as NodeJS.ErrnoException | undefined)?.code ?? "");
}

async function lockWhenFree(controlSocket: string): Promise<Lock> {
  for (let left = LEAVE_MS / PAUSE_MS; ; left -= 1) {
    try {
      return lockDaemon(controlSocket);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== "EADDRINUSE" || left <= 0) throw error;
    }
    await pause(PAUSE_MS);
  }
}
