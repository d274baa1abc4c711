import { OperationalError } from "../bytes/errors.ts";
import type { CircuitConfig, Config, PseudowireConfig } from "../config/config.ts";
import { hasControlChannel } from "../forwarding/encapsulation.ts";
import type { PlaneStack } from "../forwarding/stack.ts";
import type { Links } from "../os/links.ts";
import { Retry } from "../os/retry.ts";
import type { ChannelStatus, SessionParameters } from "../wire/session-parameters.ts";
import {
  type AttachedPseudowire,
  type CircuitDeviceState,
  lockedPseudowireOf,
  newCircuitDeviceState,
  staysOpen,
  type WantedSession,
} from "./circuit-device-state.ts";
import { CircuitDevices } from "./circuit-devices.ts";
import type { CircuitListener } from "./circuit-listener.ts";
import { whyNotAttached, whyNotPassing } from "./circuit-problems.ts";
import { FollowedDevices, heldDownText } from "./followed-devices.ts";
import { type ForwarderState, Forwarders } from "./forwarders.ts";
import { HeldDownRecords } from "./held-down-records.ts";
import { claimCircuit } from "./locks.ts";
import { type Log, locationText } from "./log.ts";
import { OperationQueue } from "./operation-queue.ts";
import { attachmentFor, hasOtherPathMtu } from "./session-attachment.ts";
import { attachmentOf, circuitsIn } from "./settings.ts";

/**
 * The attachment circuits and the sessions on them: keeps the plane in step with devices that come, go, rise
 * and fall. Its operations on the plane run one after another, in the order they were asked for; but sessions
 * are added many at a time.
 */
export class Circuits {
  readonly #plane: PlaneStack;
  readonly #links: Links;
  readonly #log: Log;
  readonly #listener: CircuitListener;
  readonly #devices: CircuitDevices;
  readonly #followed: FollowedDevices;
  /** Which pseudowires are members of which forwarder, and which session has the frames of a circuit. */
  readonly #forwarders: Forwarders;
  readonly #circuits = new Map<string, CircuitDeviceState>();
  /** Those of the configuration by their devices, also where the tunnel waits. */
  #wanted: ReadonlyMap<string, CircuitConfig> = new Map();
  /** Where a pseudowire is attached, by its name, and a session added, by its local id. */
  readonly #circuitOfPseudowire = new Map<string, CircuitDeviceState>();
  readonly #circuitOfSession = new Map<number, CircuitDeviceState>();
  /** Devices that belong in a bridge, by its name. */
  readonly #ports = new Map<string, Set<string>>();
  readonly #retry = new Retry(() => this.#retryAll());
  readonly #operations: OperationQueue;

  readonly #isThere = (device: string) => this.#links.get(device) !== undefined;

