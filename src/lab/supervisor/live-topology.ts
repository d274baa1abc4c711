import { OperationalError } from "../../bytes/errors.ts";
import { formatProblem } from "../../config/parse.ts";
import { addNodes, type FileText } from "../format/add-nodes.ts";
import { machineFiles, readTextOf } from "../format/regular-file.ts";
import { type LabNode, namespacesOf, nodesOf, type Topology } from "../format/topology.ts";
import { TopologyError } from "../format/topology-error.ts";

/** The topology of a lab that is up, which grows as nodes are added. */
export class LiveTopology {
  #topology: Topology;
  #text: string | undefined;

  constructor(topology: Topology) {
    this.#topology = topology;
    const read = readTextOf(topology.file);
    this.#text = "text" in read ? read.text : undefined;
  }

  /** As it is now. */
  get now(): Topology {
    return this.#topology;
  }

  /** Adds the nodes of another file, which it returns. Throws TopologyError where they are not valid. */
  add(more: FileText): readonly LabNode[] {
    const { file } = this.#topology;
    if (this.#text === undefined) throw new OperationalError(`add nodes: ${file} could not be read`);
    const base = { text: this.#text, file, names: namespacesOf(this.#topology) };
    const grown = addNodes(base, more, machineFiles);
    if ("problems" in grown) throw new TopologyError(grown.problems.map(formatProblem).join("\n"));
    this.#text = grown.text;
    this.#topology = grown.topology;
    return nodesOf(grown.topology).filter(({ name }) => grown.names.includes(name));
  }
}
