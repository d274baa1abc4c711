import type { Server } from "node:http";
import { createConnection } from "node:net";
import { attempt, errnoOf, SystemError } from "../os/errors.ts";
import { entryAt, removeFile, setMode } from "../os/files.ts";

/** A Unix socket at which a server listens. */
export interface UnixServerSocket {
  readonly path: string;
  /** Mode of its file: who may connect. */
  readonly mode: number;
  /** What is attempted, for errors, such as "open the control socket". */
  readonly operation: string;
  /** The key of the file that another path would be written to. */
  readonly key: string;
}

/**
 * Listens at a path to which nobody else can connect at any time than its mode says; the socket file of a
 * dead daemon is replaced. Rejects with SystemError, also when somebody answers there.
 */
export async function listenAtPath(server: Server, socket: UnixServerSocket): Promise<void> {
  const { path, operation, key } = socket;
  if (await answers(path)) {
    throw new SystemError(operation, {
      errno: "EADDRINUSE",
      target: path,
      hint: `another wirespan is running there; give this one its own ${key}`,
    });
  }
  removeFile(path);
  await listen(server, socket);
}

/**
 * Refuses a path where something else than a socket is, before anything is made or removed. Throws
 * SystemError.
 */
export function checkSocketPath({ path, operation, key }: Omit<UnixServerSocket, "mode">): void {
  const found = attempt(operation, path, () => entryAt(path));
  if (found === undefined || found.isSocket()) return;
  const hint = `something else is there, and stays; move it away, or set another ${key}`;
  throw new SystemError(operation, { errno: "ENOTSOCK", target: path, hint });
}

function listen(server: Server, { path, mode, operation }: UnixServerSocket): Promise<void> {
  const mask = process.umask(0o777 & ~mode);
  const done = new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const errno = errnoOf(error);
      const hint = "may this user write to that directory?";
      reject(new SystemError(operation, { errno, target: path, hint, cause: error }));
    });
    server.listen(path, () => {
      try {
        setMode(path, mode);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
  process.umask(mask);
  return done;
}

/** Whether somebody listens already; behind the file of a killed daemon nobody does. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.on("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });
}
