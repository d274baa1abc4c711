import { noCaseFor } from "../bytes/errors.ts";
import type { Config, SecretSource, TunnelConfig } from "../config/config.ts";
import { formatPlan, formatStep } from "../config/plan.ts";
import type { Effect, Input } from "../control/effects.ts";
import { Lcce } from "../control/lcce.ts";
import type { PlaneEvents, SessionCounters } from "../forwarding/plane.ts";
import { PsnSockets } from "../forwarding/psn/psn-sockets.ts";
import type { PlaneStack } from "../forwarding/stack.ts";
import type { PsnTransport } from "../forwarding/transport.ts";
import { monotonicClock } from "../os/clock.ts";
import { readHostNetwork } from "../os/host-network.ts";
import { type Links, openLinks } from "../os/links.ts";
import type { LogLosses } from "../os/log-output.ts";
import { cryptoRandom } from "../os/random.ts";
import { watchRoutes } from "../os/routes.ts";
import { readSecret } from "../os/secrets.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import type { HandOver } from "./api.ts";
import { Circuits } from "./circuits.ts";
import type { Locations } from "./configuration-file.ts";
import { EventLog } from "./event-log.ts";
import { hostUseReader } from "./host-use.ts";
import type { Log, OpenLog } from "./log.ts";
import { LogLimiter } from "./log-limiter.ts";
import { allNotes, NotesLog, notesListener } from "./notes.ts";
import { PeerActivity } from "./peer-activity.ts";
import { type ChosenPlane, logPlane, openPlane } from "./planes.ts";
import { PseudowireIndex } from "./pseudowire-index.ts";
import { PseudowireLog } from "./pseudowire-log.ts";
import { applySteps, planReload } from "./reload.ts";
import { reportStatus } from "./report.ts";
import { SendProblems } from "./send-problems.ts";
import { type SessionSources, SessionWatch } from "./session-watch.ts";
import { identityOf } from "./settings.ts";
import { SizeNotes } from "./size-notes.ts";
import type { ReloadReport, StatusReport } from "./status.ts";
import { Tunnels } from "./tunnels.ts";

/** Longest wait for peers to acknowledge our StopCCN before we exit. */
const DRAIN_MS = 1500;
/** setTimeout takes no more than this. */
const LONGEST_TIMEOUT_MS = 0x7fff_ffff;

/**
 * The running LCCE: performs what the control plane asks, feeds it what happens, and keeps one timer for it.
 * Nothing else changes control state.
 */
export class Daemon {
  readonly #log: Log;
  readonly #eventLog: EventLog;
  readonly #pseudowireLog: PseudowireLog;
  readonly #plane: PlaneStack;
  readonly #planeReason: string;
  readonly #outlives: boolean;
  readonly #links: Links;
  readonly #circuits: Circuits;
  readonly #transport: PsnTransport;
  readonly #startedMs = monotonicClock.nowMs();
  #lcce: Lcce;
  #tunnels: Tunnels;
  #config: Config;
  readonly #startedConfig: Config;
  #locations: Locations;
  #timer: NodeJS.Timeout | undefined;
  readonly #peerActivity: PeerActivity;
  readonly #sizeNotes: SizeNotes;
  readonly #sendProblems = new SendProblems(monotonicClock);
  readonly #watch: { close(): void };
  readonly #logLosses: () => LogLosses;
  readonly #limiter = new LogLimiter();
  /** While closing, nothing new is started; once closed, input is ignored too. */
  #isClosing = false;
  #isClosed = false;

