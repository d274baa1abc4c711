import type { LabReport, LinkStateReport, NodeReport } from "../supervisor/api.ts";
import { linkText } from "./link-text.ts";
import type { LabState } from "./state.ts";

/** The state of a lab that is up, as its first process reports it, for the picture. */
export function labStateOf({ nodes, links }: LabReport): LabState {
  return {
    nodes: Object.fromEntries(
      nodes.flatMap((node) => {
        const state = nodeState(node);
        return state === undefined ? [] : [[node.name, state] as const];
      }),
    ),
    pseudowires: nodes.flatMap(({ name: lcce, tunnels = [] }) =>
      tunnels.flatMap(({ pseudowires }) =>
        pseudowires.map(({ name, state, whyNot }) => ({
          lcce,
          name,
          whyNot: whyNot ?? (state === "established" ? undefined : state),
        })),
      ),
    ),
    links: Object.fromEntries(links.map((link) => [link.name, linkState(link)])),
  };
}

/** Undefined for a node without programs. */
function nodeState({ programs, byHand }: NodeReport): LabState["nodes"][string] | undefined {
  if (programs.length === 0) return undefined;
  const states = programs.map(({ state }) => state);
  if (states.includes("ended") || states.includes("stopped")) return "ended";
  return byHand && states.includes("off") ? "manual" : "up";
}

function linkState({ down, out, in: back }: LinkStateReport): LabState["links"][string] {
  const text = linkText({ out: out.conditions, in: back.conditions });
  return { down, conditions: [down ? "down" : "", text].filter((word) => word !== "").join(", ") };
}
