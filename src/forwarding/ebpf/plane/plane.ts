import { OperationalError } from "../../../bytes/errors.ts";
import { SerialQueue } from "../../../bytes/serial-queue.ts";
import { type PinDirectory, pinDirectory, removeUnheld } from "../../../os/bpf-file-system.ts";
import { canSetDecapsulatedProtocol, packetOffsets } from "../../../os/bpf-probe.ts";
import { BpfSyscall } from "../../../os/bpf-syscall.ts";
import { SystemError } from "../../../os/errors.ts";
import { processorCount } from "../../../os/processors.ts";
import { Retry } from "../../../os/retry.ts";
import { TrafficControl } from "../../../os/traffic-control.ts";
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { ExceptionPath, SharedSequences } from "../../exception-path.ts";
import type { MirrorPlace } from "../../frame-source.ts";
import type {
  AttachmentCircuit,
  CircuitDevice,
  DataPlane,
  GsoHandling,
  OpenedCircuit,
  PlaneCounters,
  SessionCounters,
} from "../../plane.ts";
import type { PsnSocketSource } from "../../transport.ts";
import { countedByPrograms } from "./counted-discards.ts";
import { describeCrash } from "./crash-text.ts";
import {
  closeEbpfDevice,
  type EbpfDevice,
  openEbpfDevice,
  removeLeftovers,
  resizePeerEnd,
} from "./devices.ts";
import { gsoHandling } from "./gso.ts";
import type { VethPair } from "./hidden-interfaces.ts";
import { type InstalledSession, InstalledSessions } from "./installed-sessions.ts";
import { mirrorPlace } from "./mirror.ts";
import { closeNetworkExceptionPath, openNetworkExceptionPath } from "./network-exception-path.ts";
import { keepsNumbers } from "./obstacles.ts";
import { Pins } from "./pins.ts";
import { layoutVersion, PlaneMaps } from "./plane-maps.ts";
import { ProgramAttachments } from "./program-attachments.ts";
import { ProgramCache } from "./program-cache.ts";
import { RequirementFinder, type Requirements } from "./requirements.ts";
import { RouteCache } from "./route-cache.ts";
import { SessionArrays } from "./session-arrays.ts";
import { needsSegmenter, type PlaneResources, programInstall, puntInstall } from "./session-install.ts";

/** Programs of a former daemon: the sessions that they forward, and the directory of their pins. */
export interface AdoptedPrograms {
  readonly sessions: number;
  /** Indexes of the interfaces whose frames they forward. */
  readonly interfaces: ReadonlySet<number>;
  readonly directory: string;
}

export interface EbpfPlaneOptions {
  /** Sessions for which there must be room. */
  readonly capacity: number;
  /** Identifies this daemon on the machine; the same after a restart. */
  readonly owner: string;
}

/** What a plane is made of, opened before it. */
interface OpenedResources {
  readonly maps: PlaneMaps;
  readonly arrays: SessionArrays;
  readonly networkExceptionPath: VethPair;
}

/** How long state of a crashed daemon is kept that no session has replaced. */
const STALE_STATE_MS = 300_000;

/**
 * The plane of eBPF programs in the kernel. Frames from circuits and messages from peers meet the programs
 * first; those that programs cannot process take the exception path to the plane below
 * (forwarding/exception-path.ts).
 */
export class EbpfPlane implements DataPlane {
  readonly name = "ebpf";
  readonly counts = countedByPrograms;
  readonly #exceptionPath: ExceptionPath;
  readonly #resources: PlaneResources;
  readonly #maps: PlaneMaps;
  readonly #programs: ProgramCache;
  readonly #arrays: SessionArrays;
  readonly #pins: Pins | undefined;
  readonly #owner: string;
  readonly #routes: RouteCache;
  readonly #timer: NodeJS.Timeout;
  readonly #devices = new Map<string, EbpfDevice>();
  readonly #requirements: RequirementFinder;
  readonly #installed: InstalledSessions;
  /** Sessions that programs would forward, had calls of the kernel not failed: they are tried again. */
  readonly #failed = new Set<number>();
  readonly #retry = new Retry(() => this.#changed());
  readonly #queue = new SerialQueue();
  readonly #unfit: string[] = [];
  #changed: () => void = () => undefined;

  /** What a crash of the daemon means for forwarding, for operators. */
  readonly crashText: string;

