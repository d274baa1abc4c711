import { dirname } from "node:path";
import type { LabNode, Topology } from "../format/topology.ts";
import { nodeEnvironment } from "../nodes.ts";
import { dhcpClients } from "./dhcp.ts";
import { dhcpServer } from "./dnsmasq.ts";
import { frrPrograms } from "./frr.ts";
import { httpServer } from "./http.ts";
import { nameServer } from "./name-server.ts";
import { NodeProgram } from "./node-program.ts";
import { runProgram } from "./run.ts";
import { wirespanProgram } from "./wirespan.ts";

/** What is the same for all programs of a lab. */
export interface ProgramsOptions {
  /** Plane of all daemons, instead of what the topology says. */
  readonly plane?: string | undefined;
  /** Called after each start of a program, and each end. */
  readonly changed?: ((program: NodeProgram) => void) | undefined;
}

/** The programs of a node, in the order in which they are started. */
export function programsOf(
  node: LabNode,
  topology: Topology,
  { plane, changed }: ProgramsOptions = {},
): readonly NodeProgram[] {
  const folder = dirname(topology.file);
  const daemon =
    node.kind === "lcce" && node.wirespan !== undefined
      ? [wirespanProgram(node, topology.secret, plane)]
      : [];
  const own = node.run === undefined ? [] : [runProgram(node.name, node.run, folder)];
  const services = [
    ...frrPrograms(node),
    ...dhcpServer(node),
    ...nameServer(node),
    ...dhcpClients(node),
    ...httpServer(node),
  ];
  return [...services, ...daemon, ...own].map(
    (settings) =>
      new NodeProgram(
        {
          ...settings,
          environment: { ...nodeEnvironment(node.name, topology.file), ...settings.environment },
        },
        changed,
      ),
  );
}
