import { messageOf } from "../bytes/errors.ts";
import type { CircuitConfig } from "../config/config.ts";
import type { ForwardingPlane } from "../forwarding/plane.ts";
import type { Links } from "../os/links.ts";
import { type Circuit, lockedOf, wantedBridge, wantedDevice } from "./circuit.ts";
import { type Log, placeWords } from "./log.ts";
import type { Work } from "./work.ts";

/** What is told of the devices of circuits. */
export interface DeviceListener {
  /** A device is open now, for the sessions on it. */
  opened(circuit: Circuit): void;
  /** It is not as it should be, and is to be tried again; `isNew` when that was not so before. */
  failed(circuit: Circuit, isNew: boolean): void;
  /** Frames can pass now, or cannot any more. */
  upChanged(circuit: Circuit): void;
  placeOf(pseudowire: string): string | undefined;
  hostUse(circuit: CircuitConfig): Promise<string | undefined>;
}

/**
 * Brings the devices of circuits in step with what their pseudowires want. Each operation looks at how things are when its turn comes,
 * so that it matters neither how many events led to it nor whether they were about a former interface of the same name.
 */
export class CircuitDevices {
  readonly #plane: ForwardingPlane;
  readonly #links: Links;
  readonly #log: Log;
  readonly #work: Work;
  readonly #listener: DeviceListener;

  constructor(plane: ForwardingPlane, links: Links, log: Log, work: Work, listener: DeviceListener) {
    this.#plane = plane;
    this.#links = links;
    this.#log = log;
    this.#work = work;
    this.#listener = listener;
  }

