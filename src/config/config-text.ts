import { ANY } from "./ends.ts";
import { configFields, defaultsFields } from "./fields.ts";
import { nearest } from "./nearest.ts";
import { replacementOf } from "./renamed-keys.ts";
import type { FileSchema, KeyPath } from "./schema-text.ts";
import { secretFields, WANTED_ONE_VLAN, WANTED_SECRET } from "./value-schemas.ts";

const pseudowirePath = ["tunnels", "NAME", "pseudowires", "NAME"] as const;

/** Keys whose values keep their text: YAML would take some for a number, and lose leading zeros. */
export const configTextKeys: ReadonlySet<string> = new Set(["receive_cookie", "transmit_cookie"]);

/** What messages about a configuration need to know of it. */
export const configSchema: FileSchema = {
  root: configFields,
  nameRule:
    "a name starts with a letter or digit and has up to 63 letters, digits, dots, dashes and underscores",
  mappings: [
    ["the top of the file", []],
    ["`lcce`", ["lcce"]],
    ["`log`", ["log"]],
    ["`http`", ["http"]],
    ["the `token` of `http`", ["http", "token"]],
    ["`metrics`", ["metrics"]],
    ["a bridge", ["bridges", "NAME"]],
    ["an interface of a bridge", ["bridges", "NAME", "interfaces", "NAME"]],
    ["a tunnel", ["tunnels", "NAME"]],
    ["the `secret` of a tunnel", ["tunnels", "NAME", "secret"]],
    ["a pseudowire", pseudowirePath],
    ["the `circuit` of a pseudowire", [...pseudowirePath, "circuit"]],
    ["the `port` of a circuit", [...pseudowirePath, "circuit", "port"]],
    ["the `storm_limits` of a port", [...pseudowirePath, "circuit", "port", "storm_limits"]],
    ["the `storm_limits` of an interface", ["bridges", "NAME", "interfaces", "NAME", "storm_limits"]],
    ["the `static` of a pseudowire", [...pseudowirePath, "static"]],
  ],
  takerOf: pathOfTaker,
  unknownKey,
  valueAdvice,
};

/** The path that a mapping of defaults would have in a tunnel. */
function pathOfTaker([top, part, ...within]: KeyPath): KeyPath | undefined {
  if (top !== "defaults") return undefined;
  if (part === "tunnel") return ["tunnels", "NAME", ...within];
  return part === "pseudowire" ? [...pseudowirePath, ...within] : undefined;
}

/** TABLE: keys with values that are often tried, and what to do for what is meant by them. */
const triedValues: readonly {
  readonly path: KeyPath;
  readonly isTried: (value: unknown) => boolean;
  readonly advice: string;
}[] = [
  {
    path: ["tunnels", "NAME", "path_mtu"],
    isTried: (value) => typeof value === "number" || /^\d+$/.test(String(value)),
    advice:
      "; the size is measured: to fix it, write path_mtu: none, and give the route to the peer an mtu " +
      "(ip route change ... mtu 1400)",
  },
];

function valueAdvice(at: KeyPath, value: unknown): string {
  const path = pathOfTaker(at) ?? at;
  const found = triedValues.find(
    (row) =>
      row.path.length === path.length &&
      row.path.every((step, index) => step === "NAME" || step === path[index]) &&
      row.isTried(value),
  );
  return found?.advice ?? "";
}

function unknownKey(key: string, at: KeyPath, value: unknown): string | undefined {
  if (at[0] === "defaults" && key === "pseudowires")
    return "keys of all pseudowires belong in `pseudowire` of `defaults`";
  if (at.length === 1 && at[0] === "defaults") {
    if (key === "tunnels") return "keys of all tunnels belong in `tunnel` of `defaults`";
    const { tunnel, pseudowire } = defaultsFields.shape;
    if (Object.hasOwn(tunnel.unwrap().shape, key)) return "unknown key here: it belongs in `tunnel`";
    if (Object.hasOwn(pseudowire.unwrap().shape, key)) return "unknown key here: it belongs in `pseudowire`";
  }
  const path = pathOfTaker(at) ?? at;
  const replacement = replacementOf(key, path, value);
  if (replacement !== undefined) return `this key was renamed: write ${replacement}`;
  // In braces a comma ends the value, so that the second VLAN ID is read as a key.
  if (/^\d+( *- *\d+)?$/.test(key) && path.at(-1) === "circuit") return WANTED_ONE_VLAN;
  if (key === ANY && path.length === 2 && path[0] === "tunnels") return ANY_OF_REMOTE;
  if (isSecretItself(key, path))
    return path.length === 2 ? `unknown key; write \`secret\`: ${WANTED_SECRET}` : WANTED_SECRET;
  return undefined;
}

const ANY_OF_REMOTE =
  "unknown key here: write `remote: any` for a peer from anywhere, `remote: { any: [PREFIX, ...] }` for " +
  "one from these prefixes";

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
