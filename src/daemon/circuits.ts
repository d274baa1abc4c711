import { messageOf } from "../bytes/errors.ts";
import type { CircuitConfig, PseudowireConfig } from "../config/config.ts";
import type { ForwardingPlane } from "../forwarding/plane.ts";
import type { LinkState, Links } from "../os/links.ts";
import type { Lock } from "../os/locks.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import { lockCircuit } from "./locks.ts";
import { type Log, placeWords } from "./log.ts";
import { Retry } from "./retry.ts";
import { attachmentOf, deviceOf } from "./settings.ts";

/** A pseudowire on a device. Only with the lock of its frames it takes part in anything; another daemon may have it. */
interface Attached {
  config: PseudowireConfig;
  lock: Lock | undefined;
  /** Why it has no lock. */
  problem: string | undefined;
}

interface Circuit {
  /** Pseudowires on the device, by name. */
  readonly pseudowires: Map<string, Attached>;
  /** Sessions that are to forward, by local session id; in the plane whenever the device is open and their pseudowire has its lock. */
  readonly sessions: Map<number, SessionParameters>;
  isOpen: boolean;
  isUp: boolean;
  /** Why it is not open, or not as it should be. */
  problem: string | undefined;
}

/** What the daemon wants to hear of circuits. */
export interface CircuitListener {
  circuitStatus(pseudowire: string, active: boolean): void;
  forwardingFailed(session: SessionParameters, problem: string): void;
  /** Where the circuit of a pseudowire stands in the configuration file. */
  placeOf(pseudowire: string): string | undefined;
  /** What this machine would lose if an interface became a circuit, in words; undefined where it would lose nothing. */
  hostUse(circuit: CircuitConfig): Promise<string | undefined>;
}

/**
 * The attachment circuits and the sessions on them: keeps the plane in step with devices that come, go, rise and fall.
 * Its operations on the plane run one after another, in the order they were asked for; but sessions are added many at a time.
 */
export class Circuits {
  readonly #plane: ForwardingPlane;
  readonly #links: Links;
  readonly #log: Log;
  readonly #listener: CircuitListener;
  readonly #circuits = new Map<string, Circuit>();
  /** Where a pseudowire is attached, by its name, and a session added, by its local id. */
  readonly #attached = new Map<string, Circuit>();
  readonly #holders = new Map<number, Circuit>();
  /** Devices that belong into a bridge, by its name. */
  readonly #ports = new Map<string, Set<string>>();
  readonly #retry = new Retry(() => this.#tryAgain());
  #isClosed = false;
  /** All that was asked for so far; and so without the sessions that were added since. */
  #work: Promise<void> = Promise.resolve();
  #beforeAdds: Promise<void> = Promise.resolve();

  constructor(plane: ForwardingPlane, links: Links, log: Log, listener: CircuitListener) {
    this.#plane = plane;
    this.#links = links;
    this.#log = log;
    this.#listener = listener;
    links.watch((name, state) => this.#linkChanged(name, state));
  }

  /** Resolves when everything asked for so far is done. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** Whether frames of a pseudowire can pass at our end. */
  isUp(pseudowire: string): boolean {
    const circuit = this.#attached.get(pseudowire);
    return circuit?.isUp === true && circuit.pseudowires.get(pseudowire)?.lock !== undefined;
  }

  /** Why frames of a pseudowire do not pass at our end, in words; undefined while they can. */
  problem(pseudowire: string): string | undefined {
    const circuit = this.#attached.get(pseudowire);
    const attached = circuit?.pseudowires.get(pseudowire);
    if (circuit === undefined || attached === undefined) return "not attached yet";
    if (attached.problem !== undefined || circuit.isUp) return attached.problem;
    const { device } = attached.config.circuit;
    if (circuit.problem !== undefined) return circuit.problem;
    return this.#links.get(device) === undefined ? `there is no interface ${device}` : `${device} is down`;
  }

  /** The pseudowires whose frames another daemon has, or whose TAP device is not as the file wants it, a line for each. */
  get problems(): readonly string[] {
    return [...this.#attached].flatMap(([name, circuit]) => {
      const attached = circuit.pseudowires.get(name);
      const isTap = attached?.config.circuit.kind === "tap";
      const problem = attached?.problem ?? (isTap ? circuit.problem : undefined);
      return problem === undefined ? [] : [`pseudowire ${name} waits: ${problem}`];
    });
  }

