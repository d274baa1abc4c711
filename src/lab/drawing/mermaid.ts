import { printableLine } from "../../bytes/printable-text.ts";
import { nodesOf, type Topology } from "../format/topology.ts";
import { linesOf, segmentText, vlansOf } from "./captions.ts";
import type { ConditionsText } from "./columns.ts";
import type { DrawnPseudowire } from "./pseudowires.ts";
import { isCircuitPort } from "./sites.ts";
import { vlanColour } from "./theme.ts";
import { wiresOf } from "./wires.ts";

/** A topology as a flowchart of Mermaid, which viewers of Markdown draw. */
export function mermaidOf(
  topology: Topology,
  pseudowires: readonly DrawnPseudowire[],
  conditions: ConditionsText,
): string {
  const nodes = nodesOf(topology);
  const { segments, uplinks } = topology;
  const vlans = [...new Set(topology.hosts.flatMap(vlansOf))].sort((a, b) => a - b);
  const classOf = (vlan: number | undefined) => (vlan === undefined ? "" : `:::vlan${vlan}`);
  const boxes = nodes.map((node) => {
    const text = label([node.name, ...linesOf(node)]);
    const shape = node.kind === "router" ? `(${text})` : `[${text}]`;
    return `  ${id(node.name)}${shape}${node.kind === "host" ? classOf(vlansOf(node)[0]) : ""}`;
  });
  const bars = segments.map((segment) => {
    const text = label([segment.name, segmentText(segment)].filter((line) => line !== ""));
    return `  ${id(segment.name)}${segment.kind === "network" ? `([${text}])` : `[[${text}]]`}`;
  });
  const links = nodes.flatMap((node) =>
    node.ports.map((port) => {
      const { name, segment } = port;
      const text = conditions(node.name, name);
      const line = text === "" ? "---" : `-- ${label([text])} ---`;
      const isLan = segments.some((one) => one.name === segment && one.kind === "lan");
      const goesUp = node.kind === "lcce" ? isCircuitPort(node, port) : node.kind === "router" && isLan;
      const [from, to] = goesUp ? [segment, node.name] : [node.name, segment];
      return `  ${id(from)} ${line} ${id(to)}`;
    }),
  );
  const joints = uplinks.map(([from, to]) => `  ${id(from)} --- ${id(to)}`);
  const wires = wiresOf(pseudowires).flatMap(({ left, right, label: text }) =>
    right === undefined ? [] : [`  ${id(left)} == ${label([text])} === ${id(right)}`],
  );
  const classes = vlans.map((vlan) => {
    const colour = vlanColour(vlan, vlans);
    return `  classDef vlan${vlan} fill:${colour}22,stroke:${colour}`;
  });
  return ["flowchart TB", ...boxes, ...bars, ...links, ...joints, ...wires, ...classes, ""].join("\n");
}

/** Names of nodes may be words of Mermaid's, such as `end`. */
function id(name: string): string {
  return `n_${name.replaceAll("-", "_")}`;
}

function label(lines: readonly string[]): string {
  return `"${lines.map(labelLine).join("<br/>")}"`;
}

/** TABLE: what stands for characters that end a label, or are HTML in it. */
const entities: Readonly<Record<string, string>> = { '"': "#quot;", "<": "#lt;", ">": "#gt;" };

function labelLine(line: string): string {
  return printableLine(line).replace(/["<>]/g, (one) => entities[one] ?? one);
}
