import { OperationalError } from "../../../bytes/errors.ts";
import type { AttachmentCircuit, GsoHandling } from "../../plane.ts";
import { CircuitOwners } from "./circuit-owners.ts";
import type { PeerRoute } from "./route-cache.ts";
import {
  type ActivationConditions,
  activate,
  bindCircuits,
  deactivate,
  divertToUserspace,
  halt,
  haltedInstall,
  type PlaneResources,
  type SessionBinding,
  type SessionInstall,
} from "./session-install.ts";

/**
 * A session of the plane and what it has in the kernel: programs forward it, or pass it to the plane below.
 */
export interface InstalledSession extends SessionBinding {
  readonly install: SessionInstall;
  readonly isForwarded: boolean;
  /** How programs send its GSO packets, where they forward it. */
  readonly gso?: GsoHandling;
  /** The route for which it was installed; undefined where there was none. */
  readonly route: PeerRoute | undefined;
}

/**
 * The sessions that have something in the kernel, and all changes of that. A change is made as a whole: what
 * a session had stays in force until the new install is complete, and where that fails it is in force still.
 */
export class InstalledSessions {
  readonly #resources: PlaneResources;
  readonly #installed = new Map<number, InstalledSession>();
  readonly #owners = new CircuitOwners();
  /** The session that is being activated; its programs may run already. */
  #activating: InstalledSession | undefined;

  constructor(resources: PlaneResources) {
    this.#resources = resources;
  }

  get(localSessionId: number): InstalledSession | undefined {
    return this.#installed.get(localSessionId);
  }

  /** All, as they are now. */
  get all(): readonly InstalledSession[] {
    return [...this.#installed.values()];
  }

  /** Has programs forward a session. Rejects with OperationalError, and then it is as before. */
  async forward(installed: InstalledSession, conditions: ActivationConditions): Promise<void> {
    this.#activating = installed;
    await activate(this.#resources, this.#owned(installed), {
      ...conditions,
      former: () => this.#former(installed),
    }).finally(() => {
      this.#activating = undefined;
    });
    await this.#replace(installed);
  }

  /**
   * Passes a session to the userspace plane. Where the programs for that cannot be put in place, those that
   * forward it are halted, which needs nothing new of the kernel: they pass it too. Rejects with
   * OperationalError, and then it is as before.
   */
  async pass(installed: InstalledSession): Promise<void> {
    try {
      await divertToUserspace(this.#resources, this.#owned(installed), () => this.#former(installed));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const before = this.#installed.get(installed.session.localSessionId);
      if (before === undefined) throw error;
      if (before.isForwarded) halt(this.#resources, this.#owned(before));
      const install = before.isForwarded ? haltedInstall(before.install) : before.install;
      this.#installed.set(installed.session.localSessionId, { ...installed, install });
      return;
    }
    await this.#replace(installed);
  }

  /** Gives the frames of a circuit to a session. Throws SystemError, and then the former one has them. */
  bind(attachment: AttachmentCircuit, localSessionId: number): void {
    const former = this.#owners.bind(attachment, localSessionId);
    const installed = this.#installed.get(localSessionId);
    if (installed === undefined || former === localSessionId) return;
    const other = former === undefined ? undefined : this.#installed.get(former);
    try {
      bindCircuits(this.#resources, installed.install, other?.install);
    } catch (error) {
      this.#owners.leave(attachment, localSessionId);
      if (former !== undefined) this.#owners.bind(attachment, former);
      throw error;
    }
    this.#replaceStale(installed);
  }

  /** Removes all that a session has in the kernel. Rejects with SystemError. */
  async remove(localSessionId: number): Promise<void> {
    const installed = this.#installed.get(localSessionId);
    if (installed === undefined) return;
    await deactivate(this.#resources, this.#owned(installed));
    this.#installed.delete(localSessionId);
    this.#owners.leave(installed.attachment, localSessionId);
  }

  /**
   * Halts at once the sessions that programs forward and to which `applies` does; they are outdated from then
   * on.
   */
  haltWhere(applies: (installed: InstalledSession) => boolean): void {
    const activating = this.#activating === undefined ? [] : [this.#activating];
    for (const installed of [...this.#installed.values(), ...activating]) {
      if (!installed.isForwarded || !applies(installed)) continue;
      halt(this.#resources, this.#owned(installed));
      if (installed === this.#activating) continue;
      const { install } = installed;
      // Outdated even if the cause is gone by then.
      this.#installed.set(installed.session.localSessionId, {
        ...installed,
        install: haltedInstall(install),
        route: undefined,
      });
    }
  }

  /** Forgets all: whatever programs they had is removed. */
  clear(): void {
    this.#installed.clear();
  }

  /** What a session has in the kernel is this from now on; what it had goes. */
  async #replace(installed: InstalledSession): Promise<void> {
    const { localSessionId } = installed.session;
    const before = this.#installed.get(localSessionId);
    this.#installed.set(localSessionId, installed);
    this.#replaceStale(installed);
    if (before !== undefined) await deactivate(this.#resources, this.#owned(before), this.#owned(installed));
  }

  /** Removes what a former daemon left under the keys of a session. */
  #replaceStale(installed: InstalledSession): void {
    const { circuits, sessionIndex } = this.#owned(installed);
    this.#resources.arrays.replaceStale(
      circuits.map(([key]) => key),
      sessionIndex,
      { keepsPeer: installed.isForwarded },
    );
  }

  #former({ session }: SessionBinding): SessionInstall | undefined {
    const before = this.#installed.get(session.localSessionId);
    return before === undefined ? undefined : this.#owned(before);
  }

  /**
   * The part of an install that a session has in the kernel: its circuit side only while the circuit is bound
   * to it.
   */
  #owned({ session, attachment, install }: InstalledSession): SessionInstall {
    if (this.#owners.owns(attachment, session.localSessionId)) return install;
    return { ...install, circuits: [], halted: [] };
  }
}
