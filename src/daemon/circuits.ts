import { messageOf } from "../bytes/errors.ts";
import type { CircuitConfig, PseudowireConfig } from "../config/config.ts";
import type { ForwardingPlane } from "../forwarding/plane.ts";
import type { LinkState, Links } from "../os/links.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import type { Log } from "./log.ts";
import { attachmentOf, deviceOf } from "./settings.ts";

interface Circuit {
  /** Pseudowires on the device, by name. */
  readonly pseudowires: Map<string, PseudowireConfig>;
  /** Sessions that are to forward, by local session id; in the plane whenever the device is open. */
  readonly sessions: Map<number, SessionParameters>;
  isOpen: boolean;
  isUp: boolean;
  /** Why it is not open, in words. */
  problem?: string;
}

/** Ours: a circuit that was refused for what its machine does with it is looked at again after this pause. */
const LOOK_AGAIN_MS = 5000;

/** What the daemon wants to hear of circuits. */
export interface CircuitListener {
  circuitStatus(pseudowire: string, active: boolean): void;
  forwardingFailed(session: SessionParameters, problem: string): void;
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

  isUp(device: string): boolean {
    return this.#circuits.get(device)?.isUp ?? false;
  }

  /** Why frames do not pass a device, in words; undefined while they can. */
  problemOf(device: string): string | undefined {
    const circuit = this.#circuits.get(device);
    if (circuit?.isUp === true) return undefined;
    if (circuit?.problem !== undefined) return circuit.problem;
    return this.#links.get(device) === undefined ? `there is no interface ${device}` : `${device} is down`;
  }

  /** Attaches a pseudowire; its device is opened with the first one. */
  async attach(pseudowire: PseudowireConfig): Promise<void> {
    const { device } = pseudowire.circuit;
    let circuit = this.#circuits.get(device);
    if (circuit === undefined) {
      circuit = { pseudowires: new Map(), sessions: new Map(), isOpen: false, isUp: false };
      this.#circuits.set(device, circuit);
    }
    circuit.pseudowires.set(pseudowire.name, pseudowire);
    this.#attached.set(pseudowire.name, circuit);
    if (!circuit.isOpen) await this.#enqueue(() => this.#open(device));
  }

  /** Detaches a pseudowire whose sessions were removed; its device is closed with the last one. */
  async detach(pseudowire: PseudowireConfig): Promise<void> {
    const { device } = pseudowire.circuit;
    const circuit = this.#circuits.get(device);
    if (circuit === undefined) return;
    circuit.pseudowires.delete(pseudowire.name);
    this.#attached.delete(pseudowire.name);
    if (circuit.pseudowires.size > 0) return;
    this.#circuits.delete(device);
    if (!circuit.isOpen) return;
    circuit.isOpen = false;
    await this.#enqueue(() => this.#plane.closeCircuit(device));
  }

  add(session: SessionParameters): void {
    const found = this.#find(session.pseudowire);
    if (found === undefined) return;
    this.#hold(session, found.circuit);
    if (found.circuit.isOpen) this.#addToPlane(session, found.pseudowire);
  }

  update(session: SessionParameters): void {
    const found = this.#find(session.pseudowire);
    if (found === undefined) return;
    this.#hold(session, found.circuit);
    if (!found.circuit.isOpen) return;
    const attachment = attachmentOf(found.pseudowire);
    void this.#enqueue(() => this.#attempt(session, () => this.#plane.updateSession(session, attachment)));
  }

  /** What of an attached pseudowire may change while its sessions forward is another now. */
  change(pseudowire: PseudowireConfig): void {
    const circuit = this.#circuits.get(pseudowire.circuit.device);
    if (circuit === undefined) return;
    circuit.pseudowires.set(pseudowire.name, pseudowire);
    for (const session of circuit.sessions.values()) {
      if (session.pseudowire === pseudowire.name) this.update(session);
    }
  }

  remove(localSessionId: number): void {
    const circuit = this.#holders.get(localSessionId);
    this.#holders.delete(localSessionId);
    if (!circuit?.sessions.delete(localSessionId) || !circuit.isOpen) return;
    void this.#enqueue(() => this.#plane.removeSession(localSessionId));
  }

