import { existsSync } from "node:fs";
import { type LabNode, nodesOf, type Topology } from "../format/topology.ts";
import { extendPath, requirePrograms } from "../requirements.ts";
import { NetworkCommands } from "./commands.ts";
import { mountOwn } from "./mounts.ts";
import { addLcceBridge, addPorts } from "./ports.ts";
import { addRouter, addRoutes } from "./routers.ts";
import { routesOf } from "./routes.ts";
import { addSegment, addUplinks } from "./segments.ts";
import { VlanRelay } from "./vlan-relay-process.ts";
import {
  addHostInterfaces,
  hasVlanInterfaces,
  needsVlans,
  type RelayedInterfaces,
  startAccessPorts,
  startHostInterfaces,
} from "./vlans.ts";

const TUN = "/dev/net/tun";

/**
 * The namespaces of a topology with the veth pairs between them. Programs that must run for it end with the
 * network.
 */
export class Network {
  #topology: Topology;
  readonly #relay = new VlanRelay();
  /** Whether the kernel has VLAN interfaces; undefined as long as none was needed. */
  #hasVlanInterfaces: boolean | undefined;

  private constructor(topology: Topology) {
    this.#topology = topology;
  }

  /**
   * Builds it; it goes with the namespaces of the process. Rejects where a program is missing, and with
   * CommandError.
   */
  static async build(topology: Topology): Promise<Network> {
    const network = new Network(topology);
    try {
      extendPath();
      requirePrograms(topology);
      await mountOwn();
      await network.#build();
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #build(): Promise<void> {
    const commands = new NetworkCommands();
    for (const segment of this.#topology.segments) addSegment(segment, commands);
    addUplinks(this.#topology, commands);
    await this.#addNodes(nodesOf(this.#topology), commands);
  }

  /** Adds a node of a topology, which has it, to the network that stands. Rejects with CommandError. */
  async addNode(node: LabNode, topology: Topology): Promise<void> {
    this.#topology = topology;
    await this.#addNodes([node], new NetworkCommands());
  }

  async #addNodes(nodes: readonly LabNode[], commands: NetworkCommands): Promise<void> {
    const hosts = nodes.filter((node) => node.kind === "host");
    const needsRelay = hosts.some(needsVlans) && !(await this.#kernelHasVlans());
    if (needsRelay) this.#relay.start();
    for (const node of nodes) {
      addPorts(node, this.#topology, commands);
      if (node.kind === "lcce") addLcceBridge(node, commands);
      if (node.kind === "router") addRouter(node, this.#topology, commands);
    }
    const relayed: RelayedInterfaces | undefined = needsRelay ? [] : undefined;
    for (const host of hosts) addHostInterfaces(host, commands, relayed);
    await commands.carryOut();
    await this.#relay.add(relayed ?? []);
    await this.#start(nodes, relayed ?? []);
  }

  async #kernelHasVlans(): Promise<boolean> {
    this.#hasVlanInterfaces ??= await hasVlanInterfaces();
    if (!this.#hasVlanInterfaces && !existsSync(TUN))
      throw new Error(`build VLAN interfaces: the kernel has neither the module 8021q nor ${TUN}; load one`);
    return this.#hasVlanInterfaces;
  }

  /** Addresses of interfaces above others, and what needs them. */
  async #start(nodes: readonly LabNode[], relayed: RelayedInterfaces): Promise<void> {
    const commands = new NetworkCommands();
    const routes = routesOf(this.#topology);
    startAccessPorts(relayed, commands);
    for (const node of nodes) {
      if (node.kind === "host") startHostInterfaces(node, commands);
      addRoutes(node, routes.get(node.name) ?? [], commands);
    }
    await commands.carryOut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
  }
}
