import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readConfigurations } from "../../../src/lab/drawing/configurations.ts";
import { mermaidOfTopology, pictureOf, svgOfTopology } from "../../../src/lab/drawing/draw.ts";
import { labStateOf } from "../../../src/lab/drawing/lab-state.ts";
import type { LabState } from "../../../src/lab/drawing/state.ts";
import { textDrawing } from "../../../src/lab/drawing/text-drawing.ts";

import type { ProgramState } from "../../../src/lab/programs/node-program.ts";
import type { NodeReport } from "../../../src/lab/supervisor/api.ts";
import { topologyNames } from "../../../src/lab/topology-files.ts";
import { drawnTopologies, looseEnds, unreadable } from "../../support/pictures.ts";
import { readText } from "../../support/text-rules.ts";
import { topologyIn } from "../../support/topology-text.ts";

/** Compares a text with a file of the repository, or writes it there (`npm run docs`). */
function expectInFile(text: string, path: string): void {
  const file = new URL(`../../../${path}`, import.meta.url);
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, text);
  expect(existsSync(file) ? readFileSync(file, "utf8") : "no such file; run: npm run docs").toBe(text);
}

const busy: LabState = {
  nodes: { "hq-l": "up", br: "ended", old: "manual" },
  pseudowires: [
    { lcce: "hq-l", name: "lan", whyNot: "no answer from <203.0.113.9>" },
    { lcce: "br", name: "lan" },
  ],
  links: {
    "cpe.internet": { down: false, conditions: "delay 50ms, jitter 5ms, loss 1%, rate 10mbit" },
    "cpe.home": { down: false, conditions: "loss 3%" },
    "br.home": { down: true, conditions: "down" },
    "office.eth0": { down: false, conditions: "delay 5ms" },
    "srv.eth0": { down: false, conditions: "delay 500ms, loss 10%, rate 64kbit" },
    "hq-l.trunk": { down: false, conditions: "duplicate 0.5%" },
    "hq-l.internet": { down: false, conditions: "reorder 2%, delay 20ms" },
  },
};

describe.each(drawnTopologies())("the picture of %s", (file) => {
  const topology = topologyIn(file);
  const configurations = readConfigurations(topology);
  const golden = (ending: string) => `test/lab/drawing/golden/${topology.name}.${ending}`;

  test("is that of the files, as SVG, as Mermaid and as text", () => {
    expectInFile(svgOfTopology(topology, configurations), golden("svg"));
    expectInFile(mermaidOfTopology(topology, configurations), golden("mmd"));
    expectInFile(textDrawing(topology, configurations), golden("txt"));
  });

  test("has no text over another one or beyond its box, and no loose end", () => {
    const picture = pictureOf(topology, configurations);
    expect(unreadable(picture)).toEqual([]);
    expect(looseEnds(picture)).toEqual([]);
  });

  test("is readable too when every link has conditions", () => {
    const long = { down: false, conditions: "delay 50ms, jitter 5ms, loss 1%" };
    const ports = [...topology.hosts, ...topology.lcces, ...topology.routers].flatMap((node) =>
      node.ports.map(({ name }) => [`${node.name}.${name}`, long] as const),
    );
    const state: LabState = { nodes: {}, pseudowires: [], links: Object.fromEntries(ports) };
    const picture = pictureOf(topology, configurations, state);
    expect(picture.links.filter(({ label }) => label !== undefined)).toHaveLength(ports.length);
    expect(unreadable(picture)).toEqual([]);
    expect(looseEnds(picture)).toEqual([]);
  });

  test("shows every node, segment, port and pseudowire, each with its id and what is known of it", () => {
    const svg = svgOfTopology(topology, configurations);
    const ids = [...svg.matchAll(/<g id="wirespan-lab-(\w+)-([^"]+)"><title>[^<]+<\/title>/g)];
    const named = (kind: string) => ids.filter(([, one]) => one === kind).map(([, , name]) => name);
    const nodes = [...topology.hosts, ...topology.lcces, ...topology.routers];
    expect(named("node").toSorted()).toEqual(nodes.map(({ name }) => name).toSorted());
    expect(named("segment").toSorted()).toEqual(topology.segments.map(({ name }) => name).toSorted());
    expect(named("link")).toHaveLength(nodes.flatMap(({ ports }) => ports).length + topology.uplinks.length);
    expect(new Set(ids.map(([, kind, name]) => `${kind} ${name}`)).size).toBe(ids.length);
    expect(named("pseudowire").length).toBeGreaterThan(0);
  });
});

describe("the picture of a running lab", () => {
  const topology = topologyIn(drawnTopologies().at(-1)!);
  const configurations = readConfigurations(topology);
  const svg = svgOfTopology(topology, configurations, busy);

  test("is that of the file, and readable", () => {
    expectInFile(svg, "test/lab/drawing/golden/nat-running.svg");
    expect(unreadable(pictureOf(topology, configurations, busy))).toEqual([]);
  });

  test("says of each node and pseudowire how it is, and why it is not up", () => {
    expect(svg).toMatch(/class="lcce node-up"/);
    expect(svg).toMatch(/class="lcce node-ended"/);
    expect(svg).toMatch(/class="peer node-manual"/);
    expect(svg).toMatch(
      /<title>pseudowire lan\n[^<]*\nhq-l: no answer from &#60;203\.0\.113\.9&#62;<\/title>/,
    );
    expect(svg).toMatch(/class="link link-down"/);
  });

  test("has a pseudowire that is up where both ends say so", () => {
    const pseudowires = busy.pseudowires.map(({ lcce, name }) => ({ lcce, name }));
    const up = svgOfTopology(topology, configurations, { ...busy, pseudowires });
    expect(up).toContain('class="pseudowire pseudowire-up"');
    expect(up).not.toContain('class="pseudowire pseudowire-not-up"');
  });
});

