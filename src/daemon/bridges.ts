import { ignoreOperational, OperationalError } from "../bytes/errors.ts";
import { SerialQueue } from "../bytes/serial-queue.ts";
import type { BridgeConfig, Config, MemberConfig } from "../config/config.ts";
import {
  bridgeValuesIn,
  makeBridge,
  removeBridge,
  setBridge,
  setMtu,
  setPortOf,
} from "../os/bridge-attributes.ts";
import { bridgeProblem } from "../os/link-problems.ts";
import { type LinkState, type Links, readLinkStates } from "../os/links.ts";
import { type Lock, lockName } from "../os/locks.ts";
import { Retry } from "../os/retry.ts";
import { BridgeLoops } from "./bridge-loops.ts";
import { BridgeMacLimits } from "./bridge-mac-limits.ts";
import { BridgePorts } from "./bridge-ports.ts";
import type { BridgeRecord, BridgeRecords } from "./bridge-records.ts";
import { formerNotIn, releaseBridge, releasePort, remember } from "./bridge-release.ts";
import { type BridgeStatus, type BridgeStatusSources, bridgeStatus } from "./bridge-status.ts";
import { BridgeStorms } from "./bridge-storms.ts";
import { differing, wantedBridgeValues } from "./bridge-values.ts";
import { Corrections } from "./corrections.ts";
import { describeHolder } from "./locks.ts";
import type { Log } from "./log.ts";
import type { LogLimiter } from "./log-limiter.ts";
import { Problems } from "./problems.ts";

/** What the bridges ask the daemon. */
export interface BridgeContext {
  readonly links: Links;
  readonly log: Log;
  readonly limiter: LogLimiter;
  /** Identifies this daemon in the alias of bridges that it made. */
  readonly owner: string;
  readonly records: BridgeRecords;
  /** What this machine would lose if an interface became a port, as text. */
  hostUse(circuit: { readonly device: string }): Promise<string | undefined>;
}

/**
 * The bridges of the kernel that the file names: makes those that are missing, and keeps their attributes and
 * those of their ports as the file has them, whoever changes or deletes them. The devices of pseudowires join
 * by `circuit-devices.ts`; interfaces join here. What is not ours keeps what the file does not name, and gets
 * back the rest at the end.
 */
export class Bridges {
  readonly #context: BridgeContext;
  readonly #alias: string;
  readonly #queue = new SerialQueue();
  readonly #retry = new Retry(() => void this.reconcile());
  readonly #corrections = new Corrections();
  readonly #ports: BridgePorts;
  readonly #storms: BridgeStorms;
  readonly #loops: BridgeLoops;
  readonly #macLimits: BridgeMacLimits;
  readonly #locks = new Map<string, Lock>();
  /** Bridges that we made, by name, with their indexes; also those of an earlier daemon of ours. */
  readonly #made = new Map<string, number>();
  #wanted: readonly BridgeConfig[] = [];
  #problems = new Map<string, string>();
  #isQueued = false;
  /** Whether a reading is ours, after which bridges are reconciled anyway. */
  #isConfiguring = false;
  #isClosed = false;

