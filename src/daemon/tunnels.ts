import { OperationalError } from "../bytes/errors.ts";
import { SerialQueue } from "../bytes/serial-queue.ts";
import type { PseudowireConfig, TunnelConfig } from "../config/config.ts";
import { monotonicClock } from "../os/clock.ts";
import { OwnEnds } from "../os/own-ends.ts";
import { Retry } from "../os/retry.ts";
import { type AdministrativeChange, administer } from "./administer.ts";
import { locationText } from "./log.ts";
import { openConnection, openTunnelEnds } from "./open-tunnel.ts";
import { PeerNames } from "./peer-names.ts";
import type { TunnelAddresses } from "./send-problems.ts";
import {
  type EndsInUse,
  isUnspecified,
  pathOf,
  peerSettings,
  pseudowireSettings,
  staticSessionOf,
} from "./settings.ts";
import type { PeerMoves } from "./static-following.ts";
import { StaticTunnels } from "./static-tunnels.ts";
import { endsNow, endsText, isSame } from "./tunnel-ends.ts";
import type { Opened, Tunnel, TunnelContext, TunnelCounts, WaitingTunnel } from "./tunnel-state.ts";

/** What a tunnel has that neither is open nor waits. */
const noneOpen = { opened: undefined, problem: undefined, waitingMs: undefined, endsProblem: undefined };

/**
 * The tunnels of the running configuration: opens and closes what each one needs, in an order that loses
 * nothing. One that cannot be opened waits, affects no other, and is tried again. Operations run one after
 * another, in the order they were asked for.
 */
