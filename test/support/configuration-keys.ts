import { isDeepStrictEqual } from "node:util";
import { stringify } from "yaml";
import { z } from "zod";
import type { Config } from "../../src/config/config.ts";
import { configFields } from "../../src/config/fields.ts";
import type { IncludeReader } from "../../src/config/includes.ts";
import { parseConfig } from "../../src/config/parse.ts";

/** The parts of a JSON schema that say what values a key takes. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
}

/** A key of the configuration that has a value of its own, and not a mapping of further keys. */
export interface Leaf {
  /**
   * Path with `t` for the name of a tunnel or bridge, and `p` for that of a pseudowire or an interface of a
   * bridge.
   */
  readonly path: readonly string[];
  readonly schema: Schema;
}

const NAMES = ["t", "p"];

/** Every leaf of the schema, in its order. */
export function leavesOfSchema(): readonly Leaf[] {
  return leavesIn(z.toJSONSchema(configFields, { io: "input" }) as Schema, [], 0);
}

function leavesIn(schema: Schema, path: readonly string[], names: number): readonly Leaf[] {
  if (schema.properties !== undefined)
    return Object.entries(schema.properties).flatMap(([key, inner]) =>
      leavesIn(inner, [...path, key], names),
    );
  const { additionalProperties: inner } = schema;
  if (typeof inner === "object") return leavesIn(inner, [...path, NAMES[names] as string], names + 1);
  return [{ path, schema }];
}

/** Texts of all kinds that keys ask for: addresses, cookies, names. */
const texts = [
  ...["192.0.2.77", "198.51.100.7", "00112233", "44556677", "name1", "name2"],
  ...["127.0.0.1:9701", "unix:/run/http.sock"],
];

/** Values that a key may have, two or more of them valid in some file. */
function valuesFor(schema: Schema): readonly unknown[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap(valuesFor);
  if (schema.enum !== undefined) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  if (schema.items !== undefined) return valuesFor(schema.items).map((value) => [value]);
  if (schema.type === "boolean") return [false, true];
  if (schema.type === "integer" || schema.type === "number")
    return [schema.minimum, schema.maximum, (schema.minimum ?? 0) + 1];
  return texts;
}

type Mapping = Record<string, unknown>;

/** Included files, each with a tunnel of its name. */
const aTunnelEach: IncludeReader = {
  find: (path) => ({ kind: "file", path }),
  read: (path) => ({ text: `tunnels: { x${path.replace(/\W/g, "")}: { remote: 192.0.2.99 } }` }),
};

/** Files in which keys have a meaning that others exclude; each may lack what the key in question brings. */
const files: readonly ((tunnel: Mapping, pseudowire: Mapping, http: Mapping) => void)[] = [
  () => {},
  (tunnel) => Object.assign(tunnel, { secret: { file: "a" }, next_secret: { file: "b" } }),
  (tunnel) => Object.assign(tunnel, { secret: {} }),
  (tunnel) => Object.assign(tunnel, { secret: { file: "a" }, next_secret: {} }),
  (_, pseudowire) => Object.assign(pseudowire, { circuit: { interface: "eth1", vlan: 7 } }),
  (_, pseudowire) => Object.assign(pseudowire, { circuit: { tap: "tap1" } }),
  (_, pseudowire) => Object.assign(pseudowire, { circuit: {} }),
  (_, pseudowire) =>
    Object.assign(pseudowire, { circuit: { tap: "tap1", bridge: "br0", port: { storm_limits: {} } } }),
  (_, pseudowire) => Object.assign(pseudowire, { sublayer: "default" }),
  (tunnel) => Object.assign(tunnel, { pseudowires: {} }),
  (tunnel) => Object.assign(tunnel, { retransmit_cap_ms: 300_000, reconnect_cap_s: 3600 }),
  (tunnel) => Object.assign(tunnel, { retransmit_initial_ms: 10, reconnect_initial_s: 0.1 }),
  (tunnel, pseudowire) => {
    tunnel["control"] = "static";
    pseudowire["static"] = { local_session_id: 1, remote_session_id: 2, transmit_sublayer: "default" };
  },
  (tunnel, pseudowire) => {
    tunnel["control"] = "static";
    const receive_cookie = "0011223344556677";
    pseudowire["static"] = { local_session_id: 1, remote_session_id: 2, receive_cookie };
  },
  (_, __, http) => Object.assign(http, { listen: "127.0.0.1:9701", token: {} }),
];

/** The tunnel or pseudowire that takes the default of a key. */
const takers: Readonly<Record<string, readonly string[]>> = {
  tunnel: ["tunnels", "t"],
  pseudowire: ["tunnels", "t", "pseudowires", "p"],
};

/**
 * The path of a key, or of a default in the tunnel or pseudowire that takes it.
 */
export function pathOfTaker({ path }: Leaf): readonly string[] {
  const [top, part = "", ...within] = path;
  return top === "defaults" ? [...(takers[part] ?? []), ...within] : path;
}

/** Configurations of one file that differ in nothing but the value of a leaf; invalid ones are left out. */
function configsOf({ path, schema }: Leaf, change: (typeof files)[number]): readonly Config[] {
  return valuesFor(schema).flatMap((value) => {
    const pseudowire: Mapping = { circuit: { interface: "eth1" } };
    const tunnel: Mapping = { local: "192.0.2.1", remote: "192.0.2.2", pseudowires: { p: pseudowire } };
    const bridges = { t: { vlan_filtering: true, interfaces: { p: { storm_limits: {} } } } };
    const http: Mapping = {};
    const file: Mapping = { lcce: {}, log: {}, http, metrics: {}, bridges, tunnels: { t: tunnel } };
    change(tunnel, pseudowire, http);
    if (path[1] !== "token" && Object.keys(http["token"] ?? {}).length === 0) delete http["token"];
    const [, part, ...ofTaker] = path[0] === "defaults" ? path : [];
    const within = pathOfTaker({ path, schema });
    let mapping: Mapping | undefined = file;
    for (const step of within.slice(0, -1)) mapping = mapping?.[step] as Mapping | undefined;
    if (mapping === undefined) return [];
    mapping[within.at(-1) as string] = value;
    if (part !== undefined) {
      const [key = ""] = ofTaker;
      const taker = part === "tunnel" ? tunnel : pseudowire;
      const { [key]: moved } = taker;
      file["defaults"] = { [part]: { [key]: moved } };
      // A pseudowire takes a default of `static` if it is static itself.
      if (key === "static") taker[key] = {};
      else delete taker[key];
    }
    const { config } = parseConfig(stringify(file), "f.yaml", { hostName: "h", files: aTunnelEach });
    return config === undefined ? [] : [config];
  });
}

/** For each file in which a leaf has a meaning: its configurations with some values of the leaf. */
export function configsWith(leaf: Leaf): readonly (readonly Config[])[] {
  return files.map((change) => configsOf(leaf, change)).filter((configs) => configs.length > 1);
}

/**
 * Whether some file exists in which two valid values of a leaf give two different results of `use`, a
 * function of the configuration. A key for which this is false is accepted and does nothing.
 */
export function hasEffect(leaf: Leaf, use: (config: Config) => unknown): boolean {
  return files.some((change) => {
    const [first, ...others] = configsOf(leaf, change).map(use);
    return others.some((other) => !isDeepStrictEqual(first, other));
  });
}
