import { noCaseFor } from "../bytes/errors.ts";
import type { Config } from "../config/config.ts";
import type { Effect, Input } from "../control/effects.ts";
import { Lcce } from "../control/lcce.ts";
import type { PlaneEvents, SessionCounters } from "../forwarding/plane.ts";
import { PsnSockets } from "../forwarding/psn/psn-sockets.ts";
import type { PlaneStack } from "../forwarding/stack.ts";
import type { PsnTransport } from "../forwarding/transport.ts";
import { monotonicClock } from "../os/clock.ts";
import { readHostNetwork } from "../os/host-network.ts";
import { type Links, openLinks } from "../os/links.ts";
import { cryptoRandom } from "../os/random.ts";
import { watchRoutes } from "../os/routes.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import type { AdministrationContext } from "./administration.ts";
import { AdministrativeStates } from "./administrative-states.ts";
import type { HandOver } from "./api.ts";
import type { Reloading } from "./apply-reload.ts";
import type { Bridges } from "./bridges.ts";
import { Captures } from "./captures.ts";
import { Circuits } from "./circuits.ts";
import type { Locations } from "./configuration-file.ts";
import { ControlLog } from "./control-log.ts";
import { ControlTimer } from "./control-timer.ts";
import { waitUntilDrained } from "./drain.ts";
import { hostUseReader } from "./host-use.ts";
import type { HttpListeners } from "./http-listeners.ts";
import type { Log, OpenLog } from "./log.ts";
import { liveSources } from "./metrics-sources.ts";
import type { MetricsSources } from "./metrics-subjects.ts";
import { allNotes, NotesLog, notesListener } from "./notes.ts";
import { openBridges } from "./open-bridges.ts";
import { PeerActivity } from "./peer-activity.ts";
import { type ChosenPlane, isForwardedByFormer, logPlane, openPlane, planeFailed } from "./planes.ts";
import { PseudowireIndex } from "./pseudowire-index.ts";
import { reportStatus } from "./report.ts";
import { SendProblems } from "./send-problems.ts";
import type { PseudowireCount } from "./service-manager.ts";
import { sessionSources } from "./session-sources.ts";
import { SessionWatch } from "./session-watch.ts";
import { identityOf } from "./settings.ts";
import { SizeNotes } from "./size-notes.ts";
import type { StatusReport } from "./status.ts";
import { tunnelSources } from "./status-sources.ts";
import { TunnelPathMtus } from "./tunnel-path-mtus.ts";
import { KeptSecrets, secretReader } from "./tunnel-secrets.ts";
import { tellStarted } from "./tunnel-state.ts";
import { Tunnels } from "./tunnels.ts";

/**
 * The running LCCE: performs what the control plane asks, feeds it what happens, and keeps one timer for it.
 * Nothing else changes control state.
 */
