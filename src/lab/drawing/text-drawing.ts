import { printableLine, printableText } from "../../bytes/printable-text.ts";
import { type LabNode, nodesOf, type Segment, type Topology } from "../format/topology.ts";
import { addressesText, kindOf, segmentText, tagsText } from "./captions.ts";
import type { LcceConfigurations } from "./configurations.ts";
import { conditionsIn } from "./link-text.ts";
import { type DrawnPseudowire, pseudowiresOf } from "./pseudowires.ts";
import { isCircuitPort } from "./sites.ts";

/** Columns of a terminal that blocks stand beside each other in. */
const MOST_COLUMNS = 96;
const BETWEEN = 4;

/** The topology as lines of text: each LAN and network with what is at it, then the pseudowires. */
export function textDrawing(topology: Topology, configurations: LcceConfigurations): string {
  const { name, title, segments, uplinks } = topology;
  const blocks = (["lan", "network"] as const).flatMap((kind) =>
    besideEachOther(segments.filter((one) => one.kind === kind).map((one) => segmentLines(topology, one))),
  );
  const joints = uplinks.map(([from, to]) => `${from} ---- ${to}`);
  const pseudowires = pseudowiresOf(topology, configurations).map(pseudowireLine);
  const parts = [...blocks, joints, pseudowires].filter((lines) => lines.length > 0);
  const indented = parts.map((lines) => lines.map((line) => `  ${line}`.trimEnd()).join("\n"));
  return printableText(`Topology ${name}: ${printableLine(title)}\n\n${indented.join("\n\n")}\n`);
}

/** A segment and the nodes at it, as a tree. */
function segmentLines(topology: Topology, segment: Segment): readonly string[] {
  const nodes = nodesInOrder(topology).flatMap((node) =>
    node.ports.filter((port) => port.segment === segment.name).map((port) => ({ node, port })),
  );
  const rows = nodes.map(({ node, port }) => {
    const isCircuit = isCircuitPort(node, port);
    const addresses = isCircuit || node.kind === "host" ? "" : addressesText(port.addresses);
    const what = node.kind === "host" ? hostText(node) : segment.kind === "lan" ? kindOf(node) : "";
    const translates = node.kind === "router" && segment.kind === "network" ? kindOf(node) : "";
    const conditions = conditionsIn(topology)(node.name, port.name);
    const words = [what, addresses, translates, conditions === "" ? "" : `(${conditions})`];
    return [node.name, words.filter((word) => word !== "").join("  ")] as const;
  });
  const widest = Math.max(0, ...rows.map(([name]) => name.length));
  const text = segmentText(segment);
  return [
    text === "" ? segment.name : `${segment.name}: ${text}`,
    ...rows.map(([name, more], index) =>
      ` ${index === rows.length - 1 ? "'" : "|"}-- ${name.padEnd(widest)}  ${more}`.trimEnd(),
    ),
  ];
}

/** Hosts first: LCCEs and routers lead from their LAN to the networks. */
function nodesInOrder(topology: Topology): readonly LabNode[] {
  const all = nodesOf(topology);
  return (["host", "lcce", "router"] as const).flatMap((kind) => all.filter((node) => node.kind === kind));
}

function hostText(host: LabNode): string {
  if (host.kind !== "host") return "";
  const { interfaces, access } = host;
  return interfaces
    .map((one) => {
      const tags = access === undefined ? tagsText(one) : `access VLAN ${access}`;
      return [tags, addressesText(one.addresses)].filter((word) => word !== "").join("  ");
    })
    .join("; ");
}

/** Blocks of lines beside each other as far as columns reach, and the rest below. */
function besideEachOther(blocks: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  for (const block of blocks) {
    const last = rows.at(-1);
    const joined = last === undefined ? undefined : beside(last, block);
    if (joined === undefined || joined.some((line) => line.length > MOST_COLUMNS)) rows.push(block);
    else rows[rows.length - 1] = joined;
  }
  return rows;
}

function beside(left: readonly string[], right: readonly string[]): readonly string[] {
  const width = Math.max(...left.map((line) => line.length)) + BETWEEN;
  const count = Math.max(left.length, right.length);
  return Array.from({ length: count }, (_, index) =>
    `${(left[index] ?? "").padEnd(width)}${right[index] ?? ""}`.trimEnd(),
  );
}

function pseudowireLine({ left, peer, right, isPeerWirespan, label }: DrawnPseudowire): string {
  const far = peer ?? `${left.remote}, which is nobody's address`;
  const missing = isPeerWirespan ? " (no pseudowire there answers it)" : " (no Wirespan)";
  return `${left.lcce} ==== ${label} ==== ${far}${peer !== undefined && right === undefined ? missing : ""}`;
}
