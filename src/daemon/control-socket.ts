import { chmodSync, lstatSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../bytes/errors.ts";
import { SystemError } from "../os/errors.ts";
import type { ReloadReport, StatusReport } from "./status.ts";

/** What can be asked over the control socket, one JSON line each: {"command":"status"}. */
export interface ControlHandlers {
  status(): Promise<StatusReport>;
  reload(): Promise<ReloadReport>;
  /**
   * Another daemon wants to go on in place of this one: what would become of forwarding. Nothing is changed
   * by that.
   */
  handOver(): Promise<HandOver>;
  /** It does: forwarding is handed over, and what is returned is called once the other one was told. */
  leave(): Promise<() => void>;
}

/** What becomes of forwarding when a daemon makes room for the next one. */
export interface HandOver {
  readonly pid: number;
  /** Whether forwarding goes on without it; else it says goodbye to its peers as at any stop. */
  readonly goesOn: boolean;
  /** How the plane forwards, in words. */
  readonly plane: string;
}

/** Longest request line. */
const MOST_OCTETS = 4096;
const IDLE_MS = 10_000;

/**
 * Serves the control socket, for its owner alone; a socket that a daemon left which is no more gives way. The
 * caller has checked the path and holds the daemon's lock. Throws SystemError, also when somebody answers
 * there.
 */
export async function openControlSocket(
  path: string,
  handlers: ControlHandlers,
): Promise<{ close(): Promise<void> }> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    serve(client, handlers);
  });
  if (await answers(path)) {
    throw new SystemError("open the control socket", {
      errno: "EADDRINUSE",
      target: path,
      hint: "another wirespan runs there; give this one its own lcce.control_socket",
    });
  }
  rmSync(path, { force: true });
  await listen(server, path);
  return {
    close: () =>
      new Promise((resolve) => {
        for (const client of clients) client.destroy();
        server.close(() => resolve());
      }),
  };
}

/**
 * Refuses a path that something else than a socket has, before anything is made or removed. Throws
 * SystemError.
 */
export function checkSocketPath(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isSocket()) return;
  const hint = "something else is there, and stays; move it away, or set another lcce.control_socket";
  throw new SystemError("open the control socket", { errno: "ENOTSOCK", target: path, hint });
}

/** Listens at a path that nobody but the owner could ever connect to. */
function listen(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177);
  const done = new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const errno = error.code ?? "EIO";
      const hint = "may this user write to that directory?";
      reject(new SystemError("open the control socket", { errno, target: path, hint, cause: error }));
    });
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve();
    });
  });
  process.umask(mask);
  return done;
}

/** Whether somebody listens already; a file left behind by a killed daemon does not. */
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

function serve(client: Socket, handlers: ControlHandlers): void {
  let received = "";
  client.setTimeout(IDLE_MS, () => client.destroy());
  client.on("error", () => client.destroy());
  client.on("data", (chunk) => {
    received += chunk.toString("utf8");
    const end = received.indexOf("\n");
    if (end < 0 && received.length > MOST_OCTETS) client.destroy();
    if (end < 0) return;
    const line = received.slice(0, end);
    received = "";
    client.setTimeout(0);
    void answer(line, handlers).then(({ leave, ...reply }) =>
      client.end(`${JSON.stringify(reply)}\n`, () => leave?.()),
    );
  });
}

interface Reply {
  readonly ok: boolean;
  readonly result?: object;
  readonly error?: string;
  /** To be called once the reply is out. */
  readonly leave?: () => void;
}

async function answer(line: string, handlers: ControlHandlers): Promise<Reply> {
  try {
    const request: unknown = JSON.parse(line);
    const command =
      typeof request === "object" && request !== null
        ? (request as { command?: unknown }).command
        : undefined;
    if (command === "status") return { ok: true, result: await handlers.status() };
    if (command === "reload") return { ok: true, result: await handlers.reload() };
    if (command === "hand-over") return { ok: true, result: await handlers.handOver() };
    if (command === "leave") return { ok: true, result: {}, leave: await handlers.leave() };
    return { ok: false, error: "unknown command; known are status, reload, hand-over and leave" };
  } catch (error) {
    return { ok: false, error: messageOf(error) };
  }
}
