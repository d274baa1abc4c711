import { circuitFramesKey } from "../config/circuits.ts";
import type { ForwarderConfig } from "../config/config.ts";
import { Forwarder, type ForwarderEffect, type PeerStatus } from "../control/forwarder.ts";
import type { WantedSession } from "./circuit-device-state.ts";

/** What forwarders do with the plane and with the control plane. */
export interface ForwarderTarget {
  /** Gives the frames of its circuit to a session that the plane has. */
  bind(localSessionId: number): Promise<void>;
  /** Makes a pseudowire signal to its peer whether it stands by. */
  signal(pseudowire: string, standby: boolean): void;
}

/** How the forwarder of a pseudowire stands, for people. */
export interface ForwarderState {
  /** The pseudowires of the circuit, the preferred one first. */
  readonly members: readonly string[];
  /** The one whose session has the frames of the circuit; undefined while none has a session. */
  readonly active: string | undefined;
  /** Whether this pseudowire stands by. */
  readonly standby: boolean;
}

/** The forwarder of a circuit that has pseudowires attached. */
interface CircuitForwarder {
  readonly key: string;
  readonly forwarder: Forwarder;
  readonly attached: Set<string>;
}

/**
 * The forwarders between circuits and pseudowires (RFC 4664): one for each circuit, found by its pseudowires
 * and their sessions.
 */
export class Forwarders {
  readonly #target: ForwarderTarget;
  /** By their circuits, as are the forwarders. */
  #configs: ReadonlyMap<string, ForwarderConfig> = new Map();
  readonly #byCircuit = new Map<string, CircuitForwarder>();
  readonly #byPseudowire = new Map<string, CircuitForwarder>();
  readonly #bySession = new Map<number, CircuitForwarder>();

  constructor(target: ForwarderTarget) {
    this.#target = target;
  }

  /**
   * Takes over a configuration: a forwarder whose circuit it has gets its members at once, also those that
   * are attached later; one whose circuit it does not have ends when its pseudowires are detached.
   */
  async configure(forwarders: readonly ForwarderConfig[]): Promise<void> {
    this.#configs = new Map(forwarders.map((config) => [circuitFramesKey(config.circuit), config]));
    const changes = [...this.#byCircuit.values()].flatMap((one) => {
      const settings = this.#configs.get(one.key);
      return settings === undefined
        ? []
        : [{ one, effects: one.forwarder.handle({ kind: "settings", settings }) }];
    });
    for (const { one, effects } of changes) await this.#perform(one, effects);
  }

  /**
   * A pseudowire takes part in the forwarder of its circuit from now on; on a circuit that no configuration
   * has, it is a single member.
   */
  attach(pseudowire: string, circuit: ForwarderConfig["circuit"]): void {
    const key = circuitFramesKey(circuit);
    const one = this.#byCircuit.get(key) ?? this.#create(key, pseudowire);
    one.attached.add(pseudowire);
    this.#byPseudowire.set(pseudowire, one);
  }

  /** The pseudowire's sessions were removed. */
  detach(pseudowire: string): void {
    const one = this.#byPseudowire.get(pseudowire);
    this.#byPseudowire.delete(pseudowire);
    one?.attached.delete(pseudowire);
    if (one?.attached.size === 0) this.#byCircuit.delete(one.key);
  }

  /** Whether a pseudowire is to signal standby from its first message on. */
  isStandby(pseudowire: string): boolean {
    return this.#byPseudowire.get(pseudowire)?.forwarder.isStandby(pseudowire) === true;
  }

  /** How things stand where there is a choice: with several members, or one that stands by. */
  stateOf(pseudowire: string): ForwarderState | undefined {
    const forwarder = this.#byPseudowire.get(pseudowire)?.forwarder;
    if (forwarder === undefined) return undefined;
    const { members, active } = forwarder;
    const standby = forwarder.isStandby(pseudowire);
    return members.length > 1 || standby ? { members, active, standby } : undefined;
  }

  /** The plane has a session, which has no frames of the circuit yet. */
  async sessionAdded(added: WantedSession): Promise<void> {
    const { pseudowire, localSessionId } = added.session;
    const one = this.#byPseudowire.get(pseudowire);
    if (one === undefined) return;
    this.#bySession.set(localSessionId, one);
    const peer = peerStatusOf(added);
    await this.#perform(one, one.forwarder.handle({ kind: "session-up", pseudowire, localSessionId, peer }));
  }

  /** The parameters of a session that the plane has were changed, or what its control channel says. */
  async sessionUpdated(updated: WantedSession): Promise<void> {
    const { localSessionId } = updated.session;
    const one = this.#bySession.get(localSessionId);
    if (one === undefined) return;
    const peer = peerStatusOf(updated);
    await this.#perform(one, one.forwarder.handle({ kind: "peer-status", localSessionId, peer }));
  }

  /** The plane no longer has a session. */
  async sessionRemoved(localSessionId: number): Promise<void> {
    const one = this.#bySession.get(localSessionId);
    if (one === undefined) return;
    this.#bySession.delete(localSessionId);
    await this.#perform(one, one.forwarder.handle({ kind: "session-down", localSessionId }));
  }

  /** Nobody is told what members signal from the start on: they ask when they are opened. */
  #create(key: string, pseudowire: string): CircuitForwarder {
    const members = [{ pseudowire, priority: 0 }];
    const forwarder = new Forwarder(this.#configs.get(key) ?? { mode: "single", members });
    forwarder.start();
    const one = { key, forwarder, attached: new Set<string>() };
    this.#byCircuit.set(key, one);
    return one;
  }

  /** Members that are not attached yet, or are so to another circuit, are told nothing. */
  async #perform(one: CircuitForwarder, effects: readonly ForwarderEffect[]): Promise<void> {
    for (const effect of effects) {
      if (effect.kind === "bind") await this.#target.bind(effect.localSessionId);
      else if (one.attached.has(effect.pseudowire)) this.#target.signal(effect.pseudowire, effect.standby);
    }
  }
}

/** The peer's end of a session, from its bits (RFC 5641 §2) and what the control channel says. */
function peerStatusOf({ session, channelStatus }: WantedSession): PeerStatus {
  const { remoteCircuitActive, receiveAllowed = true } = session;
  return { active: remoteCircuitActive && channelStatus?.state !== "down", standby: !receiveAllowed };
}
