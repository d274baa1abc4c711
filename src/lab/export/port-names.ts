import { nearest } from "../../config/nearest.ts";
import { type LabNode, nodesOf, type Topology } from "../format/topology.ts";

/** Names that ports have on real machines. */

/** The name of a port on a real machine; by default that of the lab. */
export type PortName = (node: string, port: string) => string;

/** The longest name that the kernel takes for an interface. */
const MOST_CHARACTERS = 15;

/**
 * Reads names from texts such as `hq.trunk=eth1,hq.internet=ens3`. Throws where one is not of this form, or
 * names no port of the topology.
 */
export function readPortNames(topology: Topology, texts: readonly string[]): PortName {
  const known = nodesOf(topology).flatMap(({ name, ports }) => ports.map((port) => `${name}.${port.name}`));
  const given = texts.flatMap((text) => text.split(",")).map((text) => entryOf(text, known));
  const names = new Map(given);
  return (node, port) => names.get(`${node}.${port}`) ?? port;
}

function entryOf(text: string, known: readonly string[]): readonly [string, string] {
  const [, port = "", name = ""] = /^([^=]+)=([^=/\s]+)$/.exec(text) ?? [];
  if (name === "") throw new Error(`read --ports ${text}: wanted NODE.PORT=NAME, such as hq.trunk=eth1`);
  // It stands in scripts and in files of several programs.
  if (!/^\w[\w.-]*$/.test(name))
    throw new Error(`read --ports ${text}: ${name} is no name of an interface: letters, digits, . _ and -`);
  if (name.length > MOST_CHARACTERS)
    throw new Error(`read --ports ${text}: ${name} has more than ${MOST_CHARACTERS} characters`);
  if (!known.includes(port)) {
    const guess = nearest(port, known);
    const hint = guess === undefined ? `there are ${known.join(", ")}` : `did you mean ${guess}?`;
    throw new Error(`read --ports ${text}: no port ${port}; ${hint}`);
  }
  return [port, name];
}

/** A node whose ports have their names on the real machine. */
export function withPortNames<Node extends LabNode>(node: Node, nameOf: PortName): Node {
  return { ...node, ports: node.ports.map((port) => ({ ...port, name: nameOf(node.name, port.name) })) };
}
