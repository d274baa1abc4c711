import { OperationalError } from "../bytes/errors.ts";
import type { CircuitConfig } from "../config/config.ts";
import type { Links } from "../os/links.ts";
import type { CircuitDeviceState, WantedSession } from "./circuit-device-state.ts";
import type { HeldDownRecords } from "./held-down-records.ts";
import type { Log } from "./log.ts";
import type { OperationQueue } from "./operation-queue.ts";

/** A pseudowire without session for so long is down: one that is replaced has its next session by then. */
const NO_SESSION_MS = 500;
/**
 * The same while programs of a former daemon forward its frames. With `remote: any` only the peer can set up
 * sessions in place of theirs, and as long as data comes it notices after the retransmissions of a HELLO that
 * this daemon does not know it: 91 s by default.
 */
const NO_SESSION_OF_OURS_MS = 120_000;
/** An interface that was switched on has its carrier by then, or has none. */
const SETTLE_MS = 10_000;

/** What is switched off while the other end is down. */
const actions: Readonly<
  Record<
    Exclude<CircuitConfig["followPeer"], "none">,
    { readonly switched: string; set(links: Links, device: string, on: boolean): Promise<void> }
  >
> = {
  carrier: { switched: "its carrier is", set: (links, device, on) => links.setCarrier(device, on) },
  "link-down": { switched: "it is switched", set: (links, device, on) => links.setUp(device, on) },
};

/** How a device follows the other end. */
interface Following {
  /** What it was switched to last; undefined before that. */
  isOn: boolean | undefined;
  /** When the absence of sessions counts. */
  absence: NodeJS.Timeout | undefined;
  /** When a device that was switched on has settled. */
  settling: NodeJS.Timeout | undefined;
  isPending: boolean;
}

/**
 * Has devices of circuits follow the other end (`follow_peer`): the carrier of a TAP device, or an interface
 * as a whole, is off while none of its pseudowires reaches a circuit that is up, so that bridges forget what
 * they learnt there and hosts see it. What we switched off ourselves is no fault of the circuit: the peer
 * hears nothing of it, or two ends that follow each other would keep each other down for ever.
 */
export class FollowedDevices {
  readonly #links: Links;
  readonly #log: Log;
  readonly #operations: OperationQueue;
  readonly #records: HeldDownRecords;
  /** The device's state may look different, as what counts as up has changed. */
  readonly #changed: (circuit: CircuitDeviceState) => void;
  readonly #isForwardedByFormer: (interfaceIndex: number) => boolean;
  readonly #following = new WeakMap<CircuitDeviceState, Following>();

  constructor(
    links: Links,
    log: Log,
    operations: OperationQueue,
    records: HeldDownRecords,
    changed: (circuit: CircuitDeviceState) => void,
    isForwardedByFormer: (interfaceIndex: number) => boolean = () => false,
  ) {
    this.#links = links;
    this.#log = log;
    this.#operations = operations;
    this.#records = records;
    this.#changed = changed;
    this.#isForwardedByFormer = isForwardedByFormer;
  }

  /** Looks at a device again, after its sessions or what is known of them changed, or it was opened. */
  review(circuit: CircuitDeviceState): void {
    const follow = followOf(circuit);
    const { opened } = circuit;
    if (follow === "none" || opened === undefined) return;
    const following = this.#following.get(circuit) ?? this.#begin(circuit, opened.index);
    if (following.isPending) return;
    following.isPending = true;
    // Once for all sessions of a device that change together.
    setImmediate(() => {
      following.isPending = false;
      if (!this.#operations.isClosed) this.#decide(circuit, following);
    });
  }

  /** An interface that a former daemon switched off is held down from the start, and no fault. */
  #begin(circuit: CircuitDeviceState, index: number): Following {
    const following = { isOn: undefined, absence: undefined, settling: undefined, isPending: false };
    this.#following.set(circuit, following);
    const { name } = circuit;
    if (!this.#records.has(name, index)) return following;
    if (this.#links.get(name)?.isOn === true) this.#records.remove(name);
    else circuit.isHeldDown = true;
    return following;
  }

  /** Gives a device back as it was found, before it is closed. */
  async release(circuit: CircuitDeviceState): Promise<void> {
    this.#end(circuit);
    if (!circuit.isHeldDown) return;
    circuit.isHeldDown = false;
    const { name, opened } = circuit;
    if (opened?.device.kind !== "interface") return;
    if (this.#links.get(name)?.index === opened.index) await this.#links.setUp(name, true);
    this.#records.remove(name);
  }

  /** Gives all devices back, also those that a former daemon switched off and whose tunnels wait. */
  async releaseAll(circuits: ReadonlyMap<string, CircuitDeviceState>): Promise<void> {
    for (const circuit of circuits.values()) await this.release(circuit);
    await this.settle(circuits, new Map());
  }

  /**
   * Switches on what is off for the other end's sake and follows it no more: devices whose pseudowires say
   * otherwise now, and interfaces that a former daemon switched off and that follow nobody by `wanted`, which
   * has the circuits of the configuration by their devices. One whose tunnel waits stays off: no session has
   * said yet that there is a circuit at the other end.
   */
  async settle(
    circuits: ReadonlyMap<string, CircuitDeviceState>,
    wanted: ReadonlyMap<string, CircuitConfig>,
  ): Promise<void> {
    for (const circuit of circuits.values()) {
      if (circuit.pseudowires.size === 0 || followOf(circuit) !== "none") continue;
      const { name, isHeldDown, opened } = circuit;
      const isHeldTap = isHeldDown && opened?.device.kind === "tap";
      await this.#attempt(name, () => this.release(circuit));
      if (isHeldTap) await this.#attempt(name, () => this.#links.setCarrier(name, true));
      if (isHeldDown) this.#changed(circuit);
    }
    for (const [name, index] of this.#records.all()) {
      const isThere = this.#links.get(name)?.index === index;
      if (isThere && wanted.get(name)?.followPeer === "link-down") {
        if (circuits.get(name)?.isHeldDown !== true) this.#tellStaysOff(name);
        continue;
      }
      await this.#attempt(name, async () => {
        if (isThere) {
          await this.#links.setUp(name, true);
          const text = "switched on again: a former daemon had switched it off, as the other end was down";
          this.#log.info({ event: "circuit", device: name, on: true }, `${name}: ${text}`);
        }
        this.#records.remove(name);
      });
    }
  }

  #tellStaysOff(device: string): void {
    const text = "stays switched off, as a former daemon left it, until a circuit at the other end is up";
    this.#log.info({ event: "circuit", device, on: false }, `${device}: ${text}`);
  }