test("the state of a lab is what its first process reports", () => {
  const program = (state: ProgramState) => ({ name: "wirespan", state, log: "/run/log" });
  const node = (
    name: string,
    states: readonly ProgramState[],
    more: Partial<NodeReport> = {},
  ): NodeReport => ({
    ...{ name, kind: "lcce", addresses: {}, byHand: false, programs: states.map(program), ...more },
  });
  const side = (conditions: Readonly<Record<string, string>>) => ({ conditions, realisedBy: [] });
  const pseudowires = [
    { name: "lan", state: "established" },
    { name: "ten", state: "wait-reply" },
    { name: "two", state: "established", whyNot: "the circuit is down" },
  ];
  const tunnels = [{ name: "t", state: "established", pseudowires }];
  const state = labStateOf({
    ...{ name: "own", title: "own", path: "/own.yaml", since: "2026-01-01T00:00:00Z" },
    nodes: [
      node("a", ["running"], { tunnels }),
      node("b", ["running", "ended"]),
      node("c", ["stopped"]),
      node("d", ["off"], { byHand: true }),
      node("h", []),
    ],
    links: [
      { name: "a.wan", down: false, out: side({ delay: "50ms", jitter: "5ms" }), in: side({}) },
      { name: "b.wan", down: true, out: side({ loss: "1%" }), in: side({ loss: "1%" }) },
    ],
  });
  expect(state.nodes).toEqual({ a: "up", b: "ended", c: "ended", d: "manual" });
  expect(state.pseudowires.map(({ lcce, name, whyNot }) => [lcce, name, whyNot])).toEqual([
    ["a", "lan", undefined],
    ["a", "ten", "wait-reply"],
    ["a", "two", "the circuit is down"],
  ]);
  expect(state.links).toEqual({
    "a.wan": { down: false, conditions: "out: 50 ms ± 5 ms" },
    "b.wan": { down: true, conditions: "down, 1 % loss" },
  });
});

describe("what would be unreadable is found", () => {
  const topology = topologyIn("point-to-point");
  const picture = pictureOf(topology, readConfigurations(topology));
  const [first, second] = picture.nodes;

  test("a node over another one", () => {
    const nodes = [first!, { ...second!, x: first!.x + 5 }, ...picture.nodes.slice(2)];
    expect(unreadable({ ...picture, nodes })).toContain(`${first!.name} over ${second!.name}`);
  });

  test("a text that is wider than its box, and a picture that is too small", () => {
    const [name, ...others] = first!.texts;
    const wide = { ...first!, texts: [{ ...name!, text: "a name that is much too long" }, ...others] };
    expect(unreadable({ ...picture, nodes: [wide, ...picture.nodes.slice(1)] })).toContain(
      `"a name that is much too long" leaves ${first!.name}`,
    );
    expect(unreadable({ ...picture, width: 300 })).toContain(
      `${picture.nodes.at(-1)!.name} leaves the picture`,
    );
  });

  test("a line that ends nowhere", () => {
    const links = picture.links.map((link) => ({ ...link, points: link.points.slice(0, 1) }));
    expect(looseEnds({ ...picture, links }).length).toBe(links.length);
  });
});

/** TABLE: pictures of the documents, and the topology of each. */
const inDocuments = {
  "point-to-point": "point-to-point",
  static: "static",
  "behind-nat": "behind-nat",
  "vlan-trunk": "vlan-trunk",
  headquarters: "headquarters",
  "two-lcces": drawnTopologies().find((path) => path.endsWith("two-lcces.yaml"))!,
};

test.each(Object.entries(inDocuments))(
  "docs/pictures/%s.svg is the picture of the topology",
  (name, file) => {
    const topology = topologyIn(file);
    expectInFile(svgOfTopology(topology, readConfigurations(topology)), `docs/pictures/${name}.svg`);
  },
);

test("README.md shows point-to-point as the command prints it", () => {
  const topology = topologyIn("point-to-point");
  const [, ...lines] = textDrawing(topology, readConfigurations(topology)).trimEnd().split("\n");
  expect(readText("README.md").text).toContain(lines.slice(1).join("\n"));
});

test("characters of XML and quotes in titles are text", () => {
  const topology = { ...topologyIn("point-to-point"), title: 'a < b & "c"' };
  const configurations = readConfigurations(topology);
  expect(svgOfTopology(topology, configurations)).toContain(">a &#60; b &#38; &#34;c&#34;</text>");
});

test("the names of the package's topologies are those of golden files", () => {
  for (const name of topologyNames())
    expect(existsSync(new URL(`golden/${name}.svg`, import.meta.url)), name).toBe(true);
});
