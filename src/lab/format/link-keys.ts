import { linkKeys } from "../links/conditions.ts";
import { key, mappingOf, type TopologyKey } from "./keys.ts";

/** TABLE: what is on a link in one direction: the keys of `wirespan lab link`. */
export const conditionKeys: Readonly<Record<string, TopologyKey>> = Object.fromEntries(
  linkKeys.map(({ key: name, schema, help, example }) => [
    name,
    key(schema.optional(), `${help.charAt(0).toUpperCase()}${help.slice(1)}.`, `${name}: ${example}`),
  ]),
);

/** TABLE: keys of a link: conditions both ways, and those of one direction. */
export const linkEntryKeys = {
  ...conditionKeys,
  out: key(
    mappingOf(conditionKeys).optional(),
    "Conditions from the node into the network or LAN, instead of those both ways.",
    "out: { rate: 2mbit, queue: 50 }",
  ),
  in: key(
    mappingOf(conditionKeys).optional(),
    "Conditions from the network or LAN to the node, instead of those both ways.",
    "in: { rate: 16mbit }",
  ),
} as const;

/** The schema of a link. */
export const linkEntryFields = mappingOf(linkEntryKeys);
