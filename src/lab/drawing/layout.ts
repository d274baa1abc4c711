import { printableLine } from "../../bytes/printable-text.ts";
import type { Topology } from "../format/topology.ts";
import { labelAt, nodeBox, segmentBar } from "./boxes.ts";
import { type ConditionsText, placeSites, type Side, type StandingSite } from "./columns.ts";
import { type Edge, type Lane, placeLanes } from "./lanes.ts";
import { linkLines, type PortLines, uplinkLines } from "./link-lines.ts";
import { type AccessPart, type MiddleRouter, placeAccess, placeCore, type StandingBar } from "./middle.ts";
import type {
  Picture,
  PictureBar,
  PictureNode,
  PicturePseudowire,
  PictureText,
  Rectangle,
} from "./picture.ts";
import type { DrawnPseudowire } from "./pseudowires.ts";
import { type PictureRow, PictureRows } from "./rows.ts";
import { placesOf } from "./sites.ts";
import { textWidth, wrapped } from "./text-width.ts";
import { wiresOf } from "./wires.ts";

/** Everything that has a place from left to right. */
interface Plan {
  readonly sites: readonly StandingSite[];
  readonly edges: readonly Edge[];
  readonly lanes: readonly Lane[];
  readonly access: readonly AccessPart[];
  readonly coreBars: readonly StandingBar[];
  readonly coreRouters: readonly MiddleRouter[];
}

const MARGIN = 28;
const TITLE_SIZE = 17;
const LEAST_WIDTH = 480;
/** Between a node and a bar: room for the label of a link. */
const LINK_GAP = 36;
const LANE_HEIGHT = 30;
const LAN_HEIGHT = 28;
const NETWORK_HEIGHT = 36;
const LEVEL_GAP = 18;
/** Upright lines nearer than this look like one. */
const TOO_NEAR = 12;
/** How far sites below the networks are moved, so that their lines are not too near to those from above. */
const SHIFTS = Array.from(
  { length: 21 },
  (_, index) => (index % 2 === 0 ? -1 : 1) * Math.ceil(index / 2) * 6,
);

/** Lays the picture of a lab out. */
export function layoutOf(
  topology: Topology,
  pseudowires: readonly DrawnPseudowire[],
  conditions: ConditionsText,
): Picture {
  const places = placesOf(topology);
  const wires = wiresOf(pseudowires);
  const place = (shift: number) => {
    const placed = placeSites(places, wires, conditions, shift);
    return { sites: placed, ...placeLanes(placed, wires, conditions) };
  };
  const { sites, edges, lanes } = fewestClashes(SHIFTS, place);
  const access = sites.map((site) => placeAccess(site, edgesOf(site, edges), conditions));
  const middle = middleOfAll(sites);
  const core = placeCore(places, edges, access, conditions, middle);
  return drawn(
    topology,
    { sites, edges, lanes, access, coreBars: core.bars, coreRouters: core.routers },
    conditions,
  );
}

type Upright = Pick<Plan, "sites" | "edges" | "lanes">;

/** Of several placements, the first of those where the fewest upright lines are too near to others. */
function fewestClashes(shifts: readonly number[], place: (shift: number) => Upright): Upright {
  const placed = shifts.map(place);
  const clashes = placed.map(({ edges, lanes }) => {
    const ends = lanes.flatMap(({ from, to }) => [from, to]);
    const links = edges.flatMap(({ side, links: own }) => [...own.values()].map((x) => ({ side, x })));
    const [above, below] = ["top", "bottom"].map((side) =>
      [...ends, ...links].filter((one) => one.side === side),
    );
    return (above ?? []).flatMap(({ x }) => (below ?? []).filter((one) => Math.abs(one.x - x) < TOO_NEAR))
      .length;
  });
  return placed[clashes.indexOf(Math.min(...clashes))] ?? place(0);
}

function edgesOf({ columns }: StandingSite, edges: readonly Edge[]): readonly Edge[] {
  const own = columns.flatMap(({ edge }) => edge.map(({ node }) => node));
  return edges.filter(({ node }) => own.includes(node));
}

function middleOfAll(sites: readonly StandingSite[]): number {
  const ends = sites.flatMap(({ left, width }) => [left, left + width]);
  return ends.length === 0 ? 0 : (Math.min(...ends) + Math.max(...ends)) / 2;
}

