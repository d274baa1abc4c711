import type { Topology } from "../format/topology.ts";
import type { LcceConfigurations } from "./configurations.ts";
import { layoutOf } from "./layout.ts";
import { conditionsIn } from "./link-text.ts";
import { mermaidOf } from "./mermaid.ts";
import type { Picture } from "./picture.ts";
import { pseudowiresOf } from "./pseudowires.ts";
import type { LabState } from "./state.ts";
import { svgOf } from "./svg.ts";

/** The picture of a topology; links of a running lab have the conditions of its state. */
export function pictureOf(topology: Topology, configurations: LcceConfigurations, state?: LabState): Picture {
  return layoutOf(topology, pseudowiresOf(topology, configurations), conditionsIn(topology, state));
}

/** The picture of a topology as SVG; with the state of a running lab, in its colours. */
export function svgOfTopology(
  topology: Topology,
  configurations: LcceConfigurations,
  state?: LabState,
): string {
  return svgOf(pictureOf(topology, configurations, state), state);
}

/** A topology as a flowchart of Mermaid. */
export function mermaidOfTopology(topology: Topology, configurations: LcceConfigurations): string {
  return mermaidOf(topology, pseudowiresOf(topology, configurations), conditionsIn(topology));
}