  /** Attaches a pseudowire; its device is opened with the first one. */
  async attach(pseudowire: PseudowireConfig): Promise<void> {
    const { device, bridge } = pseudowire.circuit;
    let circuit = this.#circuits.get(device);
    if (circuit === undefined) {
      circuit = {
        pseudowires: new Map(),
        sessions: new Map(),
        isOpen: false,
        isUp: false,
        problem: undefined,
      };
      this.#circuits.set(device, circuit);
    }
    if (bridge !== undefined) this.#ports.set(bridge, (this.#ports.get(bridge) ?? new Set()).add(device));
    const attached = { config: pseudowire, lock: undefined, problem: undefined };
    circuit.pseudowires.set(pseudowire.name, attached);
    this.#attached.set(pseudowire.name, circuit);
    this.#claim(attached);
    if (!circuit.isOpen) await this.#enqueue(() => this.#open(device));
  }

  /** Detaches a pseudowire whose sessions were removed; its device is closed with the last one. */
  async detach(pseudowire: PseudowireConfig): Promise<void> {
    const { device, bridge } = pseudowire.circuit;
    const circuit = this.#circuits.get(device);
    if (circuit === undefined) return;
    const lock = circuit.pseudowires.get(pseudowire.name)?.lock;
    circuit.pseudowires.delete(pseudowire.name);
    this.#attached.delete(pseudowire.name);
    if (circuit.pseudowires.size === 0) {
      this.#circuits.delete(device);
      if (bridge !== undefined) this.#ports.get(bridge)?.delete(device);
      const wasOpen = circuit.isOpen;
      circuit.isOpen = false;
      if (wasOpen) await this.#enqueue(() => this.#plane.closeCircuit(device));
    }
    lock?.[Symbol.dispose]();
  }

  /** Something may be there now that circuits wait for. */
  lookAgain(): void {
    this.#retry.now();
  }

  /** Nothing is asked of the plane any more: what was not begun is left, for the plane to be closed. */
  close(): void {
    this.#isClosed = true;
    this.#retry.close();
  }

  add(session: SessionParameters): void {
    const found = this.#find(session.pseudowire);
    if (found === undefined) return;
    this.#hold(session, found.circuit);
    if (isCarried(found)) this.#addToPlane(session, found.attached.config);
  }

  update(session: SessionParameters): void {
    const found = this.#find(session.pseudowire);
    if (found === undefined) return;
    this.#hold(session, found.circuit);
    if (!isCarried(found)) return;
    const attachment = attachmentOf(found.attached.config);
    void this.#enqueue(() => this.#attempt(session, () => this.#plane.updateSession(session, attachment)));
  }

  /** What of an attached pseudowire may change while its sessions forward is another now. */
  change(pseudowire: PseudowireConfig): void {
    const found = this.#find(pseudowire.name);
    if (found === undefined) return;
    const { circuit, attached } = found;
    attached.config = pseudowire;
    for (const session of circuit.sessions.values()) {
      if (session.pseudowire === pseudowire.name) this.update(session);
    }
  }

  remove(localSessionId: number): void {
    const circuit = this.#holders.get(localSessionId);
    this.#holders.delete(localSessionId);
    const session = circuit?.sessions.get(localSessionId);
    if (circuit === undefined || session === undefined) return;
    circuit.sessions.delete(localSessionId);
    const attached = circuit.pseudowires.get(session.pseudowire);
    if (attached === undefined || !isCarried({ circuit, attached })) return;
    void this.#enqueue(() => this.#plane.removeSession(localSessionId));
  }