  private constructor(
    sockets: PsnSocketSource,
    exceptionPath: ExceptionPath,
    { maps, arrays, networkExceptionPath }: OpenedResources,
    routes: RouteCache,
    owner: string,
    { directory, pins }: { readonly directory: PinDirectory; readonly pins: Pins | undefined },
  ) {
    this.#exceptionPath = exceptionPath;
    this.#pins = pins;
    this.#owner = owner;
    this.crashText = describeCrash(directory);
    this.#programs = new ProgramCache(new BpfSyscall(), maps.fds, {
      readsProtocol: !canSetDecapsulatedProtocol(),
      processors: processorCount(),
      packetOffsets: packetOffsets(),
    });
    const attachments = new ProgramAttachments(this.#programs, new TrafficControl({ owner }), pins);
    this.#resources = { maps, arrays, networkExceptionPath, attachments };
    this.#maps = maps;
    this.#installed = new InstalledSessions(this.#resources);
    this.#arrays = arrays;
    this.#routes = routes;
    this.#requirements = new RequirementFinder(sockets, routes, arrays);
    const removeStale = () => void this.#queue.run(() => this.#removeStale(() => false));
    this.#timer = setTimeout(removeStale, STALE_STATE_MS).unref();
  }

  /**
   * Opens the plane; adopts a crashed daemon's maps if they are large enough. `openExceptionPath` opens the
   * plane below, which uses the sequence numbers in these maps and must be closed before this plane. Rejects
   * with SystemError, and then nothing is open.
   */
  static async open<Path extends ExceptionPath>(
    sockets: PsnSocketSource,
    { capacity, owner }: EbpfPlaneOptions,
    openExceptionPath: (sequences: SharedSequences) => Promise<Path>,
  ): Promise<{ readonly plane: EbpfPlane; readonly exceptionPath: Path }> {
    const make = () => pinDirectory(`${owner}-${layoutVersion}`);
    const directory = make();
    const closers: (() => void | Promise<void>)[] = [() => directory.lock?.[Symbol.dispose]()];
    try {
      // Programs of another version are removed, for they would run before ours.
      if (directory.path !== undefined) removeUnheld(`${owner}-`, directory.path);
      const { maps, whyNot } = PlaneMaps.adoptOrCreate(new BpfSyscall(), capacity, directory.path);
      closers.push(() => maps[Symbol.dispose]());
      const pins = directory.path === undefined ? undefined : new Pins(directory, make);
      for (const [name, map] of maps) pins?.adopt(name, map);
      const networkExceptionPath = await openNetworkExceptionPath(owner);
      let plane: EbpfPlane | undefined;
      const routes = await RouteCache.open({
        changed() {
          if (plane !== undefined) plane.#changed();
        },
        policiesChanged() {
          if (plane !== undefined) plane.#haltWherePoliciesApply();
        },
      });
      closers.push(() => routes[Symbol.dispose]());
      const arrays = new SessionArrays(maps);
      closers.push(() => arrays[Symbol.dispose]());
      const exceptionPath = await openExceptionPath(arrays);
      closers.push(() => exceptionPath.close());
      const resources = { maps, arrays, networkExceptionPath };
      plane = new EbpfPlane(sockets, exceptionPath, resources, routes, owner, { directory, pins });
      if (whyNot !== undefined) plane.#unfit.push(whyNot);
      return { plane, exceptionPath };
    } catch (error) {
      for (const close of closers.reverse()) await close();
      throw error;
    }
  }

  /** Why state that a former daemon left could not be adopted, and was removed. */
  get unfit(): readonly string[] {
    return [...this.#unfit, ...this.#resources.attachments.unfit];
  }

  /** Whether programs go on forwarding when the process ends. */
  get outlivesDaemon(): boolean {
    return this.#pins !== undefined;
  }

  /** The sessions that programs of a former daemon forward, and the directory where those were found. */
  get adopted(): AdoptedPrograms {
    const { adoptedSessions: sessions, adoptedInterfaces: interfaces } = this.#arrays;
    return { sessions, interfaces, directory: this.#pins?.path ?? "" };
  }

  watch(changed: () => void): void {
    this.#changed = changed;
  }

  openCircuit(wanted: CircuitDevice): Promise<OpenedCircuit> {
    return this.#queue.run(async () => {
      const device = await openEbpfDevice(wanted, this.#owner);
      this.#devices.set(wanted.name, device);
      return { interfaceIndex: device.hook.interfaceIndex, below: device.userspaceDevice };
    });
  }

  resizeCircuit(wanted: CircuitDevice): Promise<void> {
    return this.#queue.run(() => {
      const device = this.#devices.get(wanted.name);
      if (device !== undefined) resizePeerEnd(device, wanted.mtu);
    });
  }

  closeCircuit(name: string): Promise<void> {
    return this.#queue.run(async () => {
      for (const { session, device } of this.#installed.all)
        if (device.device.name === name) await this.#uninstall(session.localSessionId);
      const device = this.#devices.get(name);
      this.#devices.delete(name);
      if (device !== undefined) await closeEbpfDevice(device, this.#owner);
    });
  }

  async obstacle(session: SessionParameters, attachment: AttachmentCircuit): Promise<string | undefined> {
    const found = await this.#retried(session, () =>
      this.#requirements.find(session, attachment, this.#devices),
    );
    if (typeof found !== "string") return undefined;
    this.#failed.delete(session.localSessionId);
    return found;
  }

  addSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void> {
    return this.#queue.run(async () => {
      await this.#retried(session, async () => {
        const found = await this.#requirements.find(session, attachment, this.#devices);
        if (typeof found === "string") throw new OperationalError(found);
        await this.#installPrograms(session, attachment, found);
      });
      this.#failed.delete(session.localSessionId);
    });
  }

  updateSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void> {
    return this.addSession(session, attachment);
  }

  passSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void> {
    return this.#queue.run(async () => {
      const device = this.#devices.get(attachment.device);
      if (device === undefined) return;
      const binding = { session, attachment, device };
      const { localSessionId } = session;
      const install = puntInstall(binding, this.#arrays.of(localSessionId));
      const route = this.#requirements.lastRoute(localSessionId);
      await this.#installed.pass({ ...binding, install, isForwarded: false, route });
    });
  }

  removeSession(localSessionId: number): Promise<void> {
    return this.#queue.run(() => this.#uninstall(localSessionId));
  }

  bindCircuit(attachment: AttachmentCircuit, localSessionId: number): Promise<void> {
    return this.#queue.run(() => this.#installed.bind(attachment, localSessionId));
  }

  async outdated(): Promise<readonly number[]> {
    const ids: number[] = [];
    for (const { session, route } of this.#installed.all) {
      const { localSessionId } = session;
      const now = await this.#requirements.routeNow(session);
      if (now?.text !== route?.text || this.#failed.has(localSessionId)) ids.push(localSessionId);
    }
    return ids;
  }

  gsoHandling(localSessionId: number): GsoHandling | undefined {
    return this.#installed.get(localSessionId)?.gso;
  }

  counters(): PlaneCounters {
    return { sessions: [...this.#arrays.counters().values()], discards: {} };
  }

  sessionCounters(localSessionId: number): SessionCounters | undefined {
    return this.#arrays.sessionCounters(localSessionId);
  }

  removeLeftovers(): Promise<void> {
    const ours = new Set(
      [...this.#devices.values()].flatMap(({ hook, exceptionPath }) => [
        hook.interfaceIndex,
        exceptionPath.exit,
      ]),
    );
    const devices = [...this.#devices.values()].map(({ device }) => device);
    return this.#queue.run(async () => {
      await this.#removeStale((index) => ours.has(index));
      await removeLeftovers(devices, this.#owner);
    });
  }

  mirrorPlace(name: string): MirrorPlace | undefined {
    const device = this.#devices.get(name);
    return device === undefined ? undefined : mirrorPlace(device);
  }

  async close(): Promise<void> {
    this.#routes[Symbol.dispose]();
    this.#retry.close();
    clearTimeout(this.#timer);
    await this.#queue.run(async () => {
      // Map entries have no effect without programs, and are freed with the maps.
      await this.#resources.attachments.removeAll();
      this.#installed.clear();
    });
    for (const device of this.#devices.values()) await closeEbpfDevice(device, this.#owner);
    await closeNetworkExceptionPath(this.#owner);
    this.#programs[Symbol.dispose]();
    this.#arrays[Symbol.dispose]();
    this.#maps[Symbol.dispose]();
    this.#pins?.removeAll();
  }

  async #installPrograms(
    session: SessionParameters,
    attachment: AttachmentCircuit,
    { device, endpoint, route, sessionIndex }: Requirements,
  ): Promise<void> {
    const { path, localSessionId } = session;
    const binding = { session, attachment, device };
    const segmenter = needsSegmenter(session, endpoint, route) ? await device.segmenter() : undefined;
    const vethPairs = { networkExceptionPath: this.#resources.networkExceptionPath, segmenter };
    const install = programInstall(binding, endpoint, route, sessionIndex, vethPairs);
    const gso = gsoHandling(session, endpoint, route.route);
    const installed: InstalledSession = { ...binding, install, isForwarded: true, route, gso };
    await this.#installed.forward(installed, {
      isAllowed: () => !this.#routes.havePolicies(path, route.route),
      yieldNumbers: keepsNumbers(session)
        ? () => this.#exceptionPath.releaseNumbers(localSessionId)
        : undefined,
    });
  }

  /**
   * Acts for a session; where a call of the kernel fails, it is outdated after a while, as nothing else may
   * change. What the verifier refuses it refuses again.
   */
  async #retried<Result>({ localSessionId }: SessionParameters, act: () => Promise<Result>): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof SystemError) {
        const isNew = this.#failed.size === 0;
        this.#failed.add(localSessionId);
        this.#retry.schedule(isNew);
      }
      throw error;
    }
  }

  async #uninstall(localSessionId: number): Promise<void> {
    this.#requirements.forget(localSessionId);
    this.#failed.delete(localSessionId);
    await this.#installed.remove(localSessionId);
  }

  async #removeStale(isKept: (interfaceIndex: number) => boolean): Promise<void> {
    if (this.#arrays.removeStale(isKept)) await this.#resources.attachments.removeStale();
  }

  /**
   * Halts at once the programs of sessions to which IPsec policies apply now; their reinstallation waits for
   * its turn.
   */
  #haltWherePoliciesApply(): void {
    this.#installed.haltWhere(
      ({ session, route }) => route !== undefined && this.#routes.havePolicies(session.path, route.route),
    );
  }
}