export class Tunnels {
  readonly #context: TunnelContext;
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #retry = new Retry(() => {
    void this.openWaiting();
    this.follow();
  });
  readonly #queue = new SerialQueue();
  readonly peerNames: PeerNames;
  readonly static: StaticTunnels;
  #isClosed = false;
  /** Whether a look at the ends of all tunnels is queued, and not begun. */
  #isFollowing = false;

  constructor(context: TunnelContext) {
    this.#context = context;
    this.static = new StaticTunnels(context);
    this.peerNames = new PeerNames(context.log, (tunnel) => this.#nameChanged(tunnel));
  }

  /** Those of the running configuration, waiting ones among them. */
  get names(): readonly string[] {
    return [...this.#tunnels.keys()];
  }

  /** How many there are, and how many of them wait. */
  get counts(): TunnelCounts {
    const all = [...this.#tunnels.values()];
    return { tunnels: all.length, waiting: all.filter(({ problem }) => problem !== undefined).length };
  }

  /** The addresses and the port that a tunnel has in use; undefined while it waits. */
  ends(name: string): EndsInUse | undefined {
    return this.#tunnels.get(name)?.opened?.held.inUse;
  }

  /** How a static tunnel followed its peer; undefined where it did not. */
  peerMoves(name: string): PeerMoves | undefined {
    return this.#tunnels.get(name)?.opened?.peerMoves;
  }

  /** The tunnels that are open, not waiting, with their addresses; those of any address have none. */
  get open(): readonly (TunnelAddresses & { readonly name: string })[] {
    return this.names.flatMap((name) => {
      const ends = this.ends(name);
      if (ends === undefined || isUnspecified(ends.remoteAddress)) return [];
      return [{ name, local: ends.localAddress, remote: ends.remoteAddress }];
    });
  }

  /** Why a tunnel waits, since when, and when it is tried again; undefined while it does not wait. */
  waiting(name: string): WaitingTunnel | undefined {
    const { problem, waitingMs: sinceMs } = this.#tunnels.get(name) ?? {};
    return problem === undefined ? undefined : { problem, sinceMs, nextAttemptMs: this.#retry.nextMs };
  }

  /** Why a tunnel is open with ends that it should not have any more; undefined as a rule. */
  endsProblem(name: string): string | undefined {
    return this.#tunnels.get(name)?.endsProblem;
  }

  /** Why tunnels wait, a line for each that does; but for those that are `awaited`. */
  get problems(): readonly string[] {
    return [...this.#tunnels].flatMap(([name, { problem }]) =>
      problem === undefined || this.#isAwaited(name, problem)
        ? []
        : [`tunnel ${name} is waiting: ${problem}`],
    );
  }

  /** A line for each tunnel that merely awaits the first answer about its peer's name. */
  get awaited(): readonly string[] {
    return [...this.#tunnels].flatMap(([name, { problem }]) =>
      this.#isAwaited(name, problem) ? [`tunnel ${name} opens once its peer has an address: ${problem}`] : [],
    );
  }

  /** The secrets with which a tunnel runs; undefined while it waits. */
  secrets(name: string): readonly Uint8Array[] | undefined {
    return this.#tunnels.get(name)?.opened?.secrets;
  }

  /** Opens a tunnel with its pseudowires, or has it wait. */
  create(config: TunnelConfig): Promise<void> {
    return this.#inTurn(() => {
      const pseudowires = new Map(config.pseudowires.map((pseudowire) => [pseudowire.name, pseudowire]));
      const tunnel = { config, pseudowires, ...noneOpen };
      this.#tunnels.set(config.name, tunnel);
      return this.#begin(tunnel);
    });
  }

  /**
   * Retries the tunnels that wait, and has the others follow what their ends are now, after something such as
   * an address or a route changed.
   */
  follow(): void {
    this.#retry.runNow();
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    this.#soon(async () => {
      this.#isFollowing = false;
      using own = new OwnEnds();
      for (const tunnel of [...this.#tunnels.values()]) await this.#follow(tunnel, own);
    });
  }

  /** The addresses of the name of a tunnel's peer changed. */
  #nameChanged(name: string): void {
    this.#soon(async () => {
      const tunnel = this.#tunnels.get(name);
      if (tunnel === undefined) return;
      if (tunnel.opened === undefined) return this.#open(tunnel);
      using own = new OwnEnds();
      await this.#follow(tunnel, own);
    });
  }

  /**
   * Tries to open the tunnels that wait. Resolves to a line for each that opened, with what it was waiting
   * for.
   */
  async openWaiting(): Promise<readonly string[]> {
    const lines: string[] = [];
    await this.#inTurn(async () => {
      for (const tunnel of this.#tunnels.values()) {
        const { config, opened, problem } = tunnel;
        if (opened !== undefined) continue;
        await this.#open(tunnel);
        if (tunnel.problem === undefined && problem !== undefined)
          lines.push(`open tunnel ${config.name} (it was waiting: ${problem})`);
      }
    });
    return lines;
  }

  /** Closes a tunnel and releases all that it holds. */
  remove(name: string, resultCode: 1 | 6): Promise<void> {
    return this.#inTurn(async () => {
      const tunnel = this.#tunnels.get(name);
      this.#tunnels.delete(name);
      if (tunnel !== undefined) await this.#end(tunnel, resultCode);
    });
  }

  /** Closes or opens a tunnel or a pseudowire as an operator asks; what is closed is not retried. */
  administer(change: AdministrativeChange): Promise<void> {
    return this.#inTurn(async () => {
      const tunnel = this.#tunnels.get(change.tunnel);
      if (tunnel === undefined) return;
      await administer(tunnel, change, this.#context.administrative, {
        nowMs: monotonicClock.nowMs(),
        begin: () => this.#begin(tunnel),
        end: () => this.#end(tunnel, 1),
        attach: async (one) => tunnel.opened && this.#attachPseudowire(tunnel, tunnel.opened, one),
        drop: (one) => this.#dropPseudowire(one),
      });
    });
  }

  /** Asks for the peer's name, and opens a tunnel or has it wait; unless an operator closed it. */
  async #begin(tunnel: Tunnel): Promise<void> {
    if (this.#context.administrative.isDown("tunnel", tunnel.config.name)) return;
    this.peerNames.add(tunnel.config);
    await this.#open(tunnel);
  }

  /** Gives back all that a tunnel holds; it neither is open afterwards, nor waits. */
  async #end(tunnel: Tunnel, resultCode: 1 | 6): Promise<void> {
    const { config, pseudowires, opened } = tunnel;
    const { name } = config;
    this.peerNames.remove(name);
    Object.assign(tunnel, noneOpen);
    if (opened === undefined) return;
    if (config.control !== undefined)
      this.#context.input({ kind: "close-connection", peer: name, resultCode });
    for (const pseudowire of pseudowires.values()) await this.#dropPseudowire(pseudowire);
    await this.#context.circuits.idle();
    await opened.held.close();
  }

  /** Takes over new timers and limits; the connection stays up. */
  update(config: TunnelConfig): Promise<void> {
    return this.#inTurn(async () => {
      const tunnel = this.#tunnels.get(config.name);
      if (tunnel === undefined) return;
      tunnel.config = config;
      const { opened } = tunnel;
      if (config.control === undefined || opened === undefined) return;
      const peer = peerSettings(config, config.control, pathOf(config, opened.held.inUse), opened.secrets);
      this.#context.input({ kind: "update-connection", peer });
    });
  }

  /** Renames tunnels, by their present names; nothing else changes. */
  rename(newNames: ReadonlyMap<string, string>): Promise<void> {
    return this.#inTurn(async () => {
      const tunnels = [...this.#tunnels];
      this.#tunnels.clear();
      for (const [before, tunnel] of tunnels) {
        const name = newNames.get(before) ?? before;
        tunnel.config = { ...tunnel.config, name };
        this.#tunnels.set(name, tunnel);
      }
      this.peerNames.rename(newNames);
      this.#context.administrative.rename(newNames);
      this.#context.input({ kind: "rename-connections", newNames });
    });
  }

  /** Attaches a pseudowire to its circuit, and opens its session when the tunnel is open. */
  addPseudowire(tunnelName: string, pseudowire: PseudowireConfig): Promise<void> {
    return this.#inTurn(async () => {
      const tunnel = this.#tunnels.get(tunnelName);
      tunnel?.pseudowires.set(pseudowire.name, pseudowire);
      if (tunnel?.opened !== undefined) await this.#attachPseudowire(tunnel, tunnel.opened, pseudowire);
    });
  }

  /** Takes over settings of a pseudowire that may change while its session runs. */
  updatePseudowire(tunnelName: string, pseudowire: PseudowireConfig): Promise<void> {
    return this.#inTurn(async () => {
      const tunnel = this.#tunnels.get(tunnelName);
      tunnel?.pseudowires.set(pseudowire.name, pseudowire);
      if (tunnel?.opened !== undefined) this.#context.circuits.change(pseudowire);
    });
  }

  /** Ends the session of a pseudowire, and gives its circuit back. */
  removePseudowire(tunnelName: string, name: string): Promise<void> {
    return this.#inTurn(async () => {
      const tunnel = this.#tunnels.get(tunnelName);
      const pseudowire = tunnel?.pseudowires.get(name);
      if (tunnel === undefined || pseudowire === undefined) return;
      tunnel.pseudowires.delete(name);
      if (tunnel.opened !== undefined) await this.#dropPseudowire(pseudowire);
    });
  }

  /** Stops opening and retrying tunnels. */
  close(): void {
    this.#isClosed = true;
    this.#retry.close();
    this.peerNames.close();
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    return this.#queue.run(act);
  }

  #soon(act: () => Promise<void>): void {
    void this.#inTurn(act).catch((error: unknown) => {
      if (!(error instanceof OperationalError)) throw error;
      this.#retry.schedule(false);
    });
  }

  #isAwaited(name: string, problem: string | undefined): boolean {
    return this.peerNames.isAwaited(name) && problem === this.peerNames.problem(name);
  }

  async #open(tunnel: Tunnel): Promise<void> {
    const { config } = tunnel;
    const { log, administrative } = this.#context;
    if (this.#isClosed || administrative.isDown("tunnel", config.name)) return;
    try {
      tunnel.opened = await openTunnelEnds(this.#context, config, this.peerNames, (act) => this.#inTurn(act));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const problem = error.message;
      const isNew = problem !== tunnel.problem && !this.#isAwaited(config.name, problem);
      const location = this.#context.locationOf(config.name);
      tunnel.problem = problem;
      tunnel.waitingMs ??= monotonicClock.nowMs();
      if (isNew)
        log.error(
          { event: "tunnel", tunnel: config.name, problem, location },
          `tunnel ${config.name} is waiting: ${problem}${locationText(location)}`,
        );
      return this.#retry.schedule(isNew);
    }
    if (tunnel.problem !== undefined)
      log.info({ event: "tunnel", tunnel: config.name }, `tunnel ${config.name} is open, no longer waiting`);
    tunnel.problem = undefined;
    tunnel.waitingMs = undefined;
    openConnection(this.#context, config, tunnel.opened);
    for (const pseudowire of tunnel.pseudowires.values())
      await this.#attachPseudowire(tunnel, tunnel.opened, pseudowire);
  }

  async #follow(tunnel: Tunnel, own: OwnEnds): Promise<void> {
    const { config, opened } = tunnel;
    if (opened === undefined || this.#isClosed) return;
    const before = opened.held.chosen;
    const chosen = endsNow(config, before, this.peerNames, own);
    if ("problem" in chosen) return this.#keepEnds(tunnel, chosen.problem);
    if (!isSame(before, chosen)) {
      try {
        await opened.held.move(chosen);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        this.#keepEnds(tunnel, `${endsText(chosen)} cannot be used: ${error.message}`);
        return this.#retry.schedule(false);
      }
      const text = `tunnel ${config.name}: its ends are ${endsText(chosen)} now, before ${endsText(before)}`;
      this.#context.log.info({ event: "tunnel", tunnel: config.name, ...chosen }, text);
    }
    tunnel.endsProblem = undefined;
    const hadAddress = opened.hasAddress;
    opened.hasAddress = own.addresses.some(({ address }) => address === chosen.localAddress);
    if (!isSame(before, chosen) || (opened.hasAddress && !hadAddress)) await this.#takePath(tunnel, opened);
  }

  async #takePath(tunnel: Tunnel, { held }: Opened): Promise<void> {
    const { config } = tunnel;
    const path = pathOf(config, held.inUse);
    if (config.control !== undefined) this.#context.input({ kind: "change-path", peer: config.name, path });
    this.static.takePath(tunnel, path);
    await this.#context.circuits.idle();
  }

  #keepEnds(tunnel: Tunnel, problem: string): void {
    const { config, opened } = tunnel;
    const isNew = problem !== tunnel.endsProblem;
    tunnel.endsProblem = problem;
    if (opened !== undefined) opened.hasAddress = false;
    if (isNew)
      this.#context.log.warn(
        { event: "tunnel", tunnel: config.name, problem },
        `tunnel ${config.name} stays at its ends: ${problem}`,
      );
  }

  /** Of a pseudowire that the tunnel's configuration has. */
  async #attachPseudowire(tunnel: Tunnel, opened: Opened, pseudowire: PseudowireConfig): Promise<void> {
    const { circuits, administrative } = this.#context;
    if (this.#isClosed || administrative.isDown("pseudowire", pseudowire.name)) return;
    await circuits.attach(pseudowire);
    const session = staticSessionOf(pseudowire, pathOf(tunnel.config, opened.held.inUse));
    if (session === undefined) {
      this.#context.input({
        kind: "open-session",
        peer: tunnel.config.name,
        pseudowire: pseudowireSettings(pseudowire),
        circuitActive: circuits.isUp(pseudowire.name),
        standby: circuits.isStandby(pseudowire.name),
      });
    } else {
      this.static.add(tunnel, session);
      // Its circuit may have been up before it, with another pseudowire.
      if (circuits.isUp(pseudowire.name))
        this.#context.input({ kind: "circuit-status", pseudowire: pseudowire.name, active: true });
    }
  }

  async #dropPseudowire(pseudowire: PseudowireConfig): Promise<void> {
    if (this.#context.administrative.isDown("pseudowire", pseudowire.name)) return;
    const { name, staticSession } = pseudowire;
    if (staticSession !== undefined) this.static.remove(name, staticSession.localSessionId);
    else this.#context.input({ kind: "close-session", pseudowire: name });
    await this.#context.circuits.detach(pseudowire);
  }
}