  async #attempt(device: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#warn(device, error.message);
    }
  }

  #warn(device: string, problem: string): void {
    this.#log.warn({ event: "circuit", device, problem }, `${device}: ${problem}`);
  }

  #end(circuit: CircuitDeviceState): void {
    const following = this.#following.get(circuit);
    clearTimeout(following?.absence);
    clearTimeout(following?.settling);
    this.#following.delete(circuit);
  }

  #decide(circuit: CircuitDeviceState, following: Following): void {
    const sessions = [...circuit.sessions.values()];
    if (sessions.length === 0) {
      const off = () => this.#request(circuit, following, false);
      following.absence ??= setTimeout(off, this.#patienceMs(circuit, following));
      return;
    }
    clearTimeout(following.absence);
    following.absence = undefined;
    this.#request(circuit, following, sessions.some(reachesCircuit));
  }

  /** For how long a device without sessions stays as it is. */
  #patienceMs({ opened }: CircuitDeviceState, { isOn }: Following): number {
    const isOfFormer = isOn === undefined && opened !== undefined && this.#isForwardedByFormer(opened.index);
    return isOfFormer ? NO_SESSION_OF_OURS_MS : NO_SESSION_MS;
  }

  #request(circuit: CircuitDeviceState, following: Following, on: boolean): void {
    if (following.isOn === on) return;
    following.isOn = on;
    void this.#operations.enqueue(() => this.#switch(circuit, following, on));
  }

  async #switch(circuit: CircuitDeviceState, following: Following, on: boolean): Promise<void> {
    const follow = followOf(circuit);
    const { name: device, opened } = circuit;
    if (follow === "none" || opened === undefined || following.isOn !== on) return;
    // The device was given back meanwhile.
    if (this.#following.get(circuit) !== following) return;
    const { switched, set } = actions[follow];
    clearTimeout(following.settling);
    try {
      if (on) {
        if (circuit.isHeldDown || this.#links.get(device)?.isOn === false)
          await set(this.#links, device, true);
        this.#records.remove(device);
        this.#awaitCarrier(circuit, following);
      } else {
        // Before the device is off, so that this is never taken for a fault.
        circuit.isHeldDown = true;
        if (follow === "link-down") this.#records.add(device, opened.index);
        await set(this.#links, device, false);
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (!on) {
        circuit.isHeldDown = false;
        this.#records.remove(device);
      }
      following.isOn = undefined;
      return this.#warn(device, error.message);
    }
    const why = on ? "a circuit at the other end is up" : "no circuit at the other end is up";
    this.#log.info(
      { event: "circuit", device, on },
      `${device}: ${why}, so ${switched} ${on ? "on" : "off"}`,
    );
    this.#changed(circuit);
  }

  /** Until a device that was switched on has its carrier, its being down is still our doing. */
  #awaitCarrier(circuit: CircuitDeviceState, following: Following): void {
    const settled = (): void => {
      circuit.isHeldDown = false;
      this.#changed(circuit);
    };
    if (!circuit.isHeldDown || this.#links.get(circuit.name)?.up === true) return settled();
    following.settling = setTimeout(settled, SETTLE_MS);
  }
}

/** What the device of a circuit does; all its pseudowires say the same. */
function followOf({ pseudowires }: CircuitDeviceState): CircuitConfig["followPeer"] {
  const [first] = pseudowires.values();
  return first?.config.circuit.followPeer ?? "none";
}

/** Whether there is a circuit at the other end of a session, by what the peer signals (RFC 5641 §2). */
function reachesCircuit({ session, channelStatus }: WantedSession): boolean {
  const { remoteCircuitActive, receiveAllowed = true } = session;
  return remoteCircuitActive && receiveAllowed && channelStatus?.state !== "down";
}

/** What we switched off on a device because the other end is down, as text; undefined for nothing. */
export function heldDownText(circuit: CircuitDeviceState | undefined): string | undefined {
  if (circuit?.isHeldDown !== true) return undefined;
  return circuit.opened?.device.kind === "tap" ? "carrier off" : "switched off";
}
