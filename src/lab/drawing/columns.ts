import type { Host, LabNode, Port, Router } from "../format/topology.ts";
import { barSize, labelSize, nodeSize, type Size } from "./boxes.ts";
import { type Column, type EdgeNode, isCircuitPort, type Places, type Site } from "./sites.ts";
import type { Wire } from "./wires.ts";

/** Where sites and their columns stand from left to right. */

/** The side of the networks on which a site stands. */
export type Side = "top" | "bottom";

/** A node with the middle of its box, and its size. */
export interface Standing<Node extends LabNode = LabNode> extends Size {
  readonly node: Node;
  readonly middle: number;
}

/** A column in its place; the row of hosts next to the LAN comes first. */
export interface StandingColumn {
  readonly column: Column;
  readonly left: number;
  readonly width: number;
  readonly hostRows: readonly (readonly Standing<Host>[])[];
  readonly edge: readonly Standing<EdgeNode>[];
}

/** A site in its place. */
export interface StandingSite {
  readonly site: Site;
  readonly side: Side;
  readonly left: number;
  readonly width: number;
  readonly columns: readonly StandingColumn[];
}

/** The conditions of a link as text, by the names of node and port; empty where there are none. */
export type ConditionsText = (node: string, port: string) => string;

/** Room that a pseudowire's line takes at the edge of an LCCE, and at least that of a link. */
export const SLOT = 20;
const EDGE_GAP = 40;
const HOST_GAP = 20;
const COLUMN_GAP = 44;
const SITE_GAP = 64;
const MOST_HOSTS_IN_ROW = 5;
/** What is wider on one side of the networks is placed on both. */
const WIDEST = 1500;

/** Room that a port's line takes at the edge of a node. */
export function slotWidth(text: string): number {
  return text === "" ? SLOT : Math.max(SLOT, labelSize(text).width + 10);
}

/** The size of an LCCE or router, wide enough for the lines at its edge. */
export function edgeSize(node: EdgeNode, wires: readonly Wire[], conditions: ConditionsText): Size {
  const size = nodeSize(node);
  const ends = wires.filter(({ left, right }) => left === node.name || right === node.name);
  const room = (ports: readonly Port[]) =>
    ports.reduce((sum, { name }) => sum + slotWidth(conditions(node.name, name)), 0);
  const isAbove = (port: Port) => isCircuitPort(node, port);
  const slots = room(node.ports.filter((port) => !isAbove(port))) + ends.length * SLOT;
  const width = Math.max(size.width, slots + 16, room(node.ports.filter(isAbove)) + 16);
  return { width, height: size.height };
}

/** Places all sites, both sides around the same middle; those below are moved to the right by `shift`. */
export function placeSites(
  { sites }: Places,
  wires: readonly Wire[],
  conditions: ConditionsText,
  shift: number,
): readonly StandingSite[] {
  const measure = (site: Site) => new Measured(site, wires, conditions);
  const measured = inOrder(sites, wires).map(measure);
  const isWide = rowWidth(measured) > WIDEST && measured.length > 3;
  if (!isWide) return placeRow(measured, "top", 0);
  const half = Math.ceil(measured.length / 2);
  const hub = hubOf(sites, wires);
  const others = measured.filter(({ site }) => site !== hub);
  const atTop = inMiddle(others.slice(0, half - (hub === undefined ? 0 : 1)), hub && measure(hub));
  const below = measured.filter(({ site }) => !atTop.some((one) => one.site === site));
  const widest = Math.max(rowWidth(atTop), rowWidth(below));
  return [
    ...placeRow(atTop, "top", (widest - rowWidth(atTop)) / 2),
    ...placeRow(below, "bottom", (widest - rowWidth(below)) / 2 + shift),
  ];
}

/** The sites in the order of the file; one that has more neighbours than any other is in the middle. */
function inOrder(sites: readonly Site[], wires: readonly Wire[]): readonly Site[] {
  const hub = hubOf(sites, wires);
  return inMiddle(
    sites.filter((site) => site !== hub),
    hub,
  );
}

function inMiddle<Item>(items: readonly Item[], middle: Item | undefined): readonly Item[] {
  return middle === undefined ? items : items.toSpliced(Math.ceil(items.length / 2), 0, middle);
}

