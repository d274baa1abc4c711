import { labelSize } from "./boxes.ts";
import {
  type ConditionsText,
  type Side,
  SLOT,
  type Standing,
  type StandingSite,
  slotWidth,
} from "./columns.ts";
import type { EdgeNode } from "./sites.ts";
import { levelsOf, type Stretch } from "./spread.ts";
import type { Wire } from "./wires.ts";

/** Where lines leave LCCEs, and the lanes of pseudowires between them. */

/** An LCCE or router at its site, and where lines leave it towards the networks. */
export interface Edge extends Standing<EdgeNode> {
  readonly side: Side;
  /** By the names of ports. */
  readonly links: ReadonlyMap<string, number>;
}

/** A pseudowire's line: where it leaves the two LCCEs, and its lane, counted from above. */
export interface Lane {
  readonly wire: Wire;
  readonly from: { readonly x: number; readonly side: Side };
  /** Without side: it leads nowhere, and ends at its label. */
  readonly to: { readonly x: number; readonly side: Side | undefined };
  readonly lane: number;
  readonly labelMiddle: number;
}

/** An end of a line, before the order of lines at its LCCE is known. */
interface WireEnd {
  readonly wire: Wire;
  /** How high the wire's lane is: the smallest is the uppermost. */
  readonly rank: number;
  readonly goesLeft: boolean;
}

const LABEL_GAP = 10;
const STEP = 6;

/** Places the lines of all LCCEs and routers of sites, and the lanes of pseudowires. */
export function placeLanes(
  sites: readonly StandingSite[],
  wires: readonly Wire[],
  conditions: ConditionsText,
): { readonly edges: readonly Edge[]; readonly lanes: readonly Lane[] } {
  const standing = sites.flatMap(({ side, columns }) =>
    columns.flatMap(({ edge }) => edge.map((one) => ({ ...one, side }))),
  );
  const named = new Map(standing.map((one) => [one.node.name, one]));
  const lans = new Set(sites.flatMap(({ site }) => site.columns.map(({ lan }) => lan?.name)));
  const ranked = rankedWires(wires, named);
  const slots = new Map<Wire, Map<string, number>>(wires.map((wire) => [wire, new Map()]));
  const edges = standing.map((one): Edge => {
    const ends = ranked.flatMap((wire, rank) => endsAt(one, wire, rank, named));
    const { links, pseudowires } = slotsOf(one, ends, lans, conditions);
    for (const [wire, x] of pseudowires) slots.get(wire)?.set(one.node.name, x);
    return { ...one, links };
  });
  const upright = [...edges.flatMap(({ links }) => [...links.values()])];
  const stubs = [...slots].flatMap(([wire, ends]) => [...ends.values()].map((x) => ({ wire, x })));
  const open = ranked.flatMap((wire) => {
    const from = slots.get(wire)?.get(wire.left);
    const left = named.get(wire.left);
    if (from === undefined || left === undefined) return [];
    const crossing = [...upright, ...stubs.filter((stub) => stub.wire !== wire).map(({ x }) => x)];
    const right = wire.right === undefined ? undefined : named.get(wire.right);
    const width = labelSize(wire.label).width;
    const end = slots.get(wire)?.get(wire.right ?? "") ?? from + SLOT + width / 2;
    const labelMiddle = right === undefined ? end : quietPlace(from, end, width, crossing);
    return [
      { wire, from: { x: from, side: left.side }, to: { x: end, side: right?.side }, labelMiddle, width },
    ];
  });
  return { edges, lanes: stacked(open) };
}

type OpenLane = Omit<Lane, "lane"> & { readonly width: number };

/** Lanes from above for pseudowires between LCCEs above the networks; from below for the others. */
function stacked(open: readonly OpenLane[]): readonly Lane[] {
  const isAbove = ({ from, to }: OpenLane) => from.side !== "bottom" && to.side !== "bottom";
  const above = open.filter(isAbove);
  const below = open.filter((one) => !isAbove(one)).toReversed();
  const [levels, levelsBelow] = [above, below].map((all) => levelsOf(all.map(stretchOf), LABEL_GAP)) as [
    readonly number[],
    readonly number[],
  ];
  const last = Math.max(-1, ...levels) + Math.max(-1, ...levelsBelow) + 1;
  return [
    ...above.map((one, index) => ({ ...one, lane: levels[index] ?? 0 })),
    ...below.map((one, index) => ({ ...one, lane: last - (levelsBelow[index] ?? 0) })),
  ];
}

