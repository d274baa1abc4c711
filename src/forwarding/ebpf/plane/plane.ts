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
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type {
  Carrier,
  CircuitAttachment,
  CircuitDevice,
  ForwardingPlane,
  GsoHandling,
  PlaneCounters,
  PlaneEvents,
} from "../../plane.ts";
import type { PsnSocketSource } from "../../transport.ts";
import { UserspacePlane } from "../../userspace/plane.ts";
import { CircuitOwners } from "./circuit-owners.ts";
import { describeCrash } from "./crash-text.ts";
import { closeEbpfDevice, type EbpfDevice, openEbpfDevice, removeLeftovers } from "./devices.ts";
import { gsoHandling } from "./gso.ts";
import { closeNetworkExceptionPath, openNetworkExceptionPath } from "./network-exception-path.ts";
import { keepsNumbers, obstacleTo } from "./obstacles.ts";
import { layoutVersion, PlaneMaps } from "./plane-maps.ts";
import { ProgramAttachments } from "./program-attachments.ts";
import { ProgramCache } from "./program-cache.ts";
import { type PeerRoute, RouteCache } from "./route-cache.ts";
import { SessionArrays } from "./session-arrays.ts";
import {
  activate,
  deactivate,
  divertToUserspace,
  halt,
  needsSegmenter,
  type PlaneResources,
  programInstall,
  puntInstall,
  type SessionBinding,
  type SessionInstall,
} from "./session-install.ts";
import { sumCounters } from "./sum-counters.ts";
import { moveTagsToMetadata } from "./tag-metadata.ts";

export interface EbpfPlaneOptions {
  /** Sessions for which there must be room. */
  readonly capacity: number;
  /** Identifies this daemon on the machine; the same after a restart. */
  readonly owner: string;
}

/** A session of the plane and what it has in the kernel, whichever plane carries it. */
interface InstalledSession extends SessionBinding {
  readonly install: SessionInstall;
  /** Why programs do not carry it; undefined where they do. */
  readonly reason: string | undefined;
  /** How programs send its GSO packets, where they carry it. */
  readonly gso?: GsoHandling;
  /** The route for which it was installed; undefined where there was none. */
  readonly route: PeerRoute | undefined;
}

/** How long state of a crashed daemon is kept that no session has replaced. */
const STALE_STATE_MS = 300_000;

/**
 * The plane of eBPF programs in the kernel. It holds the userspace plane too, and adds every session to both:
 * frames from circuits that programs cannot process reach the userspace plane by the exception path
 * (devices.ts), and messages from peers that they do not take reach its sockets.
 */
export class EbpfPlane implements ForwardingPlane {
  readonly name = "ebpf";
  readonly #userspace: UserspacePlane;
  readonly #resources: PlaneResources;
  readonly #programs: ProgramCache;
  readonly #arrays: SessionArrays;
  readonly #pins: PinDirectory;
  readonly #owner: string;
  readonly #routes: RouteCache;
  readonly #timer: NodeJS.Timeout;
  readonly #sockets: PsnSocketSource;
  readonly #devices = new Map<string, EbpfDevice>();
  /** Why the userspace plane alone serves a device; and the same for the sessions on it, by their ids. */
  readonly #deviceReasons = new Map<string, string>();
  readonly #sessionReasons = new Map<number, string>();
  readonly #installed = new Map<number, InstalledSession>();
  /** The session that is being activated; its programs may run already. */
  #activating: InstalledSession | undefined;
  readonly #owners = new CircuitOwners();
  readonly #queue = new SerialQueue();

  /** What a crash of the daemon means for forwarding, for operators. */
  readonly crashText: string;

