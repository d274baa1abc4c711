import type { TopLevelSpec } from "vega-lite";
import type { MeasureKey } from "./measure-table.ts";
import { type BenchResults, figureOf, PLAIN } from "./results.ts";

/** Measures of the bars, and their labels in the legend. */
const bars: readonly (readonly [key: MeasureKey, label: string])[] = [
  ["tcp1", "TCP, one flow"],
  ["clean60", "60-octet frames at 1 % loss or less"],
];

/** A bar of the plot. */
export interface Bar {
  readonly candidate: string;
  readonly measure: string;
  /** Times the plain bridge. */
  readonly ratio: number;
}

/** The bars of a run: two for each candidate except the plain bridge, to which they are relative. */
export function barsOf(results: BenchResults): readonly Bar[] {
  return results.candidates
    .filter(({ name }) => name !== PLAIN)
    .flatMap(({ name }) =>
      bars.flatMap(([key, measure]) => {
        const ratio = figureOf(results, name, key)?.timesPlain ?? Number.NaN;
        return Number.isFinite(ratio) ? [{ candidate: shortName(name), measure, ratio: round(ratio) }] : [];
      }),
    );
}

/** Omits what most variants of Wirespan have in common, and moves the rest to a second line. */
function shortName(name: string): string {
  return name.replace(", IPv4, cookie 8", "").replace(", new interface", "; new interface");
}

function round(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}

/** The plot in Vega-Lite: grouped bars, with a rule at the plain bridge. */
export function plotSpec(results: BenchResults): TopLevelSpec {
  const values = barsOf(results);
  const axis = { labelExpr: "split(datum.label, '; ')", labelLimit: 400 } as const;
  const y = { field: "candidate", type: "nominal", sort: null, title: null, axis } as const;
  const yOffset = { field: "measure", type: "nominal", sort: bars.map(([, label]) => label) } as const;
  const x = { field: "ratio", type: "quantitative", title: "times the plain bridge" } as const;
  const color = {
    field: "measure",
    type: "nominal",
    title: null,
    scale: { domain: bars.map(([, label]) => label), range: ["#4c78a8", "#f58518"] },
    legend: { orient: "top" },
  } as const;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 12,
    width: 520,
    height: { step: 15 },
    data: { values: [...values] },
    layer: [
      { mark: { type: "bar", cornerRadiusEnd: 2 }, encoding: { y, yOffset, x, color } },
      {
        mark: { type: "text", align: "left", dx: 4, fontSize: 10 },
        encoding: { y, yOffset, x, text: { field: "ratio", format: ".2f" } },
      },
      { mark: { type: "rule", strokeDash: [4, 3], color: "#555" }, encoding: { x: { datum: 1 } } },
    ],
    config: { axis: { labelFontSize: 11 }, legend: { labelLimit: 320, labelFontSize: 11 } },
  };
}

/** The plot as SVG. Needs the development packages vega and vega-lite. */
export async function plotSvg(results: BenchResults): Promise<string> {
  const [{ compile }, { parse, View }] = await Promise.all([import("vega-lite"), import("vega")]);
  const view = new View(parse(compile(plotSpec(results)).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
}
