import { resolve } from "node:path";
import { messageOf } from "../bytes/errors.ts";
import { capabilityWords } from "../os/privileges.ts";
import { loadConfig } from "./configuration-file.ts";
import { openControlSocket } from "./control-socket.ts";
import { Daemon } from "./daemon.ts";
import { createLog, type Log } from "./log.ts";
import type { ReloadReport } from "./status.ts";
import { version } from "./version.ts";

/** Exit codes of `wirespan run`, in docs/operating.md. */
const OK = 0;
const FAILED = 1;
const BAD_CONFIGURATION = 3;

export interface RunOptions {
  /** Path of the YAML file. */
  readonly configFile: string;
}

/** Runs an LCCE in the foreground until SIGTERM or SIGINT; resolves to the exit code. SIGHUP reloads. */
export async function runDaemon(options: RunOptions): Promise<number> {
  const file = resolve(options.configFile);
  const loaded = loadConfig(file);
  if ("problems" in loaded) {
    process.stderr.write(`${loaded.problems.join("\n")}\n`);
    return BAD_CONFIGURATION;
  }
  const { config } = loaded;
  const log = createLog(config.log);
  log.info({ event: "start", version, config: file }, `wirespan ${version} starts with ${file}`);
  log.info({ event: "privileges" }, `runs with ${capabilityWords()}`);
  const daemon = await Daemon.open(config, log);
  try {
    const reload = oneAtATime(() => reloadFrom(file, daemon, log));
    const socket = await openControlSocket(config.lcce.controlSocket, {
      status: () => daemon.status(),
      reload,
    });
    const onHangUp = (): void => void reload();
    process.on("SIGHUP", onHangUp);
    const signal = await stopSignal();
    log.info({ event: "stop", signal }, `${signal}: saying goodbye to the peers`);
    process.off("SIGHUP", onHangUp);
    await socket.close();
  } finally {
    await daemon.close();
    log.info({ event: "stopped" }, "stopped");
  }
  return process.exitCode === FAILED ? FAILED : OK;
}

/** A file that cannot be read is a problem as well. */
function attempt(file: string): ReturnType<typeof loadConfig> {
  try {
    return loadConfig(file);
  } catch (error) {
    return { problems: [messageOf(error)] };
  }
}

/** A file that is not in order changes nothing. */
async function reloadFrom(file: string, daemon: Daemon, log: Log): Promise<ReloadReport> {
  const loaded = attempt(file);
  if ("config" in loaded) return daemon.reload(loaded.config);
  for (const problem of loaded.problems) log.error({ event: "reload", problem }, `not reloaded: ${problem}`);
  return { changed: false, plan: "", problems: [...loaded.problems] };
}

/** Calls that come while one is at work wait their turn. */
function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((stopped) => {
    let stopping = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(FAILED);
      stopping = true;
      stopped(signal);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}
