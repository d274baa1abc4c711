import { z } from "zod";
import { wrappedItem } from "../../config/reference.ts";
import { checkKinds, commonCheckKeys, expectationKeys } from "./check-keys.ts";
import { exerciseKeys, questionKeys, siteKeys, topologyFields, topologyKeys, wanKeys } from "./file-keys.ts";
import type { TopologyKey, TopologyKeys } from "./keys.ts";
import { linkEntryKeys } from "./link-keys.ts";
import { hostKeys, lcceKeys, natKeys, routerKeys, tagKeys, wirespanFileKeys } from "./node-keys.ts";
import { lanKeys, networkKeys } from "./segment-keys.ts";

/** The format of topologies for readers and for editors, made of the tables of its keys. */

/** Keys that stand together in a file, for the reference. */
export interface TopologySection {
  readonly title: string;
  readonly keys: TopologyKeys;
}

/** TABLE: all keys of a topology file, by where they stand. */
export const topologySections: readonly TopologySection[] = [
  { title: "At the top of the file", keys: topologyKeys },
  { title: "`networks.NAME:`", keys: networkKeys },
  { title: "`lans.NAME:`", keys: lanKeys },
  { title: "`routers.NAME:`", keys: routerKeys },
  { title: "`routers.NAME.nat:`", keys: natKeys },
  { title: "`hosts.NAME:`", keys: hostKeys },
  { title: "`hosts.NAME.tags[]:`", keys: tagKeys },
  { title: "`lcces.NAME:`", keys: lcceKeys },
  { title: "`lcces.NAME.wirespan:` with a file", keys: wirespanFileKeys },
  { title: "`wan:`", keys: wanKeys },
  { title: "`sites.NAME:`", keys: siteKeys },
  { title: "`links.NODE.PORT:`", keys: linkEntryKeys },
  { title: "`exercise:`", keys: exerciseKeys },
  { title: "`exercise.questions[]:`", keys: questionKeys },
  ...Object.entries(checkKinds).map(([kind, keys]) => ({ title: `\`checks[]:\` with \`${kind}\``, keys })),
  { title: "`checks[]:` of every kind", keys: commonCheckKeys },
  { title: "`expect:`", keys: expectationKeys },
];

/** A schema in the words of JSON Schema, as far as it is read here. */
interface ValueSchema {
  readonly form?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly ValueSchema[];
  readonly items?: ValueSchema | false;
  readonly prefixItems?: readonly ValueSchema[];
  readonly additionalProperties?: ValueSchema | boolean;
}

/** JSON Schema of a topology file, for editors; configurations within are those of the other schema. */
export function topologyJsonSchema(): object {
  const schema = z.toJSONSchema(topologyFields, {
    io: "input",
    override: ({ jsonSchema }) => {
      const { configuration, description } = jsonSchema as Record<string, unknown>;
      delete jsonSchema["form"];
      if (configuration !== true) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      if (typeof description === "string") jsonSchema.description = description;
      jsonSchema.$ref = "wirespan.schema.json";
    },
  });
  return { title: "Wirespan lab topology", ...schema };
}

/** TABLE: what types are called. */
const typeTexts: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "`true`, `false`",
  null: "nothing",
  number: "number",
};

function formOf(schema: ValueSchema): string {
  if (schema.form !== undefined) return schema.form;
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(formOf))].join(" or ");
  if (schema.type === "array") return listForm(schema);
  if (schema.type === "object") {
    const of = schema.additionalProperties;
    return typeof of === "object" ? `mapping of names to ${formOf(of)}` : "mapping";
  }
  if (schema.type === "integer") return `integer ${schema.minimum}..${schema.maximum}`;
  return typeTexts[schema.type ?? ""] ?? "any value";
}

function listForm({ prefixItems, items }: ValueSchema): string {
  if (prefixItems === undefined) return `list of ${typeof items === "object" ? formOf(items) : "any values"}`;
  const rest = typeof items === "object" ? [`${formOf(items)} ...`] : [];
  return `[${[...prefixItems.map(formOf), ...rest].join(", ")}]`;
}

function defaultOf({ default: preset }: ValueSchema): string {
  if (preset === undefined || typeof preset === "object") return "";
  return preset === "" ? "; default nothing" : `; default \`${String(preset)}\``;
}

function itemOf(name: string, { schema, help, example }: TopologyKey): string {
  const json = z.toJSONSchema(schema, { io: "input" }) as ValueSchema;
  const isRequired = !schema.safeParse(undefined).success;
  const need = isRequired ? "; required" : defaultOf(json);
  const item = wrappedItem(`- **\`${name}\`**: ${formOf(json)}${need}. ${help}`);
  return `${item}\n\n${codeOf(example)}`;
}

function codeOf(example: string): string {
  return ["  ```yaml", ...example.split("\n").map((line) => `  ${line}`), "  ```"].join("\n");
}

/** Every key of a topology file, with an example: the reference of docs/lab.md. */
export function topologyReference(): string {
  return topologySections
    .map(({ title, keys }) => {
      const items = Object.entries(keys).map(([name, key]) => itemOf(name, key));
      return [`### ${title}`, ...items].join("\n\n");
    })
    .join("\n\n");
}
