import { OperationalError, operationalMessage } from "../bytes/errors.ts";
import { SerialQueue } from "../bytes/serial-queue.ts";
import { endProcess } from "../os/end-process.ts";
import { absolutePath, leaveRemovedDirectory } from "../os/files.ts";
import { capabilityText } from "../os/privileges.ts";
import { performAdministration } from "./administration.ts";
import type { ApiHandlers } from "./api.ts";
import { checkControlSocketPath, openApiServer } from "./api-server.ts";
import { ClearedCounters } from "./cleared-counters.ts";
import type { RejectedConfig } from "./configuration-file.ts";
import { logFatal } from "./crash.ts";
import { Daemon } from "./daemon.ts";
import { FileReadings } from "./file-readings.ts";
import { type DaemonChange, fileReloads, type StartingFile, startingFile } from "./file-reloads.ts";
import { HttpListeners } from "./http-listeners.ts";
import { LiveFeed } from "./live-feed.ts";
import { lockDaemon } from "./locks.ts";
import { createLog, EXIT_FLUSH_MS, type Log, type OpenLog, reportFatal } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { mtuReport } from "./mtu-report.ts";
import { subjectsOfStatus } from "./mtu-subjects.ts";
import { throwUncaught } from "./operation-queue.ts";
import { type ServiceManager, serviceManager } from "./service-manager.ts";
import { takeOverFrom } from "./take-over.ts";
import { version } from "./version.ts";

/** Exit codes of `wirespan run`, in docs/operating.md. */
const OK = 0;
const FAILED = 1;
const BAD_CONFIGURATION = 3;

export interface RunOptions {
  /** Path of the YAML file. */
  readonly configFile: string;
  /** Whether a daemon that runs with the same control socket makes room for this one. */
  readonly takeOver?: boolean;
}

/** Ours: from SIGTERM on, the process is given so long; what hangs then is not waited for. */
const STOP_LIMIT_MS = 2800;

/**
 * Runs an LCCE in the foreground until SIGTERM or SIGINT; resolves to the exit code. SIGHUP reloads, also one
 * that comes while the start is not complete: once it is.
 */
export async function runDaemon(options: RunOptions): Promise<number> {
  let file: string;
  let starting: StartingFile | RejectedConfig;
  try {
    file = absolutePath(options.configFile);
    starting = startingFile(file);
    leaveRemovedDirectory();
  } catch (error) {
    reportFatal([operationalMessage(error)]);
    return FAILED;
  }
  if ("problems" in starting) {
    reportFatal(starting.problems, starting.validParts?.config().log);
    return BAD_CONFIGURATION;
  }
  const openLog = createLog(starting.loaded.config.log);
  const { log, output } = openLog;
  const leave = (code: number): never => {
    output.flush(EXIT_FLUSH_MS);
    return endProcess(code);
  };
  const running: Running = { leave };
  process.on("uncaughtException", (error) => {
    logFatal(log, error, () => running.daemon?.status());
    // What readers of events are sent goes out at the end of this turn, before anything else can happen.
    process.nextTick(() => leave(FAILED));
  });
  try {
    await runUntilStopped({ ...options, configFile: file }, starting, openLog, running);
    log.info({ event: "stopped" }, "stopped");
  } catch (error) {
    logFatal(log, error, () => running.daemon?.status());
    process.exitCode = FAILED;
  }
  output.flush(EXIT_FLUSH_MS);
  return process.exitCode === FAILED ? FAILED : OK;
}

/** How the process exits, and its daemon once that is open. */
interface Running {
  readonly leave: (code: number) => never;
  daemon?: Daemon;
}

/** Rejects with SystemError where the daemon cannot be started, and then everything is closed again. */
async function runUntilStopped(
  { configFile: file, takeOver = false }: RunOptions,
  starting: StartingFile,
  openLog: OpenLog,
  running: Running,
): Promise<void> {
  const { log, feed } = openLog;
  const { stopped, stop } = stopSignal(log, running.leave);
  using manager = serviceManager(process.env, log);
  void stopped.then(() => manager.stopping());
  const start = new Deferred<Daemon>();
  const readings = new FileReadings();
  const change = changeQueue(() => start.value, stopped);
  const reloads = fileReloads({ file, starting, log, change, manager, readings, stopped });
  const cleared = new ClearedCounters();
  process.on("SIGHUP", () => reloads.hangUp());
  tellStart(file, log);
  const { config, locations } = starting.loaded;
  const { controlSocket } = config.lcce;
  checkControlSocketPath(controlSocket);
  // Before anything in the kernel is changed: another daemon may run.
  const former = takeOver ? await takeOverFrom(config, log) : undefined;
  using _ = former?.lock ?? lockDaemon(controlSocket);
  const opened = new Deferred<Daemon>();
  const report = async () => (await opened.value).status();
  const live = new LiveFeed({ events: feed, sources: async () => (await opened.value).metricsSources() });
  const handlers: ApiHandlers = {
    status: async () => ({ ...cleared.applied(await report()), configuration: reloads.status() }),
    ...{ captures: async () => (await opened.value).captures, ...reloads.handlers },
    ...{ feed, live, metrics: () => metrics.pieces(), page: () => http.pageLinks() },
    mtu: async (name) => subjectsOfStatus(await report(), { name }).map(mtuReport),
    administer: (request) => change((daemon) => performAdministration(request, daemon.administration)),
    clearCounters: async (name) => cleared.clear(await report(), name),
    handOver: async () => (await start.value).handOver,
    leave: async () => {
      manager.stopping();
      reloads.close();
      return handOver(await start.value, log, running.leave, stop);
    },
  };
  const api = await openApiServer(controlSocket, handlers, throwUncaught);
  const http = new HttpListeners({ handlers, log, limiter: openLog.limiter, broken: throwUncaught });
  const metrics = metricsOf(opened.value, readings, http);
  try {
    const daemon = await Daemon.open(config, openLog, locations, http);
    try {
      running.daemon = daemon;
      daemon.pathMtus.takeOver(former?.pathMtus ?? []);
      opened.resolve(daemon);
      await serve(daemon, openLog, manager, { started: () => start.resolve(daemon), stopped });
    } finally {
      await daemon.close();
    }
  } catch (error) {
    opened.reject(error);
    throw error;
  } finally {
    await Promise.all([api.close(), http.close()]);
  }
}

