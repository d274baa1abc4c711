import { ignoreOperational, OperationalError } from "../bytes/errors.ts";
import type { CircuitConfig } from "../config/config.ts";
import type { PlaneStack } from "../forwarding/stack.ts";
import type { LinkState, Links } from "../os/links.ts";
import {
  type CircuitDeviceState,
  lockedPseudowires,
  wantedBridge,
  wantedDevice,
} from "./circuit-device-state.ts";
import { type Log, locationText } from "./log.ts";
import type { OperationQueue } from "./operation-queue.ts";

/** What the owner of the circuits learns about their devices. */
export interface DeviceListener {
  /** A device was opened: its sessions can be installed. */
  opened(circuit: CircuitDeviceState): void;
  /**
   * A device could not be brought to its wanted state and needs another attempt; `isNew` for a new problem.
   */
  failed(circuit: CircuitDeviceState, isNew: boolean): void;
  /** Frames can pass now, or cannot any more. */
  upChanged(circuit: CircuitDeviceState): void;
  locationOf(pseudowire: string): string | undefined;
  hostUse(circuit: CircuitConfig): Promise<string | undefined>;
  /** A device was made a port of its bridge: it gets its attributes as a port. Throws OperationalError. */
  portJoined(device: string, index: number): void;
  /** A device is about to be closed, or is gone. */
  closing(circuit: CircuitDeviceState): Promise<void>;
}

/**
 * Brings the devices of circuits in step with what their pseudowires want. Each operation looks at how things
 * are when its turn comes, so that it matters neither how many events led to it nor whether they were about a
 * former interface of the same name.
 */
export class CircuitDevices {
  readonly #plane: PlaneStack;
  readonly #links: Links;
  readonly #log: Log;
  readonly #operations: OperationQueue;
  readonly #listener: DeviceListener;

  constructor(
    plane: PlaneStack,
    links: Links,
    log: Log,
    operations: OperationQueue,
    listener: DeviceListener,
  ) {
    this.#plane = plane;
    this.#links = links;
    this.#log = log;
    this.#operations = operations;
    this.#listener = listener;
  }