  /** Opens and changes a device as is wanted, if it is not so already. */
  async want(circuit: Circuit): Promise<void> {
    if (circuit.opened === undefined || this.#isAmiss(circuit)) await this.bringInStep(circuit);
    else this.#tellUp(circuit);
  }

  /** Opens and changes a device as is wanted; what cannot be done is told, and left for another time. */
  bringInStep(circuit: Circuit): Promise<void> {
    if (circuit.isDue) return this.#work.settled();
    circuit.isDue = true;
    return this.#work.enqueue(() => this.#bring(circuit));
  }

  /** Something changed about the interface of a device, or about the bridge where it belongs. */
  look(circuit: Circuit): void {
    if (circuit.isChanging || circuit.pseudowires.size === 0) return;
    if (!circuit.isDue && this.#isAmiss(circuit)) void this.bringInStep(circuit);
    this.#tellUp(circuit);
  }

  /** Whether the interface in the plane went, by a look at what there is now; then it is closed, and opened when it is there again. */
  async isGone(circuit: Circuit): Promise<boolean> {
    await this.#links.reread().catch(() => undefined);
    this.look(circuit);
    return circuit.opened === undefined || this.#isLost(circuit);
  }

  /** Closes a device that no pseudowire is on. */
  close(circuit: Circuit): Promise<void> {
    return this.#work.enqueue(() => this.#close(circuit));
  }

  async #bring(circuit: Circuit): Promise<void> {
    circuit.isDue = false;
    if (circuit.pseudowires.size === 0) return;
    circuit.isChanging = true;
    try {
      await this.#change(circuit);
      circuit.problem = undefined;
    } catch (error) {
      await this.#links.reread().catch(() => undefined);
      this.#fail(circuit, messageOf(error));
    } finally {
      circuit.isChanging = false;
      circuit.seenIndex = this.#links.get(circuit.name)?.index;
    }
    this.#tellUp(circuit);
  }

  /** Rejects with an Error that says what could not be done. */
  async #change(circuit: Circuit): Promise<void> {
    const wanted = wantedDevice(circuit);
    if (this.#isLost(circuit) || (wanted !== undefined && circuit.opened?.device.kind !== wanted.kind))
      await this.#close(circuit);
    if (wanted === undefined) return;
    try {
      await this.#checkHostUse(circuit);
    } catch (error) {
      await this.#close(circuit);
      throw error;
    }
    const { opened } = circuit;
    if (opened === undefined) {
      circuit.opened = { device: wanted, index: await this.#plane.openCircuit(wanted) };
      this.#listener.opened(circuit);
      // What links told so far may be older than the device.
      await this.#links.reread();
      if (this.#isLost(circuit)) {
        await this.#close(circuit);
        throw new Error(`interface ${circuit.name} was deleted while it was being attached`);
      }
    } else if (wanted.kind === "tap" && opened.device.mtu !== wanted.mtu) {
      await this.#plane.resizeCircuit(wanted);
      circuit.opened = { ...opened, device: wanted };
    }
    if (wanted.kind === "tap") await this.#putIntoBridge(circuit);
  }

  async #close(circuit: Circuit): Promise<void> {
    if (circuit.opened === undefined) return;
    circuit.opened = undefined;
    circuit.bridge = undefined;
    const ids = [...circuit.carried.keys()];
    circuit.carried.clear();
    for (const localSessionId of ids) await this.#plane.removeSession(localSessionId);
    await this.#plane.closeCircuit(circuit.name);
  }

  #fail(circuit: Circuit, problem: string): void {
    const isNew = problem !== circuit.problem;
    circuit.problem = problem;
    this.#listener.failed(circuit, isNew);
    if (!isNew) return;
    const { name: device } = circuit;
    const [first] = circuit.pseudowires.keys();
    const place = first === undefined ? undefined : this.#listener.placeOf(first);
    this.#log.warn(
      { event: "circuit", device, problem, place },
      `attachment circuit ${device} is attached once it can be: ${problem}${placeWords(place)}`,
    );
  }

  /** Throws where this machine would lose an interface that it uses. */
  async #checkHostUse(circuit: Circuit): Promise<void> {
    if (circuit.isFree) return;
    for (const wanted of guardedOf(circuit)) {
      const use = await this.#listener.hostUse(wanted);
      if (use !== undefined)
        throw new Error(
          `${use}: as a circuit it would be cut off from this machine; use another interface, or say allow_host_use: true`,
        );
      circuit.isFree = true;
    }
  }

  /** Takes a TAP device out of a bridge where it does not belong any more if we put it there, puts it where it belongs, and switches it on. */
  async #putIntoBridge(circuit: Circuit): Promise<void> {
    const { name: device, bridge: former } = circuit;
    const bridge = wantedBridge(circuit);
    const isOn = this.#links.get(device)?.up === true;
    if (former !== undefined && former !== bridge && this.#links.isPort(device, former))
      await this.#links.setMaster(device, undefined);
    circuit.bridge = undefined;
    if (bridge !== undefined && !this.#links.isPort(device, bridge)) {
      await this.#links.setMaster(device, bridge);
      this.#log.info(
        { event: "circuit", device, bridge },
        `TAP device ${device} is put into bridge ${bridge}`,
      );
    }
    circuit.bridge = bridge;
    if (!isOn) await this.#links.setUp(device, true);
  }

  /** Whether the interface in the plane is not there any more, though another one may have its name. */
  #isLost({ name, opened }: Circuit): boolean {
    return opened !== undefined && this.#links.get(name)?.index !== opened.index;
  }

  /** Whether something is to be done that could be done now. */
  #isAmiss(circuit: Circuit): boolean {
    const { name, opened, seenIndex } = circuit;
    if (opened === undefined) {
      const state = this.#links.get(name);
      return state !== undefined && state.index !== seenIndex;
    }
    const wanted = wantedDevice(circuit);
    if (wanted === undefined) return this.#isLost(circuit);
    if (this.#isLost(circuit) || opened.device.kind !== wanted.kind) return true;
    if (wanted.kind === "interface") return !circuit.isFree && guardedOf(circuit).length > 0;
    return opened.device.mtu !== wanted.mtu || this.#isAstray(circuit) || circuit.problem !== undefined;
  }

  /** Whether a device is not in the bridge where it belongs: the bridge went, was made anew, or somebody took it out. */
  #isAstray(circuit: Circuit): boolean {
    const bridge = wantedBridge(circuit);
    if (bridge !== circuit.bridge) return true;
    return bridge !== undefined && !this.#links.isPort(circuit.name, bridge);
  }

  #tellUp(circuit: Circuit): void {
    const { name: device, opened, problem } = circuit;
    const state = this.#links.get(device);
    const isUp =
      opened !== undefined && problem === undefined && state?.index === opened.index && state.up === true;
    if (circuit.isUp === isUp) return;
    circuit.isUp = isUp;
    this.#log.info(
      { event: "circuit", device, up: isUp },
      `attachment circuit ${device} is ${isUp ? "up" : "down"}`,
    );
    this.#listener.upChanged(circuit);
  }
}

/** The words of pseudowires that do not want an interface which this machine uses. */
function guardedOf(circuit: Circuit): readonly CircuitConfig[] {
  return lockedOf(circuit).flatMap(({ circuit: wanted }) =>
    wanted.kind === "tap" || wanted.allowHostUse ? [] : [wanted],
  );
}