  constructor(plane: PlaneStack, links: Links, log: Log, listener: CircuitListener) {
    this.#plane = plane;
    this.#links = links;
    this.#log = log;
    this.#listener = listener;
    this.#operations = new OperationQueue(
      ({ message: problem }) =>
        log.error({ event: "circuit", problem }, `an operation on an attachment circuit failed: ${problem}`),
      listener.broken,
    );
    this.#forwarders = new Forwarders({
      bind: (localSessionId) => this.#bind(localSessionId),
      signal: (pseudowire, standby) => listener.input({ kind: "pseudowire-standby", pseudowire, standby }),
    });
    const records = new HeldDownRecords(log, listener.controlSocket);
    const check = (circuit: CircuitDeviceState) => this.#devices.check(circuit);
    const { isForwardedByFormer } = listener;
    this.#followed = new FollowedDevices(links, log, this.#operations, records, check, isForwardedByFormer);
    this.#devices = new CircuitDevices(plane, links, log, this.#operations, {
      opened: (circuit) => {
        for (const wanted of circuit.sessions.values()) this.#addToPlane(circuit, wanted);
        this.#followed.review(circuit);
      },
      closing: (circuit) => this.#followed.release(circuit),
      failed: (_circuit, isNew) => this.#retry.schedule(isNew),
      upChanged: ({ pseudowires, sessions, isUp }) => {
        for (const [name, { lock }] of pseudowires)
          if (lock !== undefined) listener.input({ kind: "circuit-status", pseudowire: name, active: isUp });
        for (const { session } of sessions.values()) if (hasControlChannel(session)) this.update(session);
      },
      locationOf: (pseudowire) => listener.locationOf(pseudowire),
      hostUse: (circuit) => listener.hostUse(circuit),
      portJoined: (device, index) => listener.portJoined?.(device, index),
    });
    links.watch((name) => this.#linkChanged(name));
  }

  /** Resolves when all operations requested so far are done. */
  idle(): Promise<void> {
    return this.#operations.idle();
  }

  /** As `idle`, and what is switched off for the other end's sake without need is on again. */
  async settle(): Promise<void> {
    await this.idle();
    await this.#operations.enqueue(() => this.#followed.settle(this.#circuits, this.#wanted));
  }

  /** Whether frames of a pseudowire can pass at our end. */
  isUp(pseudowire: string): boolean {
    const circuit = this.#circuitOfPseudowire.get(pseudowire);
    return circuit?.isUp === true && circuit.pseudowires.get(pseudowire)?.lock !== undefined;
  }

  /** Takes over which pseudowires are members of which forwarder, and what circuits there are to be. */
  configure(config: Config): Promise<void> {
    this.#wanted = circuitsIn(config);
    return this.#operations.enqueue(() => this.#forwarders.configure(config.forwarders));
  }

  /** How the forwarder of a pseudowire stands, where there is a choice. */
  forwarderState(pseudowire: string): ForwarderState | undefined {
    return this.#forwarders.stateOf(pseudowire);
  }

  /** Whether a pseudowire is to signal standby to its peer. */
  isStandby(pseudowire: string): boolean {
    return this.#forwarders.isStandby(pseudowire);
  }

  /** Why frames of a pseudowire do not pass at our end, as text; undefined while they can. */
  problem(pseudowire: string): string | undefined {
    const circuit = this.#circuitOfPseudowire.get(pseudowire);
    return whyNotPassing(circuit, pseudowire, this.#isThere);
  }

  /**
   * The pseudowires whose frames another daemon has, or whose circuit cannot be attached as the file wants
   * it, a line for each.
   */
  get problems(): readonly string[] {
    return [...this.#circuitOfPseudowire].flatMap(([name, circuit]) => {
      const attached = circuit.pseudowires.get(name);
      const problem = attached?.problem ?? whyNotAttached(circuit, this.#isThere);
      return problem === undefined ? [] : [`pseudowire ${name} is waiting: ${problem}`];
    });
  }

  /** Attaches a pseudowire; the first one on a device opens it, unless it is still open. */
  async attach(pseudowire: PseudowireConfig): Promise<void> {
    const { device, bridge } = pseudowire.circuit;
    const circuit = this.#circuits.get(device) ?? newCircuitDeviceState(device);
    this.#circuits.set(device, circuit);
    if (bridge !== undefined) this.#ports.set(bridge, (this.#ports.get(bridge) ?? new Set()).add(device));
    const attached = { config: pseudowire, lock: undefined, problem: undefined };
    circuit.pseudowires.set(pseudowire.name, attached);
    this.#circuitOfPseudowire.set(pseudowire.name, circuit);
    this.#forwarders.attach(pseudowire.name, pseudowire.circuit);
    this.#claim(attached);
    await this.#devices.ensure(circuit);
    this.#followed.review(circuit);
  }

  /**
   * Detaches a pseudowire whose sessions were removed. Its device stays as it is, until `closeUnused`, for
   * one that may come.
   */
  async detach(pseudowire: PseudowireConfig): Promise<void> {
    const { device, bridge } = pseudowire.circuit;
    const circuit = this.#circuits.get(device);
    if (circuit === undefined) return;
    const lock = circuit.pseudowires.get(pseudowire.name)?.lock;
    circuit.pseudowires.delete(pseudowire.name);
    this.#circuitOfPseudowire.delete(pseudowire.name);
    this.#forwarders.detach(pseudowire.name);
    if (circuit.pseudowires.size === 0) {
      circuit.isUnusedByHost = false;
      if (bridge !== undefined) this.#ports.get(bridge)?.delete(device);
      await this.idle();
    }
    lock?.[Symbol.dispose]();
  }

  /**
   * Closes the devices that no pseudowire is on any more, but for some whose tunnels wait, and changes those
   * whose pseudowires want less than those that went.
   */
  async closeUnused(): Promise<void> {
    for (const circuit of [...this.#circuits.values()]) {
      const { name, opened, pseudowires } = circuit;
      if (pseudowires.size > 0) {
        if (opened !== undefined) await this.#devices.ensure(circuit);
      } else if (!staysOpen(circuit, this.#wanted)) {
        this.#circuits.delete(name);
        await this.#devices.close(circuit);
      }
    }
  }

  /** Retries the circuits that wait, without waiting for their timer. */
  retryNow(): void {
    this.#retry.runNow();
  }

  /** Gives all devices back as they were found. */
  release(): Promise<void> {
    return this.#operations.enqueue(() => this.#followed.releaseAll(this.#circuits));
  }

  /** What we switched off on the device of a pseudowire because the other end is down, as text. */
  heldDown(pseudowire: string): string | undefined {
    return heldDownText(this.#circuitOfPseudowire.get(pseudowire));
  }

  /** Drops queued operations and starts no more; the plane is about to be closed. */
  close(): void {
    this.#operations.close();
    this.#retry.close();
  }

  add(session: SessionParameters): void {
    const circuit = this.#circuitOfPseudowire.get(session.pseudowire);
    if (circuit !== undefined) this.#addToPlane(circuit, this.#remember(session, circuit));
  }

  update(session: SessionParameters): void {
    const circuit = this.#circuitOfPseudowire.get(session.pseudowire);
    if (circuit === undefined) return;
    const wanted = circuit.sessions.get(session.localSessionId);
    if (wanted === undefined) return this.add(session);
    wanted.session = session;
    this.#followed.review(circuit);
    void this.#operations.enqueue(async () => {
      const attached = lockedPseudowireOf(circuit, wanted);
      if (attached === undefined || circuit.installed.get(session.localSessionId) !== wanted) return;
      try {
        await this.#plane.updateSession(wanted.session, this.#attachment(circuit, attached, wanted));
        await this.#forwarders.sessionUpdated(wanted);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        if (!(await this.#devices.isGone(circuit))) this.#fail(wanted.session, error);
      }
    });
  }

  /** Takes over settings of an attached pseudowire that may change while its sessions forward. */
  change(pseudowire: PseudowireConfig): void {
    const circuit = this.#circuitOfPseudowire.get(pseudowire.name);
    const attached = circuit?.pseudowires.get(pseudowire.name);
    if (circuit === undefined || attached === undefined) return;
    attached.config = pseudowire;
    this.updateSessions([pseudowire.name]);
  }

  /** Tells the plane again of the sessions of these pseudowires, as what it knows beside them changed. */
  updateSessions(pseudowires: readonly string[]): void {
    for (const pseudowire of pseudowires) {
      const sessions = this.#circuitOfPseudowire.get(pseudowire)?.sessions.values() ?? [];
      for (const { session } of sessions) if (session.pseudowire === pseudowire) this.update(session);
    }
  }

  /** Gives the planes what they need of the paths to peers, where their MTU has changed. */
  followPathMtus(): void {
    for (const circuit of this.#circuits.values())
      for (const wanted of circuit.installed.values())
        if (hasOtherPathMtu(circuit, wanted, this.#listener.pathMtuOf?.(wanted.session.path)))
          this.update(wanted.session);
  }

  remove(localSessionId: number): void {
    const circuit = this.#circuitOfSession.get(localSessionId);
    this.#circuitOfSession.delete(localSessionId);
    if (circuit?.sessions.delete(localSessionId) !== true) return;
    this.#followed.review(circuit);
    void this.#operations.enqueue(async () => {
      if (!circuit.installed.delete(localSessionId)) return;
      await this.#plane.removeSession(localSessionId);
      await this.#forwarders.sessionRemoved(localSessionId);
    });
  }

  /** Takes in what a protocol on a session's control channel says of it: for its forwarder, and its peer. */
  receiveChannelStatus(localSessionId: number, status: ChannelStatus): void {
    const circuit = this.#circuitOfSession.get(localSessionId);
    const wanted = circuit?.installed.get(localSessionId);
    // It may be of a session that is about to be removed, whose local id another one has by now.
    if (circuit === undefined || wanted === undefined) return;
    if (circuit.sessions.get(localSessionId) !== wanted) return;
    wanted.channelStatus = status;
    this.#followed.review(circuit);
    this.#listener.input({ kind: "channel-status", localSessionId, status });
    void this.#operations.enqueue(async () => {
      if (circuit.installed.get(localSessionId) === wanted) await this.#forwarders.sessionUpdated(wanted);
    });
  }

  /** What a protocol on a session's control channel said of it last. */
  channelStatus(localSessionId: number): ChannelStatus | undefined {
    return this.#circuitOfSession.get(localSessionId)?.sessions.get(localSessionId)?.channelStatus;
  }

  /** The pseudowire of a session that should forward. */
  pseudowireOfSession(localSessionId: number): string | undefined {
    return this.#circuitOfSession.get(localSessionId)?.sessions.get(localSessionId)?.session.pseudowire;
  }

  #remember(session: SessionParameters, circuit: CircuitDeviceState): WantedSession {
    const wanted = { session };
    circuit.sessions.set(session.localSessionId, wanted);
    this.#circuitOfSession.set(session.localSessionId, circuit);
    this.#followed.review(circuit);
    return wanted;
  }

  /**
   * Sessions wait for what was asked for before them, but not for each other; one whose device is not open by
   * then comes with it.
   */
  #addToPlane(circuit: CircuitDeviceState, wanted: WantedSession): void {
    this.#operations.enqueueConcurrent(async () => {
      const { localSessionId } = wanted.session;
      const { sessions, installed } = circuit;
      const attached = lockedPseudowireOf(circuit, wanted);
      if (attached === undefined || circuit.opened === undefined) return;
      if (sessions.get(localSessionId) !== wanted || installed.has(localSessionId)) return;
      installed.set(localSessionId, wanted);
      try {
        await this.#plane.addSession(wanted.session, this.#attachment(circuit, attached, wanted));
        await this.#forwarders.sessionAdded(wanted);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        // If the device vanished meanwhile, the session is installed again with the next one.
        if (!(await this.#devices.isGone(circuit))) this.#fail(wanted.session, error);
      }
    });
  }

  /** What a session has of its device now, and is about to get. */
  #attachment(circuit: CircuitDeviceState, attached: AttachedPseudowire, wanted: WantedSession) {
    wanted.pathMtu = this.#listener.pathMtuOf?.(wanted.session.path);
    return attachmentFor(circuit, attached, wanted, wanted.pathMtu);
  }

  /** Gives the frames of a circuit to one of the sessions that the plane has. */
  async #bind(localSessionId: number): Promise<void> {
    const circuit = this.#circuitOfSession.get(localSessionId);
    const wanted = circuit?.installed.get(localSessionId);
    if (circuit === undefined || wanted === undefined) return;
    const attached = lockedPseudowireOf(circuit, wanted);
    if (attached !== undefined) await this.#plane.bindCircuit(attachmentOf(attached.config), localSessionId);
  }

  #fail(session: SessionParameters, error: OperationalError): void {
    if (!this.#operations.isClosed) this.#listener.forwardingFailed(session, error.message);
  }

  /**
   * Tries to take the lock of a pseudowire's frames; another daemon may have it, or the machine no descriptor
   * for it.
   */
  #claim(attached: AttachedPseudowire): void {
    const { name, circuit } = attached.config;
    const claim = claimCircuit(circuit, this.#listener.lockCircuit);
    if (claim.problem === undefined) {
      attached.lock = claim.lock;
      attached.problem = undefined;
      return;
    }
    const { problem } = claim;
    const isNew = problem !== attached.problem;
    attached.problem = problem;
    const location = this.#listener.locationOf(name);
    if (isNew)
      this.#log.error(
        { event: "circuit", pseudowire: name, problem, location },
        `pseudowire ${name} is waiting: ${problem}${locationText(location)}`,
      );
    this.#retry.schedule(isNew);
  }

  #retryAll(): void {
    for (const circuit of this.#circuits.values()) {
      for (const [name, attached] of circuit.pseudowires) {
        if (attached.lock !== undefined) continue;
        this.#claim(attached);
        if (attached.lock === undefined) continue;
        for (const wanted of circuit.sessions.values())
          if (wanted.session.pseudowire === name) this.#addToPlane(circuit, wanted);
        if (circuit.isUp) this.#listener.input({ kind: "circuit-status", pseudowire: name, active: true });
      }
      if (circuit.opened === undefined || circuit.problem !== undefined)
        void this.#devices.reconcile(circuit);
    }
  }

  #linkChanged(name: string): void {
    if (this.#operations.isClosed) return;
    for (const device of [...(this.#ports.get(name) ?? []), name]) {
      const circuit = this.#circuits.get(device);
      if (circuit !== undefined) this.#devices.check(circuit);
    }
  }
}