/** The rows of one side, from its hosts to the networks. */
function rowsOfSide(plan: Plan, side: Side): readonly PictureRow[] {
  const columns = plan.sites.filter((site) => site.side === side).flatMap((site) => site.columns);
  const access = plan.access.filter(({ site }) => site.side === side);
  const heights = (all: readonly { readonly height: number }[]) =>
    Math.max(0, ...all.map(({ height }) => height));
  const hostRows = Math.max(0, ...columns.map(({ hostRows: rows }) => rows.length));
  const hosts = Array.from({ length: hostRows }, (_, row) => ({
    name: `${side} hosts ${row}`,
    height: heights(columns.flatMap(({ hostRows: rows }) => rows[row] ?? [])),
    gap: LINK_GAP,
  }));
  const bars = access.flatMap((part) => part.bars);
  const levels = Math.max(-1, ...bars.map(({ level }) => level)) + 1;
  const accessRows = Array.from({ length: levels }, (_, level) => ({
    name: `${side} access ${level}`,
    height: LAN_HEIGHT,
    gap: level === levels - 1 ? LINK_GAP : LEVEL_GAP,
  }));
  const hasLan = columns.some(({ column }) => column.lan !== undefined);
  return [
    ...hosts.reverse(),
    { name: `${side} lans`, height: hasLan ? LAN_HEIGHT : 0, gap: LINK_GAP },
    { name: `${side} edge`, height: heights(columns.flatMap(({ edge }) => edge)), gap: LINK_GAP },
    ...accessRows,
    { name: `${side} routers`, height: heights(access.flatMap(({ routers }) => routers)), gap: LINK_GAP },
  ];
}

/** All rows, from top to bottom. */
function rowsOf(plan: Plan): readonly PictureRow[] {
  const top = rowsOfSide(plan, "top");
  const bottom = rowsOfSide(plan, "bottom").toReversed();
  const lanes = Math.max(-1, ...plan.lanes.map(({ lane }) => lane)) + 1;
  const levels = Math.max(-1, ...plan.coreBars.map(({ level }) => level)) + 1;
  const core = Array.from({ length: levels }, (_, level) => level).flatMap((level): readonly PictureRow[] => {
    const routers = plan.coreRouters.filter((router) => router.level === level);
    return [
      { name: `core ${level}`, height: NETWORK_HEIGHT, gap: routers.length > 0 ? LINK_GAP : LEVEL_GAP },
      {
        name: `routers ${level}`,
        height: Math.max(0, ...routers.map(({ height }) => height)),
        gap: LINK_GAP,
      },
    ];
  });
  const atEdge = top.findIndex(({ name }) => name === "top edge") + 1;
  const band = { name: "lanes", height: lanes * LANE_HEIGHT, gap: LEVEL_GAP };
  const all = [...top.slice(0, atEdge), band, ...top.slice(atEdge), ...core, ...bottom];
  const rows = all.filter(({ height }) => height > 0);
  // Gaps are between rows: below the networks, that of the row below counts.
  return rows.map((row, index) =>
    rows[index + 1]?.name.startsWith("bottom") ? { ...row, gap: LINK_GAP } : row,
  );
}

function drawn(topology: Topology, plan: Plan, conditions: ConditionsText): Picture {
  const spans = spansOf(plan);
  const width = Math.max(LEAST_WIDTH, spans.to - spans.from + 2 * MARGIN);
  const shift = (width - (spans.to - spans.from)) / 2 - spans.from;
  const heading = wrapped(printableLine(topology.title), TITLE_SIZE, width - 2 * MARGIN, true).map(
    (text, index): PictureText => ({ text, x: width / 2, y: 36 + index * 24, size: TITLE_SIZE, bold: true }),
  );
  const rows = new PictureRows(rowsOf(plan), 36 + heading.length * 24);
  const moved = (from: number, to: number, row: string): Rectangle => {
    const { y, height } = rows.get(row);
    return { x: Math.round(from + shift), y, width: Math.round(to - from), height };
  };
  const bars = barsOf(plan, moved);
  const nodes = nodesOfPlan(plan, moved);
  const levels = levelsOfLinks(plan, shift);
  return {
    width,
    height: rows.bottom + MARGIN,
    name: topology.name,
    heading,
    bars,
    nodes,
    links: [...uplinkLines(topology, bars), ...linkLines(topology, levels, { bars, nodes }, conditions)],
    pseudowires: plan.lanes.map((lane) => pseudowireLine(lane, rows, shift)),
  };
}

