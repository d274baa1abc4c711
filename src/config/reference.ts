import { z } from "zod";
import {
  bridgeFields,
  circuitFields,
  configFields,
  defaultsFields,
  memberFields,
  portFields,
  pseudowireFields,
  staticFields,
  tunnelFields,
} from "./fields.ts";
import { peerReference } from "./peer-reference.ts";
import { stormLimits } from "./storm-limits.ts";
import { secretFields } from "./value-schemas.ts";

interface FieldSchema {
  readonly type: string;
  readonly description: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly FieldSchema[];
}

interface TableSchema {
  readonly properties: Readonly<Record<string, FieldSchema>>;
  /** Absent where no key is. */
  readonly required?: readonly string[];
}

/**
 * JSON Schema of the configuration file, for editors. What a tunnel must have may be in `defaults:` or come
 * by a merge key, so that nothing is required of one.
 */
export function jsonSchema(): object {
  const schema = z.toJSONSchema(configFields, {
    io: "input",
    override: ({ jsonSchema: part, path }) => {
      if (path[1] === "tunnels") delete part.required;
      if (part.properties !== undefined) part.patternProperties = { "^x-": {} };
    },
  });
  return { title: "Wirespan configuration", ...schema };
}

const formText: Readonly<Record<string, string>> = {
  string: "text",
  object: "mapping",
  boolean: "`true`, `false`",
  array: "list",
};

function formOf(schema: FieldSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(formOf).join(" or ");
  return formText[schema.type] ?? `${schema.type} ${schema.minimum}..${schema.maximum}`;
}

function presetOf({ default: preset }: FieldSchema): string {
  if (preset === undefined || typeof preset === "object") return "";
  return preset === "" ? "none" : `\`${String(preset)}\``;
}

/** A section with one item a key: form, default and meaning. */
function sectionOf(title: string, fields: z.ZodType): string {
  const schema = z.toJSONSchema(fields, { io: "input" }) as unknown as TableSchema;
  const items = Object.entries(schema.properties).map(([key, field]) => {
    const preset = presetOf(field);
    const isRequired = schema.required?.includes(key) === true;
    const need = isRequired ? "; required" : preset === "" ? "" : `; default ${preset}`;
    return wrappedItem(`- **\`${key}\`**: ${formOf(field)}${need}. ${field.description}`);
  });
  return [`## ${title}`, "", ...items].join("\n");
}

const LINE_COLUMNS = 110;

/** An item of a Markdown list, broken into lines. What stands between backticks stays whole. */
export function wrappedItem(item: string): string {
  const lines = [""];
  for (const [word] of item.matchAll(/(?:`[^`]*`|[^\s`])+/g)) {
    const line = lines.at(-1) ?? "";
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= LINE_COLUMNS) lines[lines.length - 1] = longer;
    else lines.push(`  ${word}`);
  }
  return lines.join("\n");
}

/** docs/configuration.md: every key, from the table that also checks it. */
export function configurationReference(): string {
  const { lcce, log, http, metrics } = configFields.shape;
  const sections: readonly (readonly [string, z.ZodType])[] = [
    ["At the top of the file", configFields],
    ["`lcce:`", lcce],
    ["`log:`", log],
    ["`http:`", http],
    ["`metrics:`", metrics],
    ["`bridges.NAME:`", bridgeFields],
    ["`bridges.NAME.interfaces.NAME:`", memberFields],
    ["`storm_limits:` of an interface or a `port`", stormLimits],
    ["`defaults:`", defaultsFields],
    ["`tunnels.NAME:`", tunnelFields],
    ["`tunnels.NAME.secret:`, `next_secret:` and `http.token:`", secretFields],
    ["`tunnels.NAME.pseudowires.NAME:`", pseudowireFields],
    ["`tunnels.NAME.pseudowires.NAME.circuit:`", circuitFields],
    ["`tunnels.NAME.pseudowires.NAME.circuit.port:`", portFields],
    ["`tunnels.NAME.pseudowires.NAME.static:`", staticFields],
  ];
  return `# Configuration

Made from the rows in \`src/config\` (\`tunnel-rows.ts\` and others); do not edit. The file is YAML.
\`wirespan check FILE\` reports every problem at once, and \`docs/wirespan.schema.json\` lets editors complete
and check it. The files in \`examples/\` are whole configurations. Durations and sizes have their unit in the
key: \`_s\` seconds, \`_ms\` milliseconds. NAME stands for a name of your choice: up to 63 letters, digits,
dots, dashes and underscores, the first a letter or digit. "We" are this end, "the peer" is the other one.

Keys that many tunnels share are written once in \`defaults:\`. Where only some share them, YAML has merge
keys: \`<<: *name\` takes the keys of the mapping with the anchor \`&name\`, \`<<: [*one, *other]\` those of
several, of which the first that has a key counts. Keys that begin with \`x-\` are your own, in any mapping
but those of names (tunnels, pseudowires, bridges, interfaces): they mean nothing, and such mappings may stand
below them. What a tunnel or pseudowire has itself counts
first, then what it merges, then \`defaults:\`. \`wirespan check\` reports a mistake once, where it is
written.

\`wirespan reload\` takes over a new value of a key marked _Reloadable_ while the tunnel runs. A new value of
any other key of a pseudowire replaces that pseudowire, of a tunnel that tunnel, and of \`host_name\` or
\`router_id\` all tunnels; everything else keeps running. Only this machine knows the name of a tunnel: a new
name alone changes nothing on the wire. The device of a circuit stays while the pseudowire on it is replaced:
a TAP device keeps its index, MAC address, IP addresses and bridge, and takes a new \`bridge\` or \`mtu\` in
place. Only another name or kind of device is another device.

${sections.map(([title, fields]) => sectionOf(title, fields)).join("\n\n")}

${peerReference()}
`;
}
