import type { AttachPoint } from "../bpf/kernel-numbers.ts";
import { InvariantError } from "../bytes/errors.ts";
import type { BpfLink, BpfProgram } from "../environment.ts";
import { KernelLink } from "./bpf-link.ts";
import * as clsact from "./clsact.ts";
import { SystemError } from "./errors.ts";

/**
 * How a program is attached: by a BPF link (tcx, Linux 6.6), or as a filter of the queueing discipline
 * clsact, which every kernel has.
 */
export type AttachmentKind = "tcx" | "clsact";

/** A program's attachment to an interface. All but `close` fail with SystemError. */
export interface ProgramAttachment {
  readonly kind: AttachmentKind;
  readonly interfaceIndex: number;
  /** Replaces the program, without a gap. */
  replace(program: BpfProgram): Promise<void>;
  /**
   * Makes it outlive this process. A filter does so anyway; a link is pinned at the path, in a bpf file
   * system.
   */
  pin(path: string): void;
  /** Detaches the program; one that is gone already, be it with its interface, is no error. */
  detach(): Promise<void>;
  /**
   * Releases it: a filter, and a link that is pinned, stay attached; a link that is not pinned is detached.
   */
  close(): void;
}

export interface TrafficControlOptions {
  /** Distinguishes our filters from those of another daemon on the same interface; at most 100 characters. */
  readonly owner?: string;
  /** Uses this kind only, whatever the kernel has. */
  readonly force?: AttachmentKind;
}

/**
 * Attaches programs to interfaces of this network namespace, after those already attached. A program that
 * returns `verdicts.next` lets the next one decide. Changes are made one after the other.
 */
export class TrafficControl {
  readonly #owner: string;
  readonly #force: AttachmentKind | undefined;
  /** Interfaces whose queueing discipline we added, and remove with the last filter. */
  readonly #ownDisciplines = new Set<number>();

  constructor({ owner = "", force }: TrafficControlOptions = {}) {
    this.#owner = owner;
    this.#force = force;
  }

  /** Rejects with SystemError. */
  async attach(program: BpfProgram, interfaceIndex: number, at: AttachPoint): Promise<ProgramAttachment> {
    if (this.#force !== "clsact") {
      try {
        return new TcxAttachment(KernelLink.create(program, interfaceIndex, at), interfaceIndex);
      } catch (error) {
        // EINVAL: the kernel does not know links of this kind.
        const isUnknown = error instanceof SystemError && error.errno === "EINVAL";
        if (!isUnknown || this.#force === "tcx" || at === "netkit") throw error;
      }
    }
    if (at === "netkit") throw new InvariantError("a filter at a netkit device");
    if (clsact.makeDiscipline(interfaceIndex, at)) this.#ownDisciplines.add(interfaceIndex);
    try {
      const name = clsact.filterName(this.#owner, program.name);
      return this.#attachment(clsact.addFilter(program, interfaceIndex, at, name));
    } catch (error) {
      this.#removeDiscipline(interfaceIndex);
      throw error;
    }
  }

  /** The attachment of a link that an earlier process pinned. Throws SystemError. */
  openPinned(path: string): ProgramAttachment {
    const link = KernelLink.open(path);
    try {
      return new TcxAttachment(link, link.interfaceIndex);
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /**
   * The attachments of filters that an earlier process of this owner left, by the names of their programs.
   * Rejects with SystemError.
   */
  async leftOvers(interfaceIndex: number, at: AttachPoint): Promise<ReadonlyMap<string, ProgramAttachment>> {
    if (at === "netkit") return new Map();
    const filters = clsact.ownFilters(interfaceIndex, at, this.#owner);
    return new Map(filters.map((filter) => [clsact.programOfFilter(filter.name), this.#attachment(filter)]));
  }

  #attachment(filter: clsact.Filter): ProgramAttachment {
    return {
      kind: "clsact",
      interfaceIndex: filter.interfaceIndex,
      replace: async (program) => clsact.replaceFilter(filter, program),
      pin: () => undefined,
      detach: async () => {
        clsact.removeFilter(filter);
        this.#removeDiscipline(filter.interfaceIndex);
      },
      close: () => undefined,
    };
  }

  /** Removes the queueing discipline if we added it and it has no filter any more. */
  #removeDiscipline(interfaceIndex: number): void {
    if (!this.#ownDisciplines.has(interfaceIndex)) return;
    if (clsact.removeIfEmpty(interfaceIndex)) this.#ownDisciplines.delete(interfaceIndex);
  }
}

class TcxAttachment implements ProgramAttachment {
  readonly kind = "tcx";
  readonly interfaceIndex: number;
  readonly #link: BpfLink;

  constructor(link: BpfLink, interfaceIndex: number) {
    this.#link = link;
    this.interfaceIndex = interfaceIndex;
  }

  async replace(program: BpfProgram): Promise<void> {
    this.#link.update(program);
  }

  pin(path: string): void {
    this.#link.pin(path);
  }

  async detach(): Promise<void> {
    this.#link.detach();
    this.#link.close();
  }

  close(): void {
    this.#link.close();
  }
}