  /** The pseudowire of a session that is to forward. */
  pseudowireOf(localSessionId: number): string | undefined {
    return this.#holders.get(localSessionId)?.sessions.get(localSessionId)?.pseudowire;
  }

  #find(pseudowireName: string): Found | undefined {
    const circuit = this.#attached.get(pseudowireName);
    const attached = circuit?.pseudowires.get(pseudowireName);
    return circuit && attached && { circuit, attached };
  }

  #hold(session: SessionParameters, circuit: Circuit): void {
    circuit.sessions.set(session.localSessionId, session);
    this.#holders.set(session.localSessionId, circuit);
  }

  /** Sessions wait for what was asked for before them, but not for each other. */
  #addToPlane(session: SessionParameters, pseudowire: PseudowireConfig): void {
    const added = this.#beforeAdds.then(() =>
      this.#attempt(session, () => this.#plane.addSession(session, attachmentOf(pseudowire))),
    );
    const work = this.#work;
    this.#work = added.then(() => work);
  }

  async #attempt(session: SessionParameters, operation: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return;
    try {
      await operation();
    } catch (error) {
      if (!this.#isClosed) this.#listener.forwardingFailed(session, messageOf(error));
    }
  }

  /** Runs after all that was asked for before; its own failure reaches only its caller. */
  #enqueue(operation: () => Promise<void>): Promise<void> {
    const done = this.#work.then(() => (this.#isClosed ? undefined : operation()));
    this.#work = done.catch((error: unknown) => {
      const problem = messageOf(error);
      this.#log.error({ event: "circuit", problem }, `an operation on a circuit went wrong: ${problem}`);
    });
    this.#beforeAdds = this.#work;
    return this.#work;
  }

  async #open(device: string): Promise<void> {
    const circuit = this.#circuits.get(device);
    const first = [...(circuit?.pseudowires.values() ?? [])].find(({ lock }) => lock !== undefined)?.config;
    if (circuit === undefined || first === undefined) return;
    const wasOpen = circuit.isOpen;
    if (wasOpen && circuit.problem === undefined && !this.#isAstray(device, circuit)) return;
    try {
      if (!wasOpen) {
        await this.#checkHostUse(circuit);
        await this.#plane.openCircuit(deviceOf(first));
      }
      circuit.isOpen = true;
      if (first.circuit.kind === "tap") await this.#raiseTap(first);
      circuit.problem = undefined;
    } catch (error) {
      const problem = messageOf(error);
      const isNew = problem !== circuit.problem;
      circuit.problem = problem;
      this.#retry.later(isNew);
      const place = this.#listener.placeOf(first.name);
      if (isNew)
        this.#log.warn(
          { event: "circuit", device, problem, place },
          `attachment circuit ${device} is attached once it can be: ${problem}${placeWords(place)}`,
        );
    }
    if (!circuit.isOpen) return;
    if (!wasOpen) for (const session of carriedSessions(circuit)) this.add(session);
    this.#setUp(device, circuit, this.#links.get(device)?.up === true && circuit.problem === undefined);
  }

  /** Takes the lock of a pseudowire's frames, if no other daemon has it. */
  #claim(attached: Attached): void {
    const { name, circuit } = attached.config;
    const claim = lockCircuit(circuit);
    if (claim.problem === undefined) {
      attached.lock = claim.lock;
      attached.problem = undefined;
      return;
    }
    const { problem } = claim;
    const isNew = problem !== attached.problem;
    attached.problem = problem;
    const place = this.#listener.placeOf(name);
    if (isNew)
      this.#log.error(
        { event: "circuit", pseudowire: name, problem, place },
        `pseudowire ${name} waits: ${problem}${placeWords(place)}`,
      );
    this.#retry.later(isNew);
  }

  #tryAgain(): void {
    for (const [device, circuit] of this.#circuits) {
      for (const attached of circuit.pseudowires.values()) {
        if (attached.lock !== undefined) continue;
        this.#claim(attached);
        if (attached.lock === undefined) continue;
        const { name } = attached.config;
        for (const session of circuit.sessions.values()) if (session.pseudowire === name) this.add(session);
        if (circuit.isUp) this.#listener.circuitStatus(name, true);
      }
      if (!circuit.isOpen || circuit.problem !== undefined) void this.#enqueue(() => this.#open(device));
    }
  }

  /** Throws where this machine would lose an interface that it uses. */
  async #checkHostUse(circuit: Circuit): Promise<void> {
    for (const { config } of circuit.pseudowires.values()) {
      const wanted = config.circuit;
      if (wanted.kind === "tap" || wanted.allowHostUse) continue;
      const use = await this.#listener.hostUse(wanted);
      if (use === undefined) continue;
      throw new Error(
        `${use}: as a circuit it would be cut off from this machine; use another interface, or say allow_host_use: true`,
      );
    }
  }

  async #raiseTap({ circuit: { device, bridge } }: PseudowireConfig): Promise<void> {
    if (bridge !== undefined && !this.#links.isPort(device, bridge)) {
      await this.#links.setMaster(device, bridge);
      this.#log.info(
        { event: "circuit", device, bridge },
        `TAP device ${device} is put into bridge ${bridge}`,
      );
    }
    await this.#links.setUp(device, true);
  }

  /** Whether a device is not in the bridge where it belongs: the bridge went, was made anew, or somebody took it out. */
  #isAstray(device: string, { pseudowires }: Circuit): boolean {
    const [first] = pseudowires.values();
    const bridge = first?.config.circuit.bridge;
    return bridge !== undefined && !this.#links.isPort(device, bridge);
  }

  /** Puts a device that is open back into its bridge, or has it wait for the bridge. */
  #bringBack(device: string): void {
    const circuit = this.#circuits.get(device);
    if (circuit?.isOpen === true && (circuit.problem !== undefined || this.#isAstray(device, circuit)))
      void this.#enqueue(() => this.#open(device));
  }

  #linkChanged(device: string, state: LinkState | undefined): void {
    if (this.#isClosed) return;
    for (const port of this.#ports.get(device) ?? []) this.#bringBack(port);
    const circuit = this.#circuits.get(device);
    if (circuit === undefined) return;
    if (state === undefined && circuit.isOpen) {
      circuit.isOpen = false;
      const sessions = carriedSessions(circuit);
      void this.#enqueue(async () => {
        for (const { localSessionId } of sessions) await this.#plane.removeSession(localSessionId);
        await this.#plane.closeCircuit(device);
      });
    }
    if (state !== undefined && !circuit.isOpen) void this.#enqueue(() => this.#open(device));
    if (state !== undefined) this.#bringBack(device);
    this.#setUp(device, circuit, circuit.isOpen && circuit.problem === undefined && state?.up === true);
  }

  #setUp(device: string, circuit: Circuit, isUp: boolean): void {
    if (circuit.isUp === isUp) return;
    circuit.isUp = isUp;
    this.#log.info(
      { event: "circuit", device, up: isUp },
      `attachment circuit ${device} is ${isUp ? "up" : "down"}`,
    );
    for (const [name, { lock }] of circuit.pseudowires)
      if (lock !== undefined) this.#listener.circuitStatus(name, isUp);
  }
}

interface Found {
  readonly circuit: Circuit;
  readonly attached: Attached;
}

/** Those of a circuit's sessions that the plane has, or gets, when the device is open. */
function carriedSessions({ sessions, pseudowires }: Circuit): readonly SessionParameters[] {
  return [...sessions.values()].filter(({ pseudowire }) => pseudowires.get(pseudowire)?.lock !== undefined);
}

/** Whether the plane has, or gets, the sessions of a pseudowire. */
function isCarried({ circuit, attached }: Found): boolean {
  return circuit.isOpen && attached.lock !== undefined;
}
