import { createHash } from "node:crypto";
import { ignoreOperational } from "../../../bytes/errors.ts";
import type { BpfMap, BpfMapDescription, KernelBpf } from "../../../environment.ts";
import { arePinned, pinDirectory, pinPath, removeUnheld } from "../../../os/bpf-file-system.ts";
import { namesInDirectory } from "../../../os/files.ts";
import { networkNamespaceId } from "../../../os/network-namespace.ts";
import type { ProgramAttachment, TrafficControl } from "../../../os/traffic-control.ts";
import { stormKinds } from "../../storm-kinds.ts";
import { learntEntry, STORM_STATE_OCTETS } from "../programs/storm-program.ts";
import { type Pinnable, Pins } from "./pins.ts";

/** Stands before the owner: the plane takes what begins with its owner for its own. */
const PREFIX = "storm-";

/** What limits have in the kernel of an interface: of a port program and counts, of a bridge addresses. */
type StormObject = "link" | "state" | "learnt";

/** Another one where maps have another layout: what a daemon of such a version left is removed. */
const layout = createHash("sha256")
  .update(JSON.stringify([stormKinds.map(({ kind }) => kind), STORM_STATE_OCTETS, learntEntry]))
  .digest("hex")
  .slice(0, 8);

/** The pin of an object; namespaces may share a bpf file system, and each has its own indexes. */
function pinName(object: StormObject, interfaceIndex: number): string {
  return `${object}_${networkNamespaceId()}_${interfaceIndex}`;
}

/**
 * The pins of storm limits: programs go on limiting without their daemon, as those of the eBPF plane go on
 * forwarding, and the next daemon of the same owner takes them over with their counts. Where nothing can be
 * pinned, limits end with the process.
 */
export class StormPins {
  readonly #pins: Pins | undefined;
  readonly #lock: Disposable | undefined;
  /** Pins of a former daemon that were not taken over yet. */
  readonly #former: Set<string>;

  private constructor(owner: string) {
    const make = () => pinDirectory(`${PREFIX}${owner}-${layout}`);
    const directory = make();
    this.#lock = directory.lock;
    if (directory.path === undefined) {
      this.#former = new Set();
      return;
    }
    removeUnheld(`${PREFIX}${owner}-`, directory.path);
    this.#pins = new Pins(directory, make);
    this.#former = new Set(namesInDirectory(directory.path));
  }

  /** Throws SystemError. */
  static open(owner: string): StormPins {
    return new StormPins(owner);
  }

  /** Removes what a former daemon pinned, where there are no limits any more. Throws SystemError. */
  static removeFormer(owner: string): void {
    if (arePinned(`${PREFIX}${owner}-`)) removeUnheld(`${PREFIX}${owner}-`);
  }

  /** A former daemon's map where it has the form that is wanted, else a new one. Throws SystemError. */
  map(bpf: KernelBpf, object: StormObject, index: number, description: BpfMapDescription): BpfMap {
    const name = pinName(object, index);
    const former = this.#take(name, (path) => bpf.openMap(path));
    if (former !== undefined && isSame(former.description, description)) {
      this.#pins?.adopt(name, former);
      return former;
    }
    former?.close();
    const made = bpf.createMap(description);
    this.#pin(name, made);
    return made;
  }

  /** A former daemon's attachment at an interface. */
  attachment(control: Pick<TrafficControl, "openPinned">, index: number): ProgramAttachment | undefined {
    const name = pinName("link", index);
    const former = this.#take(name, (path) => control.openPinned(path));
    if (former === undefined) return undefined;
    if (former.interfaceIndex === index) {
      this.#pins?.adopt(name, former);
      return former;
    }
    // Its interface is gone, though another one has that index now.
    former.close();
    this.remove("link", index);
    return undefined;
  }

  pinAttachment(index: number, attachment: ProgramAttachment): void {
    this.#pin(pinName("link", index), attachment);
  }

  remove(object: StormObject, index: number): void {
    this.#remove(pinName(object, index));
  }

  /** Removes what a former daemon left and nobody took over. */
  removeRest(): void {
    for (const name of this.#former) this.#remove(name);
    this.#former.clear();
  }

  /** Removes all pins. Throws SystemError. */
  close(): void {
    if (this.#pins === undefined) this.#lock?.[Symbol.dispose]();
    else this.#pins.removeAll();
  }

  /** What a former daemon pinned by a name; undefined for nothing, and for what cannot be used. */
  #take<Taken>(name: string, open: (path: string) => Taken): Taken | undefined {
    if (this.#pins === undefined || !this.#former.delete(name)) return undefined;
    try {
      return open(pinPath(this.#pins.path, name));
    } catch (error) {
      ignoreOperational(error);
      return undefined;
    }
  }

  /** What cannot be pinned limits all the same. */
  #pin(name: string, object: Pinnable): void {
    try {
      this.#pins?.pin(name, object);
    } catch (error) {
      ignoreOperational(error);
    }
  }

  #remove(name: string): void {
    try {
      this.#pins?.remove(name);
    } catch (error) {
      ignoreOperational(error);
    }
  }
}

function isSame(one: BpfMapDescription, other: BpfMapDescription): boolean {
  const shape = ({ kind, keyOctets, valueOctets, maxEntries }: BpfMapDescription) =>
    [kind, keyOctets, valueOctets, maxEntries].join();
  return shape(one) === shape(other);
}
