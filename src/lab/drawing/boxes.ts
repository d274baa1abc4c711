import type { LabNode, Segment } from "../format/topology.ts";
import { linesOf, nodeTitle, segmentText, vlansOf } from "./captions.ts";
import type { PictureBar, PictureLabel, PictureNode, PictureText, Rectangle } from "./picture.ts";
import { textWidth } from "./text-width.ts";

/** Sizes of boxes by their texts, and the texts in them. */

/** Sizes of the font: of names, and of what stands below them. */
export const NAME_SIZE = 14;
export const LINE_SIZE = 12;
/** Between the name of a segment and what follows it. */
export const TAIL_GAP = 10;
const LINE_HEIGHT = 16;
const PADDING = 12;
const LABEL_HEIGHT = 20;

/** Width and height. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size that a node needs for its texts. */
export function nodeSize(node: LabNode): Size {
  const widths = linesOf(node).map((line) => textWidth(line, LINE_SIZE));
  return {
    width: Math.max(84, textWidth(node.name, NAME_SIZE, true), ...widths) + 2 * PADDING,
    height: PADDING + 18 + LINE_HEIGHT * widths.length + 8,
  };
}

/** The size that a segment's bar needs for its text, which is one line. */
export function barSize(segment: Segment): Size {
  const text = segmentText(segment);
  const more = text === "" ? 0 : TAIL_GAP + textWidth(text, LINE_SIZE);
  const width = textWidth(segment.name, NAME_SIZE, true) + more + 2 * PADDING + 8;
  return { width, height: segment.kind === "network" ? 36 : 28 };
}

/** The size of a label with this text. */
export function labelSize(text: string): Size {
  return { width: textWidth(text, LINE_SIZE) + 14, height: LABEL_HEIGHT };
}

/** A node in its place, with its texts in the middle of it. */
export function nodeBox(node: LabNode, place: Rectangle): PictureNode {
  const lines = linesOf(node);
  const x = place.x + place.width / 2;
  const top = place.y + (place.height - 18 - LINE_HEIGHT * lines.length) / 2;
  const below = lines.map((text, index) => ({
    ...{ text, x, size: LINE_SIZE, bold: false },
    y: top + 31 + LINE_HEIGHT * index,
  }));
  const isPeer = node.kind === "lcce" && node.wirespan === undefined;
  return {
    ...place,
    name: node.name,
    kind: isPeer ? "peer" : node.kind,
    vlans: node.kind === "host" ? vlansOf(node) : [],
    texts: [{ text: node.name, x, y: top + 14, size: NAME_SIZE, bold: true }, ...below],
    title: nodeTitle(node),
  };
}

/** A segment's bar in its place. */
export function segmentBar(segment: Segment, place: Rectangle): PictureBar {
  const { name, kind } = segment;
  const tail = segmentText(segment);
  const texts: readonly PictureText[] = [
    {
      ...{ text: name, size: NAME_SIZE, bold: true },
      ...{ x: place.x + place.width / 2, y: place.y + place.height / 2 + 5 },
      ...(tail === "" ? {} : { tail }),
    },
  ];
  const lines = [`${name}: ${kind === "lan" ? "LAN" : "network"}`, `MTU ${segment.mtu}`, ...segment.subnets];
  return { ...place, name, kind, texts, title: lines.join("\n") };
}

/** A label whose middle is at a place. */
export function labelAt(text: string, x: number, y: number): PictureLabel {
  const size = labelSize(text);
  return {
    ...size,
    x: x - size.width / 2,
    y: y - size.height / 2,
    texts: [{ text, x, y: y + 4, size: LINE_SIZE, bold: false }],
  };
}
