import { printableText } from "../../bytes/printable-text.ts";
import { LINE_SIZE, TAIL_GAP } from "./boxes.ts";
import type {
  Picture,
  PictureBar,
  PictureLabel,
  PictureLink,
  PictureNode,
  PicturePseudowire,
  PictureText,
  Point,
  Rectangle,
} from "./picture.ts";
import type { LabState } from "./state.ts";
import { styleSheet, vlanColour } from "./theme.ts";

/** The class of pictures, and the beginning of the ids of their elements. */
const SCOPE = "wirespan-lab";

/** A picture as SVG; with the state of a running lab, in its colours. */
export function svgOf(picture: Picture, state?: LabState): string {
  const { width, height, name, heading, bars, nodes, links, pseudowires } = picture;
  const vlans = [...new Set(nodes.flatMap((node) => node.vlans))].sort((a, b) => a - b);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="${SCOPE}" viewBox="0 0 ${width} ${height}" ` +
      `width="${width}" height="${height}" role="img" aria-label="${escaped(`topology ${name}`)}">`,
    `<style>\n${styleSheet(SCOPE)}\n</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...heading.map((line) => textElement(line, "name")),
    ...links.map((link) => linkElement(link, state)),
    ...pseudowires.map((one) => pseudowireElement(one, state)),
    ...bars.map(barElement),
    ...nodes.map((node) => nodeElement(node, vlans, state)),
    ...links.flatMap(({ label }) => (label === undefined ? [] : [labelElement(label, "conditions")])),
    ...pseudowires.map((one) => pseudowireLabel(one, state)),
    "</svg>\n",
  ].join("\n");
}

function escaped(text: string): string {
  return printableText(text).replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}

function idOf(kind: string, name: string): string {
  return `${SCOPE}-${kind}-${name}`.replace(/[^\w.-]/g, "_");
}

function textElement({ text, x, y, size, bold, tail }: PictureText, look = bold ? "name" : "line"): string {
  const more =
    tail === undefined
      ? ""
      : `<tspan class="line" dx="${TAIL_GAP}" font-size="${LINE_SIZE}">${escaped(tail)}</tspan>`;
  const said = tail === undefined ? escaped(text) : `<tspan class="${look}">${escaped(text)}</tspan>${more}`;
  const own = tail === undefined ? ` class="${look}"` : "";
  return `<text${own} x="${x}" y="${y}" font-size="${size}">${said}</text>`;
}

/** An element with its attributes. */
function element(name: string, attributes: Readonly<Record<string, string | number>>): string {
  const said = Object.entries(attributes).map(([key, value]) => `${key}="${value}"`);
  return `<${name} ${said.join(" ")}/>`;
}

function rectElement({ x, y, width, height }: Rectangle, look: string, radius: number): string {
  return element("rect", { class: look, x, y, width, height, rx: radius });
}

/** Elements that belong together, with their tooltip. */
function group(id: string | undefined, title: string, ...elements: readonly string[]): string {
  const attribute = id === undefined ? "" : ` id="${id}"`;
  return `<g${attribute}><title>${escaped(title)}</title>${elements.join("")}</g>`;
}

function pathOf(points: readonly Point[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join("");
}

function linkElement({ name, points, title }: PictureLink, state: LabState | undefined): string {
  const isDown = state?.links[name]?.down === true;
  const told = isDown ? `${title}\ndown` : title;
  const look = isDown ? "link link-down" : "link";
  return group(idOf("link", name), told, element("path", { class: look, d: pathOf(points) }));
}

function barElement({ name, kind, texts, title, ...place }: PictureBar): string {
  const rect = rectElement(place, kind, kind === "network" ? place.height / 2 : 4);
  return group(idOf("segment", name), title, rect, ...texts.map((line) => textElement(line)));
}

function nodeElement(node: PictureNode, vlans: readonly number[], state: LabState | undefined): string {
  const { name, kind, texts, title } = node;
  const running = state?.nodes[name];
  const looks = [kind, ...(running === undefined ? [] : [`node-${running}`])].join(" ");
  const said = running === undefined ? title : `${title}\n${stateTexts[running]}`;
  const rect = rectElement(node, looks, kind === "router" ? 22 : 6);
  const colours = node.vlans.map((vlan) => vlanColour(vlan, vlans));
  const lines = texts.map((line) => textElement(line));
  return group(idOf("node", name), said, rect, ...vlanRects(node, colours), ...lines);
}

/** TABLE: what tooltips say of the state of a node. */
const stateTexts = {
  up: "its program runs",
  ended: "its program has ended",
  manual: "its program is started by hand",
} as const;

/** A tint of the box in the colour of its VLAN, and a stripe of each of its VLANs. */
function vlanRects({ x, y, width, height }: PictureNode, colours: readonly string[]): readonly string[] {
  const [first] = colours;
  if (first === undefined) return [];
  const place = { x, y, width, height, rx: 6 };
  const look = { fill: first, "fill-opacity": "0.14", stroke: first, "stroke-width": "1.5" };
  const each = (width - 12) / colours.length;
  const stripes = colours.map((fill, index) =>
    element("rect", { x: round(x + 6 + index * each), y: y + 4, width: round(each), height: 4, fill }),
  );
  return [element("rect", { ...place, ...look }), ...stripes];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Why a pseudowire is not up, as its ends tell; undefined where it is, or nothing is known of it. */
function whyNot({ ends }: PicturePseudowire, state: LabState | undefined): string | undefined {
  const told = state?.pseudowires.filter((one) =>
    ends.some(({ lcce, name }) => lcce === one.lcce && name === one.name),
  );
  const reasons = told?.flatMap(({ lcce, whyNot: reason }) =>
    reason === undefined ? [] : [`${lcce}: ${reason}`],
  );
  return reasons === undefined || reasons.length === 0 ? undefined : reasons.join("\n");
}

function isKnown({ ends }: PicturePseudowire, state: LabState | undefined): boolean {
  return (
    state?.pseudowires.some((one) => ends.some((end) => end.lcce === one.lcce && end.name === one.name)) ===
    true
  );
}

function pseudowireElement(one: PicturePseudowire, state: LabState | undefined): string {
  const { points, title } = one;
  const reason = whyNot(one, state);
  const look = reason !== undefined ? "pseudowire-not-up" : isKnown(one, state) ? "pseudowire-up" : "";
  const toNobody = points.length < 4 ? "to-nobody" : "";
  const looks = ["pseudowire", toNobody, look].filter((word) => word !== "").join(" ");
  const told = reason === undefined ? title : `${title}\n${reason}`;
  const path = element("path", { class: looks, d: pathOf(points) });
  return group(idOf("pseudowire", pseudowireName(one)), told, path);
}

function pseudowireName({ ends }: PicturePseudowire): string {
  return ends
    .slice(0, 2)
    .map(({ lcce, name }) => `${lcce}.${name}`)
    .join("-");
}

function pseudowireLabel(one: PicturePseudowire, state: LabState | undefined): string {
  const reason = whyNot(one, state);
  const told = reason === undefined ? one.title : `${one.title}\n${reason}`;
  const look = reason === undefined ? "label-text" : "label-text text-not-up";
  return group(undefined, told, labelElement(one.label, "label", look));
}

function labelElement(label: PictureLabel, look: string, textLook = "label-text"): string {
  const texts = label.texts.map((line) => textElement(line, textLook)).join("");
  return `${rectElement(label, look, 10)}${texts}`;
}