  private constructor(
    sockets: PsnSocketSource,
    userspace: UserspacePlane,
    { maps, arrays, networkExceptionPath }: Omit<PlaneResources, "attachments">,
    routes: RouteCache,
    { owner, pins }: { readonly owner: string; readonly pins: PinDirectory },
  ) {
    const directory = pins.path;
    this.#sockets = sockets;
    this.#userspace = userspace;
    this.#pins = pins;
    this.#owner = owner;
    this.crashText = describeCrash(pins);
    this.#programs = new ProgramCache(new BpfSyscall(), maps.fds, {
      readsProtocol: !canSetDecapsulatedProtocol(),
      processors: processorCount(),
      packetOffsets: packetOffsets(),
    });
    const attachments = new ProgramAttachments(this.#programs, owner, directory);
    this.#resources = { maps, arrays, networkExceptionPath, attachments };
    this.#arrays = arrays;
    this.#routes = routes;
    const removeStale = () => void this.#inTurn(() => this.#removeStale(() => false));
    this.#timer = setTimeout(removeStale, STALE_STATE_MS).unref();
  }

  /** Opens the plane; adopts a crashed daemon's maps if they are large enough. Rejects with SystemError. */
  static async open(
    sockets: PsnSocketSource,
    events: PlaneEvents,
    { capacity, owner }: EbpfPlaneOptions,
  ): Promise<EbpfPlane> {
    const pins = pinDirectory(`${owner}-${layoutVersion}`);
    const directory = pins.path;
    // Programs of another version are removed, for they would run before ours.
    if (directory !== undefined) removeOthers(directory, `${owner}-`);
    const maps = PlaneMaps.adoptOrCreate(new BpfSyscall(), capacity, directory);
    const networkExceptionPath = await openNetworkExceptionPath(owner);
    let plane: EbpfPlane | undefined;
    const routes = await RouteCache.open({
      changed() {
        if (plane !== undefined) plane.#followRoutes();
      },
      policiesChanged() {
        if (plane !== undefined) plane.#haltWherePoliciesApply();
      },
    });
    const sequences = maps.sequences.memory();
    const userspace = await UserspacePlane.open(sockets, events, {
      prepare: moveTagsToMetadata,
      sequences,
      // Programs cannot split what a device coalesced for a socket.
      takesCoalesced: false,
    });
    const arrays = new SessionArrays(maps);
    plane = new EbpfPlane(sockets, userspace, { maps, arrays, networkExceptionPath }, routes, {
      owner,
      pins,
    });
    return plane;
  }

  /** Whether programs go on forwarding when the process ends. */
  get outlivesDaemon(): boolean {
    return this.#pins.path !== undefined;
  }

  openCircuit(wanted: CircuitDevice): Promise<number> {
    return this.#inTurn(async () => {
      try {
        const device = await openEbpfDevice(wanted, this.#owner);
        this.#devices.set(wanted.name, device);
        await this.#userspace.openCircuit(device.userspaceDevice);
        return device.hook.interfaceIndex;
      } catch (error) {
        await this.#closeDevice(wanted.name);
        const index = await this.#userspace.openCircuit(wanted);
        this.#deviceReasons.set(wanted.name, messageOf(error));
        return index;
      }
    });
  }

  resizeCircuit(wanted: CircuitDevice): Promise<void> {
    return this.#inTurn(async () => {
      const peerEnd = this.#devices.get(wanted.name)?.userspaceDevice.proxyInterfaces?.transmit;
      if (peerEnd !== undefined) await this.#userspace.resizeCircuit({ ...wanted, name: peerEnd });
      await this.#userspace.resizeCircuit(wanted);
    });
  }

  closeCircuit(name: string): Promise<void> {
    return this.#inTurn(async () => {
      for (const { session, device } of [...this.#installed.values()])
        if (device.device.name === name) await this.#uninstall(session.localSessionId);
      await this.#userspace.closeCircuit(name);
      this.#deviceReasons.delete(name);
      await this.#closeDevice(name);
    });
  }

  addSession(session: SessionParameters, attachment: CircuitAttachment): Promise<void> {
    // Not in turn: the userspace plane keeps the order, so that many may be on their way to its worker.
    const { localSessionId } = session;
    const added = this.#userspace.addSession(session, attachment, this.#arrays.take(localSessionId));
    added.catch(() => this.#arrays.release(localSessionId));
    return this.#inTurn(async () => {
      await added;
      const device = this.#devices.get(attachment.device);
      const refused = this.#deviceReasons.get(attachment.device);
      this.#owners.take(attachment, localSessionId);
      if (device !== undefined) await this.#install({ session, attachment, device });
      else if (refused !== undefined) this.#sessionReasons.set(localSessionId, refused);
    });
  }

  updateSession(session: SessionParameters, attachment: CircuitAttachment): Promise<void> {
    return this.#inTurn(async () => {
      await this.#userspace.updateSession(session, attachment);
      const installed = this.#installed.get(session.localSessionId);
      if (installed !== undefined) await this.#install({ ...installed, session, attachment });
    });
  }

  removeSession(localSessionId: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#uninstall(localSessionId);
      await this.#userspace.removeSession(localSessionId);
    });
  }

  counters(): PlaneCounters {
    const { sessions, discards } = this.#userspace.counters();
    const byPrograms = this.#arrays.counters();
    return {
      sessions: sessions.map((session) => {
        const counted = byPrograms.get(session.localSessionId);
        return counted === undefined ? session : sumCounters(session, counted);
      }),
      discards,
    };
  }

  carrier(localSessionId: number): Carrier {
    const installed = this.#installed.get(localSessionId);
    if (installed !== undefined && installed.reason === undefined)
      return { plane: "ebpf", gso: installed.gso };
    const reason =
      installed?.reason ?? this.#sessionReasons.get(localSessionId) ?? "programs are being put in place";
    return { plane: "userspace", reason };
  }

  removeLeftovers(): Promise<void> {
    const ours = new Set(
      [...this.#devices.values()].flatMap(({ hook, exceptionPath }) => [
        hook.interfaceIndex,
        exceptionPath.exit,
      ]),
    );
    const devices = [...this.#devices.values()].map(({ device }) => device);
    return this.#inTurn(async () => {
      await this.#removeStale((index) => ours.has(index));
      await removeLeftovers(devices, this.#owner);
    });
  }

  async close(): Promise<void> {
    this.#routes[Symbol.dispose]();
    clearTimeout(this.#timer);
    await this.#inTurn(async () => {
      // Map entries have no effect without programs, and are freed with the maps.
      await this.#resources.attachments.removeAll();
      this.#installed.clear();
    });
    await this.#userspace.close();
    for (const device of this.#devices.values()) await closeEbpfDevice(device, this.#owner);
    await closeNetworkExceptionPath(this.#owner);
    this.#programs[Symbol.dispose]();
    this.#arrays[Symbol.dispose]();
    this.#resources.maps[Symbol.dispose]();
    if (this.#pins.path !== undefined) removeDirectory(this.#pins.path);
    this.#pins.lock?.[Symbol.dispose]();
  }

  /**
   * Installs a session: by programs if they can carry it, else so that they pass its frames to the userspace
   * plane.
   */
  async #install(binding: SessionBinding): Promise<void> {
    const before = this.#installed.get(binding.session.localSessionId);
    const installed = await this.#installPrograms(binding).catch(async (error: unknown) => {
      return this.#installPunt(binding, messageOf(error));
    });
    this.#installed.set(binding.session.localSessionId, installed);
    this.#arrays.replaceStale(
      installed.install.circuits.map(([key]) => key),
      installed.install.sessionIndex,
      { keepsPeer: installed.reason === undefined },
    );
    if (before !== undefined) await this.#deactivate(before, installed.install);
  }

  async #installPrograms(binding: SessionBinding): Promise<InstalledSession> {
    const { session } = binding;
    const { path, localSessionId } = session;
    const endpoint = this.#sockets.endpointOf(path);
    if (endpoint === undefined) throw new Error(`no endpoint for session ${localSessionId}`);
    const route = await this.#routes.find(path);
    const obstacle = obstacleTo(binding, endpoint, route);
    if (obstacle !== undefined) return this.#installPunt(binding, obstacle, route);
    const sessionIndex = this.#arrays.of(localSessionId);
    if (sessionIndex === undefined) return this.#installPunt(binding, this.#arrays.fullText, route);
    const segmenter = needsSegmenter(session, endpoint, route) ? await binding.device.segmenter() : undefined;
    const vethPairs = { networkExceptionPath: this.#resources.networkExceptionPath, segmenter };
    const install = this.#owned(binding, programInstall(binding, endpoint, route, sessionIndex, vethPairs));
    const gso = gsoHandling(session, endpoint, route.route);
    const installed: InstalledSession = { ...binding, install, reason: undefined, route, gso };
    this.#activating = installed;
    await activate(this.#resources, install, {
      isAllowed: () => !this.#routes.havePolicies(path, route.route),
      yieldNumbers: keepsNumbers(session) ? () => this.#userspace.releaseNumbers(localSessionId) : undefined,
    }).finally(() => {
      this.#activating = undefined;
    });
    return installed;
  }

  async #installPunt(binding: SessionBinding, reason: string, route?: PeerRoute): Promise<InstalledSession> {
    const sessionIndex = this.#arrays.of(binding.session.localSessionId);
    const install = this.#owned(binding, puntInstall(binding, sessionIndex));
    await divertToUserspace(this.#resources, install);
    return { ...binding, install, reason, route };
  }

  async #closeDevice(name: string): Promise<void> {
    const device = this.#devices.get(name);
    this.#devices.delete(name);
    if (device !== undefined) await closeEbpfDevice(device, this.#owner);
  }

  async #uninstall(localSessionId: number): Promise<void> {
    this.#sessionReasons.delete(localSessionId);
    const installed = this.#installed.get(localSessionId);
    this.#arrays.release(localSessionId);
    if (installed === undefined) return;
    this.#installed.delete(localSessionId);
    await this.#deactivate(installed);
    this.#owners.leave(installed.attachment, localSessionId);
  }

  /** The part of an install that a session keeps whose circuit another session took: it still receives. */
  #owned({ session, attachment }: SessionBinding, install: SessionInstall): SessionInstall {
    if (this.#owners.owns(attachment, session.localSessionId)) return install;
    return { ...install, circuits: [], halted: [] };
  }

  #deactivate(installed: InstalledSession, next?: SessionInstall): Promise<void> {
    return deactivate(this.#resources, this.#owned(installed, installed.install), next);
  }

  async #removeStale(isKept: (interfaceIndex: number) => boolean): Promise<void> {
    if (this.#arrays.removeStale(isKept)) await this.#resources.attachments.removeStale();
  }

  /** Reinstalls the sessions whose route changed. */
  #followRoutes(): void {
    void this.#inTurn(async () => {
      for (const installed of [...this.#installed.values()]) {
        const route = await this.#routes.find(installed.session.path).catch(() => undefined);
        if (route?.text !== installed.route?.text) await this.#install(installed);
      }
    }).catch(() => undefined);
  }

  /**
   * Halts at once the programs of sessions to which IPsec policies apply now; their reinstallation waits for
   * its turn.
   */
  #haltWherePoliciesApply(): void {
    const loading = this.#activating === undefined ? [] : [this.#activating];
    for (const installed of [...this.#installed.values(), ...loading]) {
      const { session, install, reason, route } = installed;
      if (
        reason === undefined &&
        route !== undefined &&
        this.#routes.havePolicies(session.path, route.route)
      ) {
        halt(this.#resources, this.#owned(installed, install));
        // Reinstalled even if the policies are gone by then.
        if (installed !== this.#activating)
          this.#installed.set(session.localSessionId, { ...installed, route: undefined });
      }
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    return this.#queue.run(act);
  }
}
