import { messageOf } from "../../../bytes/errors.ts";
import { SerialQueue } from "../../../bytes/serial-queue.ts";
import {
  type PinDirectory,
  pinDirectory,
  removeDirectory,
  removeOthers,
} from "../../../os/bpf-file-system.ts";
import { canSetDecapsulatedProtocol, packetOffsets } from "../../../os/bpf-probe.ts";
import { BpfSyscall } from "../../../os/bpf-syscall.ts";
import { processorCount } from "../../../os/processors.ts";
import type { PsnPath, SessionParameters } from "../../../wire/session-parameters.ts";
import {
  type Carrier,
  type CircuitAttachment,
  type CircuitDevice,
  endpointKey,
  type ForwardingPlane,
  type GsoHandling,
  localEndKey,
  type PlaneCounters,
  type PlaneEvents,
  type PsnEndpoint,
} from "../../plane.ts";
import { UserspacePlane } from "../../userspace/plane.ts";
import { CircuitOwners } from "./circuit-owners.ts";
import { crashWords } from "./crash-text.ts";
import { closeKernelDevice, type KernelDevice, openKernelDevice, removeLeftOvers } from "./devices.ts";
import { superFramesOf } from "./gso.ts";
import { closeNetworkDetour, openNetworkDetour } from "./network-exception-path.ts";
import { keepsNumbers, obstacleTo } from "./obstacles.ts";
import { layoutVersion, PlaneMaps } from "./plane-maps.ts";
import { Attachments } from "./program-attachments.ts";
import { ProgramShop } from "./program-cache.ts";
import { type Way, Ways } from "./route-cache.ts";
import { SessionSlots } from "./session-arrays.ts";
import {
  type Carriage,
  carriageOf,
  divert,
  type Ground,
  halt,
  load,
  needsCutter,
  puntOf,
  type Subject,
  unload,
} from "./session-install.ts";
import { sumOf } from "./sum-counters.ts";
import { takeTagsAside } from "./tag-metadata.ts";

export interface EbpfPlaneOptions {
  /** Sessions that there must be room for. */
  readonly capacity: number;
  /** Tells this daemon from others on the machine, and is the same when it is started again. */
  readonly owner: string;
}

/** A session of the plane, whoever carries it. */
interface Known extends Subject {
  readonly carriage: Carriage;
  /** Why programs do not carry it; undefined where they do. */
  readonly reason: string | undefined;
  /** How super-frames leave, while programs carry it. */
  readonly superFrames?: GsoHandling;
  /** The way to the peer on which that rests; undefined where there was none. */
  readonly way: Way | undefined;
}

/** What a crashed daemon left and nobody replaced by then is dropped. */
const INHERITED_MS = 300_000;

/**
 * The plane of programs in the kernel, with the userspace plane beside it for what they cannot do: every session is in both. Frames
 * from circuits meet the programs, and those they cannot take come to the userspace plane by the detour (devices.ts); messages from
 * peers meet them too, and those they leave alone come to its sockets.
 */
export class EbpfPlane implements ForwardingPlane {
  readonly name = "ebpf";
  readonly #userspace: UserspacePlane;
  readonly #ground: Ground;
  readonly #shop: ProgramShop;
  readonly #slots: SessionSlots;
  readonly #pins: PinDirectory;
  readonly #owner: string;
  readonly #ways: Ways;
  readonly #timer: NodeJS.Timeout;
  readonly #endpoints = new Map<string, PsnEndpoint>();
  readonly #devices = new Map<string, KernelDevice>();
  /** Why a device is the userspace plane's alone; and so, by their ids, the sessions on it. */
  readonly #refused = new Map<string, string>();
  readonly #reasons = new Map<number, string>();
  readonly #known = new Map<number, Known>();
  /** What is being put in place, and may act already. */
  #loading: Known | undefined;
  readonly #owners = new CircuitOwners();
  readonly #queue = new SerialQueue();

  /** What a crash of the daemon would mean, in words. */
  readonly crashWords: string;

