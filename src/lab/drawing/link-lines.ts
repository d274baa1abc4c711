import { type LabNode, nodesOf, type Port, type Topology } from "../format/topology.ts";
import { labelAt } from "./boxes.ts";
import { addressesText } from "./captions.ts";
import type { ConditionsText } from "./columns.ts";
import type { PictureBar, PictureLink, PictureNode, Point } from "./picture.ts";

/** Lines from nodes to segments. */

/** Where the lines of a node's ports leave it, by the names of ports; those of others leave its middle. */
export interface PortLines {
  readonly node: string;
  readonly ports: ReadonlyMap<string, number>;
}

interface Boxes {
  readonly bars: readonly PictureBar[];
  readonly nodes: readonly PictureNode[];
}

/** From a node to the middle of the label on its line. */
const LABEL_DISTANCE = 17;
/** From the row of a node to the level on which its line goes aside. */
const ASIDE = 6;

/** The lines of all ports of nodes. */
export function linkLines(
  topology: Topology,
  levels: readonly PortLines[],
  { bars, nodes }: Boxes,
  conditions: ConditionsText,
): readonly PictureLink[] {
  const boxes = new Map(nodes.map((box) => [box.name, box]));
  const barNamed = new Map(bars.map((bar) => [bar.name, bar]));
  const slots = new Map(levels.map(({ node, ports }) => [node, ports]));
  return nodesOf(topology).flatMap((node) =>
    node.ports.flatMap((port): readonly PictureLink[] => {
      const box = boxes.get(node.name);
      const bar = barNamed.get(port.segment);
      if (box === undefined || bar === undefined) return [];
      const x = slots.get(node.name)?.get(port.name) ?? box.x + box.width / 2;
      const points = between(box, bar, x, nodes);
      const text = conditions(node.name, port.name);
      const [start, next] = points;
      const down = (next?.y ?? 0) > (start?.y ?? 0) ? 1 : -1;
      const label =
        text === "" || start === undefined
          ? undefined
          : labelAt(text, start.x, start.y + down * LABEL_DISTANCE);
      return [{ name: `${node.name}.${port.name}`, points, label, title: linkTitle(node, port, text) }];
    }),
  );
}

function linkTitle({ name }: LabNode, port: Port, conditions: string): string {
  const lines = [addressesText(port.addresses), `MTU ${port.mtu}`, conditions].filter((line) => line !== "");
  return [`${name}.${port.name} -- ${port.segment}`, ...lines].join("\n");
}

/** Upright where the bar is above or below; else aside, and around boxes of the same kind in between. */
function between(
  box: PictureNode,
  bar: PictureBar,
  x: number,
  nodes: readonly PictureNode[],
): readonly Point[] {
  const isBelow = bar.y > box.y;
  const start = { x, y: isBelow ? box.y + box.height : box.y };
  const end = isBelow ? bar.y : bar.y + bar.height;
  const [low, high] = [Math.min(start.y, end), Math.max(start.y, end)];
  const obstacle = nodes.find(
    (other) =>
      other.kind === box.kind &&
      other !== box &&
      other.y >= low &&
      other.y + other.height <= high &&
      covers(other, x),
  );
  if (obstacle !== undefined) {
    const aside = obstacle.x + obstacle.width + 10;
    const y = isBelow ? obstacle.y - ASIDE : obstacle.y + obstacle.height + ASIDE;
    return [start, { x, y }, { x: aside, y }, { x: aside, y: end }];
  }
  if (covers(bar, x)) return [start, { x, y: end }];
  const nearest = x < bar.x ? bar.x + 16 : bar.x + bar.width - 16;
  const y = isBelow ? end - ASIDE : end + ASIDE;
  return [start, { x, y }, { x: nearest, y }, { x: nearest, y: end }];
}

function covers({ x, width }: { readonly x: number; readonly width: number }, at: number): boolean {
  return at >= x && at <= x + width;
}

/** The lines of connections between segments. */
export function uplinkLines({ uplinks }: Topology, bars: readonly PictureBar[]): readonly PictureLink[] {
  const named = new Map(bars.map((bar) => [bar.name, bar]));
  return uplinks.flatMap(([from, to]) => {
    const [one, other] = [named.get(from), named.get(to)];
    if (one === undefined || other === undefined) return [];
    const [left, right] = one.x <= other.x ? [one, other] : [other, one];
    const start = { x: left.x + left.width, y: left.y + left.height / 2 };
    const end = { x: right.x, y: right.y + right.height / 2 };
    const points =
      start.y === end.y
        ? [start, end]
        : [
            { x: left.x + left.width - 16, y: left.y + (left.y < right.y ? left.height : 0) },
            { x: left.x + left.width - 16, y: right.y + (left.y < right.y ? 0 : right.height) },
          ];
    return [{ name: `${from}--${to}`, points, label: undefined, title: `uplink ${from} -- ${to}` }];
  });
}
