import { z } from "zod";
import {
  circuitFields,
  configFields,
  pseudowireFields,
  secretFields,
  staticFields,
  tunnelFields,
} from "./fields.ts";

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** JSON Schema of the configuration file, for editors. */
export function jsonSchema(): object {
  return { title: "Wirespan configuration", ...z.toJSONSchema(configFields, { io: "input" }) };
}

function formOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(formOf).join(" or ");
  if (
    schema.minimum !== undefined &&
    schema.maximum !== undefined &&
    schema.maximum < Number.MAX_SAFE_INTEGER
  ) {
    return `${schema.type} ${schema.minimum}..${schema.maximum}`;
  }
  return schema.type ?? "";
}

function tableOf(title: string, fields: z.ZodType): string {
  const schema = z.toJSONSchema(fields, { io: "input" }) as JsonSchema;
  const rows = Object.entries(schema.properties ?? {}).map(([key, field]) => {
    const required = schema.required?.includes(key) === true;
    const preset =
      field.default === undefined || typeof field.default === "object" ? "" : `\`${String(field.default)}\``;
    return `| \`${key}\` | ${formOf(field)} | ${required ? "required" : preset} | ${field.description ?? ""} |`;
  });
  return [`## ${title}`, "", "| key | form | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

/** docs/configuration.md: every key, from the table that also checks it. */
export function configurationReference(): string {
  const { lcce, log } = configFields.shape;
  const sections: readonly (readonly [string, z.ZodType])[] = [
    ["`lcce:`", lcce],
    ["`log:`", log],
    ["`tunnels.NAME:`", tunnelFields],
    ["`tunnels.NAME.secret:` and `next_secret:`", secretFields],
    ["`tunnels.NAME.pseudowires.NAME:`", pseudowireFields],
    ["`tunnels.NAME.pseudowires.NAME.circuit:`", circuitFields],
    ["`tunnels.NAME.pseudowires.NAME.static:`", staticFields],
  ];
  return `# Configuration

Made from \`src/config/fields.ts\`; do not edit. The file is YAML; \`wirespan check FILE\` tells every problem at once, and
\`docs/wirespan.schema.json\` lets editors complete and check it. Durations and sizes have their unit in the key. Keys marked
*Reloadable* are taken over by \`wirespan reload\` while the tunnel runs; a change of any other key makes that tunnel, or that
pseudowire, anew and leaves all others alone.

${sections.map(([title, fields]) => tableOf(title, fields)).join("\n\n")}
`;
}
