import type { ForwarderConfig } from "../config/config.ts";
import { Forwarder, type ForwarderEffect, type PeerStatus } from "../control/forwarder.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";

/** What forwarders do with the plane and with the control plane. */
export interface ForwarderTarget {
  /** Gives the frames of its circuit to a session that the plane has. */
  bind(localSessionId: number): Promise<void>;
  /** Makes a pseudowire signal to its peer whether it stands by. */
  signal(pseudowire: string, standby: boolean): void;
}

interface Attached {
  readonly config: ForwarderConfig;
  readonly forwarder: Forwarder;
}

/** The forwarders between circuits and pseudowires (RFC 4664), found by their members and their sessions. */
export class Forwarders {
  readonly #target: ForwarderTarget;
  readonly #configs = new Map<string, ForwarderConfig>();
  readonly #byPseudowire = new Map<string, Attached>();
  readonly #bySession = new Map<number, Attached>();
  readonly #standby = new Set<string>();

  constructor(target: ForwarderTarget) {
    this.#target = target;
  }

  /** Takes over a configuration; it counts for pseudowires that are attached from then on. */
  configure(forwarders: readonly ForwarderConfig[]): void {
    this.#configs.clear();
    for (const config of forwarders)
      for (const { pseudowire } of config.members) this.#configs.set(pseudowire, config);
  }

  /**
   * A pseudowire takes part in its forwarder from now on; one that no configuration has is a single member.
   */
  attach(pseudowire: string, circuit: ForwarderConfig["circuit"]): void {
    const config = this.#configs.get(pseudowire) ?? {
      circuit,
      mode: "single",
      members: [{ pseudowire, priority: 0 }],
    };
    this.#byPseudowire.set(pseudowire, this.#inUse(config) ?? this.#create(config));
  }

  /** The pseudowire's sessions were removed. */
  detach(pseudowire: string): void {
    this.#byPseudowire.delete(pseudowire);
    this.#standby.delete(pseudowire);
  }

  /** Whether a pseudowire is to signal standby from its first message on. */
  isStandby(pseudowire: string): boolean {
    return this.#standby.has(pseudowire);
  }

  /** The plane has a session, which has no frames of the circuit yet. */
  async sessionAdded(session: SessionParameters): Promise<void> {
    const { pseudowire, localSessionId } = session;
    const attached = this.#byPseudowire.get(pseudowire);
    if (attached === undefined) return;
    this.#bySession.set(localSessionId, attached);
    const peer = peerStatusOf(session);
    await this.#perform(attached.forwarder.handle({ kind: "session-up", pseudowire, localSessionId, peer }));
  }

  /** The parameters of a session that the plane has were changed. */
  async sessionUpdated(session: SessionParameters): Promise<void> {
    const { localSessionId } = session;
    const attached = this.#bySession.get(localSessionId);
    if (attached === undefined) return;
    const peer = peerStatusOf(session);
    await this.#perform(attached.forwarder.handle({ kind: "peer-status", localSessionId, peer }));
  }

  /** The plane no longer has a session. */
  async sessionRemoved(localSessionId: number): Promise<void> {
    const attached = this.#bySession.get(localSessionId);
    if (attached === undefined) return;
    this.#bySession.delete(localSessionId);
    await this.#perform(attached.forwarder.handle({ kind: "session-down", localSessionId }));
  }

  /** The forwarder with the same members, if one of them is attached. */
  #inUse({ members }: ForwarderConfig): Attached | undefined {
    const wanted = JSON.stringify(members);
    return members
      .map(({ pseudowire }) => this.#byPseudowire.get(pseudowire))
      .find((attached) => attached !== undefined && JSON.stringify(attached.config.members) === wanted);
  }

  #create(config: ForwarderConfig): Attached {
    const forwarder = new Forwarder(config);
    for (const effect of forwarder.start()) if (effect.kind === "signal") this.#signal(effect);
    return { config, forwarder };
  }

  async #perform(effects: readonly ForwarderEffect[]): Promise<void> {
    for (const effect of effects) {
      if (effect.kind === "bind") await this.#target.bind(effect.localSessionId);
      else this.#signal(effect);
    }
  }

  #signal({ pseudowire, standby }: ForwarderEffect & { readonly kind: "signal" }): void {
    if (standby) this.#standby.add(pseudowire);
    else this.#standby.delete(pseudowire);
    this.#target.signal(pseudowire, standby);
  }
}

/** The peer's end of a session, from what may be sent and received (RFC 5641 §2). */
function peerStatusOf({ transmitAllowed, receiveAllowed = true }: SessionParameters): PeerStatus {
  const standby = !receiveAllowed;
  return { active: transmitAllowed || standby, standby };
}