  #find(pseudowireName: string): { circuit: Circuit; pseudowire: PseudowireConfig } | undefined {
    const circuit = this.#attached.get(pseudowireName);
    const pseudowire = circuit?.pseudowires.get(pseudowireName);
    return circuit && pseudowire && { circuit, pseudowire };
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
    try {
      await operation();
    } catch (error) {
      this.#listener.forwardingFailed(session, messageOf(error));
    }
  }

  /** Runs after all that was asked for before; its own failure reaches only its caller. */
  #enqueue(operation: () => Promise<void>): Promise<void> {
    const done = this.#work.then(operation);
    this.#work = done.catch((error: unknown) => {
      const problem = messageOf(error);
      this.#log.error({ event: "circuit", problem }, `an operation on a circuit went wrong: ${problem}`);
    });
    this.#beforeAdds = this.#work;
    return this.#work;
  }

  async #open(device: string): Promise<void> {
    const circuit = this.#circuits.get(device);
    const [first] = circuit?.pseudowires.values() ?? [];
    if (circuit === undefined || first === undefined || circuit.isOpen) return;
    try {
      await this.#checkHostUse(circuit);
      await this.#plane.openCircuit(deviceOf(first));
      circuit.isOpen = true;
      delete circuit.problem;
      if (first.circuit.kind === "tap") await this.#raiseTap(first);
    } catch (error) {
      const problem = messageOf(error);
      if (problem === circuit.problem) return;
      circuit.problem = problem;
      this.#log.warn(
        { event: "circuit", device, problem },
        `attachment circuit ${device} is attached once it can be: ${problem}`,
      );
      return;
    }
    for (const session of circuit.sessions.values()) {
      const pseudowire = circuit.pseudowires.get(session.pseudowire);
      if (pseudowire !== undefined) this.#addToPlane(session, pseudowire);
    }
    this.#setUp(device, circuit, this.#links.get(device)?.up ?? false);
  }

  /** Throws, and looks again by itself, where this machine would lose an interface that it uses. */
  async #checkHostUse(circuit: Circuit): Promise<void> {
    for (const { circuit: wanted } of circuit.pseudowires.values()) {
      if (wanted.kind === "tap" || wanted.allowHostUse) continue;
      const use = await this.#listener.hostUse(wanted);
      if (use === undefined) continue;
      setTimeout(() => void this.#enqueue(() => this.#open(wanted.device)), LOOK_AGAIN_MS).unref();
      throw new Error(
        `${use}: as a circuit it would be cut off from this machine; use another interface, or say allow_host_use: true`,
      );
    }
  }

  async #raiseTap({ circuit }: PseudowireConfig): Promise<void> {
    if (circuit.bridge !== undefined) await this.#links.setMaster(circuit.device, circuit.bridge);
    await this.#links.setUp(circuit.device, true);
  }

  #linkChanged(device: string, state: LinkState | undefined): void {
    const circuit = this.#circuits.get(device);
    if (circuit === undefined) return;
    if (state === undefined && circuit.isOpen) {
      circuit.isOpen = false;
      const sessions = [...circuit.sessions.keys()];
      void this.#enqueue(async () => {
        for (const localSessionId of sessions) await this.#plane.removeSession(localSessionId);
        await this.#plane.closeCircuit(device);
      });
    }
    if (state !== undefined && !circuit.isOpen) void this.#enqueue(() => this.#open(device));
    this.#setUp(device, circuit, circuit.isOpen && state?.up === true);
  }

  #setUp(device: string, circuit: Circuit, isUp: boolean): void {
    if (circuit.isUp === isUp) return;
    circuit.isUp = isUp;
    this.#log.info(
      { event: "circuit", device, up: isUp },
      `attachment circuit ${device} is ${isUp ? "up" : "down"}`,
    );
    for (const name of circuit.pseudowires.keys()) this.#listener.circuitStatus(name, isUp);
  }
}
