import { fileURLToPath } from "node:url";
import { TAIL_GAP } from "../../src/lab/drawing/boxes.ts";
import type { Picture, PictureText, Rectangle } from "../../src/lab/drawing/picture.ts";
import { textWidth } from "../../src/lab/drawing/text-width.ts";
import { topologyNames } from "../../src/lab/topology-files.ts";
import { exampleLabs } from "./example-labs.ts";

/** What pictures of labs must be like. */

const own = new URL("../lab/drawing/topologies/", import.meta.url);

/** Topologies that pictures are tested with: those of the package, and others by their paths. */
export function drawnTopologies(): readonly string[] {
  const others = ["hub", "two-lcces", "provider-edge", "nat"];
  return [
    ...topologyNames(),
    ...exampleLabs(),
    ...others.map((name) => fileURLToPath(new URL(`${name}.yaml`, own))),
  ];
}

interface Named extends Rectangle {
  readonly name: string;
}

/** The room that a text takes at most. */
export function roomOf({ text, x, y, size, bold, tail }: PictureText): Named {
  const more = tail === undefined ? 0 : TAIL_GAP + textWidth(tail, 12);
  const width = textWidth(text, size, bold) + more;
  return { name: `"${text}"`, x: x - width / 2, y: y - size * 0.8, width, height: size };
}

function overlap(a: Rectangle, b: Rectangle): boolean {
  const across = a.x < b.x + b.width && b.x < a.x + a.width;
  return across && a.y < b.y + b.height && b.y < a.y + a.height;
}

function isWithin(a: Rectangle, b: Rectangle): boolean {
  const across = a.x >= b.x && a.x + a.width <= b.x + b.width;
  return across && a.y >= b.y && a.y + a.height <= b.y + b.height;
}

/** What a reader of a picture could not read: texts and boxes that overlap, or leave what they are in. */
export function unreadable(picture: Picture): readonly string[] {
  const { width, height, heading, nodes, bars, links, pseudowires } = picture;
  const labels = [...links.flatMap(({ label }) => label ?? []), ...pseudowires.map(({ label }) => label)];
  const boxes = [
    ...[...nodes, ...bars].map((box) => ({ ...box, name: box.name })),
    ...labels.map((label) => ({ ...label, name: `label ${label.texts[0]?.text}` })),
  ];
  const canvas = { x: 0, y: 0, width, height };
  const outside = [...boxes, ...heading.map(roomOf)]
    .filter((box) => !isWithin(box, canvas))
    .map(({ name }) => `${name} leaves the picture`);
  const leaving = boxes.flatMap((box) =>
    box.texts
      .map(roomOf)
      .filter((room) => !isWithin(room, box))
      .map(({ name }) => `${name} leaves ${box.name}`),
  );
  const crossing = boxes.flatMap((box) =>
    pairsOf(box.texts.map(roomOf)).map(([one, other]) => `${one} over ${other} in ${box.name}`),
  );
  const rooms = [...boxes, ...heading.map(roomOf)];
  return [
    ...outside,
    ...leaving,
    ...crossing,
    ...pairsOf(rooms).map(([one, other]) => `${one} over ${other}`),
  ];
}

function pairsOf(boxes: readonly Named[]): readonly (readonly [string, string])[] {
  return boxes.flatMap((box, index) =>
    boxes
      .slice(index + 1)
      .filter((other) => overlap(box, other))
      .map((other) => [box.name, other.name] as const),
  );
}

/** Lines that do not end where they should: at the edges of a node, and of a segment or another node. */
export function looseEnds({ nodes, bars, links, pseudowires }: Picture): readonly string[] {
  const touches = ({ x, y }: { x: number; y: number }, boxes: readonly Rectangle[]) =>
    boxes.some((box) => isWithin({ x, y, width: 0, height: 0 }, box));
  const loose = links.filter(({ name, points }) => {
    const [start, end] = [points[0], points.at(-1)];
    if (start === undefined || end === undefined) return true;
    const [from, to] = name.includes("--") ? [bars, bars] : [nodes, bars];
    return !touches(start, from) || !touches(end, to);
  });
  const withoutEnd = pseudowires.filter(({ points }) => {
    const [start, end] = [points[0], points.at(-1)];
    return (
      start === undefined ||
      end === undefined ||
      !touches(start, nodes) ||
      !(points.length < 4 || touches(end, nodes))
    );
  });
  return [...loose.map(({ name }) => name), ...withoutEnd.map(({ label }) => label.texts[0]?.text ?? "")];
}
