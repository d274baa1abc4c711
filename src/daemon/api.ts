import { messageOf, OperationalError } from "../bytes/errors.ts";
import type { MeasuredPathMtu } from "../control/path-mtu-memory.ts";
import {
  type AdministrativeReport,
  type AdministrativeRequest,
  administrativeActions,
} from "./administrative-states.ts";
import { ConflictError, NoSuchNameError } from "./api-errors.ts";
import type { CaptureService } from "./capture-service.ts";
import type { EventFeed } from "./events.ts";
import type { LiveSource } from "./live-numbers.ts";
import { METRICS_CONTENT_TYPE } from "./metrics-text.ts";
import type { MtuReport } from "./mtu-report.ts";
import { pageFile, pageFiles } from "./page-files.ts";
import type { ReloadReport, ReloadRequest, StatusReport } from "./status.ts";

/** The local API: the table of its routes, and what each one answers. */

/** What the daemon does for the API. */
export interface ApiHandlers {
  status(): Promise<StatusReport>;
  reload(request: ReloadRequest): Promise<ReloadReport>;
  /** The configuration stays that is to be confirmed. Rejects with ConflictError where none is. */
  confirm(): Promise<void>;
  /** Goes back from the configuration that is to be confirmed, likewise. */
  revert(): Promise<ReloadReport>;
  /** The metrics in the text format of Prometheus, in pieces that stay as they are. */
  metrics(): Promise<readonly Uint8Array[]>;
  /** What would become of forwarding if another daemon took over. Nothing changes by asking. */
  handOver(): Promise<HandOver>;
  /** Another daemon takes over now; the returned function ends this one, once the answer is out. */
  leave(): Promise<() => void>;
  /** Closes or opens a tunnel or a pseudowire by hand. Rejects as `performAdministration` does. */
  administer(request: AdministrativeRequest): Promise<AdministrativeReport>;
  /** Counters begin at 0 again: all, or those of a tunnel or pseudowire. Rejects with NoSuchNameError. */
  clearCounters(name: string | undefined): Promise<void>;
  readonly feed: EventFeed;
  /** What changes from second to second. */
  readonly live: LiveSource;
  /** The sizes of all, or of a tunnel or pseudowire. Rejects with OperationalError for another name. */
  mtu(name: string | undefined): Promise<readonly MtuReport[]>;
  /** Where the web page is. */
  page(): PageLinks;
  captures(): Promise<CaptureService>;
}

/** Where the web page can be opened. */
export interface PageLinks {
  /** With the token, where there is one. */
  readonly links: readonly string[];
  /** The addresses that wait, and why. */
  readonly waiting: readonly string[];
}

/** What becomes of forwarding when a daemon makes room for the next one. */
export interface HandOver {
  readonly pid: number;
  /** Whether forwarding continues without it; otherwise it closes its control connections as at any stop. */
  readonly goesOn: boolean;
  /** The plane of the daemon, and why that one. */
  readonly plane: string;
  readonly planeReason: string;
  /** What the paths of tunnels take; absent from an older version. */
  readonly pathMtus?: readonly HandedPathMtu[];
}

/** What was measured of the path of a tunnel. */
export interface HandedPathMtu extends Omit<MeasuredPathMtu, "measuredMs"> {
  readonly tunnel: string;
  readonly measuredAgoMs: number;
}

/** A response; `sent` is called once the client has it, or is gone. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** In pieces where it is long: others have their turn between them. */
  readonly body: string | Uint8Array | readonly Uint8Array[];
  readonly allow?: string;
  /** Further fields of the header. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly sent?: () => void;
}

/** A route that answers with one body. */
interface AnswerRoute {
  readonly kind: "read" | "change";
  /** `query` is that of the request. Throws OperationalError for what cannot be done now. */
  answer(handlers: ApiHandlers, query: URLSearchParams): Promise<Answer>;
}

/** A route that streams events for as long as the client reads. */
interface StreamRoute {
  readonly kind: "stream";
}

/** A route that streams what changes from second to second. */
interface LiveRoute {
  readonly kind: "live";
}

/** A route that streams a capture. */
interface CaptureRoute {
  readonly kind: "capture";
}

export type Route = {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Whether the listeners of `http:` have it too, and not only the control socket. */
  readonly overHttp: boolean;
} & (AnswerRoute | StreamRoute | LiveRoute | CaptureRoute);

/**
 * TABLE: the routes. A reading one changes nothing; a changing one may take long, and says so at once (102),
 * and is of the control socket alone.
 */
