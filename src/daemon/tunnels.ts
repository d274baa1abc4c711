import { OperationalError } from "../bytes/errors.ts";
import { equalOctets } from "../bytes/hex.ts";
import { SerialQueue } from "../bytes/serial-queue.ts";
import type { PseudowireConfig, SecretSource, TunnelConfig } from "../config/config.ts";
import type { Input } from "../control/effects.ts";
import type { PsnEndpoint, PsnTransport } from "../forwarding/transport.ts";
import type { Lock } from "../os/locks.ts";
import { Retry } from "../os/retry.ts";
import type { Circuits } from "./circuits.ts";
import { lockEnds } from "./locks.ts";
import { type Log, locationText } from "./log.ts";
import { endpointOf, pathOf, peerSettings, pseudowireSettings, staticSessionOf } from "./settings.ts";

/** What tunnels are built on. */
export interface TunnelContext {
  readonly transport: PsnTransport;
  readonly circuits: Circuits;
  readonly log: Log;
  /** Feeds the control plane and performs what it asks. */
  input(input: Input): void;
  readSecret(source: SecretSource, tunnel: string): Uint8Array;
  /** The location of a tunnel in the configuration file. */
  locationOf(tunnel: string): string | undefined;
}

interface Tunnel {
  /** Its configuration; but pseudowires come and go: the present ones are in `pseudowires`, by name. */
  config: TunnelConfig;
  readonly pseudowires: Map<string, PseudowireConfig>;
  /** What it holds while it is open. */
  opened: Opened | undefined;
  /** Why it is waiting and not open: its address, port or secret is not there. */
  problem: string | undefined;
}

interface Opened {
  readonly endpoint: PsnEndpoint;
  readonly lock: Lock;
  /** As they were read. */
  secrets: readonly Uint8Array[];
}

/**
 * The tunnels of the running configuration: opens and closes what each one needs, in an order that loses
 * nothing. One that cannot be opened waits, affects no other, and is tried again. Operations run one after
 * another, in the order they were asked for.
 */
export class Tunnels {
  readonly #context: TunnelContext;
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #retry = new Retry(() => void this.openWaiting());
  readonly #queue = new SerialQueue();
  #isClosed = false;

  constructor(context: TunnelContext) {
    this.#context = context;
  }

  get names(): readonly string[] {
    return [...this.#tunnels.keys()];
  }

  /** The UDP port in use at our end of a tunnel; 0 over IP, and undefined while it waits. */
  localPort(name: string): number | undefined {
    return this.#tunnels.get(name)?.opened?.endpoint.port;
  }

  /** Why a tunnel waits; undefined while it does not. */
  problem(name: string): string | undefined {
    return this.#tunnels.get(name)?.problem;
  }

  /** When waiting tunnels are tried again, in ms of the monotonic clock. */
  get nextAttemptMs(): number | undefined {
    return this.#retry.nextMs;
  }

  /** Why tunnels wait, a line for each that does. */
  get problems(): readonly string[] {
    return [...this.#tunnels].flatMap(([name, { problem }]) =>
      problem === undefined ? [] : [`tunnel ${name} is waiting: ${problem}`],
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
      const tunnel = { config, pseudowires, opened: undefined, problem: undefined };
      this.#tunnels.set(config.name, tunnel);
      return this.#open(tunnel);
    });
  }

