import type { Topology } from "../format/topology.ts";
import { conditionTexts } from "../links/conditions.ts";
import type { ConditionsText } from "./columns.ts";
import type { LabState } from "./state.ts";

/** TABLE: what conditions are called at a link: by their keys, from their values with a space at the unit. */
const words: Readonly<Record<string, (value: string) => string>> = {
  delay: (value) => value,
  jitter: (value) => `± ${value}`,
  loss: (value) => `${value} loss`,
  duplicate: (value) => `${value} twice`,
  reorder: (value) => `${value} reordered`,
  rate: (value) =>
    value.replace(/(\w)bit$/, (_, prefix: string) => `${prefix.toUpperCase()}bit/s`).replace("Kbit", "kbit"),
  queue: (value) => `queue ${value}`,
};

/** Conditions as they are written, by their keys. */
type Texts = Readonly<Record<string, string>>;

/** The conditions of one direction, such as `50 ms ± 5 ms, 1 % loss`; empty where there are none. */
function directionText(conditions: Texts): string {
  const texts = Object.entries(conditions).map(([key, text]) => {
    const spaced = text.replace(/^([\d.]+)([a-z%]+)$/i, "$1 $2");
    return words[key]?.(spaced) ?? `${key} ${spaced}`;
  });
  return texts.join(", ").replaceAll(", ±", " ±");
}

/** Conditions of a link as its label in a picture: both ways, or each way by itself. */
export function linkText(conditions: { readonly out: Texts; readonly in: Texts }): string {
  const [out, back] = [directionText(conditions.out), directionText(conditions.in)];
  if (out === back) return out;
  const ways = [out === "" ? "" : `out: ${out}`, back === "" ? "" : `in: ${back}`];
  return ways.filter((way) => way !== "").join("; ");
}

/** The labels of links: of a running lab by its state, else as the topology says. */
export function conditionsIn({ links }: Topology, state?: LabState): ConditionsText {
  const given = new Map(
    links.map((link) => {
      const texts = { out: conditionTexts(link.out), in: conditionTexts(link.in) };
      return [`${link.node}.${link.port}`, linkText(texts)];
    }),
  );
  return (node, port) => {
    const name = `${node}.${port}`;
    return state?.links[name]?.conditions ?? given.get(name) ?? "";
  };
}
