import { createConnection } from "node:net";

/** No daemon answers at a control socket. */
export class NoDaemonError extends Error {
  override readonly name = "NoDaemonError";
}

/** A daemon listens at a control socket, and does not answer. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}

/**
 * Asks the daemon behind a control socket and resolves to its result. Rejects with NoDaemonError, with what
 * it refused, or, where it does not answer within `limitMs`, with NoAnswerError.
 */
export function request<Result>(
  path: string,
  command: "status" | "reload" | "hand-over" | "leave",
  limitMs?: number,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = createConnection(path, () => socket.write(`${JSON.stringify({ command })}\n`));
    if (limitMs !== undefined)
      socket.setTimeout(limitMs, () => {
        reject(new NoAnswerError(`ask the daemon at ${path}: no answer within ${limitMs / 1000} s`));
        socket.destroy();
      });
    socket.on("data", (chunk) => {
      received += chunk.toString("utf8");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const hint =
        error.code === "EACCES"
          ? "try as the user who runs it"
          : "no daemon answers there; start it with: wirespan run -c FILE, or name its lcce.control_socket by --socket";
      reject(
        new NoDaemonError(`ask the daemon at ${path}: ${error.code ?? error.message}; ${hint}`, {
          cause: error,
        }),
      );
    });
    socket.on("close", () => {
      if (!received.endsWith("\n")) {
        const hint = "it ended meanwhile; see its log";
        return reject(new NoDaemonError(`ask the daemon at ${path}: no answer came; ${hint}`));
      }
      const reply = JSON.parse(received) as { ok: boolean; result: Result; error?: string };
      if (reply.ok) resolve(reply.result);
      else reject(new Error(`${command}: ${reply.error}`));
    });
  });
}