  private constructor(
    userspace: UserspacePlane,
    { maps, slots, networkDetour }: Omit<Ground, "attachments">,
    ways: Ways,
    { owner, pins }: { readonly owner: string; readonly pins: PinDirectory },
  ) {
    const directory = pins.path;
    this.#userspace = userspace;
    this.#pins = pins;
    this.#owner = owner;
    this.crashWords = crashWords(pins);
    this.#shop = new ProgramShop(new BpfSyscall(), maps.fds, {
      readsProtocol: !canSetDecapsulatedProtocol(),
      processors: processorCount(),
      packetLayout: packetOffsets(),
    });
    const attachments = new Attachments(this.#shop, owner, directory);
    this.#ground = { maps, slots, networkDetour, attachments };
    this.#slots = slots;
    this.#ways = ways;
    this.#timer = setTimeout(
      () => void this.#inTurn(() => this.#dropInherited(() => false)),
      INHERITED_MS,
    ).unref();
  }

  /** Takes over what a crashed daemon left, or begins anew where that has too little room. Rejects with SystemError. */
  static async open(events: PlaneEvents, { capacity, owner }: EbpfPlaneOptions): Promise<EbpfPlane> {
    const pins = pinDirectory(`${owner}-${layoutVersion}`);
    const directory = pins.path;
    // Programs of another version would stand before ours.
    if (directory !== undefined) removeOthers(directory, `${owner}-`);
    const bpf = new BpfSyscall();
    const maps =
      (directory === undefined ? undefined : PlaneMaps.open(bpf, capacity, directory)) ??
      PlaneMaps.create(bpf, capacity, directory);
    const networkDetour = await openNetworkDetour(owner);
    let plane: EbpfPlane | undefined;
    const ways = await Ways.open({
      changed() {
        if (plane !== undefined) plane.#lookAgain();
      },
      policiesChanged() {
        if (plane !== undefined) plane.#haltWherePolicied();
      },
    });
    const sequences = maps.sequences.memory();
    const userspace = await UserspacePlane.open(events, { prepare: takeTagsAside, sequences });
    const slots = new SessionSlots(maps);
    plane = new EbpfPlane(userspace, { maps, slots, networkDetour }, ways, { owner, pins });
    return plane;
  }

  /** Whether programs go on when the process ends. */
  get outlivesDaemon(): boolean {
    return this.#pins.path !== undefined;
  }

  async openEndpoint(wanted: PsnEndpoint): Promise<PsnEndpoint> {
    // What a device joined for a socket, programs could not part.
    const endpoint = await this.#userspace.openEndpoint({ ...wanted, coalesces: false });
    this.#endpoints.set(endpointKey(endpoint), endpoint);
    return endpoint;
  }

  async closeEndpoint(endpoint: PsnEndpoint): Promise<void> {
    this.#endpoints.delete(endpointKey(endpoint));
    await this.#userspace.closeEndpoint(endpoint);
  }

  transmitControl(path: PsnPath, octets: Uint8Array): string | undefined {
    return this.#userspace.transmitControl(path, octets);
  }

  openCircuit(wanted: CircuitDevice): Promise<number> {
    return this.#inTurn(async () => {
      try {
        const device = await openKernelDevice(wanted, this.#owner);
        this.#devices.set(wanted.name, device);
        await this.#userspace.openCircuit(device.opened);
        return device.place.interfaceIndex;
      } catch (error) {
        await this.#abandon(wanted.name);
        const index = await this.#userspace.openCircuit(wanted);
        this.#refused.set(wanted.name, messageOf(error));
        return index;
      }
    });
  }

  resizeCircuit(wanted: CircuitDevice): Promise<void> {
    return this.#inTurn(async () => {
      const twin = this.#devices.get(wanted.name)?.opened.proxyInterfaces?.transmit;
      if (twin !== undefined) await this.#userspace.resizeCircuit({ ...wanted, name: twin });
      await this.#userspace.resizeCircuit(wanted);
    });
  }

  closeCircuit(name: string): Promise<void> {
    return this.#inTurn(async () => {
      for (const { session, device } of [...this.#known.values()])
        if (device.device.name === name) await this.#forget(session.localSessionId);
      await this.#userspace.closeCircuit(name);
      this.#refused.delete(name);
      await this.#abandon(name);
    });
  }

  addSession(session: SessionParameters, attachment: CircuitAttachment): Promise<void> {
    // The userspace plane keeps the order by itself, so that many may be on their way to its thread.
    const { localSessionId } = session;
    const added = this.#userspace.addSession(session, attachment, this.#slots.take(localSessionId));
    added.catch(() => this.#slots.give(localSessionId));
    return this.#inTurn(async () => {
      await added;
      const device = this.#devices.get(attachment.device);
      const refused = this.#refused.get(attachment.device);
      this.#owners.take(attachment, localSessionId);
      if (device !== undefined) await this.#place({ session, attachment, device });
      else if (refused !== undefined) this.#reasons.set(localSessionId, refused);
    });
  }

  updateSession(session: SessionParameters, attachment: CircuitAttachment): Promise<void> {
    return this.#inTurn(async () => {
      await this.#userspace.updateSession(session, attachment);
      const known = this.#known.get(session.localSessionId);
      if (known !== undefined) await this.#place({ ...known, session, attachment });
    });
  }

  removeSession(localSessionId: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#forget(localSessionId);
      await this.#userspace.removeSession(localSessionId);
    });
  }

  counters(): PlaneCounters {
    const { sessions, discards } = this.#userspace.counters();
    const byPrograms = this.#slots.counters();
    return {
      sessions: sessions.map((session) => {
        const counted = byPrograms.get(session.localSessionId);
        return counted === undefined ? session : sumOf(session, counted);
      }),
      discards,
    };
  }

  carrier(localSessionId: number): Carrier {
    const known = this.#known.get(localSessionId);
    if (known !== undefined && known.reason === undefined) return { plane: "ebpf", gso: known.superFrames };
    const reason = known?.reason ?? this.#reasons.get(localSessionId) ?? "programs are being put in place";
    return { plane: "userspace", reason };
  }

  removeLeftovers(): Promise<void> {
    const ours = new Set(
      [...this.#devices.values()].flatMap(({ place, detour }) => [place.interfaceIndex, detour.far]),
    );
    const devices = [...this.#devices.values()].map(({ device }) => device);
    return this.#inTurn(async () => {
      await this.#dropInherited((index) => ours.has(index));
      await removeLeftOvers(devices, this.#owner);
    });
  }

  async close(): Promise<void> {
    this.#ways[Symbol.dispose]();
    clearTimeout(this.#timer);
    await this.#inTurn(async () => {
      // Without programs entries are dead, and go with the maps.
      await this.#ground.attachments.dropAll();
      this.#known.clear();
    });
    await this.#userspace.close();
    for (const device of this.#devices.values()) await closeKernelDevice(device, this.#owner);
    await closeNetworkDetour(this.#owner);
    this.#shop[Symbol.dispose]();
    this.#slots[Symbol.dispose]();
    this.#ground.maps[Symbol.dispose]();
    if (this.#pins.path !== undefined) removeDirectory(this.#pins.path);
    this.#pins.lock?.[Symbol.dispose]();
  }

  /** Has programs carry a session if they can, else has them give its frames to the userspace plane. */
  async #place(subject: Subject): Promise<void> {
    const before = this.#known.get(subject.session.localSessionId);
    const known = await this.#carry(subject).catch(async (error: unknown) => {
      return this.#punt(subject, messageOf(error));
    });
    this.#known.set(subject.session.localSessionId, known);
    this.#slots.replace(
      known.carriage.circuits.map(([key]) => key),
      known.carriage.slot,
      { keepsPeer: known.reason === undefined },
    );
    if (before !== undefined) await this.#unload(before, known.carriage);
  }

  async #carry(subject: Subject): Promise<Known> {
    const { session } = subject;
    const { path, localSessionId } = session;
    const endpoint = this.#endpoints.get(localEndKey(path));
    if (endpoint === undefined) throw new Error(`no endpoint for session ${localSessionId}`);
    const way = await this.#ways.find(path);
    const obstacle = obstacleTo(subject, endpoint, way);
    if (obstacle !== undefined) return this.#punt(subject, obstacle, way);
    const slot = this.#slots.of(localSessionId);
    if (slot === undefined)
      return this.#punt(
        subject,
        `there is room for ${this.#slots.capacity} sessions; a restart makes more`,
        way,
      );
    const cutter = needsCutter(session, endpoint, way) ? await subject.device.cutter() : undefined;
    const cables = { networkDetour: this.#ground.networkDetour, cutter };
    const carriage = this.#owned(subject, carriageOf(subject, endpoint, way, slot, cables));
    const superFrames = superFramesOf(session, endpoint, way.route);
    const known: Known = { ...subject, carriage, reason: undefined, way, superFrames };
    this.#loading = known;
    await load(this.#ground, carriage, {
      isAllowed: () => !this.#ways.havePolicies(path, way.route),
      yieldNumbers: keepsNumbers(session) ? () => this.#userspace.releaseNumbers(localSessionId) : undefined,
    }).finally(() => {
      this.#loading = undefined;
    });
    return known;
  }

  async #punt(subject: Subject, reason: string, way?: Way): Promise<Known> {
    const carriage = this.#owned(subject, puntOf(subject, this.#slots.of(subject.session.localSessionId)));
    await divert(this.#ground, carriage);
    return { ...subject, carriage, reason, way };
  }

  async #abandon(name: string): Promise<void> {
    const device = this.#devices.get(name);
    this.#devices.delete(name);
    if (device !== undefined) await closeKernelDevice(device, this.#owner);
  }

  async #forget(localSessionId: number): Promise<void> {
    this.#reasons.delete(localSessionId);
    const known = this.#known.get(localSessionId);
    this.#slots.give(localSessionId);
    if (known === undefined) return;
    this.#known.delete(localSessionId);
    await this.#unload(known);
    this.#owners.leave(known.attachment, localSessionId);
  }

  /** What is left of a carriage for a session whose circuit another one took: its messages still arrive. */
  #owned({ session, attachment }: Subject, carriage: Carriage): Carriage {
    if (this.#owners.owns(attachment, session.localSessionId)) return carriage;
    return { ...carriage, circuits: [], halted: [] };
  }

  #unload(known: Known, next?: Carriage): Promise<void> {
    return unload(this.#ground, this.#owned(known, known.carriage), next);
  }

  async #dropInherited(isKept: (interfaceIndex: number) => boolean): Promise<void> {
    if (this.#slots.dropInherited(isKept)) await this.#ground.attachments.dropInherited();
  }

  /** Ways may have changed: sessions whose carriage is another now are placed anew. */
  #lookAgain(): void {
    void this.#inTurn(async () => {
      for (const known of [...this.#known.values()]) {
        const way = await this.#ways.find(known.session.path).catch(() => undefined);
        if (way?.text !== known.way?.text) await this.#place(known);
      }
    }).catch(() => undefined);
  }

  /** Programs send and take nothing more past IPsec policies, before anything else is done; sessions are placed anew in their turn. */
  #haltWherePolicied(): void {
    const loading = this.#loading === undefined ? [] : [this.#loading];
    for (const known of [...this.#known.values(), ...loading]) {
      const { session, carriage, reason, way } = known;
      if (reason === undefined && way !== undefined && this.#ways.havePolicies(session.path, way.route)) {
        halt(this.#ground, this.#owned(known, carriage));
        // It is placed anew even if the policies are gone by its turn.
        if (known !== this.#loading) this.#known.set(session.localSessionId, { ...known, way: undefined });
      }
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    return this.#queue.run(act);
  }
}
