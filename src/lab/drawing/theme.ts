/** Colours and strokes of pictures, on light and on dark ground. */

/** A colour on light and on dark ground. */
type Colour = readonly [light: string, dark: string];

/** What a class of elements looks like: properties of CSS, some with a colour for each ground. */
type Look = Readonly<Record<string, string | Colour>>;

const text: Colour = ["#1f2328", "#e6edf3"];
const faint: Colour = ["#57606a", "#9da7b3"];
const ground: Colour = ["#ffffff", "#0d1117"];
const up: Colour = ["#1a7f37", "#3fb950"];
const down: Colour = ["#cf222e", "#ff7b72"];

/** TABLE: classes of elements. */
const looks: Readonly<Record<string, Look>> = {
  ground: { fill: ground },
  name: { fill: text, "font-weight": "700" },
  line: { fill: faint, "font-weight": "400" },
  link: { fill: "none", stroke: ["#6e7781", "#8b949e"], "stroke-width": "1.5" },
  "link-down": { stroke: down, "stroke-dasharray": "2 5" },
  network: { fill: ["#dbe7f3", "#1d2d3f"], stroke: ["#7d9cbd", "#4a6c91"], "stroke-width": "1.5" },
  lan: { fill: ["#eceff2", "#21262d"], stroke: ["#a3acb5", "#4d5660"], "stroke-width": "1.5" },
  lcce: { fill: ["#f6f8fa", "#161b22"], stroke: ["#24292f", "#c9d1d9"], "stroke-width": "2" },
  peer: {
    ...{ fill: ["#f6f8fa", "#161b22"], stroke: ["#24292f", "#c9d1d9"] },
    ...{ "stroke-width": "2", "stroke-dasharray": "6 4" },
  },
  router: { fill: ["#fff8e5", "#272115"], stroke: ["#9a6700", "#d29922"], "stroke-width": "2" },
  host: { fill: ground, stroke: ["#8c959f", "#6e7681"], "stroke-width": "1.5" },
  pseudowire: {
    fill: "none",
    stroke: ["#5b3fa8", "#a48ee8"],
    "stroke-width": "6",
    "stroke-linejoin": "round",
  },
  "to-nobody": { stroke: down, "stroke-dasharray": "8 6" },
  label: { fill: ground, stroke: ["#5b3fa8", "#a48ee8"], "stroke-width": "1" },
  "label-text": { fill: text },
  conditions: { fill: ["#fff1e5", "#3d1f0c"], stroke: ["#bc4c00", "#f0883e"], "stroke-width": "1" },
  "node-up": { stroke: up },
  "node-ended": { stroke: down, "stroke-dasharray": "6 4" },
  "node-manual": { stroke: faint, "stroke-dasharray": "2 4" },
  "pseudowire-up": { stroke: up },
  "pseudowire-not-up": { stroke: down, "stroke-dasharray": "8 6" },
  "text-not-up": { fill: down },
};

/**
 * TABLE: colours of VLANs, which people with any kind of colour vision can tell apart (Okabe and Ito), in the
 * order in which the VLANs get them.
 */
const vlanColours = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"] as const;

/** The colour of a VLAN in a picture with these VLANs. */
export function vlanColour(vlan: number, vlans: readonly number[]): string {
  return vlanColours[vlans.indexOf(vlan) % vlanColours.length] ?? vlanColours[0];
}

/** The style sheet of a picture; it touches nothing outside elements of this class. */
export function styleSheet(scope: string): string {
  const rules = (which: 0 | 1) =>
    Object.entries(looks).map(([name, look]) => {
      const all = Object.entries(look).filter(([, value]) => which === 0 || typeof value !== "string");
      const said = all.map(([key, value]) => `${key}:${typeof value === "string" ? value : value[which]}`);
      return said.length === 0 ? "" : `.${scope} .${name}{${said.join(";")}}`;
    });
  const font = "font-family:'Segoe UI','Helvetica Neue',Arial,'Liberation Sans','DejaVu Sans',sans-serif";
  const dark = rules(1).filter((rule) => rule !== "");
  return [
    `.${scope} text{${font};text-anchor:middle}`,
    ...rules(0),
    `@media (prefers-color-scheme:dark){${dark.join("\n")}}`,
  ].join("\n");
}