/** The site that pseudowires lead from to more sites than from any other; undefined without such. */
function hubOf(sites: readonly Site[], wires: readonly Wire[]): Site | undefined {
  const has = ({ columns }: Site, name: string | undefined) =>
    columns.some(({ edge }) => edge.some((node) => node.name === name));
  const neighbours = sites.map((site) => {
    const far = wires.flatMap(({ left, right }) =>
      has(site, left) ? [right] : has(site, right) ? [left] : [],
    );
    return sites.filter((other) => other !== site && far.some((name) => has(other, name))).length;
  });
  const most = Math.max(...neighbours);
  const first = neighbours.indexOf(most);
  return most > 1 && neighbours.lastIndexOf(most) === first ? sites[first] : undefined;
}

function rowWidth(sites: readonly Measured[]): number {
  return sites.reduce((sum, { width }) => sum + width, SITE_GAP * (sites.length - 1));
}

function placeRow(sites: readonly Measured[], side: Side, from: number): readonly StandingSite[] {
  let left = from;
  return sites.map((measured) => {
    const placed = measured.place(left, side);
    left += measured.width + SITE_GAP;
    return placed;
  });
}

/** A site with the sizes of what is in it. */
class Measured {
  readonly site: Site;
  readonly width: number;
  readonly #columns: readonly MeasuredColumn[];
  readonly #columnsWidth: number;

  constructor(site: Site, wires: readonly Wire[], conditions: ConditionsText) {
    this.site = site;
    this.#columns = site.columns.map((column) => measureColumn(column, wires, conditions));
    this.#columnsWidth = sumOf(this.#columns, COLUMN_GAP);
    const routers = site.routers.map((router: Router) => edgeSize(router, wires, conditions));
    this.width = Math.max(
      this.#columnsWidth,
      sumOf(routers, EDGE_GAP),
      sumOf(site.access.map(barSize), EDGE_GAP),
    );
  }

  place(left: number, side: Side): StandingSite {
    let from = left + (this.width - this.#columnsWidth) / 2;
    const columns = this.#columns.map((measured) => {
      const placed = placeColumn(measured, from);
      from += measured.width + COLUMN_GAP;
      return placed;
    });
    return { site: this.site, side, left, width: this.width, columns };
  }
}

interface MeasuredColumn {
  readonly column: Column;
  readonly width: number;
  readonly hostRows: readonly (readonly (Size & { readonly node: Host })[])[];
  readonly edge: readonly (Size & { readonly node: EdgeNode })[];
}

function sumOf(sizes: readonly Pick<Size, "width">[], gap: number): number {
  return sizes.reduce((sum, { width }) => sum + width, gap * Math.max(0, sizes.length - 1));
}

function measureColumn(column: Column, wires: readonly Wire[], conditions: ConditionsText): MeasuredColumn {
  const { lan, hosts } = column;
  const edge = column.edge.map((node) => ({ node, ...edgeSize(node, wires, conditions) }));
  const label = (host: Host) => slotWidth(host.ports.map(({ name }) => conditions(host.name, name)).join(""));
  const sizes = hosts.map((node) => ({ node, size: nodeSize(node), label: label(node) }));
  const rows = Math.ceil(hosts.length / MOST_HOSTS_IN_ROW);
  const inRow = Math.ceil(hosts.length / Math.max(1, rows));
  const widest = Math.max(0, ...sizes.map(({ size, label: least }) => Math.max(size.width, least)));
  const boxes = sizes.map(({ node, size, label: least }) => ({
    node,
    height: size.height,
    // In several rows, boxes stand below each other, and lines pass between them.
    width: rows > 1 ? widest : Math.max(size.width, least),
  }));
  const hostRows = Array.from({ length: rows }, (_, row) => boxes.slice(row * inRow, (row + 1) * inRow));
  const widths = hostRows.map((row) => sumOf(row, HOST_GAP) + (rows > 1 ? HOST_GAP : 0));
  const bar = lan === undefined ? 0 : barSize(lan).width;
  return { column, hostRows, edge, width: Math.max(bar, sumOf(edge, EDGE_GAP), ...widths) };
}

function placeColumn({ column, width, hostRows, edge }: MeasuredColumn, left: number): StandingColumn {
  const widest = Math.max(0, ...hostRows.map((row) => sumOf(row, HOST_GAP)));
  const hostsLeft = left + (width - widest) / 2;
  return {
    column,
    left,
    width,
    hostRows: hostRows.map((row) => inARow(row, HOST_GAP, hostsLeft)),
    edge: inARow(edge, EDGE_GAP, left + (width - sumOf(edge, EDGE_GAP)) / 2),
  };
}

function inARow<Node extends LabNode>(
  boxes: readonly (Size & { readonly node: Node })[],
  gap: number,
  from: number,
): readonly Standing<Node>[] {
  let left = from;
  return boxes.map((box) => {
    const middle = Math.round(left + box.width / 2);
    left += box.width + gap;
    return { ...box, middle };
  });
}