  /** Retries the tunnels that wait, after something such as an address changed. */
  retryNow(): void {
    this.#retry.runNow();
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
      if (tunnel?.opened === undefined) return;
      const { config, pseudowires, opened } = tunnel;
      if (config.control !== undefined)
        this.#context.input({ kind: "close-connection", peer: name, resultCode });
      for (const pseudowire of pseudowires.values()) await this.#dropPseudowire(pseudowire);
      await this.#context.circuits.idle();
      await this.#context.transport.closeEndpoint(endpointOf(config));
      opened.lock[Symbol.dispose]();
    });
  }

  /** Takes over new timers and limits; the connection stays up. */
  update(config: TunnelConfig): Promise<void> {
    return this.#inTurn(async () => {
      const tunnel = this.#tunnels.get(config.name);
      if (tunnel === undefined || config.control === undefined) return;
      tunnel.config = config;
      const { opened } = tunnel;
      if (opened === undefined) return;
      const peer = peerSettings(config, config.control, pathOf(config, opened.endpoint.port), opened.secrets);
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
      this.#context.input({ kind: "rename-connections", newNames });
    });
  }

  addPseudowire(tunnelName: string, pseudowire: PseudowireConfig): Promise<void> {
    return this.#inTurn(async () => {
      const tunnel = this.#tunnels.get(tunnelName);
      tunnel?.pseudowires.set(pseudowire.name, pseudowire);
      if (tunnel?.opened !== undefined)
        await this.#attachPseudowire(tunnel.config, tunnel.opened, pseudowire);
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
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    return this.#queue.run(act);
  }

  async #open(tunnel: Tunnel): Promise<void> {
    if (this.#isClosed) return;
    const { config } = tunnel;
    const { log } = this.#context;
    try {
      tunnel.opened = await this.#openEnds(config);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const problem = error.message;
      const isNew = problem !== tunnel.problem;
      const location = this.#context.locationOf(config.name);
      tunnel.problem = problem;
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
    this.#connect(config, tunnel.opened);
    for (const pseudowire of tunnel.pseudowires.values())
      await this.#attachPseudowire(config, tunnel.opened, pseudowire);
  }

  /** Rejects with SystemError, and then nothing of it is left. */
  async #openEnds(config: TunnelConfig): Promise<Opened> {
    const { control, name } = config;
    const { log, transport } = this.#context;
    const secrets = (control?.authentication.secrets ?? []).map((source) =>
      this.#context.readSecret(source, name),
    );
    const { claim, neighbour } = lockEnds(config);
    if (claim.problem !== undefined) throw new OperationalError(claim.problem);
    if (neighbour !== undefined) log.warn({ event: "tunnel", tunnel: name }, `tunnel ${name}: ${neighbour}`);
    try {
      const endpoint = await transport.openEndpoint(endpointOf(config));
      return { endpoint, secrets, lock: claim.lock };
    } catch (error) {
      claim.lock[Symbol.dispose]();
      throw error;
    }
  }

  #connect(config: TunnelConfig, { endpoint, secrets }: Opened): void {
    const { control } = config;
    if (control === undefined) return;
    const peer = peerSettings(config, control, pathOf(config, endpoint.port), secrets);
    this.#context.input({ kind: "open-connection", peer });
  }

  /** Of a pseudowire that the tunnel's configuration has. */
  async #attachPseudowire(
    tunnel: TunnelConfig,
    { endpoint }: Opened,
    pseudowire: PseudowireConfig,
  ): Promise<void> {
    if (this.#isClosed) return;
    const { circuits } = this.#context;
    await circuits.attach(pseudowire);
    const session = staticSessionOf(pseudowire, pathOf(tunnel, endpoint.port));
    if (session === undefined) {
      this.#context.input({
        kind: "open-session",
        peer: tunnel.name,
        pseudowire: pseudowireSettings(pseudowire),
        circuitActive: circuits.isUp(pseudowire.name),
        standby: circuits.isStandby(pseudowire.name),
      });
    } else {
      this.#context.input({ kind: "reserve-session-id", localSessionId: session.localSessionId });
      circuits.add(session);
      // Its circuit may have been up before it, with another pseudowire.
      if (circuits.isUp(pseudowire.name))
        this.#context.input({ kind: "circuit-status", pseudowire: pseudowire.name, active: true });
    }
  }

  async #dropPseudowire(pseudowire: PseudowireConfig): Promise<void> {
    const { staticSession } = pseudowire;
    if (staticSession === undefined) {
      this.#context.input({ kind: "close-session", pseudowire: pseudowire.name });
    } else {
      this.#context.circuits.remove(staticSession.localSessionId);
      this.#context.input({ kind: "release-session-id", localSessionId: staticSession.localSessionId });
    }
    await this.#context.circuits.detach(pseudowire);
  }
}

/** Whether two lists of secrets are the same, octet for octet. */
export function equalSecrets(before: readonly Uint8Array[], after: readonly Uint8Array[]): boolean {
  return (
    before.length === after.length &&
    before.every((octets, index) => equalOctets(octets, after[index] ?? octets.subarray(1)))
  );
}