function stretchOf({ from, to, labelMiddle, width }: OpenLane): Stretch {
  const ends = [from.x, to.x, labelMiddle - width / 2, labelMiddle + width / 2];
  return { from: Math.min(...ends), to: Math.max(...ends) };
}

type Named = ReadonlyMap<string, Standing<EdgeNode> & { readonly side: Side }>;

/**
 * The pseudowires with the uppermost first, so that few lines cross: of those between LCCEs above the
 * networks, the short ones are above the long ones; of the others, the long ones are above.
 */
function rankedWires(wires: readonly Wire[], named: Named): readonly Wire[] {
  const keyed = wires.map((wire) => {
    const [left, right] = [wire.left, wire.right ?? ""].map((name) => named.get(name));
    const length = Math.abs((left?.middle ?? 0) - (right?.middle ?? left?.middle ?? 0));
    const isAbove = left?.side !== "bottom" && right?.side !== "bottom";
    return { wire, isAbove, length };
  });
  const order = keyed.sort((a, b) => {
    if (a.isAbove !== b.isAbove) return a.isAbove ? -1 : 1;
    return a.isAbove ? a.length - b.length : b.length - a.length;
  });
  return order.map(({ wire }) => wire);
}

function endsAt(one: Standing<EdgeNode>, wire: Wire, rank: number, named: Named): readonly WireEnd[] {
  const { name } = one.node;
  if (wire.left !== name && wire.right !== name) return [];
  const other = named.get((wire.left === name ? wire.right : wire.left) ?? "");
  return [{ wire, rank, goesLeft: other !== undefined && other.middle < one.middle }];
}

/** Pseudowires to the left, links, pseudowires to the right: outer ones turn off first. */
function slotsOf(
  one: Standing<EdgeNode> & { readonly side: Side },
  ends: readonly WireEnd[],
  lans: ReadonlySet<string | undefined>,
  conditions: ConditionsText,
): { readonly links: ReadonlyMap<string, number>; readonly pseudowires: readonly [Wire, number][] } {
  const { node, middle, side } = one;
  const outerFirst = ends.toSorted((a, b) => (side === "top" ? a.rank - b.rank : b.rank - a.rank));
  const left = outerFirst.filter(({ goesLeft }) => goesLeft);
  const right = outerFirst.filter(({ goesLeft }) => !goesLeft).reverse();
  const ports = node.ports.filter(({ segment }) => !lans.has(segment));
  const items = [
    ...left.map((end) => ({ end, width: SLOT })),
    ...ports.map(({ name }) => ({ port: name, width: slotWidth(conditions(node.name, name)) })),
    ...right.map((end) => ({ end, width: SLOT })),
  ];
  let x = middle - items.reduce((sum, { width }) => sum + width, 0) / 2;
  const links = new Map<string, number>();
  const pseudowires: [Wire, number][] = [];
  for (const item of items) {
    const at = Math.round(x + item.width / 2);
    if ("port" in item) links.set(item.port, at);
    else pseudowires.push([item.end.wire, at]);
    x += item.width;
  }
  return { links, pseudowires };
}

/** A place for a label between two ends, near the middle, where it covers the fewest upright lines. */
function quietPlace(from: number, to: number, width: number, upright: readonly number[]): number {
  const [left, right] = [Math.min(from, to), Math.max(from, to)];
  const middle = Math.round((left + right) / 2);
  const most = Math.floor(Math.max(0, (right - left - width) / 2 - LABEL_GAP) / STEP);
  const steps = Array.from({ length: 2 * most + 1 }, (_, index) => index - most);
  const places = steps.sort((a, b) => Math.abs(a) - Math.abs(b)).map((step) => middle + step * STEP);
  const covered = (place: number) => upright.filter((x) => Math.abs(x - place) < width / 2 + 4).length;
  const fewest = Math.min(...places.map(covered));
  return places.find((place) => covered(place) === fewest) ?? middle;
}