  private constructor(
    config: Config,
    { log, output }: OpenLog,
    { plane, reason, outlivesDaemon = false }: ChosenPlane,
    transport: PsnTransport,
    links: Links,
    locations: Locations,
  ) {
    this.#config = config;
    this.#startedConfig = config;
    this.#locations = locations;
    this.#log = log;
    this.#eventLog = new EventLog(log, this.#limiter);
    this.#logLosses = () => output.losses;
    this.#plane = plane;
    this.#planeReason = reason;
    this.#outlives = outlivesDaemon;
    this.#links = links;
    this.#lcce = new Lcce(identityOf(config), cryptoRandom);
    this.#circuits = new Circuits(plane, links, log, {
      input: (change) => this.input(change),
      forwardingFailed: (session, problem) => this.#forwardingFailed(session, problem),
      locationOf: (pseudowire) => this.#locations.get(`pseudowire ${pseudowire}`),
      hostUse: hostUseReader(() => this.#config.tunnels, monotonicClock.nowMs, readHostNetwork),
    });
    const pseudowires = new PseudowireIndex(() => this.#config);
    const circuitProblem = (pseudowire: string) => this.#circuits.problem(pseudowire);
    const forwarder = (pseudowire: string) => this.#circuits.forwarderState(pseudowire);
    const ofPseudowires = { pseudowires, circuitProblem, forwarder };
    this.#pseudowireLog = new PseudowireLog(log, ofPseudowires, this.#limiter);
    this.#transport = transport;
    this.#tunnels = this.#newTunnels();
    this.#sizeNotes = new SizeNotes(links, monotonicClock);
    const notesLog = new NotesLog(notesListener(log), this.#limiter);
    const sources: SessionSources = {
      pseudowireOfSession: (localSessionId) => this.#circuits.pseudowireOfSession(localSessionId),
      tunnelOf: (pseudowire) => pseudowires.find(pseudowire)?.tunnel,
      forwardedBy: (localSessionId) => plane.forwardedBy(localSessionId),
      channelStatus: (localSessionId) => this.#circuits.channelStatus(localSessionId),
    };
    const sessionWatch = new SessionWatch(log, sources, this.#limiter);
    this.#peerActivity = new PeerActivity({
      clock: monotonicClock,
      isNeeded: () => !this.#lcce.hasNoConnections,
      readCounters: () => this.#readCounters(notesLog, sessionWatch),
      received: (localSessionId) => this.input({ kind: "data-received", localSessionId }),
    });
    this.#watch = watchRoutes(() => this.#retryNow());
  }

  /**
   * Opens the plane; tunnels are opened by `start`. Rejects with SystemError, with everything closed again.
   */
  static async open(config: Config, openLog: OpenLog, locations: Locations): Promise<Daemon> {
    const { log } = openLog;
    let daemon: Daemon | undefined;
    const transport = new PsnSockets({
      control: (path, octets) => daemon?.input({ kind: "datagram", path, octets }),
      problem: (text) => log.warn({ event: "transport", problem: text }, text),
    });
    const events: PlaneEvents = {
      failed: ({ message: problem }) => {
        log.fatal({ event: "plane", problem }, `the forwarding plane failed, stopping: ${problem}`);
        process.exitCode = 1;
        process.kill(process.pid, "SIGTERM");
      },
      channelStatus: (...of) => {
        if (daemon !== undefined) daemon.#circuits.receiveChannelStatus(...of);
      },
    };
    const links = await openLinks();
    try {
      const chosen = await openPlane(config, transport, events);
      logPlane(log, chosen);
      daemon = new Daemon(config, openLog, chosen, transport, links, locations);
      return daemon;
    } catch (error) {
      links.close();
      throw error;
    }
  }

