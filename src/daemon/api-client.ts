import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { AdministrativeReport, AdministrativeRequest } from "./administrative-states.ts";
import type { HandOver, PageLinks } from "./api.ts";
import { NoAnswerError, NoDaemonError, RefusedError } from "./api-errors.ts";
import { type CaptureRequest, captureQuery } from "./capture-request.ts";
import type { ReloadReport, ReloadRequest, StatusReport } from "./status.ts";

/** The status of the daemon at a control socket. Rejects as `ask` does. */
export function askStatus(socketPath: string, limitMs?: number): Promise<StatusReport> {
  return ask(socketPath, "GET", "/v1/status", limitMs);
}

/**
 * Has the daemon read its file again; `limitMs` is for its sign of life, not for the reload. Rejects as `ask`
 * does.
 */
export function askReload(
  socketPath: string,
  limitMs?: number,
  { dryRun = false, confirmMs }: ReloadRequest = {},
): Promise<ReloadReport> {
  const query = new URLSearchParams({
    ...(dryRun ? { "dry-run": "true" } : {}),
    ...(confirmMs === undefined ? {} : { confirm: String(confirmMs / 1000) }),
  });
  const path = query.size === 0 ? "/v1/reload" : `/v1/reload?${query}`;
  return ask(socketPath, "POST", path, limitMs, [422]);
}

/** Has the configuration stay that is to be confirmed. Rejects as `ask` does. */
export function requestConfirm(socketPath: string, limitMs?: number): Promise<object> {
  return ask(socketPath, "POST", "/v1/reload/confirm", limitMs);
}

/** Has the daemon go back from the configuration that is to be confirmed. Rejects as `ask` does. */
export function requestRevert(socketPath: string, limitMs?: number): Promise<ReloadReport> {
  return ask(socketPath, "POST", "/v1/reload/revert", limitMs);
}

/** Closes or opens a tunnel or a pseudowire by hand. Rejects as `ask` does. */
export function askAdministration(
  socketPath: string,
  { kind, action, name }: AdministrativeRequest,
  limitMs?: number,
): Promise<AdministrativeReport> {
  return ask(socketPath, "POST", `/v1/${kind}/${action}?name=${encodeURIComponent(name)}`, limitMs);
}

/** Has counters begin at 0: all, or those of a tunnel or pseudowire. Rejects as `ask` does. */
export function askToClear(socketPath: string, name: string | undefined, limitMs?: number): Promise<object> {
  const query = name === undefined ? "" : `?name=${encodeURIComponent(name)}`;
  return ask(socketPath, "POST", `/v1/counters/clear${query}`, limitMs);
}

/** Where the web page of the daemon can be opened. Rejects as `ask` does. */
export function askPage(socketPath: string, limitMs: number): Promise<PageLinks> {
  return ask(socketPath, "GET", "/v1/page", limitMs);
}

/** What would become of forwarding if another daemon took over. Rejects as `ask` does. */
export function askHandOver(socketPath: string, limitMs: number): Promise<HandOver> {
  return ask(socketPath, "GET", "/v1/hand-over", limitMs);
}

/** Has the daemon make room for another one. Rejects as `ask` does. */
export function requestHandOver(socketPath: string, limitMs: number): Promise<object> {
  return ask(socketPath, "POST", "/v1/hand-over", limitMs);
}

/** Which events of a daemon are asked for: keys of the query of `GET /v1/events`. */
export interface EventsQuery {
  readonly follow: boolean;
  readonly tunnel?: string | undefined;
  readonly pseudowire?: string | undefined;
  readonly level?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly last?: number | undefined;
}

/**
 * The events of the daemon as pieces of its event stream: those that it remembers, and then, if wanted, those
 * to come. Rejects as `ask` does.
 */
