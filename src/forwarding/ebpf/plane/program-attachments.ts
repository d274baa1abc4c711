import type { AttachPoint } from "../../../bpf/kernel-numbers.ts";
import { ignoreOperational } from "../../../bytes/errors.ts";
import type { BpfProgram } from "../../../environment.ts";
import { pinPath } from "../../../os/bpf-file-system.ts";
import { SystemError } from "../../../os/errors.ts";
import { namesInDirectory } from "../../../os/files.ts";
import { networkNamespaceId } from "../../../os/network-namespace.ts";
import type { ProgramAttachment, TrafficControl } from "../../../os/traffic-control.ts";
import type { Pins } from "./pins.ts";
import { type ProgramCache, type ProgramSpec, programName } from "./program-cache.ts";

/** A hook of the kernel's traffic control at which a program runs. */
export interface Hook {
  readonly interfaceIndex: number;
  readonly at: AttachPoint;
}

interface AttachedProgram {
  readonly attachment: ProgramAttachment;
  users: number;
}

/** What attaches programs to hooks, and finds those of a former daemon. */
export type ProgramHooks = Pick<TrafficControl, "attach" | "openPinned" | "leftOvers">;

/** Prefix of the names of pinned links. */
const PREFIX = "link_";

/**
 * Identifies a program at a hook, and names the pin of its link: by it a later daemon finds what a crashed
 * one left. The network namespace is part of it, for namespaces may share a bpf file system, and each has its
 * own interface indexes.
 */
function pinName({ interfaceIndex, at }: Hook, program: string): string {
  return `${PREFIX}${networkNamespaceId()}_${interfaceIndex}_${at}_${program}`;
}

/**
 * The programs attached to interfaces: each is attached once to a hook, and stays as long as a session needs
 * it there.
 */
export class ProgramAttachments {
  readonly #programs: Pick<ProgramCache, "get">;
  readonly #control: ProgramHooks;
  readonly #pins: Pins | undefined;
  readonly #attached = new Map<string, AttachedProgram>();
  /** Attached by a former daemon, and not adopted yet. */
  readonly #stale = new Map<string, ProgramAttachment>();
  /** Hooks at which filters of a former daemon were looked for. */
  readonly #searched = new Set<string>();
  readonly #unfit: string[] = [];

  /** Links are pinned in `pins`. Those that are there already work on until they are adopted or removed. */
  constructor(programs: Pick<ProgramCache, "get">, control: ProgramHooks, pins: Pins | undefined) {
    this.#programs = programs;
    this.#control = control;
    this.#pins = pins;
    if (pins === undefined) return;
    for (const name of namesInDirectory(pins.path).filter((pin) => pin.startsWith(PREFIX))) {
      const stale = this.#openPin(pins, name);
      if (stale === undefined) continue;
      pins.adopt(name, stale);
      this.#stale.set(name, stale);
    }
  }

  /** Why pins that a former daemon left were no links of ours; they were removed. */
  get unfit(): readonly string[] {
    return this.#unfit;
  }

  /** Throws SystemError where the fault is not the pin's. */
  #openPin(pins: Pins, name: string): ProgramAttachment | undefined {
    try {
      return this.#control.openPinned(pinPath(pins.path, name));
    } catch (error) {
      if (!(error instanceof SystemError) || !["EINVAL", "EACCES"].includes(error.errno)) throw error;
      this.#unfit.push(error.message);
      pins.remove(name);
      return undefined;
    }
  }

  /**
   * Attaches a program to a hook for one more user. Rejects with VerifierError or SystemError, and then
   * nothing has changed.
   */
  async use(spec: ProgramSpec, hook: Hook): Promise<void> {
    const name = pinName(hook, programName(spec));
    const attached = this.#attached.get(name);
    if (attached !== undefined) {
      attached.users += 1;
      return;
    }
    const program = this.#programs.get(spec);
    await this.#findFilters(hook);
    const stale = this.#stale.get(name);
    if (stale !== undefined) {
      this.#stale.delete(name);
      if (await this.#adopt(stale, program, hook)) {
        this.#attached.set(name, { attachment: stale, users: 1 });
        return;
      }
      await this.#remove(name, stale).catch(ignoreOperational);
      // The name is that of the new one from now on.
      if (this.#stale.delete(name)) stale.close();
    }
    const attachment = await this.#control.attach(program, hook.interfaceIndex, hook.at);
    try {
      this.#pins?.pin(name, attachment);
    } catch (error) {
      await this.#remove(name, attachment).catch(ignoreOperational);
      throw error;
    }
    this.#attached.set(name, { attachment, users: 1 });
  }

  /**
   * Whether it was adopted. A link whose interface is gone cannot be, though another interface may have that
   * index now.
   */
  async #adopt(stale: ProgramAttachment, program: BpfProgram, hook: Hook): Promise<boolean> {
    if (stale.interfaceIndex !== hook.interfaceIndex) return false;
    try {
      await stale.replace(program);
      return true;
    } catch (error) {
      ignoreOperational(error);
      return false;
    }
  }

  /**
   * One user less; the last one detaches it. Rejects with SystemError: what is attached still is adopted by
   * the next user, or detached later.
   */
  async release(spec: ProgramSpec, hook: Hook): Promise<void> {
    const name = pinName(hook, programName(spec));
    const attached = this.#attached.get(name);
    if (attached === undefined) return;
    attached.users -= 1;
    if (attached.users > 0) return;
    this.#attached.delete(name);
    await this.#remove(name, attached.attachment);
  }

  /** Detaches what a former daemon attached and nobody adopted. */
  async removeStale(): Promise<void> {
    for (const [name, attachment] of [...this.#stale]) {
      this.#stale.delete(name);
      await this.#remove(name, attachment);
    }
  }

  async removeAll(): Promise<void> {
    await this.removeStale();
    for (const [name, { attachment }] of this.#attached) await this.#remove(name, attachment);
    this.#attached.clear();
  }

  /** Filters cannot be pinned as links are: they are found at the hook. */
  async #findFilters(hook: Hook): Promise<void> {
    const key = `${hook.interfaceIndex} ${hook.at}`;
    if (this.#searched.has(key)) return;
    const found = await this.#control.leftOvers(hook.interfaceIndex, hook.at);
    this.#searched.add(key);
    for (const [program, attachment] of found) this.#stale.set(pinName(hook, program), attachment);
  }

  /** Rejects with SystemError, and then it is there still, as stale. */
  async #remove(name: string, attachment: ProgramAttachment): Promise<void> {
    try {
      await attachment.detach();
    } catch (error) {
      this.#stale.set(name, attachment);
      throw error;
    }
    this.#pins?.remove(name);
  }
}
