import { nodesOf, type Topology } from "./format/topology.ts";
import { Network } from "./network/network.ts";
import { writeNodeFiles } from "./node-files.ts";
import { LabLinks } from "./supervisor/lab-links.ts";
import { LiveTopology } from "./supervisor/live-topology.ts";

/** What a lab stands on before any program of its nodes runs. */
export interface BuiltLab extends AsyncDisposable {
  readonly network: Network;
  readonly links: LabLinks;
  readonly topology: LiveTopology;
}

/**
 * Builds the network of a topology, with conditions on its links, and with what is at hand in each node.
 * Rejects as Network and LinkControl do.
 */
export async function buildLab(topology: Topology): Promise<BuiltLab> {
  const network = await Network.build(topology);
  const live = new LiveTopology(topology);
  const links = new LabLinks(live);
  const dispose = async (): Promise<void> => {
    await links[Symbol.asyncDispose]();
    await network[Symbol.asyncDispose]();
  };
  try {
    await links.start(nodesOf(topology));
    await writeNodeFiles(topology);
    return { network, links, topology: live, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
