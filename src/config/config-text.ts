import { configFields, defaultsFields } from "./fields.ts";
import { nearest } from "./nearest.ts";
import { replacementOf } from "./renamed-keys.ts";
import { type FileSchema, type KeyPath, schemaAt } from "./schema-text.ts";
import { secretFields, WANTED_ONE_VLAN, WANTED_SECRET } from "./value-schemas.ts";

/** What messages about a configuration need to know of it. */
export const configSchema: FileSchema = {
  root: configFields,
  nameRule:
    "a name starts with a letter or digit and has up to 63 letters, digits, dots, dashes and underscores",
  mappings: [
    ["the top of the file", configFields],
    ["`lcce`", configFields.shape.lcce],
    ["`log`", configFields.shape.log],
    ["a tunnel", schemaAt(configFields, ["tunnels", "NAME"])],
    ["a pseudowire", schemaAt(configFields, ["tunnels", "NAME", "pseudowires", "NAME"])],
    [
      "the `circuit` of a pseudowire",
      schemaAt(configFields, ["tunnels", "NAME", "pseudowires", "NAME", "circuit"]),
    ],
    [
      "the `static` of a pseudowire",
      schemaAt(configFields, ["tunnels", "NAME", "pseudowires", "NAME", "static"]),
    ],
  ],
  unknownKey,
};

/** The path that a mapping of defaults would have in a tunnel. */
function pathOfTaker([top, part, ...within]: KeyPath): KeyPath | undefined {
  if (top !== "defaults") return undefined;
  if (part === "tunnel") return ["tunnels", "NAME", ...within];
  return part === "pseudowire" ? ["tunnels", "NAME", "pseudowires", "NAME", ...within] : undefined;
}

function unknownKey(key: string, at: KeyPath, value: unknown): string | undefined {
  if (at[0] === "defaults" && key === "pseudowires")
    return "keys of all pseudowires belong in `pseudowire` of `defaults`";
  if (at.length === 1 && at[0] === "defaults") {
    const { tunnel, pseudowire } = defaultsFields.shape;
    if (Object.hasOwn(tunnel.unwrap().shape, key)) return "unknown key here: it belongs in `tunnel`";
    if (Object.hasOwn(pseudowire.unwrap().shape, key)) return "unknown key here: it belongs in `pseudowire`";
  }
  const path = pathOfTaker(at) ?? at;
  const replacement = replacementOf(key, path, value);
  if (replacement !== undefined) return `this key was renamed: write ${replacement}`;
  // In braces a comma ends the value, so that the second VLAN ID is read as a key.
  if (/^\d+( *- *\d+)?$/.test(key) && path.at(-1) === "circuit") return WANTED_ONE_VLAN;
  if (isSecretItself(key, path))
    return path.length === 2 ? `unknown key; write \`secret\`: ${WANTED_SECRET}` : WANTED_SECRET;
  return undefined;
}

/** Names that other programs have for the secret in their files. */
const secretKeys =
  /^(password|passwd|passphrase|pass|psk|key|preshared_?key|shared_?secret|secret_?key|secret_?value)$/i;

/**
 * Whether an unknown key was meant to hold the secret itself: by its name in a tunnel, or any within
 * `secret`.
 */
function isSecretItself(key: string, path: KeyPath): boolean {
  const [, , within] = path;
  if (path.length === 3 && (within === "secret" || within === "next_secret"))
    return nearestSecretKey(key) === undefined;
  return path.length === 2 && path[0] === "tunnels" && secretKeys.test(key);
}

function nearestSecretKey(key: string): string | undefined {
  const like = nearest(key, Object.keys(secretFields.shape));
  return like !== undefined && key[0]?.toLowerCase() === like[0] ? like : undefined;
}
