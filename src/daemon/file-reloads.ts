import { ignoreOperational, operationalMessage } from "../bytes/errors.ts";
import { monotonicClock } from "../os/clock.ts";
import type { ApiHandlers } from "./api.ts";
import { type Reloadable, reloadableOf } from "./apply-reload.ts";
import { type LoadedConfig, loadConfig, type RejectedConfig } from "./configuration-file.ts";
import { ControlTimer } from "./control-timer.ts";
import type { Daemon } from "./daemon.ts";
import { planWaits } from "./dry-run-waits.ts";
import type { FileReadings } from "./file-readings.ts";
import type { Log } from "./log.ts";
import { type LoadedFiles, Reloads } from "./reloads.ts";
import type { ServiceManager } from "./service-manager.ts";
import type { StatusReport } from "./status.ts";
import {
  type StartingConfiguration,
  startingConfiguration,
  tellStartingConfiguration,
} from "./unconfirmed-record.ts";

/** The reloads of a daemon from its file, in the turns that it gives, in real time. */

/** What a daemon starts with. */
export interface StartingFile extends Omit<StartingConfiguration, "loaded"> {
  readonly loaded: LoadedFiles;
}

/**
 * What a daemon starts with: its file, or the configuration before it, where that is one that was not
 * confirmed. Throws SystemError for a file that cannot be read.
 */
export function startingFile(file: string): StartingFile | RejectedConfig {
  const readMs = monotonicClock.nowMs();
  const read = loadConfig(file);
  if ("problems" in read) return read;
  const { loaded, ...starting } = startingConfiguration(read, file);
  return { ...starting, loaded: keptOf(loaded, readMs) };
}

/** What a daemon keeps of a configuration: texts, but not what was made of them to find places. */
function keptOf({ config, locations, files }: LoadedConfig, readMs: number): LoadedFiles {
  return { config, locations: locations(), files: files.map(({ file, text }) => ({ file, text })), readMs };
}

/** The file as it is now; one that cannot be read is a problem of it. */
function loadedFile(file: string): LoadedFiles | { readonly problems: readonly string[] } {
  try {
    const readMs = monotonicClock.nowMs();
    const loaded = loadConfig(file);
    return "problems" in loaded ? loaded : keptOf(loaded, readMs);
  } catch (error) {
    return { problems: [operationalMessage(error)] };
  }
}

/** Does work once it is its turn; `onTurn` is called before. Rejects with OperationalError while stopping. */
export type DaemonChange = <Result>(
  work: (daemon: Daemon) => Promise<Result>,
  onTurn?: () => void,
) => Promise<Result>;

/** What reloads from a file are made with. */
export interface FileReloadsContext {
  readonly file: string;
  readonly starting: StartingFile;
  readonly log: Log;
  readonly change: DaemonChange;
  readonly manager: Pick<ServiceManager, "reloading">;
  readonly readings: FileReadings;
  /** Resolves when the daemon is to stop. */
  readonly stopped: Promise<unknown>;
}

/** What a running daemon does about its file. */
export interface FileReloads {
  readonly handlers: Pick<ApiHandlers, "reload" | "confirm" | "revert">;
  /** The handler of SIGHUP: several that wait are one reload. */
  hangUp(): void;
  status(): NonNullable<StatusReport["configuration"]>;
  /** The daemon makes room for another one: nothing is done any more, as once it is stopped. */
  close(): void;
}

export function fileReloads({
  file,
  starting,
  log,
  change,
  manager,
  readings,
  stopped,
}: FileReloadsContext): FileReloads {
  type Work<Result> = (daemon: Reloadable) => Promise<Result>;
  const inTurn = <Result>(work: Work<Result>, onTurn?: () => void) =>
    change((daemon) => work(reloadableOf(() => daemon.reloading)), onTurn);
  const reloading = <Result>(work: Work<Result>, onTurn?: () => void) =>
    inTurn((daemon) => manager.reloading(() => work(daemon)), onTurn);
  const timer = new ControlTimer(monotonicClock, () => {
    void reloading((daemon) => reloads.expire(daemon)).catch(ignoreOperational);
  });
  const reloads = new Reloads(
    {
      ...{ file, log, clock: monotonicClock },
      load: () => loadedFile(file),
      counted: (reload) => readings.of(reload),
      waits: planWaits,
      save: (unconfirmed) => starting.record.save(unconfirmed),
      arm: (deadlineMs) => timer.arm(deadlineMs),
    },
    starting.loaded,
    starting.undone,
  );
  void stopped.then(() => reloads.close());
  // Not before it has the lock of the control socket, beside which the record is.
  const told = inTurn(async () => tellStartingConfiguration(starting, file, log));
  void told.catch(ignoreOperational);
  let isWaiting = false;
  const onTurn = () => {
    isWaiting = false;
  };
  return {
    handlers: {
      reload: (request) => (request.dryRun ? inTurn : reloading)((daemon) => reloads.reload(daemon, request)),
      confirm: () => inTurn(async () => reloads.confirm()),
      revert: () => reloading((daemon) => reloads.revert(daemon)),
    },
    hangUp: () => {
      if (isWaiting) return;
      isWaiting = true;
      void reloading((daemon) => reloads.signalled(daemon), onTurn).catch(ignoreOperational);
    },
    status: () => reloads.status(),
    close: () => reloads.close(),
  };
}
