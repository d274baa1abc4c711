import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../bytes/errors.ts";
import { SystemError } from "../os/errors.ts";
import type { Lock } from "../os/locks.ts";
import { NoAnswerError, NoDaemonError, request } from "./control-client.ts";
import type { HandOver } from "./control-socket.ts";
import { daemonHolder, lockDaemon } from "./locks.ts";
import type { Log } from "./log.ts";

/**
 * From one daemon to the next without a pause: the running one ends as by a crash, and the next takes over
 * what it leaves.
 */

/**
 * A daemon that runs well answers at once; one that reads a large configuration, or starts, may take a while.
 */
const ANSWER_MS = 10_000;
/** Longer than a daemon takes for its goodbyes. */
const LEAVE_MS = 5000;
const PAUSE_MS = 5;

/**
 * Has the daemon of a control socket make room, and takes its place; where none runs, the place is free.
 * Rejects with an Error where it does not answer in time, or does not know how to hand over, as an older one:
 * then it was not touched, and does not leave later either; and with SystemError.
 */
export async function takeOverFrom(controlSocket: string, log: Log): Promise<Lock> {
  const former = await ask<HandOver>(controlSocket, "hand-over");
  if (former === undefined) {
    log.info({ event: "take-over" }, `no daemon runs at ${controlSocket}: nothing to take over`);
    return lockDaemon(controlSocket);
  }
  const { pid, goesOn, plane } = former;
  const text = goesOn ? "forwarding continues" : `it closes its control connections first: ${plane}`;
  log.info({ event: "take-over", pid, goesOn }, `taking over from pid ${pid}: ${text}`);
  await ask(controlSocket, "leave");
  return lockWhenFree(controlSocket);
}

/** Resolves to undefined where no daemon runs. Rejects with an Error that says what to do. */
async function ask<Result>(
  controlSocket: string,
  command: "hand-over" | "leave",
): Promise<Result | undefined> {
  try {
    return await request<Result>(controlSocket, command, ANSWER_MS);
  } catch (error) {
    if (error instanceof NoDaemonError && isNobody(error.cause)) return undefined;
    const pid = daemonHolder(controlSocket)?.pid;
    const advice =
      error instanceof NoAnswerError
        ? `it hangs, is stopped, or is still starting, and was left alone; see: ps -p ${pid ?? "PID"}; if it hangs: ` +
          `kill -KILL ${pid ?? "PID"} (eBPF forwarding continues), then start this one`
        : "stop it, then start this one";
    throw new Error(
      `take over from the daemon at ${controlSocket}${pid === undefined ? "" : `, pid ${pid}`}: ${messageOf(error)}; ${advice}`,
      { cause: error },
    );
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
