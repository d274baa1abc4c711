import { counted } from "../bytes/counted.ts";
import { SystemError } from "../os/errors.ts";
import { isNotifySocket, sendNotification } from "../os/notify-socket.ts";
import type { Log } from "./log.ts";

/**
 * What systemd, or whoever else started the daemon with a notification socket (sd_notify(3)), is told: that
 * it is ready, reloads or stops, how many pseudowires are up, and that it is alive.
 */

/** How many pseudowires of the configuration are up, of how many. */
export interface PseudowireCount {
  readonly up: number;
  readonly all: number;
}

/** Events come in bursts, and the text is made of all pseudowires. */
const STATUS_PAUSE_MS = 250;
/** What could not be sent is sent again after so long. */
const RETRY_MS = 1000;
const READY = "READY=1";
const STOPPING = "STOPPING=1";

interface Options {
  /** Sends one datagram. Throws SystemError. */
  send(text: string): void;
  /** WATCHDOG_USEC, within which the manager wants to hear of us; undefined where it does not. */
  readonly watchdogUs: number | undefined;
  /** CLOCK_MONOTONIC. */
  monotonicUs(): bigint;
  readonly log: Log;
}

/** Tells the service manager; where there is none, nothing. */
export class ServiceManager implements Disposable {
  readonly #options: Options | undefined;
  /** The last assignment that changed the state of the service, and the status of it. */
  #state = "";
  #status = "";
  #isUnsent = false;
  #hasComplained = false;
  #count: (() => PseudowireCount) | undefined;
  #statusTimer: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(options?: Options) {
    this.#options = options;
  }

  /** The tunnels are open. From now on `changed` has pseudowires counted, and the manager hears of us. */
  ready(count: () => PseudowireCount): void {
    if (this.#state === STOPPING) return;
    this.#count = count;
    this.#tell(READY, statusText(count()));
    const { watchdogUs } = this.#options ?? {};
    if (watchdogUs === undefined) return;
    // Half the time, as sd_watchdog_enabled(3) advises; of the event loop, so that one that hangs is found.
    this.#watchdog = setInterval(() => this.#send("WATCHDOG=1"), watchdogUs / 2000);
    this.#watchdog.unref();
  }

  /** Something happened: what the manager shows of the pseudowires may not be right any more. */
  changed(): void {
    if (this.#options === undefined || this.#count === undefined) return;
    this.#look(STATUS_PAUSE_MS);
  }

  /** Reloads, and tells when that begins and ends. Rejects as `work` does. */
  async reloading<Result>(work: () => Promise<Result>): Promise<Result> {
    const { monotonicUs = () => 0n } = this.#options ?? {};
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${monotonicUs()}`, "reloading");
    try {
      return await work();
    } finally {
      if (this.#count !== undefined) this.#tell(READY, statusText(this.#count()));
    }
  }

  /** Nothing is told after this but that the daemon is alive. */
  stopping(): void {
    this.#count = undefined;
    this.#tell(STOPPING, "closing control connections");
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#statusTimer);
    clearInterval(this.#watchdog);
  }

  #look(afterMs: number): void {
    this.#statusTimer ??= setTimeout(() => {
      this.#statusTimer = undefined;
      this.#lookAgain();
    }, afterMs).unref();
  }

  #lookAgain(): void {
    const isRunning = this.#state === READY && this.#count !== undefined;
    const status = isRunning ? statusText(this.#count?.()) : this.#status;
    if (this.#isUnsent) this.#tell(this.#state, status);
    else if (status !== this.#status) this.#tell("", status);
  }

  #tell(state: string, status: string): void {
    if (state !== "") this.#state = state;
    this.#status = status;
    const change = this.#isUnsent ? this.#state : state;
    this.#isUnsent = !this.#send(`${change === "" ? "" : `${change}\n`}STATUS=${status}`);
    if (this.#isUnsent) this.#look(RETRY_MS);
  }

  /** Returns false where the datagram could not be sent; why is logged once, unless it was too early. */
  #send(text: string): boolean {
    if (this.#options === undefined) return true;
    const { send, log } = this.#options;
    try {
      send(text);
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const { errno, message: problem } = error;
      if (errno === "EAGAIN" || this.#hasComplained) return false;
      this.#hasComplained = true;
      log.warn({ event: "service-manager", problem }, problem);
      return false;
    }
  }
}

function statusText({ up, all }: PseudowireCount = { up: 0, all: 0 }): string {
  return `${up} of ${counted(all, "pseudowire")} up`;
}

/**
 * The service manager that the environment names: by NOTIFY_SOCKET and, if it wants to hear of us, by
 * WATCHDOG_USEC and WATCHDOG_PID.
 */
export function serviceManager(environment: NodeJS.ProcessEnv, log: Log): ServiceManager {
  const { NOTIFY_SOCKET: path = "", WATCHDOG_USEC, WATCHDOG_PID } = environment;
  if (!isNotifySocket(path)) return new ServiceManager();
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  const watchdogUs = isOurs ? Number(WATCHDOG_USEC) : 0;
  return new ServiceManager({
    send: (text) => sendNotification(path, text),
    watchdogUs: watchdogUs > 0 ? watchdogUs : undefined,
    monotonicUs: () => process.hrtime.bigint() / 1000n,
    log,
  });
}