function metricsOf(opened: Promise<Daemon>, readings: FileReadings, http: HttpListeners): Metrics {
  return new Metrics({
    sources: async () => (await opened).metricsSources(),
    counts: () => ({ reloads: readings.counts, refusedRequests: http.refusedRequests }),
  });
}

/** Opens all tunnels and serves them, until it is stopped. */
async function serve(
  daemon: Daemon,
  { log, feed }: OpenLog,
  manager: ServiceManager,
  { started, stopped }: { started(): void; readonly stopped: Promise<StopCause> },
): Promise<void> {
  using _watching = feed.listen(() => manager.changed());
  const starting = daemon.start().then(() => {
    started();
    manager.ready(() => daemon.pseudowireCount);
  });
  await Promise.race([starting, stopped]);
  const cause = await stopped;
  log.info({ event: "stop", cause }, `${cause}: closing control connections`);
}

/** Not before signals are heard: who reads this may send one. */
function tellStart(file: string, log: Log): void {
  log.info({ event: "start", version, config: file }, `wirespan ${version} starting with ${file}`);
  log.info({ event: "privileges" }, `running with ${capabilityText()}`);
}

/**
 * Makes room for another daemon: ends as by a crash if forwarding continues without us, otherwise as by
 * SIGTERM.
 */
function handOver(
  daemon: Daemon,
  log: Log,
  leave: (code: number) => never,
  stop: (cause: StopCause) => void,
): () => void {
  const { goesOn, plane, planeReason } = daemon.handOver;
  const text = goesOn
    ? "forwarding continues"
    : `closing control connections, because the plane is ${plane}: ${planeReason}`;
  log.info({ event: "hand-over", goesOn }, `another daemon takes over: ${text}`);
  if (!goesOn) return () => stop("hand-over");
  daemon.abandon();
  return () => leave(OK);
}

/** A promise that is resolved from outside. */
class Deferred<T> {
  readonly value: Promise<T>;
  #executor: { resolve(value: T): void; reject(error: unknown): void } | undefined;

  constructor() {
    this.value = new Promise((resolve, reject) => {
      this.#executor = { resolve, reject };
    });
    // Whoever waits gets the rejection; that nobody waits is no error.
    this.value.catch(() => undefined);
  }

  resolve(value: T): void {
    this.#executor?.resolve(value);
  }

  reject(error: unknown): void {
    this.#executor?.reject(error);
  }
}

/**
 * Queues what changes the daemon: each begins when the daemon has started and the one before is done; none
 * while it is stopping.
 */
function changeQueue(started: () => Promise<Daemon>, stopped: Promise<string>): DaemonChange {
  let isStopping = false;
  void stopped.then(() => {
    isStopping = true;
  });
  const queue = new SerialQueue();
  return (work, onTurn) =>
    queue.run(async () => {
      const daemon = await started();
      onTurn?.();
      if (isStopping) throw new OperationalError("the daemon is stopping");
      return work(daemon);
    });
}

/** Why the daemon stops: a signal, or another daemon that takes over. */
type StopCause = NodeJS.Signals | "hand-over";

/** The first SIGTERM, SIGINT or call of `stop`; a further one ends the process at once, and so does time. */
function stopSignal(
  log: Log,
  leave: (code: number) => never,
): { readonly stopped: Promise<StopCause>; readonly stop: (cause: StopCause) => void } {
  const first = new Deferred<StopCause>();
  let stopping = false;
  const stop = (cause: StopCause): void => {
    if (stopping) leave(FAILED);
    stopping = true;
    first.resolve(cause);
    setTimeout(() => {
      const problem = `not stopped within ${STOP_LIMIT_MS} ms of ${cause}: exiting without cleaning up`;
      log.fatal({ event: "fatal", problem }, problem);
      leave(FAILED);
    }, STOP_LIMIT_MS).unref();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  return { stopped: first.value, stop };
}