  /** Opens or changes a device, unless it is in its wanted state already. */
  async ensure(circuit: CircuitDeviceState): Promise<void> {
    if (circuit.opened === undefined || this.#needsChange(circuit)) await this.reconcile(circuit);
    else this.#reportUp(circuit);
  }

  /** Opens or changes a device to its wanted state; a failure is reported and left for the next attempt. */
  reconcile(circuit: CircuitDeviceState): Promise<void> {
    if (circuit.isReconcilePending) return this.#operations.idle();
    circuit.isReconcilePending = true;
    return this.#operations.enqueue(() => this.#reconcileNow(circuit));
  }

  /** Looks at a device after its interface, or the bridge it belongs to, changed. */
  check(circuit: CircuitDeviceState): void {
    if (circuit.isReconciling || circuit.pseudowires.size === 0) return;
    if (!circuit.isReconcilePending && this.#needsChange(circuit)) void this.reconcile(circuit);
    this.#reportUp(circuit);
  }

  /**
   * Whether the interface in the plane went, by a look at what there is now; then it is closed, and opened
   * when it is there again.
   */
  async isGone(circuit: CircuitDeviceState): Promise<boolean> {
    await this.#links.reread().catch(ignoreOperational);
    this.check(circuit);
    return circuit.opened === undefined || this.#isLost(circuit);
  }

  /** Closes a device that no pseudowire is on. */
  close(circuit: CircuitDeviceState): Promise<void> {
    return this.#operations.enqueue(() => this.#close(circuit));
  }

  async #reconcileNow(circuit: CircuitDeviceState): Promise<void> {
    circuit.isReconcilePending = false;
    if (circuit.pseudowires.size === 0) return;
    circuit.isReconciling = true;
    try {
      await this.#apply(circuit);
      circuit.problem = undefined;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      await this.#links.reread().catch(ignoreOperational);
      this.#reportFailure(circuit, error.message);
    } finally {
      circuit.isReconciling = false;
      circuit.lastIndex = this.#links.get(circuit.name)?.index;
    }
    this.#reportUp(circuit);
  }

  /** Rejects with an OperationalError that says what could not be done. */
  async #apply(circuit: CircuitDeviceState): Promise<void> {
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
      // The link table may be older than the device.
      this.#links.readOne(circuit.name);
      if (this.#isLost(circuit)) {
        await this.#close(circuit);
        throw new OperationalError(`interface ${circuit.name} was deleted while it was being attached`);
      }
    } else if (wanted.kind === "tap" && opened.device.mtu !== wanted.mtu) {
      await this.#plane.resizeCircuit(wanted);
      circuit.opened = { ...opened, device: wanted };
    }
    if (wanted.kind === "tap") await this.#joinBridge(circuit);
  }

  async #close(circuit: CircuitDeviceState): Promise<void> {
    if (circuit.opened === undefined) return;
    await this.#listener.closing(circuit);
    circuit.opened = undefined;
    circuit.bridge = undefined;
    const ids = [...circuit.installed.keys()];
    circuit.installed.clear();
    for (const localSessionId of ids) await this.#plane.removeSession(localSessionId);
    await this.#plane.closeCircuit(circuit.name);
  }

  #reportFailure(circuit: CircuitDeviceState, problem: string): void {
    const isNew = problem !== circuit.problem;
    circuit.problem = problem;
    this.#listener.failed(circuit, isNew);
    if (!isNew) return;
    const { name: device } = circuit;
    const [first] = circuit.pseudowires.keys();
    const location = first === undefined ? undefined : this.#listener.locationOf(first);
    const isWaiting = this.#links.get(device) === undefined && wantedDevice(circuit)?.kind !== "tap";
    const text = isWaiting
      ? `waiting for interface ${device}`
      : `attachment circuit ${device} is not attached yet: ${problem}`;
    this.#log.warn({ event: "circuit", device, problem, location }, `${text}${locationText(location)}`);
  }

  /** Throws if the host itself uses the interface and would lose it. */
  async #checkHostUse(circuit: CircuitDeviceState): Promise<void> {
    if (circuit.isUnusedByHost) return;
    for (const wanted of hostUseChecked(circuit)) {
      const use = await this.#listener.hostUse(wanted);
      if (use !== undefined)
        throw new OperationalError(
          `${use}: as an attachment circuit it would be cut off from this machine; ` +
            "use another interface, or set allow_host_use: true",
        );
      circuit.isUnusedByHost = true;
    }
  }

  /**
   * Takes a TAP device out of a bridge where it does not belong any more if we put it there, puts it where it
   * belongs, and switches it on.
   */
  async #joinBridge(circuit: CircuitDeviceState): Promise<void> {
    const { name: device, bridge: former } = circuit;
    const bridge = wantedBridge(circuit);
    const isOn = this.#links.get(device)?.isOn === true;
    if (former !== undefined && former !== bridge && this.#links.isPort(device, former))
      await this.#links.setMaster(device, undefined);
    circuit.bridge = undefined;
    if (bridge !== undefined && !this.#links.isPort(device, bridge)) {
      await this.#links.setMaster(device, bridge, (index) => this.#listener.portJoined(device, index));
      this.#log.info({ event: "circuit", device, bridge }, `TAP device ${device} added to bridge ${bridge}`);
    }
    circuit.bridge = bridge;
    if (!isOn) await this.#links.setUp(device, true);
  }

  /** Whether the interface that the plane has open is gone; another one may have its name by now. */
  #isLost({ name, opened }: CircuitDeviceState): boolean {
    return opened !== undefined && this.#links.get(name)?.index !== opened.index;
  }

  /** Whether the device differs from its wanted state in a way that an attempt now could mend. */
  #needsChange(circuit: CircuitDeviceState): boolean {
    const { name, opened, lastIndex: seenIndex } = circuit;
    if (opened === undefined) {
      const state = this.#links.get(name);
      return state !== undefined && state.index !== seenIndex;
    }
    const wanted = wantedDevice(circuit);
    if (wanted === undefined) return this.#isLost(circuit);
    if (this.#isLost(circuit) || opened.device.kind !== wanted.kind) return true;
    if (wanted.kind === "interface") return !circuit.isUnusedByHost && hostUseChecked(circuit).length > 0;
    return (
      opened.device.mtu !== wanted.mtu || this.#isOutsideBridge(circuit) || circuit.problem !== undefined
    );
  }

  /**
   * Whether a device is not in the bridge where it belongs: the bridge went, was made anew, or somebody took
   * it out.
   */
  #isOutsideBridge(circuit: CircuitDeviceState): boolean {
    const bridge = wantedBridge(circuit);
    if (bridge !== circuit.bridge) return true;
    return bridge !== undefined && !this.#links.isPort(circuit.name, bridge);
  }

  #reportUp(circuit: CircuitDeviceState): void {
    const { name: device, opened, problem } = circuit;
    const state = this.#links.get(device);
    const isUp =
      opened !== undefined &&
      problem === undefined &&
      state?.index === opened.index &&
      canPass(circuit, state);
    if (circuit.isUp === isUp) return;
    circuit.isUp = isUp;
    this.#log.info(
      { event: "circuit", device, up: isUp },
      `attachment circuit ${device} is ${isUp ? "up" : "down"}`,
    );
    this.#listener.upChanged(circuit);
  }
}

/** Whether frames can pass, or could but for us: what we switched off is no fault of the circuit. */
function canPass({ opened, isHeldDown }: CircuitDeviceState, { up, isOn }: LinkState): boolean {
  return up || (isHeldDown && (isOn || opened?.device.kind === "interface"));
}

/** The circuits whose interface may not be one that the host uses. */
function hostUseChecked(circuit: CircuitDeviceState): readonly CircuitConfig[] {
  return lockedPseudowires(circuit).flatMap(({ circuit: wanted }) =>
    wanted.kind === "tap" || wanted.allowHostUse ? [] : [wanted],
  );
}
