import type { Port, Router, Segment } from "../format/topology.ts";
import { barSize, type Size } from "./boxes.ts";
import { type ConditionsText, edgeSize, type StandingSite, slotWidth } from "./columns.ts";
import type { Edge } from "./lanes.ts";
import type { Places } from "./sites.ts";
import { levelsOf, spread } from "./spread.ts";

/** What stands between sites: LANs that LCCEs reach their peers by, networks, and routers. */

/** A segment's bar from left to right, and its level: levels of networks count from above. */
export interface StandingBar {
  readonly segment: Segment;
  readonly left: number;
  readonly right: number;
  readonly level: number;
}

/** A router in the middle, and where the lines of its ports leave it. */
export interface MiddleRouter extends Size {
  readonly node: Router;
  readonly middle: number;
  /** Networks: it stands below that level; of LANs of a site, it stands behind these. */
  readonly level: number;
  readonly ports: ReadonlyMap<string, number>;
}

/** The bars and routers of LANs that the LCCEs of one site reach their peers by. */
export interface AccessPart {
  readonly site: StandingSite;
  readonly bars: readonly StandingBar[];
  readonly routers: readonly MiddleRouter[];
}

const BAR_GAP = 28;
const ROUTER_GAP = 40;
/** How far a bar reaches beyond the nodes at it. */
const BEYOND = 14;

interface Range {
  readonly from: number;
  readonly to: number;
}

function around(segment: Segment, ranges: readonly Range[], fallback: number): Range {
  const from = Math.min(...ranges.map((range) => range.from));
  const to = Math.max(...ranges.map((range) => range.to));
  const [left, right] = ranges.length === 0 ? [fallback, fallback] : [from - BEYOND, to + BEYOND];
  const lack = Math.max(0, barSize(segment).width - (right - left)) / 2;
  return { from: Math.round(left - lack), to: Math.round(right + lack) };
}

/** Where the lines of some of a router's ports leave it, in this order: they share its width. */
function portSlots(
  node: Router,
  ports: readonly Port[],
  box: { readonly middle: number; readonly width: number },
  conditions: ConditionsText,
): readonly (readonly [string, number])[] {
  const least = ports.map(({ name }) => slotWidth(conditions(node.name, name)));
  const room = (box.width - 16 - least.reduce((sum, width) => sum + width, 0)) / Math.max(1, ports.length);
  const widths = least.map((width) => width + Math.max(0, room));
  let x = box.middle - widths.reduce((sum, width) => sum + width, 0) / 2;
  return ports.map(({ name }, index) => {
    const width = widths[index] ?? 0;
    x += width;
    return [name, Math.round(x - width / 2)] as const;
  });
}

/** Places the LANs and routers between the LCCEs of a site and the networks. */
export function placeAccess(
  site: StandingSite,
  edges: readonly Edge[],
  conditions: ConditionsText,
): AccessPart {
  const { access, routers } = site.site;
  const middleOfSite = site.left + site.width / 2;
  const linesTo = (segment: Segment): readonly Range[] =>
    edges.flatMap(({ node, links }) =>
      node.ports
        .filter((port) => port.segment === segment.name)
        .flatMap(({ name }) => links.get(name) ?? [])
        .map((x) => ({ from: x, to: x })),
    );
  const sizes = routers.map((router) => edgeSize(router, [], conditions));
  const wanted = routers.map((router, index) => {
    const behind = access.filter(({ name }) => router.ports.some(({ segment }) => segment === name));
    return { middle: middleOf(behind.flatMap(linesTo)) ?? middleOfSite, width: sizes[index]?.width ?? 0 };
  });
  const middles = spread(wanted, ROUTER_GAP);
  const placed = routers.map((node, index): MiddleRouter => {
    const middle = middles[index] ?? 0;
    const size = sizes[index] ?? { width: 0, height: 0 };
    const isBehind = ({ segment }: Port) => access.some(({ name }) => name === segment);
    const sides = [node.ports.filter(isBehind), node.ports.filter((port) => !isBehind(port))];
    const ports = sides.flatMap((some) => portSlots(node, some, { middle, ...size }, conditions));
    return { node, middle, ...size, level: 0, ports: new Map(ports) };
  });
  const ranges = access.map((segment) => {
    const reach = placed.flatMap((router) => linesOfRouter(router, segment));
    return around(segment, [...linesTo(segment), ...reach], middleOfSite);
  });
  const levels = levelsOf(ranges, BAR_GAP);
  const bars = access.map((segment, index) => ({
    segment,
    left: ranges[index]?.from ?? 0,
    right: ranges[index]?.to ?? 0,
    level: levels[index] ?? 0,
  }));
  return { site, bars, routers: placed };
}

/** The middle of all ranges; undefined without any. */
function middleOf(ranges: readonly Range[]): number | undefined {
  if (ranges.length === 0) return undefined;
  const ends = ranges.flatMap(({ from, to }) => [from, to]);
  return (Math.min(...ends) + Math.max(...ends)) / 2;
}

/** Where a router's lines to a segment leave it. */
function linesOfRouter({ node, ports }: MiddleRouter, segment: Segment): readonly Range[] {
  return node.ports
    .filter((port) => port.segment === segment.name)
    .flatMap(({ name }) => ports.get(name) ?? [])
    .map((x) => ({ from: x, to: x }));
}