  constructor(context: BridgeContext) {
    this.#context = context;
    this.#ports = new BridgePorts(context.links, context.records, this.#corrections);
    const portOf = (config: BridgeConfig, device: string) => this.#ports.portOf(config, device);
    this.#storms = new BridgeStorms(context, portOf);
    const isOfPseudowire = (device: string) => this.#ports.isOfPseudowire(device);
    this.#loops = new BridgeLoops({ log: context.log, links: context.links, isOfPseudowire });
    this.#macLimits = new BridgeMacLimits(context);
    this.#alias = `wirespan ${context.owner}`;
    context.links.watchReadings(() => {
      if (this.#isNeeded() && !this.#isConfiguring) void this.reconcile();
    });
  }

  /** Takes over the bridges of a configuration. Resolves when they are there, as far as they can be. */
  async configure({ bridges, tunnels }: Pick<Config, "bridges" | "tunnels">): Promise<void> {
    this.#wanted = bridges;
    this.#ports.configure(bridges, tunnels);
    // An interface that has another bridge now, or is a circuit, is a port that we made no more.
    await this.#queue.run(async () => this.#releasePorts(byName(bridges)));
    // What was set a moment ago is not in the table of interfaces yet, and would be taken for unset.
    this.#isConfiguring = true;
    await this.#context.links.reread().catch(ignoreOperational);
    this.#isConfiguring = false;
    await this.reconcile();
  }

  /** Removes and puts back what the configuration does not name any more. */
  settle(): Promise<void> {
    return this.#queue.run(async () => {
      const wanted = byName(this.#wanted);
      this.#release(wanted);
      await this.#endWatching(wanted);
    });
  }

  /** Brings bridges and ports to their wanted state; what fails is tried again later. */
  reconcile(): Promise<void> {
    if (this.#isQueued) return this.#queue.run(async () => undefined);
    this.#isQueued = true;
    return this.#queue.run(async () => {
      this.#isQueued = false;
      if (!this.#isClosed) await this.#reconcileNow();
    });
  }

  /**
   * Gives the device of a pseudowire its attributes as a port, as it joins its bridge: no frame crosses the
   * split horizon before. Throws SystemError.
   */
  joined(device: string, index: number): void {
    this.#ports.joined(device, index);
  }

  /** The problems of bridges of `bridges:` as text; of others, the circuits tell. */
  get told(): readonly string[] {
    return [...this.#problems].flatMap(([bridge, problem]) =>
      this.#isTold(bridge) ? [`bridge ${bridge}: ${problem}`] : [],
    );
  }