export class Daemon {
  readonly #openLog: OpenLog;
  readonly #log: Log;
  readonly #controlLog: ControlLog;
  readonly #secrets = new KeptSecrets(secretReader(() => this.#log));
  readonly #plane: PlaneStack;
  readonly #chosen: ChosenPlane;
  readonly #links: Links;
  readonly #bridges: Bridges;
  readonly #http: HttpListeners;
  readonly #administrative = new AdministrativeStates();
  readonly #circuits: Circuits;
  readonly #transport: PsnTransport;
  readonly #startedMs = monotonicClock.nowMs();
  #lcce: Lcce;
  #tunnels: Tunnels;
  #config: Config;
  readonly #startedConfig: Config;
  #locations: Locations;
  readonly #timer = new ControlTimer(monotonicClock, (nowMs) => this.#perform(this.#lcce.expire(nowMs)));
  readonly #peerActivity: PeerActivity;
  readonly pathMtus: TunnelPathMtus;
  readonly #pseudowires = new PseudowireIndex(() => this.#config);
  readonly captures = new Captures(this.#pseudowires, () => ({
    ...{ config: this.#config, plane: this.#plane, tunnels: this.#tunnels },
  }));
  readonly #sizeNotes: SizeNotes;
  readonly #sendProblems = new SendProblems(monotonicClock);
  readonly #watch: { close(): void };
  /** While closing, nothing new is started; once closed, input is ignored too. */
  #isClosing = false;
  #isClosed = false;

  private constructor(
    config: Config,
    openLog: OpenLog,
    chosen: ChosenPlane,
    transport: PsnTransport,
    links: Links,
    locations: Locations,
    http: HttpListeners,
  ) {
    this.#http = http;
    this.#config = config;
    this.#startedConfig = config;
    this.#locations = locations;
    const { log, limiter } = openLog;
    this.#log = log;
    this.#openLog = openLog;
    this.#controlLog = new ControlLog(openLog, {
      pseudowires: this.#pseudowires,
      circuitProblem: (pseudowire) => this.#circuits.problem(pseudowire),
      forwarder: (pseudowire) => this.#circuits.forwarderState(pseudowire),
      tunnelOf: (...of) => this.#lcce.peerOf(...of),
    });
    const { plane } = chosen;
    this.#plane = plane;
    this.#chosen = chosen;
    this.#links = links;
    this.#lcce = new Lcce(identityOf(config), cryptoRandom);
    const hostUse = hostUseReader(() => this.#config.tunnels, monotonicClock.nowMs, readHostNetwork);
    this.#bridges = openBridges(config, { links, log, limiter, hostUse });
    this.pathMtus = new TunnelPathMtus(links, monotonicClock, {
      ...{ log, transport, eventLog: this.#controlLog.events, limiter },
      ...{ config: () => this.#config, ends: (tunnel: string) => this.#tunnels.ends(tunnel) },
      input: (change) => this.input(change),
      changed: (pseudowires) => this.#circuits.updateSessions(pseudowires),
      interfaceChanged: () => this.#followPathMtus(),
    });
    this.#circuits = new Circuits(plane, links, log, {
      input: (change) => this.input(change),
      pathMtuOf: (path) => this.pathMtus.of(path),
      forwardingFailed: (session, problem) => this.#forwardingFailed(session, problem),
      locationOf: (pseudowire) => this.#locations.get(`pseudowire ${pseudowire}`),
      ...{ hostUse, controlSocket: config.lcce.controlSocket },
      portJoined: (device, index) => this.#bridges.joined(device, index),
      isForwardedByFormer: (index) => isForwardedByFormer(chosen, index),
    });
    this.#transport = transport;
    this.#tunnels = this.#newTunnels();
    this.#sizeNotes = new SizeNotes(links, (path) => this.pathMtus.of(path).octets);
    const notesLog = new NotesLog(notesListener(log), limiter);
    const sources = sessionSources(this.#circuits, plane, this.#pseudowires);
    const sessionWatch = new SessionWatch(log, sources, limiter);
    this.#peerActivity = new PeerActivity({
      clock: monotonicClock,
      isNeeded: () => !this.#lcce.hasNoConnections,
      readCounters: () => this.#readCounters(notesLog, sessionWatch),
      told: (kind, localSessionId) => this.input({ kind, localSessionId }),
    });
    this.#watch = watchRoutes(() => this.#retryNow());
  }

  /**
   * Opens the plane; tunnels are opened by `start`. Rejects with SystemError, with everything closed again.
   * `http` is the caller's, who closes it.
   */
  static async open(config: Config, openLog: OpenLog, at: Locations, http: HttpListeners): Promise<Daemon> {
    const { log } = openLog;
    let daemon: Daemon | undefined;
    const transport = new PsnSockets({
      control: (path, octets) => daemon?.input({ kind: "datagram", path, octets }),
      problem: (text) => log.warn({ event: "transport", problem: text }, text),
    });
    const tell = (event: (one: Daemon) => void) => void (daemon !== undefined && event(daemon));
    const events: PlaneEvents = {
      failed: (error) => planeFailed(log, error),
      elsewhere: (...of) => tell((one) => one.#tunnels.static.heardElsewhere(...of)),
      echoReply: (...of) => tell((one) => one.pathMtus.answered(...of)),
      channelStatus: (...of) => tell((one) => one.#circuits.receiveChannelStatus(...of)),
    };
    const links = await openLinks();
    try {
      const chosen = await openPlane(config, transport, events);
      logPlane(log, chosen);
      daemon = new Daemon(config, openLog, chosen, transport, links, at, http);
      return daemon;
    } catch (error) {
      links.close();
      throw error;
    }
  }

  /** Opens every tunnel of the configuration; one that cannot be opened waits and is retried. */
  async start(): Promise<void> {
    await this.#http.configure(this.#config.http);
    await this.#bridges.configure(this.#config);
    await this.#circuits.configure(this.#config);
    for (const tunnel of this.#config.tunnels) {
      if (this.#isClosing) return;
      await this.#tunnels.create(tunnel);
    }
    await this.#circuits.settle();
    if (this.#isClosing) return;
    await this.#plane.removeLeftovers();
    await this.#bridges.settle();
    tellStarted(this.#tunnels.counts, this.#log);
  }

  /** Feeds one input to the control plane and performs what it asks, in order. */
  input(input: Input): void {
    if (this.#isClosed) return;
    const nowMs = monotonicClock.nowMs();
    this.#controlLog.told(input);
    this.#perform(this.#lcce.handle(input, nowMs));
    this.#controlLog.handled(input, nowMs);
  }

  #forwardingFailed({ localSessionId, pseudowire }: SessionParameters, problem: string): void {
    this.#controlLog.events.forwardingFailed(pseudowire, problem, monotonicClock.nowMs());
    this.input({ kind: "forwarding-failed", localSessionId, problem });
  }

  status(): StatusReport {
    return reportStatus({
      ...this.#commonSources(),
      snapshot: this.#lcce.snapshot(monotonicClock.nowMs()),
      plane: { name: this.#plane.name, reason: this.#chosen.reason },
      forwardedBy: (localSessionId) => this.#plane.forwardedBy(localSessionId),
      ...{ upDowns: this.#controlLog.upDowns, administrative: this.#administrative },
      ...this.#sizeNotes.sources,
      sendProblem: (...of) => this.#sendProblems.problemOf(...of),
      ...{ circuits: this.#circuits, bridges: this.#bridges.status(), http: this.#http.status() },
    });
  }

  /** What metrics are read from, as it is now; what is asked later by names is as it is then. */
  metricsSources(): MetricsSources {
    const [lcce, plane, circuits] = [this.#lcce, this.#plane, this.#circuits];
    const { upDowns } = this.#controlLog;
    return { ...this.#commonSources(), ...liveSources({ lcce, plane, circuits, upDowns }) };
  }

  #commonSources() {
    return {
      ...{ config: this.#config, nowMs: monotonicClock.nowMs(), startedMs: this.#startedMs },
      ...{ counters: this.#plane.counters(), ipControlDrops: this.#transport.controlDrops },
      ...tunnelSources(this.#tunnels),
      ...this.pathMtus.sources,
      log: { ...this.#openLog.output.losses, leftOut: this.#openLog.limiter.leftOut },
    };
  }

  /** What a reload starts from, and what it changes. */
  get reloading(): Reloading {
    return {
      ...{ config: this.#config, startedConfig: this.#startedConfig, locations: this.#locations },
      ...{ log: this.#log, bridges: this.#bridges, circuits: this.#circuits, pathMtus: this.pathMtus },
      ...{ http: this.#http, secrets: this.#secrets },
      connections: () => this.#lcce.snapshot().connections,
      begin: (config, locations) => {
        this.#config = config;
        this.#locations = locations;
      },
      done: () => {
        this.#controlLog.upDowns.retain(this.#config);
        this.#administrative.retain(this.#config);
      },
      tunnels: () => this.#tunnels,
      replaceAll: (config) => this.#replaceAll(config),
    };
  }

  /** What tunnels and pseudowires are opened and closed by hand with. */
  get administration(): AdministrationContext {
    return { config: this.#config, states: this.#administrative, tunnels: this.#tunnels, log: this.#log };
  }

  get pseudowireCount(): PseudowireCount {
    const all = this.#config.tunnels.reduce((sum, { pseudowires }) => sum + pseudowires.length, 0);
    return { up: this.#controlLog.upDowns.countUp(), all };
  }

  /** What becomes of forwarding if the process ends without `close`. */
  get handOver(): HandOver {
    const { plane, reason: planeReason, outlivesDaemon: goesOn = false } = this.#chosen;
    return { pid: process.pid, goesOn, plane: plane.name, planeReason, pathMtus: this.pathMtus.handedOver };
  }

  /** Stops sending and changing anything: the process will end, and forwarding continues without it. */
  abandon(): void {
    this.#isClosing = true;
    this.#isClosed = true;
    this.#bridges.abandon();
    this.#timer.close();
    this.pathMtus[Symbol.dispose]();
    this.#tunnels.close();
  }

  /**
   * Closes all control connections, waits a moment for acknowledgements, and releases everything. Link events
   * are ignored afterwards: they are of interfaces that the plane removes.
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.captures.close();
    this.#watch.close();
    this.#peerActivity.close();
    this.#tunnels.close();
    for (const peer of this.#tunnels.names) this.input({ kind: "close-connection", peer, resultCode: 6 });
    await waitUntilDrained(() => this.#lcce.isDrained);
    this.#isClosed = true;
    this.#timer.close();
    await this.#circuits.release();
    this.#links.close();
    this.#circuits.close();
    await this.#circuits.idle();
    await this.#plane.close();
    await this.#bridges.close();
    this.#transport.close();
    this.pathMtus[Symbol.dispose]();
    this.#sendProblems[Symbol.dispose]();
  }

  /** Reads the counters of all sessions, and logs what they and the state of the control plane tell. */
  #readCounters(notesLog: NotesLog, sessionWatch: SessionWatch): readonly SessionCounters[] {
    const { sessions } = this.#plane.counters();
    const nowMs = monotonicClock.nowMs();
    const snapshot = this.#lcce.snapshot(nowMs);
    this.#followPathMtus(snapshot, sessions);
    const notes = [
      ...allNotes(snapshot, sessions),
      ...this.#sizeNotes.all(this.#config, snapshot, (tunnel) => this.#tunnels.ends(tunnel)),
      ...this.#sendProblems.all(this.#tunnels.open, snapshot),
    ];
    notesLog.update(notes, nowMs);
    sessionWatch.compare(sessions, nowMs);
    this.#controlLog.upDowns.close(nowMs);
    return sessions;
  }

  #newTunnels(): Tunnels {
    return new Tunnels({
      ...{ transport: this.#transport, circuits: this.#circuits, log: this.#log },
      administrative: this.#administrative,
      input: (input) => this.input(input),
      staticClosed: (name) => this.#controlLog.upDowns.staticClosed(name, monotonicClock.nowMs()),
      readSecret: (...of) => this.#secrets.read(...of),
      pathMtu: (...of) => this.pathMtus.known(...of),
      following: { limiter: this.#openLog.limiter, counters: (id) => this.#plane.sessionCounters(id) },
      locationOf: (tunnel) => this.#locations.get(`tunnel ${tunnel}`),
    });
  }

  async #replaceAll(config: Config): Promise<void> {
    const former = this.#tunnels;
    for (const name of former.names) await former.remove(name, 1);
    await waitUntilDrained(() => this.#lcce.isDrained);
    former.close();
    this.#lcce = new Lcce(identityOf(config), cryptoRandom);
    this.#tunnels = this.#newTunnels();
    this.#tunnels.peerNames.inherit(former.peerNames);
    for (const tunnel of config.tunnels) await this.#tunnels.create(tunnel);
  }

  /** Retries what waits for addresses, routes or interfaces, after one of them changed. */
  #retryNow(): void {
    this.pathMtus.limits.forget();
    this.#peerActivity.lookSoon();
    this.#sendProblems.forget();
    this.#tunnels.follow();
    this.#circuits.retryNow();
    this.#http.retryNow();
  }

  /** Tells the control plane and the planes what limits packets to peers now. */
  #followPathMtus(snapshot = this.#lcce.snapshot(), counted: readonly SessionCounters[] = []): void {
    this.pathMtus.update(this.#config, snapshot, counted);
    this.#circuits.followPathMtus();
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.#controlLog.asked(effect, monotonicClock.nowMs());
      switch (effect.kind) {
        case "transmit":
          this.#sendProblems.sent(effect.path, this.#transport.send(effect.path, effect.octets, effect));
          break;
        case "echo-request":
          this.pathMtus.ask(effect.peer, effect, effect.session);
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
          this.#tunnels.peerNames.reported(effect.event);
          if (effect.event.event === "path-mtu") this.pathMtus.found(effect.event, this.#config);
          break;
        default:
          noCaseFor(effect);
      }
      this.#controlLog.performed(effect, monotonicClock.nowMs());
    }
    if (!this.#isClosed) this.#timer.arm(this.#lcce.deadlineMs);
  }
}