  /** Opens every tunnel of the configuration; one that cannot be opened waits and is retried. */
  async start(): Promise<void> {
    await this.#circuits.configure(this.#config.forwarders);
    for (const tunnel of this.#config.tunnels) {
      if (this.#isClosing) return;
      await this.#tunnels.create(tunnel);
    }
    await this.#circuits.idle();
    if (!this.#isClosing) await this.#plane.removeLeftovers();
  }

  /** Feeds one input to the control plane and performs what it asks, in order. */
  input(input: Input): void {
    if (this.#isClosed) return;
    const nowMs = monotonicClock.nowMs();
    this.#perform(this.#lcce.handle(input, nowMs));
    if (input.kind === "circuit-status" || input.kind === "pseudowire-standby")
      this.#pseudowireLog.localChanged(input.pseudowire, nowMs);
  }

  #forwardingFailed({ localSessionId, pseudowire }: SessionParameters, problem: string): void {
    const more = this.#limiter.admit("forwarding", monotonicClock.nowMs());
    const text = `cannot forward pseudowire ${pseudowire}: ${problem}${more}`;
    if (more !== undefined) this.#log.error({ event: "forwarding", pseudowire, problem }, text);
    this.input({ kind: "forwarding-failed", localSessionId, problem });
  }

  status(): StatusReport {
    return reportStatus({
      config: this.#config,
      snapshot: this.#lcce.snapshot(),
      counters: this.#plane.counters(),
      ipControlDrops: this.#transport.controlDrops,
      plane: { name: this.#plane.name, reason: this.#planeReason },
      forwardedBy: (localSessionId) => this.#plane.forwardedBy(localSessionId),
      nowMs: monotonicClock.nowMs(),
      startedMs: this.#startedMs,
      localPort: (tunnel) => this.#tunnels.localPort(tunnel),
      waiting: (tunnel) => {
        const problem = this.#tunnels.problem(tunnel);
        return problem === undefined ? undefined : { problem, nextAttemptMs: this.#tunnels.nextAttemptMs };
      },
      circuitProblem: (pseudowire) => this.#circuits.problem(pseudowire),
      forwarder: (pseudowire) => this.#circuits.forwarderState(pseudowire),
      channelStatus: (localSessionId) => this.#circuits.channelStatus(localSessionId),
      sizeNote: (...of) => this.#sizeNotes.noteOf(...of),
      sendProblem: (...of) => this.#sendProblems.problemOf(...of),
      log: { ...this.#logLosses(), leftOut: this.#limiter.leftOut },
    });
  }

  /**
   * Takes over another configuration and changes only what differs; a tunnel that runs and whose secret
   * cannot be read is left as it is, and one that cannot be opened waits. Resolves to the plan that was
   * carried out, and to what waits or was left.
   */
  async reload(config: Config, locations: Locations): Promise<ReloadReport> {
    this.#locations = locations;
    const change = planReload(
      this.#config,
      config,
      this.#tunnels,
      (...of) => this.#readSecret(...of),
      this.#startedConfig,
    );
    const { steps } = change;
    this.#log.info(
      { event: "reload", steps: steps.length },
      `reloading the configuration: ${steps.length} ${steps.length === 1 ? "step" : "steps"}`,
    );
    for (const step of steps) {
      const text = [formatStep(step), ...step.reasons].join("; ");
      this.#log.info({ event: "reload", step: text }, `reload: ${text}`);
    }
    this.#config = change.config;
    await this.#circuits.configure(change.config.forwarders);
    const isAll = steps.some(({ kind, action }) => kind === "lcce" && action === "replace");
    if (isAll) await this.#replaceAll(change.config);
    else await applySteps(steps, change.config, this.#tunnels);
    // The operator may have mended what tunnels were waiting for.
    const opened = await this.#tunnels.openWaiting();
    await this.#circuits.closeUnused(devicesIn(change.config));
    this.#circuits.retryNow();
    await this.#circuits.idle();
    this.#log.level = this.#config.log.level;
    const problems = [...change.problems, ...this.#tunnels.problems, ...this.#circuits.problems];
    for (const problem of problems) this.#log.error({ event: "reload", problem }, problem);
    for (const line of opened) this.#log.info({ event: "reload", step: line }, `reload: ${line}`);
    const plan = steps.length > 0 || opened.length === 0 ? [formatPlan(steps), ...opened] : opened;
    return { changed: steps.length + opened.length > 0, plan: plan.join("\n"), problems, refused: false };
  }

  /** What becomes of forwarding if the process ends without `close`. */
  get handOver(): HandOver {
    const { name: plane } = this.#plane;
    return { pid: process.pid, goesOn: this.#outlives, plane, planeReason: this.#planeReason };
  }

  /**
   * Stops sending and changing anything: the process is about to end, and forwarding continues without it.
   */
  abandon(): void {
    this.#isClosing = true;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#tunnels.close();
  }

  /**
   * Closes all control connections, waits a moment for acknowledgements, and releases everything. Link events
   * are ignored afterwards: they are of interfaces that the plane removes.
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#watch.close();
    this.#peerActivity.close();
    this.#tunnels.close();
    for (const name of this.#tunnels.names) {
      this.input({ kind: "close-connection", peer: name, resultCode: 6 });
    }
    await this.#waitUntilDrained(DRAIN_MS);
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#links.close();
    this.#circuits.close();
    await this.#circuits.idle();
    await this.#plane.close();
    this.#transport.close();
    this.#sizeNotes[Symbol.dispose]();
    this.#sendProblems[Symbol.dispose]();
  }

  /** Reads the counters of all sessions, and logs what they and the state of the control plane tell. */
  #readCounters(notesLog: NotesLog, sessionWatch: SessionWatch): readonly SessionCounters[] {
    const { sessions } = this.#plane.counters();
    const snapshot = this.#lcce.snapshot();
    const nowMs = monotonicClock.nowMs();
    const notes = [
      ...allNotes(snapshot, sessions),
      ...this.#sizeNotes.all(this.#config, snapshot),
      ...this.#sendProblems.all(this.#openTunnels(), snapshot),
    ];
    notesLog.update(notes, nowMs);
    sessionWatch.compare(sessions, nowMs);
    this.#pseudowireLog.close(nowMs);
    return sessions;
  }

  #newTunnels(): Tunnels {
    return new Tunnels({
      transport: this.#transport,
      circuits: this.#circuits,
      log: this.#log,
      input: (input) => this.input(input),
      readSecret: (...of) => this.#readSecret(...of),
      locationOf: (tunnel) => this.#locations.get(`tunnel ${tunnel}`),
    });
  }

  #readSecret(source: SecretSource, tunnel: string): Uint8Array {
    const { octets, notes } = readSecret(source);
    for (const note of notes) this.#log.warn({ event: "secret", tunnel }, `tunnel ${tunnel}: ${note}`);
    return octets;
  }

  async #replaceAll(config: Config): Promise<void> {
    for (const name of this.#tunnels.names) await this.#tunnels.remove(name, 1);
    await this.#waitUntilDrained(DRAIN_MS);
    this.#tunnels.close();
    this.#lcce = new Lcce(identityOf(config), cryptoRandom);
    this.#tunnels = this.#newTunnels();
    for (const tunnel of config.tunnels) await this.#tunnels.create(tunnel);
  }

  /** The tunnels that are open, not waiting. */
  #openTunnels(): readonly TunnelConfig[] {
    return this.#config.tunnels.filter(({ name }) => this.#tunnels.localPort(name) !== undefined);
  }

  /** Retries what waits for addresses, routes or interfaces, after one of them changed. */
  #retryNow(): void {
    this.#sizeNotes.forget();
    this.#sendProblems.forget();
    this.#tunnels.retryNow();
    this.#circuits.retryNow();
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "transmit":
          this.#sendProblems.sent(effect.path, this.#transport.send(effect.path, effect.octets));
          break;
        case "forwarding-add":
          this.#circuits.add(effect.session);
          break;
        case "forwarding-update":
          this.#circuits.update(effect.session);
          break;
        case "forwarding-remove":
          this.#peerActivity.forget(effect.localSessionId);
          // While closing, the plane removes all sessions at once: one by one, thousands take seconds.
          if (!this.#isClosing) this.#circuits.remove(effect.localSessionId);
          break;
        case "report":
          this.#eventLog.report(effect.event, monotonicClock.nowMs());
          break;
        default:
          noCaseFor(effect);
      }
      this.#pseudowireLog.performed(effect, monotonicClock.nowMs());
    }
    this.#arm();
  }

  /** The one timer of the control plane. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const { deadlineMs } = this.#lcce;
    if (deadlineMs === undefined) return;
    const waitMs = Math.min(Math.max(0, deadlineMs - monotonicClock.nowMs()), LONGEST_TIMEOUT_MS);
    this.#timer = setTimeout(
      () => this.#perform(this.#lcce.expire(monotonicClock.nowMs())),
      Math.ceil(waitMs),
    );
  }

  /** Resolves once every peer has acknowledged our StopCCN, or after `limitMs`. */
  async #waitUntilDrained(limitMs: number): Promise<void> {
    const endMs = monotonicClock.nowMs() + limitMs;
    while (!this.#lcce.isDrained && monotonicClock.nowMs() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Names of the devices of all circuits. */
function devicesIn({ tunnels }: Config): ReadonlySet<string> {
  return new Set(tunnels.flatMap(({ pseudowires }) => pseudowires.map(({ circuit }) => circuit.device)));
}