  #isTold(bridge: string): boolean {
    return !this.#wanted.some(({ name, isDeclared }) => name === bridge && !isDeclared);
  }

  /** The bridges of the configuration as they are now. Throws SystemError. */
  status(): readonly BridgeStatus[] {
    if (this.#wanted.length === 0) return [];
    const sources: Omit<BridgeStatusSources, "storms" | "loops"> = {
      states: readLinkStates(),
      isMade: ({ alias }) => alias === this.#alias,
      problem: (bridge) => this.#problems.get(bridge),
      pseudowiresOn: (device) => this.#ports.pseudowiresOn(device),
    };
    return this.#wanted.map((config) => {
      const storms = (port: LinkState) => this.#storms.status(config, port);
      return bridgeStatus(config.name, { ...sources, storms, loops: this.#loops.status(config.name) });
    });
  }

  /** Puts back what was changed, and removes what was made, once the devices of pseudowires are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry.close();
    await this.#queue.run(async () => {
      this.#release(new Map());
      await this.#endWatching(new Map());
    });
    this.#storms.close();
    this.#macLimits.close();
    for (const lock of this.#locks.values()) lock[Symbol.dispose]();
    this.#locks.clear();
  }

  /** Ends without changing anything: another daemon takes over. */
  abandon(): void {
    this.#isClosed = true;
    this.#loops.abandon();
    this.#storms.close();
    this.#macLimits.close();
    this.#retry.close();
  }

  #isNeeded(): boolean {
    return !this.#isClosed && this.#wanted.length > 0;
  }

  async #reconcileNow(): Promise<void> {
    const former = this.#problems;
    this.#problems = new Map();
    for (const bridge of this.#wanted) {
      try {
        await this.#reconcileBridge(bridge);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        this.#problems.set(bridge.name, error.message);
      }
    }
    this.#macLimits.set(this.#wanted);
    this.#save();
    for (const [bridge, problem] of this.#problems) {
      const isNew = former.get(bridge) !== problem;
      if (isNew && this.#isTold(bridge))
        this.#context.log.warn({ event: "bridge", bridge, problem }, `bridge ${bridge}: ${problem}`);
      this.#retry.schedule(isNew);
    }
  }

  #save(): void {
    try {
      this.#context.records.save();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#problems.set("records", error.message);
    }
  }

  async #reconcileBridge(config: BridgeConfig): Promise<void> {
    const { name } = config;
    if (config.isDeclared) this.#lock(name);
    const state = await this.#bridgeOf(config);
    const isOurs = state.alias === this.#alias;
    if (isOurs) this.#made.set(name, state.index);
    // What the kernel refuses keeps nothing else from being set: the split horizon least of all.
    const problems = new Problems();
    this.#setBridge(config, state, isOurs, problems);
    for (const member of config.interfaces) await problems.collect(() => this.#join(member, state));
    await problems.collect(() => this.#ports.set(config, state, problems));
    await problems.collect(() => this.#storms.set(config, state));
    problems.try(() => this.#loops.set(config, state));
    problems.throwAny();
  }

  /** Throws OperationalError where another daemon has the bridge. */
  #lock(name: string): void {
    if (this.#locks.has(name)) return;
    const attempt = lockName(`wirespan/bridge/${name}`);
    if (attempt.holder !== undefined)
      throw new OperationalError(
        `${describeHolder(attempt.holder)} has it in its file; stop it, or remove it from one of the files`,
      );
    this.#locks.set(name, attempt.lock);
  }

  /** The bridge as it is, made where it is missing. */
  async #bridgeOf({ name, create }: BridgeConfig): Promise<LinkState> {
    const { links, log } = this.#context;
    const found = links.get(name);
    if (found === undefined && create) {
      makeBridge(name, this.#alias);
      if (this.#made.has(name))
        log.warn(
          { event: "bridge", bridge: name },
          `bridge ${name} was deleted by somebody: it is made again`,
        );
      else log.info({ event: "bridge", bridge: name }, `bridge ${name} made`);
      await links.reread();
    }
    const state = links.get(name);
    const problem = bridgeProblem(name, state);
    if (state === undefined || problem !== undefined) throw new OperationalError(problem);
    return state;
  }

  #setBridge(config: BridgeConfig, state: LinkState, isOurs: boolean, problems: Problems): void {
    const { name } = config;
    const { index } = state;
    const there = bridgeValuesIn(state);
    const wanted = wantedBridgeValues(config, isOurs);
    const record = isOurs ? undefined : this.#bridgeRecord(name, index);
    if (there.fdbMostLearned === undefined) {
      delete wanted.fdbMostLearned;
      if ((config.macLimit ?? 0) > 0)
        problems.add("the kernel limits no bridge's MAC addresses: mac_limit needs Linux 6.7");
    }
    const back = record === undefined ? {} : formerNotIn(record.former, wanted);
    if (record !== undefined) remember(record, wanted, there);
    for (const [attribute, value] of Object.entries(differing({ ...back, ...wanted }, there)))
      problems.try(() => {
        this.#corrections.count(`bridge ${name}`);
        setBridge(name, index, { [attribute]: value });
      });
    const mtu = config.mtu ?? record?.mtu;
    if (mtu === undefined || mtu === state.mtu) return;
    if (record !== undefined) record.mtu ??= state.mtu;
    problems.try(() => {
      this.#corrections.count(`bridge ${name}`);
      setMtu(name, index, mtu);
    });
  }

  #bridgeRecord(name: string, index: number): BridgeRecord {
    const { bridges } = this.#context.records;
    const known = bridges.get(name);
    if (known?.index === index) return known;
    const record = { index, former: {} };
    bridges.set(name, record);
    return record;
  }

  /** Puts an interface into its bridge, unless it is there. */
  async #join({ device, allowHostUse }: MemberConfig, bridge: LinkState): Promise<void> {
    const { links, records, log } = this.#context;
    const state = links.get(device);
    if (state === undefined) throw new OperationalError(`waiting for interface ${device}`);
    if (state.master === bridge.index) {
      if (records.ports.get(device)?.index !== state.index)
        records.ports.set(device, { index: state.index, bridge: bridge.name, isJoined: false, former: {} });
      return;
    }
    if (state.master !== undefined && state.master !== 0) {
      const other = links.all().find(({ index }) => index === state.master)?.name ?? state.master;
      throw new OperationalError(
        `${device} is a port of ${other}; take it out first: ip link set ${device} nomaster`,
      );
    }
    const use = allowHostUse ? undefined : await this.#context.hostUse({ device });
    if (use !== undefined)
      throw new OperationalError(
        `${use}: as a port of a bridge it would be cut off from this machine; ` +
          "use another interface, or set allow_host_use: true",
      );
    this.#corrections.count(`port ${device}`);
    setPortOf(device, state.index, bridge.index);
    records.ports.set(device, { index: state.index, bridge: bridge.name, isJoined: true, former: {} });
    log.info({ event: "bridge", bridge: bridge.name, device }, `${device} added to bridge ${bridge.name}`);
    await links.reread();
  }

  /** Puts back and removes what `wanted` does not name. */
  #release(wanted: ReadonlyMap<string, BridgeConfig>): void {
    const { records } = this.#context;
    this.#releasePorts(wanted);
    for (const [name, record] of [...records.bridges]) {
      if (wanted.has(name)) continue;
      this.#attempt(() => releaseBridge(name, record));
      records.bridges.delete(name);
    }
    this.#attempt(() => {
      for (const { name, index, kind, alias } of readLinkStates()) {
        if (kind !== "bridge" || alias !== this.#alias || wanted.get(name)?.isDeclared) continue;
        this.#attempt(() => this.#removeMade(name, index));
      }
    });
    for (const [name, lock] of [...this.#locks]) {
      if (wanted.get(name)?.isDeclared) continue;
      lock[Symbol.dispose]();
      this.#locks.delete(name);
    }
    this.#save();
  }

  /** Puts back interfaces that are no ports of their bridges in `wanted`, of an earlier daemon as well. */
  #releasePorts(wanted: ReadonlyMap<string, BridgeConfig>): void {
    const { ports } = this.#context.records;
    for (const [device, record] of [...ports]) {
      if (wanted.get(record.bridge)?.interfaces.some((member) => member.device === device)) continue;
      this.#attempt(() => releasePort(device, record));
      ports.delete(device);
    }
  }

  /** Removes a bridge that we made, unless somebody else's ports are in it. */
  #removeMade(name: string, index: number): void {
    const { log } = this.#context;
    const others = readLinkStates().filter(
      ({ master, name: port }) => master === index && !this.#ports.isOfPseudowire(port),
    );
    if (others.length > 0) {
      const ports = others.map((port) => port.name).join(", ");
      log.warn(
        { event: "bridge", bridge: name },
        `bridge ${name}, which we made, stays: somebody else put ${ports} into it`,
      );
      return;
    }
    removeBridge(name, index);
    this.#made.delete(name);
    log.info({ event: "bridge", bridge: name }, `bridge ${name} removed`);
  }

  /** Does what is tried only once, for things that are left behind. */
  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#toldNotPutBack(error.message);
    }
  }

  /** Ends what is done at ports of other bridges than these. */
  async #endWatching(wanted: ReadonlyMap<string, unknown>): Promise<void> {
    const told = (problem: string) => this.#toldNotPutBack(problem);
    this.#loops.keep(wanted, told);
    await this.#storms.keep(wanted, told);
  }

  #toldNotPutBack(problem: string): void {
    this.#context.log.warn({ event: "bridge", problem }, `a bridge was not put back: ${problem}`);
  }
}

function byName(bridges: readonly BridgeConfig[]): ReadonlyMap<string, BridgeConfig> {
  return new Map(bridges.map((bridge) => [bridge.name, bridge]));
}
