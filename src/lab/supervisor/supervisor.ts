import { OperationalError } from "../../bytes/errors.ts";
import type { StatusReport } from "../../daemon/status.ts";
import { addressesIn } from "../addresses.ts";
import type { BuiltLab } from "../build.ts";
import { statusOf } from "../daemons.ts";
import type { FileText } from "../format/add-nodes.ts";
import { type LabNode, nodeNamed, nodesOf, type Topology } from "../format/topology.ts";
import { lastProblem } from "../log-text.ts";
import { forgetFlows } from "../network/forget-flows.ts";
import { linkSocket, writeResolverFiles } from "../node-files.ts";
import { nameNodes } from "../node-names.ts";
import { LAB_SOCKET } from "../nodes.ts";
import type { NodeProgram } from "../programs/node-program.ts";
import type { Programs } from "../programs/programs.ts";
import { until } from "../until.ts";
import type {
  ConnectionReport,
  LabHandlers,
  LabReport,
  NodeReport,
  ProgramReport,
  TunnelReport,
} from "./api.ts";
import { labLog } from "./lab-log.ts";
import { serveLab } from "./server.ts";

/** Time that programs have to be up after they were started by hand. */
const START_MS = 10_000;

/** What a lab that is up consists of, for those who ask. */
export class Supervisor {
  readonly #lab: BuiltLab;
  readonly #programs: Programs;
  readonly #since = new Date().toISOString();

  constructor(lab: BuiltLab, programs: Programs) {
    this.#lab = lab;
    this.#programs = programs;
  }

  get #topology(): Topology {
    return this.#lab.topology.now;
  }

  /** Answers commands from now on. */
  serve(): Promise<void> {
    const handlers: LabHandlers = {
      status: () => this.#report(),
      start: ({ node }) => this.#start(node),
      stop: ({ node, kill }) => this.#stop(node, kill),
      restart: async ({ node }) => {
        await this.#stop(node, false);
        return this.#start(node);
      },
      link: (asked) => this.#lab.links.change(asked),
      add: (file) => this.#add(file),
      forget: ({ node }) => this.#forget(node),
    };
    return serveLab(LAB_SOCKET, handlers, (error) => labLog("error", error.stack ?? error.message));
  }

  async #report(): Promise<LabReport> {
    const { name, title, file, segments } = this.#topology;
    const ofNodes = nodesOf(this.#topology).map((node) => this.#reportNode(node));
    const ofSegments = segments.map(async (segment) => ({
      name: segment.name,
      kind: segment.kind,
      addresses: await addressesIn(segment.name),
      byHand: false,
      programs: [],
    }));
    return {
      name,
      title,
      path: file,
      since: this.#since,
      nodes: await Promise.all([...ofNodes, ...ofSegments]),
      links: await this.#lab.links.report(),
    };
  }

  async #reportNode(node: LabNode): Promise<NodeReport> {
    const programs = this.#programs.of(node.name);
    const answering =
      node.kind === "lcce" && programs.some(({ name, state }) => isDaemon(name) && state === "running");
    const status = answering ? await statusOf(node.site) : undefined;
    return {
      name: node.name,
      kind: node.kind,
      addresses: await addressesIn(node.name),
      byHand: this.#programs.isByHand(node.name),
      programs: programs.map(reportProgram),
      tunnels: status && tunnelsOf(status),
    };
  }

  async #start(name: string): Promise<NodeReport> {
    const node = this.#withPrograms(name);
    await this.#startAndWait(name);
    return this.#reportNode(node);
  }

  async #startAndWait(name: string): Promise<void> {
    await this.#programs.start(name);
    const settled = async () =>
      this.#programs.of(name).some(({ hasFailed }) => hasFailed) || (await this.#programs.isUp(name));
    await until(settled, START_MS);
  }

  /** Adds nodes, with their programs, to the network that stands. */
  async #add(file: FileText): Promise<{ readonly nodes: readonly NodeReport[] }> {
    const { network, links, topology } = this.#lab;
    const nodes = topology.add(file);
    for (const node of nodes) {
      await network.addNode(node, topology.now);
      linkSocket(node);
      this.#programs.add(node);
    }
    await links.start(nodes);
    await nameNodes(topology.now);
    writeResolverFiles(topology.now);
    for (const { name } of nodes) labLog("info", `node ${name}: added`, name);
    const started = nodes.filter(({ name }) => !this.#programs.isByHand(name));
    await Promise.all(started.map(({ name }) => this.#startAndWait(name)));
    await nameNodes(topology.now);
    return { nodes: await Promise.all(nodes.map((node) => this.#reportNode(node))) };
  }

  /** Lets the NAT of a router forget its flows. */
  async #forget(name: string): Promise<NodeReport> {
    const node = nodeNamed(this.#topology, name);
    if (node?.kind !== "router" || node.nat === undefined) {
      const routers = this.#topology.routers.flatMap((one) => (one.nat === undefined ? [] : [one.name]));
      const known = routers.length === 0 ? "there is none in this lab" : `there are ${routers.join(", ")}`;
      throw new OperationalError(`forget the flows of ${name}: it is no router with NAT; ${known}`);
    }
    forgetFlows(name);
    labLog("info", `node ${name}: its NAT forgot its flows`, name);
    return this.#reportNode(node);
  }

  async #stop(name: string, kill: boolean): Promise<NodeReport> {
    const node = this.#withPrograms(name);
    await this.#programs.stop(name, kill ? "SIGKILL" : "SIGTERM");
    return this.#reportNode(node);
  }

  #withPrograms(name: string): LabNode {
    const node = nodeNamed(this.#topology, name);
    if (node !== undefined && this.#programs.of(name).length > 0) return node;
    const names = nodesOf(this.#topology).map((one) => one.name);
    const known = names.filter((one) => this.#programs.of(one).length > 0).join(", ");
    const why = node === undefined ? "there is no such node" : "it has no program of its own";
    throw new OperationalError(`node ${name}: ${why}; nodes with programs are ${known}`);
  }
}

function isDaemon(program: string): boolean {
  return program === "wirespan";
}

function reportProgram(program: NodeProgram): ProgramReport {
  const { name, state, pid, ending, hasFailed, log } = program;
  return { name, state, pid, ending, log, problem: hasFailed ? lastProblem(log) : undefined };
}

function tunnelsOf({ controlConnections, pseudowires }: StatusReport): readonly TunnelReport[] {
  return controlConnections.map(({ tunnel, state, whyNot }) => ({
    name: tunnel,
    state,
    whyNot,
    pseudowires: pseudowires
      .filter((pseudowire) => pseudowire.tunnel === tunnel)
      .map(
        (pseudowire): ConnectionReport => ({
          name: pseudowire.name,
          state: pseudowire.state,
          whyNot: pseudowire.whyNot,
        }),
      ),
  }));
}