/** Places the networks, and the routers between them. */
export function placeCore(
  { core, coreRouters }: Places,
  edges: readonly Edge[],
  access: readonly AccessPart[],
  conditions: ConditionsText,
  middleOfAll: number,
): { readonly bars: readonly StandingBar[]; readonly routers: readonly MiddleRouter[] } {
  const boxes = [...edges, ...access.flatMap(({ routers }) => routers)];
  const known = new Map(
    core.map(({ name }) => {
      const at = boxes.filter(({ node }) => node.ports.some(({ segment }) => segment === name));
      return [name, at.map(({ middle, width }) => ({ from: middle - width / 2, to: middle + width / 2 }))];
    }),
  );
  const open = placeRouters(coreRouters, known, conditions, middleOfAll);
  const bars = levelled(core, distancesOf(core, coreRouters, known), (segment) => {
    const ranges = [
      ...(known.get(segment.name) ?? []),
      ...open.flatMap((router) => linesOfRouter(router, segment)),
    ];
    return around(segment, ranges, middleOfAll);
  });
  return { bars, routers: open.map((router) => onLevel(router, bars, conditions)) };
}

/** Routers between networks, each near the middle of its own; all lines leave them on one side as yet. */
function placeRouters(
  routers: readonly Router[],
  known: ReadonlyMap<string, readonly Range[]>,
  conditions: ConditionsText,
  middleOfAll: number,
): readonly MiddleRouter[] {
  const sizes = routers.map((router) => edgeSize(router, [], conditions));
  const middleAt = (segment: string) => middleOf(known.get(segment) ?? []) ?? middleOfAll;
  const wanted = routers.map(({ ports }, index) => {
    const middles = ports.map(({ segment }) => middleAt(segment));
    const sum = middles.reduce((total, x) => total + x, 0);
    return { middle: ports.length === 0 ? middleOfAll : sum / ports.length, width: sizes[index]?.width ?? 0 };
  });
  const middles = spread(wanted, ROUTER_GAP);
  return routers.map((node, index) => {
    const box = { middle: middles[index] ?? 0, ...(sizes[index] ?? { width: 0, height: 0 }) };
    const fromLeft = node.ports.toSorted((a, b) => middleAt(a.segment) - middleAt(b.segment));
    return { node, ...box, level: 0, ports: new Map(portSlots(node, fromLeft, box, conditions)) };
  });
}

/** A router on its level; lines that leave it upward and downward are in the middle where bars allow it. */
function onLevel(
  router: MiddleRouter,
  bars: readonly StandingBar[],
  conditions: ConditionsText,
): MiddleRouter {
  const barOf = ({ segment }: Port) => bars.find((bar) => bar.segment.name === segment);
  const levels = router.node.ports.flatMap((port) => barOf(port)?.level ?? []);
  const [least, most] = [Math.min(...levels), Math.max(...levels)];
  const level = least === most ? most : most - 1;
  const isAbove = (port: Port) => (barOf(port)?.level ?? 0) <= level;
  const sides = [true, false].map((above) => router.node.ports.filter((port) => isAbove(port) === above));
  const ports = new Map(router.ports);
  for (const some of sides) {
    const order = some.toSorted((a, b) => (ports.get(a.name) ?? 0) - (ports.get(b.name) ?? 0));
    const slots = new Map(portSlots(router.node, order, router, conditions));
    const fits = some.every((port) => {
      const [bar, x] = [barOf(port), slots.get(port.name) ?? 0];
      return bar !== undefined && bar.left + BEYOND <= x && x <= bar.right - BEYOND;
    });
    if (fits) for (const [name, x] of slots) ports.set(name, x);
  }
  return { ...router, level, ports };
}

/** How many routers lie between a network and those that sites are at. */
function distancesOf(
  core: readonly Segment[],
  routers: readonly Router[],
  known: ReadonlyMap<string, readonly unknown[]>,
): ReadonlyMap<string, number> {
  const isKnown = ({ name }: Segment) => (known.get(name) ?? []).length > 0;
  const distances = new Map(core.filter(isKnown).map(({ name }) => [name, 0]));
  for (let distance = 0; distance < core.length; distance += 1) {
    for (const { ports } of routers) {
      if (!ports.some(({ segment }) => distances.get(segment) === distance)) continue;
      for (const { segment } of ports) if (!distances.has(segment)) distances.set(segment, distance + 1);
    }
  }
  return distances;
}

/** The bars of networks, each on the first level of those of its distance where there is room. */
function levelled(
  core: readonly Segment[],
  distances: ReadonlyMap<string, number>,
  rangeOf: (segment: Segment) => Range,
): readonly StandingBar[] {
  const distanceOf = ({ name }: Segment) => distances.get(name) ?? core.length;
  const groups = [...new Set(core.map(distanceOf))].sort((a, b) => a - b);
  let above = 0;
  return groups.flatMap((distance) => {
    const own = core.filter((segment) => distanceOf(segment) === distance);
    const ranges = own.map(rangeOf);
    const levels = levelsOf(ranges, BAR_GAP);
    const first = above;
    above += Math.max(...levels) + 1;
    return own.map((segment, index) => ({
      segment,
      left: ranges[index]?.from ?? 0,
      right: ranges[index]?.to ?? 0,
      level: first + (levels[index] ?? 0),
    }));
  });
}