export async function openEvents(
  socketPath: string,
  asked: EventsQuery,
  limitMs: number,
): Promise<AsyncIterable<string>> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) if (value !== undefined) query.set(name, String(value));
  const path = `/v1/events?${query}`;
  const response = await respond(socketPath, "GET", path, limitMs);
  if (response.statusCode !== 200) throw refusal(path, await textOf(response));
  return response.setEncoding("utf8");
}

/**
 * A capture that a daemon streams, until that is at its end; the trailers of the message say why it ended.
 * Rejects as `ask` does.
 */
export async function openCapture(
  socketPath: string,
  request: CaptureRequest,
  limitMs: number,
): Promise<IncomingMessage> {
  const path = "/v1/capture";
  const response = await respond(socketPath, "GET", `${path}?${captureQuery(request)}`, limitMs);
  if (response.statusCode !== 200) throw refusal(path, await textOf(response));
  return response;
}

/** Has a capture end, by the id in the header of its response. Rejects as `ask` does. */
export function stopCapture(socketPath: string, id: string, limitMs: number): Promise<object> {
  return ask(socketPath, "POST", `/v1/capture/stop?${new URLSearchParams({ id })}`, limitMs);
}

/**
 * Sends a request and resolves to what is answered with status 200 or one of `accept`. Rejects with
 * NoDaemonError; with NoAnswerError where nothing comes within `limitMs`; and with RefusedError.
 */
async function ask<Result>(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  limitMs: number | undefined,
  accept: readonly number[] = [],
): Promise<Result> {
  const response = await respond(socketPath, method, path, limitMs);
  const text = await textOf(response).catch((error) => {
    throw noDaemon(socketPath, error as NodeJS.ErrnoException);
  });
  const status = response.statusCode ?? 0;
  if (status !== 200 && !accept.includes(status)) throw refusal(path, text);
  return JSON.parse(text) as Result;
}

/** Resolves to the beginning of a response. A daemon that says that it is at work (102) may take its time. */
function respond(
  socketPath: string,
  method: "GET" | "POST",
  path: string,
  limitMs: number | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const call: ClientRequest = request({ socketPath, method, path, agent: false });
    const giveUp = () => {
      reject(
        new NoAnswerError(`ask the daemon at ${socketPath}: no answer within ${(limitMs ?? 0) / 1000} s`),
      );
      call.destroy();
    };
    const limit = limitMs === undefined ? undefined : setTimeout(giveUp, limitMs);
    call.on("information", () => clearTimeout(limit));
    call.on("response", (response) => {
      clearTimeout(limit);
      resolve(response);
    });
    call.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(limit);
      reject(noDaemon(socketPath, error));
    });
    call.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece;
  return text;
}

/** What the failure of a connection means, with what to do. */
function noDaemon(socketPath: string, error: NodeJS.ErrnoException): Error {
  const { code = "" } = error;
  const subject = `ask the daemon at ${socketPath}`;
  if (code.startsWith("HPE_"))
    return new RefusedError(
      `${subject}: it does not speak HTTP, so it is of an older version; ` +
        "restart it, or use the wirespan command of its version",
      { cause: error },
    );
  if (code === "ECONNRESET" || code === "EPIPE")
    return new NoDaemonError(`${subject}: no answer came; it ended, or has too many clients; see its log`, {
      cause: error,
    });
  const hint =
    code === "EACCES"
      ? "try as the user who runs it"
      : "no daemon answers there; start it with: wirespan run -c FILE, " +
        "or give its lcce.control_socket by --socket";
  return new NoDaemonError(`${subject}: ${code === "" ? error.message : code}; ${hint}`, { cause: error });
}

/** What a daemon said that refused a request. */
function refusal(path: string, text: string): RefusedError {
  let problem = text;
  try {
    problem = (JSON.parse(text) as { readonly error?: string }).error ?? text;
  } catch (error) {
    // Not JSON, so not of our API.
    if (!(error instanceof SyntaxError)) throw error;
  }
  return new RefusedError(`${path.split("?", 1)[0]}: ${problem}`);
}