/** Where anything begins on the left, and ends on the right. */
function spansOf(plan: Plan): { readonly from: number; readonly to: number } {
  const ranges = [
    ...plan.sites.map(({ left, width }) => [left, left + width]),
    ...[...plan.coreBars, ...plan.access.flatMap(({ bars }) => bars)].map(({ left, right }) => [left, right]),
    ...[...plan.edges, ...plan.coreRouters, ...plan.access.flatMap(({ routers }) => routers)].map(
      ({ middle, width }) => [middle - width / 2, middle + width / 2],
    ),
    ...plan.lanes.map(({ labelMiddle, wire }) => {
      const half = textWidth(wire.label, 12) / 2 + 8;
      return [labelMiddle - half, labelMiddle + half];
    }),
  ].flat();
  return ranges.length === 0 ? { from: 0, to: 0 } : { from: Math.min(...ranges), to: Math.max(...ranges) };
}

type Moved = (from: number, to: number, row: string) => Rectangle;

function barsOf({ sites, access, coreBars }: Plan, moved: Moved): readonly PictureBar[] {
  const lans = sites.flatMap(({ side, columns }) =>
    columns.flatMap(({ column, left, width }) =>
      column.lan === undefined ? [] : [segmentBar(column.lan, moved(left, left + width, `${side} lans`))],
    ),
  );
  const between = access.flatMap(({ site, bars }) =>
    bars.map(({ segment, left, right, level }) =>
      segmentBar(segment, moved(left, right, `${site.side} access ${level}`)),
    ),
  );
  const core = coreBars.map(({ segment, left, right, level }) =>
    segmentBar(segment, moved(left, right, `core ${level}`)),
  );
  return [...lans, ...between, ...core];
}

function nodesOfPlan({ sites, edges, access, coreRouters }: Plan, moved: Moved): readonly PictureNode[] {
  const box = (
    { node, middle, width }: Pick<Edge | MiddleRouter, "node" | "middle" | "width">,
    row: string,
  ) => nodeBox(node, moved(middle - width / 2, middle + width / 2, row));
  const hosts = sites.flatMap(({ side, columns }) =>
    columns.flatMap(({ hostRows }) =>
      hostRows.flatMap((row, index) =>
        row.map(({ node, middle, width }) =>
          nodeBox(node, moved(middle - width / 2, middle + width / 2, `${side} hosts ${index}`)),
        ),
      ),
    ),
  );
  return [
    ...hosts,
    ...edges.map((edge) => box(edge, `${edge.side} edge`)),
    ...access.flatMap(({ site, routers }) => routers.map((router) => box(router, `${site.side} routers`))),
    ...coreRouters.map((router) => box(router, `routers ${router.level}`)),
  ];
}

/** Where the lines of nodes' ports leave them. */
function levelsOfLinks({ edges, access, coreRouters }: Plan, shift: number): readonly PortLines[] {
  const moved = (ports: ReadonlyMap<string, number>) =>
    new Map([...ports].map(([port, x]) => [port, Math.round(x + shift)] as const));
  return [
    ...edges.map(({ node, links }) => ({ node: node.name, ports: moved(links) })),
    ...[...access.flatMap(({ routers }) => routers), ...coreRouters].map(({ node, ports }) => ({
      node: node.name,
      ports: moved(ports),
    })),
  ];
}

function pseudowireLine(
  { wire, from, to, lane, labelMiddle }: Lane,
  rows: PictureRows,
  shift: number,
): PicturePseudowire {
  const y = rows.get("lanes").y + lane * LANE_HEIGHT + LANE_HEIGHT / 2;
  const end = (side: Side) => {
    const row = rows.get(`${side} edge`);
    return side === "top" ? row.y + row.height : row.y;
  };
  const [left, right] = [from.x, to.x].map((x) => Math.round(x + shift)) as [number, number];
  const last = to.side === undefined ? [] : [{ x: right, y: end(to.side) }];
  const { label, ends, title } = wire;
  return {
    ends,
    title,
    points: [{ x: left, y: end(from.side) }, { x: left, y }, { x: right, y }, ...last],
    label: labelAt(label, Math.round(labelMiddle + shift), y),
  };
}
