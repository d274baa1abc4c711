import { setTimeout as pause } from "node:timers/promises";
import { askHandOver, askStatus } from "../daemon/api-client.ts";
import { NoAnswerError, NoDaemonError, RefusedError } from "../daemon/api-errors.ts";
import type { StatusReport } from "../daemon/status.ts";
import { version } from "../daemon/version.ts";
import { statOf } from "../os/files.ts";
import type { DaemonFacts, Seen } from "./facts.ts";
import { see } from "./limit.ts";

/** How long the daemon may take to answer. */
const ANSWER_MS = 5000;
/** Discards are looked at again after this time. */
const BETWEEN_MS = 1000;

/** The status of the daemon at a control socket: undefined where none runs, and what is wrong with one. */
export async function askDaemon(
  socket: string,
): Promise<{ readonly status: Seen<StatusReport> | undefined; readonly problem: string | undefined }> {
  try {
    return { status: { value: await askStatus(socket, ANSWER_MS) }, problem: undefined };
  } catch (error) {
    if (error instanceof NoDaemonError) {
      const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
      const isRefused = code === "EACCES" || code === "EPERM";
      return {
        status: isRefused ? { unseen: "the control socket is root's: run doctor as root" } : undefined,
        problem: undefined,
      };
    }
    if (error instanceof NoAnswerError || error instanceof RefusedError)
      return { status: undefined, problem: error.message };
    throw error;
  }
}

/** What else is asked of a daemon; `files` are those that are examined, the main one first. */
export async function gatherDaemon(
  socket: string,
  { status, problem }: Awaited<ReturnType<typeof askDaemon>>,
  files: readonly string[],
  waits: boolean,
): Promise<DaemonFacts> {
  const isThere = status?.value !== undefined;
  return {
    ...{ socket, version, status, problem },
    later: isThere && waits ? await statusLater(socket) : undefined,
    goesOn: isThere ? await goesOn(socket) : undefined,
    isFileNewer: status?.value === undefined ? undefined : isFileNewer(status.value, files),
  };
}

async function statusLater(socket: string): Promise<StatusReport | undefined> {
  await pause(BETWEEN_MS);
  return (await askDaemon(socket)).status?.value;
}

async function goesOn(socket: string): Promise<DaemonFacts["goesOn"]> {
  try {
    const { goesOn: doesGoOn, plane, planeReason: reason } = await askHandOver(socket, ANSWER_MS);
    return { value: { goesOn: doesGoOn, plane, reason } };
  } catch (error) {
    if (error instanceof NoDaemonError || error instanceof NoAnswerError || error instanceof RefusedError)
      return { unseen: error.message };
    throw error;
  }
}

/** Undefined where the daemon has another file, or does not say when it read it. */
function isFileNewer({ configuration }: StatusReport, files: readonly string[]): boolean | undefined {
  if (configuration === undefined || configuration.file !== files[0]) return undefined;
  const readMs = Date.now() - configuration.readForMs;
  return files.some((file) => (see(() => statOf(file).mtimeMs).value ?? 0) > readMs);
}