export const routes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/status",
    overHttp: true,
    kind: "read",
    answer: async (handlers) => json(200, await handlers.status()),
  },
  {
    method: "GET",
    path: "/metrics",
    overHttp: true,
    kind: "read",
    answer: async (handlers) => ({
      ...{ status: 200, contentType: METRICS_CONTENT_TYPE },
      body: await handlers.metrics(),
    }),
  },
  { method: "GET", path: "/v1/events", overHttp: true, kind: "stream" },
  { method: "GET", path: "/v1/live", overHttp: true, kind: "live" },
  {
    method: "GET",
    path: "/v1/mtu",
    overHttp: true,
    kind: "read",
    answer: async (handlers, query) => {
      const name = query.get("name") ?? undefined;
      return json(200, { pseudowires: await handlers.mtu(name) });
    },
  },
  {
    method: "GET",
    path: "/v1/page",
    overHttp: false,
    kind: "read",
    answer: async (handlers) => json(200, handlers.page()),
  },
  ...pageRoutes(),
  { method: "GET", path: "/v1/capture", overHttp: false, kind: "capture" },
  {
    method: "POST",
    path: "/v1/capture/stop",
    overHttp: false,
    kind: "read",
    answer: async (handlers, query) => {
      const id = query.get("id") ?? "";
      const captures = await handlers.captures();
      return captures.stop(Number(id)) ? json(200, {}) : problem(404, `no capture ${id} is running`);
    },
  },
  {
    method: "POST",
    path: "/v1/reload",
    overHttp: false,
    kind: "change",
    answer: async (handlers, query) => {
      const request = reloadRequestOf(query);
      if (typeof request === "string") return problem(400, request);
      const report = await handlers.reload(request);
      return json(report.refused ? 422 : 200, report);
    },
  },
  {
    method: "POST",
    path: "/v1/reload/confirm",
    overHttp: false,
    kind: "change",
    answer: async (handlers) => {
      await handlers.confirm();
      return json(200, {});
    },
  },
  {
    method: "POST",
    path: "/v1/reload/revert",
    overHttp: false,
    kind: "change",
    answer: async (handlers) => json(200, await handlers.revert()),
  },
  {
    method: "GET",
    path: "/v1/hand-over",
    overHttp: false,
    kind: "read",
    answer: async (handlers) => json(200, await handlers.handOver()),
  },
  {
    method: "POST",
    path: "/v1/hand-over",
    overHttp: false,
    kind: "change",
    answer: async (handlers) => ({ ...json(200, {}), sent: await handlers.leave() }),
  },
  ...administrationRoutes(),
  {
    method: "POST",
    path: "/v1/counters/clear",
    overHttp: false,
    kind: "change",
    answer: async (handlers, query) => {
      await handlers.clearCounters(query.get("name") ?? undefined);
      return json(200, {});
    },
  },
];

/** The web page. */
function pageRoutes(): readonly Route[] {
  return pageFiles.map((row) => ({
    ...{ method: "GET", path: row.path, overHttp: true, kind: "read" },
    answer: async () => pageFile(row),
  }));
}

/** The route of each action on tunnels and on pseudowires. */
function administrationRoutes(): readonly Route[] {
  return (["tunnel", "pseudowire"] as const).flatMap((kind) =>
    administrativeActions.map(
      (action): Route => ({
        method: "POST",
        path: `/v1/${kind}/${action}`,
        overHttp: false,
        kind: "change",
        answer: async (handlers, query) => {
          const name = query.get("name");
          if (name === null) return problem(400, `which ${kind}? add ?name=NAME`);
          return json(200, await handlers.administer({ kind, action, name }));
        },
      }),
    ),
  );
}

/** Ours: for a reload that is to be confirmed, in seconds. */
export const LONGEST_CONFIRM_S = 86_400;

/** How a reload is wanted, or what is wrong with the query. */
function reloadRequestOf(query: URLSearchParams): ReloadRequest | string {
  const unknown = [...query.keys()].find((key) => key !== "dry-run" && key !== "confirm");
  if (unknown !== undefined) return `/v1/reload has no parameter ${unknown}, but dry-run and confirm`;
  const [dryRun, confirm] = [query.get("dry-run"), query.get("confirm")];
  if (dryRun !== null && dryRun !== "true" && dryRun !== "false")
    return "dry-run of /v1/reload is true or false";
  if (confirm === null) return { dryRun: dryRun === "true" };
  if (dryRun === "true") return "a dry run of /v1/reload changes nothing: there is nothing to confirm";
  const seconds = /^\d{1,5}$/.test(confirm) ? Number(confirm) : 0;
  if (seconds < 1 || seconds > LONGEST_CONFIRM_S)
    return `confirm of /v1/reload is a number of seconds from 1 to ${LONGEST_CONFIRM_S}`;
  return { confirmMs: seconds * 1000 };
}

/** What may be read over the listeners of `http:`. */
export const httpRoutes: readonly Route[] = routes.filter(({ overHttp }) => overHttp);

/** The route of a request among those that are offered, or the answer to one that has none. */
export function findRoute(method: string, path: string, offered: readonly Route[] = routes): Route | Answer {
  const atPath = offered.filter((route) => route.path === path);
  const found = atPath.find((route) => route.method === method);
  if (found !== undefined) return found;
  if (atPath.length === 0) return problem(404, `no route ${path}`, offered);
  const allow = atPath.map((route) => route.method).join(", ");
  return { ...problem(405, `${path} does not have the method ${method}, but ${allow}`, offered), allow };
}

export function json(status: number, value: object): Answer {
  return { status, contentType: "application/json", body: `${JSON.stringify(value)}\n` };
}

/** An answer that says what is wrong, and what routes there are. */
export function problem(status: number, error: string, offered: readonly Route[] = routes): Answer {
  return json(status, { error, routes: offered.map(({ method, path }) => `${method} ${path}`) });
}

/**
 * The answer to a request that could not be done. Throws all but errors of operation: those are our
 * bugs.
 */
export function answerTo(error: unknown): Answer {
  if (error instanceof NoSuchNameError) return problem(404, messageOf(error));
  if (error instanceof ConflictError) return problem(409, messageOf(error));
  if (error instanceof OperationalError) return problem(503, messageOf(error));
  throw error;
}
