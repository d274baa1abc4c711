import type { PseudowireConfig, SecretSource, TunnelConfig } from "../config/config.ts";
import type { Input } from "../control/effects.ts";
import { endpointKey, type ForwardingPlane, type PsnEndpoint } from "../forwarding/plane.ts";
import type { Circuits } from "./circuits.ts";
import type { IpControl } from "./ip-control.ts";
import { endpointOf, pathOf, peerOf, pseudowireOf, staticSessionOf } from "./settings.ts";

/** What tunnels are built from. */
export interface TunnelContext {
  readonly plane: ForwardingPlane;
  readonly circuits: Circuits;
  readonly ipControl: IpControl;
  /** Feeds the control plane and performs what it asks. */
  input(input: Input): void;
  readSecret(source: SecretSource): Uint8Array;
}

interface OpenTunnel {
  /** As it is; but its pseudowires come and go: those that there are now stand beside it, by name. */
  config: TunnelConfig;
  readonly pseudowires: Map<string, PseudowireConfig>;
  readonly endpoint: PsnEndpoint;
}

interface SharedEndpoint {
  readonly endpoint: PsnEndpoint;
  users: number;
}

/** The tunnels of the running configuration: opens and closes what each one needs, in an order that loses nothing. */
export class Tunnels {
  readonly #context: TunnelContext;
  readonly #open = new Map<string, OpenTunnel>();
  readonly #endpoints = new Map<string, SharedEndpoint>();

  constructor(context: TunnelContext) {
    this.#context = context;
  }

  get names(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** The UDP port in use at our end of a tunnel; 0 over IP. */
  localPort(name: string): number {
    return this.#open.get(name)?.endpoint.port ?? 0;
  }

  /** Opens a tunnel with its pseudowires. Rejects with SystemError, and then nothing of it is left. */
  async create(config: TunnelConfig): Promise<void> {
    const { control } = config;
    const endpoint = await this.#acquireEndpoint(endpointOf(config));
    try {
      const path = pathOf(config, endpoint.port);
      const peer =
        control === undefined ? undefined : peerOf(config, control, path, this.#context.readSecret);
      if (config.encapsulation === "ip" && control !== undefined) this.#context.ipControl.listen(config);
      const pseudowires = new Map(config.pseudowires.map((pseudowire) => [pseudowire.name, pseudowire]));
      this.#open.set(config.name, { config, pseudowires, endpoint });
      if (peer !== undefined) this.#context.input({ kind: "open-connection", peer });
    } catch (error) {
      await this.#releaseEndpoint(endpointOf(config));
      throw error;
    }
    for (const pseudowire of config.pseudowires) await this.#attachPseudowire(config.name, pseudowire);
  }

  /** Closes a tunnel and all it has. */
  async remove(name: string, resultCode: 1 | 6): Promise<void> {
    const tunnel = this.#open.get(name);
    if (tunnel === undefined) return;
    const { config, pseudowires } = tunnel;
    if (config.control !== undefined)
      this.#context.input({ kind: "close-connection", peer: name, resultCode });
    for (const pseudowire of pseudowires.values()) await this.#dropPseudowire(pseudowire);
    this.#open.delete(name);
    if (config.encapsulation === "ip" && config.control !== undefined)
      this.#context.ipControl.unlisten(config);
    await this.#releaseEndpoint(endpointOf(config));
  }

  /** New timers and limits, taken over while everything runs. */
  update(config: TunnelConfig): void {
    const tunnel = this.#open.get(config.name);
    if (tunnel === undefined || config.control === undefined) return;
    tunnel.config = config;
    const path = pathOf(config, tunnel.endpoint.port);
    const peer = peerOf(config, config.control, path, this.#context.readSecret);
    this.#context.input({ kind: "update-connection", peer });
  }

  async addPseudowire(tunnelName: string, pseudowire: PseudowireConfig): Promise<void> {
    if (this.#keep(tunnelName, pseudowire)) await this.#attachPseudowire(tunnelName, pseudowire);
  }

  /** What of a pseudowire may change while its session runs is taken over. */
  updatePseudowire(tunnelName: string, pseudowire: PseudowireConfig): void {
    if (this.#keep(tunnelName, pseudowire)) this.#context.circuits.change(pseudowire);
  }

  /** Puts a pseudowire into the tunnel's configuration, instead of one of its name; false where there is no such tunnel. */
  #keep(tunnelName: string, pseudowire: PseudowireConfig): boolean {
    const tunnel = this.#open.get(tunnelName);
    tunnel?.pseudowires.set(pseudowire.name, pseudowire);
    return tunnel !== undefined;
  }

  /** Of a pseudowire that the tunnel's configuration has. */
  async #attachPseudowire(tunnelName: string, pseudowire: PseudowireConfig): Promise<void> {
    const tunnel = this.#open.get(tunnelName);
    if (tunnel === undefined) return;
    const { circuits } = this.#context;
    await circuits.attach(pseudowire);
    const session = staticSessionOf(pseudowire, pathOf(tunnel.config, tunnel.endpoint.port));
    if (session === undefined) {
      this.#context.input({
        kind: "open-session",
        peer: tunnelName,
        pseudowire: pseudowireOf(pseudowire),
        circuitActive: circuits.isUp(pseudowire.circuit.device),
      });
    } else {
      this.#context.input({ kind: "reserve-session-id", localSessionId: session.localSessionId });
      circuits.add(session);
    }
  }

  async removePseudowire(tunnelName: string, name: string): Promise<void> {
    const tunnel = this.#open.get(tunnelName);
    const pseudowire = tunnel?.pseudowires.get(name);
    if (tunnel === undefined || pseudowire === undefined) return;
    await this.#dropPseudowire(pseudowire);
    tunnel.pseudowires.delete(name);
  }

  async #dropPseudowire(pseudowire: PseudowireConfig): Promise<void> {
    const { fixed } = pseudowire;
    if (fixed === undefined) {
      this.#context.input({ kind: "close-session", pseudowire: pseudowire.name });
    } else {
      this.#context.circuits.remove(fixed.localSessionId);
      this.#context.input({ kind: "release-session-id", localSessionId: fixed.localSessionId });
    }
    await this.#context.circuits.detach(pseudowire);
  }

  /** Tunnels from one local address and port share a socket; those that ask for port 0 share the one that the kernel chose. */
  async #acquireEndpoint(wanted: PsnEndpoint): Promise<PsnEndpoint> {
    const shared = this.#endpoints.get(endpointKey(wanted));
    if (shared !== undefined) {
      shared.users += 1;
      return shared.endpoint;
    }
    const endpoint = await this.#context.plane.openEndpoint(wanted);
    this.#endpoints.set(endpointKey(wanted), { endpoint, users: 1 });
    return endpoint;
  }

  async #releaseEndpoint(wanted: PsnEndpoint): Promise<void> {
    const shared = this.#endpoints.get(endpointKey(wanted));
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#endpoints.delete(endpointKey(wanted));
    await this.#context.circuits.settled();
    await this.#context.plane.closeEndpoint(shared.endpoint);
  }
}
