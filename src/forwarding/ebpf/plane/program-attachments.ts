import { readdirSync, rmSync } from "node:fs";
import type { AttachPoint } from "../../../bpf/kernel-numbers.ts";
import { pinPath } from "../../../os/bpf-file-system.ts";
import { networkNamespaceId } from "../../../os/network-namespace.ts";
import { type ProgramAttachment, TrafficControl } from "../../../os/traffic-control.ts";
import type { BpfProgram } from "../../../ports.ts";
import { type ProgramOrder, type ProgramShop, programName } from "./program-cache.ts";

/** Where a program runs. */
export interface Place {
  readonly interfaceIndex: number;
  readonly at: AttachPoint;
}

interface Used {
  readonly attachment: ProgramAttachment;
  users: number;
}

/** Pins of links begin so. */
const PREFIX = "link_";

/**
 * Name of a program's place, and of its link's pin: by it a later daemon finds what a crashed one left. Indexes of interfaces are told
 * apart by network namespaces, which may share a bpf file system.
 */
function placeName({ interfaceIndex, at }: Place, program: string): string {
  return `${PREFIX}${networkNamespaceId()}_${interfaceIndex}_${at}_${program}`;
}

/** Programs at interfaces: each one that sessions need is attached once to a place, as long as one of them needs it. */
export class Attachments {
  readonly #shop: ProgramShop;
  readonly #control: TrafficControl;
  readonly #directory: string | undefined;
  readonly #used = new Map<string, Used>();
  /** Left by a former daemon, and not needed yet. */
  readonly #inherited = new Map<string, ProgramAttachment>();
  /** Places where filters of a former daemon were looked for. */
  readonly #searched = new Set<string>();

  /** `directory` is where links are pinned; what is pinned there goes on working until it is taken over or dropped. */
  constructor(shop: ProgramShop, owner: string, directory: string | undefined) {
    this.#shop = shop;
    this.#control = new TrafficControl({ owner });
    this.#directory = directory;
    if (directory === undefined) return;
    for (const name of readdirSync(directory).filter((pin) => pin.startsWith(PREFIX))) {
      this.#inherited.set(name, this.#control.openPinned(pinPath(directory, name)));
    }
  }

  /** Makes a program run at a place. Rejects with VerifierError or SystemError, and then nothing has changed. */
  async use(order: ProgramOrder, place: Place): Promise<void> {
    const name = placeName(place, programName(order));
    const used = this.#used.get(name);
    if (used !== undefined) {
      used.users += 1;
      return;
    }
    const program = this.#shop.get(order);
    await this.#search(place);
    const inherited = this.#inherited.get(name);
    if (inherited !== undefined) {
      this.#inherited.delete(name);
      if (await this.#takeOver(inherited, program, place)) {
        this.#used.set(name, { attachment: inherited, users: 1 });
        return;
      }
      await this.#drop(name, inherited).catch(() => undefined);
    }
    const attachment = await this.#control.attach(program, place.interfaceIndex, place.at);
    if (this.#directory !== undefined) attachment.pin(pinPath(this.#directory, name));
    this.#used.set(name, { attachment, users: 1 });
  }

  /** Whether it could be: a link whose interface is gone is of no use, though another interface may have the same index now. */
  async #takeOver(inherited: ProgramAttachment, program: BpfProgram, place: Place): Promise<boolean> {
    if (inherited.interfaceIndex !== place.interfaceIndex) return false;
    try {
      await inherited.replace(program);
      return true;
    } catch {
      return false;
    }
  }

  /** One user less. */
  async release(order: ProgramOrder, place: Place): Promise<void> {
    const name = placeName(place, programName(order));
    const used = this.#used.get(name);
    if (used === undefined) return;
    used.users -= 1;
    if (used.users > 0) return;
    this.#used.delete(name);
    await this.#drop(name, used.attachment);
  }

  /** Ends what a former daemon left and nobody took over. */
  async dropInherited(): Promise<void> {
    for (const [name, attachment] of this.#inherited) await this.#drop(name, attachment);
    this.#inherited.clear();
  }

  async dropAll(): Promise<void> {
    await this.dropInherited();
    for (const [name, { attachment }] of this.#used) await this.#drop(name, attachment);
    this.#used.clear();
  }

  /** Filters, unlike links, are not pinned but found where they are. */
  async #search(place: Place): Promise<void> {
    const key = `${place.interfaceIndex} ${place.at}`;
    if (this.#searched.has(key)) return;
    this.#searched.add(key);
    const found = await this.#control.leftOvers(place.interfaceIndex, place.at);
    for (const [program, attachment] of found) this.#inherited.set(placeName(place, program), attachment);
  }

  async #drop(name: string, attachment: ProgramAttachment): Promise<void> {
    if (this.#directory !== undefined) rmSync(pinPath(this.#directory, name), { force: true });
    await attachment.detach();
  }
}
