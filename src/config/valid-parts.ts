import { z } from "zod";
import { checkLcce, checkTunnels, type Issue } from "./check.ts";
import { checkBridges } from "./check-bridges.ts";
import { configSchema } from "./config-text.ts";
import { configFields, pseudowireFields, type RawConfig, type RawTunnel, tunnelFields } from "./fields.ts";
import { issuesOf, type KeyPath } from "./schema-text.ts";
import { nameRule } from "./value-schemas.ts";

type Mapping = Record<PropertyKey, unknown>;

/** Addresses in place of missing or invalid ones, so that the rest of the tunnel can be checked. */
const placeholders: Readonly<Record<string, string>> = { local: "192.0.2.1", remote: "192.0.2.2" };
/**
 * Most rounds of removing invalid keys from a mapping, as a removal may cause another mistake; then it is not
 * checked further.
 */
const ROUNDS = 4;

/** All issues of a file that its schema refuses: of each key on its own, and between valid keys. */
export function schemaIssues(error: z.ZodError, value: unknown): readonly Issue[] {
  return [...keyIssues(error, value), ...betweenKeys(value)];
}

/**
 * The schema without its rule for names: the package does not look into what stands under an invalid name.
 */
const tunnelOfAnyNames = tunnelFields.extend({
  pseudowires: z.record(z.string(), pseudowireFields).default({}),
});
const configOfAnyNames = configFields.extend({ tunnels: z.record(z.string(), tunnelOfAnyNames) });

/** Issues of keys on their own. */
export function keyIssues({ issues: zodIssues }: z.ZodError, value: unknown): readonly Issue[] {
  const { error } = configOfAnyNames.safeParse(value, { reportInput: true });
  const all = [...zodIssues.filter(isOfName), ...issuesOfInnerNames(value), ...(error?.issues ?? [])];
  const unknown = new RemovedPaths();
  for (const zodIssue of all.filter(({ code }) => code === "unrecognized_keys"))
    for (const path of pathsOf(zodIssue)) unknown.add(path);
  // An issue of a mapping as a whole may only follow from its unknown keys.
  const own = all.filter(({ code, path }) => code !== "custom" || !unknown.isIn(path));
  return own.flatMap((issue) => issuesOf(issue, configSchema, value));
}

function isOfName({ code }: z.core.$ZodIssue): boolean {
  return code === "invalid_key";
}

/** The paths of the keys that an issue of the schema is about. */
function pathsOf(zodIssue: z.core.$ZodIssue): readonly KeyPath[] {
  return zodIssue.code === "unrecognized_keys"
    ? zodIssue.keys.map((key) => [...zodIssue.path, key])
    : [zodIssue.path];
}

/** Issues of names of pseudowires in tunnels whose own names are invalid. */
function issuesOfInnerNames(value: unknown): readonly z.core.$ZodIssue[] {
  const tunnels = entriesOf(mappingOf(value)?.["tunnels"]);
  return tunnels.flatMap(([name, tunnel]) => {
    if (nameRule.safeParse(name).success) return [];
    const names = tunnelFields.safeParse(tunnel, { reportInput: true }).error?.issues.filter(isOfName) ?? [];
    return names.map((zodIssue) => ({ ...zodIssue, path: ["tunnels", name, ...zodIssue.path] }));
  });
}

/**
 * Tunnels without their invalid keys, whose paths are added to `removed`; a tunnel with too little left is
 * not there.
 */
export function validTunnels(value: unknown, removed = new RemovedPaths()): readonly [string, RawTunnel][] {
  const { tunnels } = structuredClone(value) as { tunnels?: unknown };
  return entriesOf(tunnels).flatMap(([name, tunnel]): [string, RawTunnel][] => {
    const valid = validPartOf(tunnelOfAnyNames, tunnel, ["tunnels", name], removed);
    return valid === undefined ? [] : [[name, valid]];
  });
}

/** The bridges of a file; undefined unless all of them are valid. */
export function validBridges(value: unknown): RawConfig["bridges"] | undefined {
  return configFields.shape.bridges.safeParse(mappingOf(value)?.["bridges"]).data;
}

/** Issues between valid keys, without those that only follow from invalid ones. */
function betweenKeys(value: unknown): readonly Issue[] {
  const removed = new RemovedPaths();
  const { lcce: lcceKeys } = structuredClone(value) as { lcce?: unknown };
  const lcce = validPartOf(configFields.shape.lcce, lcceKeys, ["lcce"], removed);
  const tunnels = validTunnels(value, removed);
  const issues = [
    ...(lcce === undefined ? [] : checkLcce(lcce)),
    ...checkTunnels(tunnels, (path) => removed.isIn(path)),
    ...checkBridges(validBridges(value) ?? {}, tunnels),
  ];
  return issues.filter((issue) => !removed.explains(issue));
}

/**
 * A mapping without its invalid keys, whose paths are added to `removed`; undefined where too little is left.
 */
function validPartOf<Valid>(
  schema: z.ZodType<Valid>,
  value: unknown,
  at: KeyPath,
  removed: RemovedPaths,
): Valid | undefined {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { data, error } = schema.safeParse(value, { reportInput: true });
    if (data !== undefined) return data;
    for (const zodIssue of error?.issues ?? []) {
      for (const path of pathsOf(zodIssue)) {
        const isMissing = zodIssue.code === "invalid_type" && zodIssue.input === undefined;
        const [first = ""] = path;
        if (path.length === 1 && Object.hasOwn(placeholders, first)) {
          if (mappingOf(value) !== undefined) (value as Mapping)[first] = placeholders[String(first)];
        } else removeAt(value, isMissing ? path.slice(0, -1) : path);
        removed.add([...at, ...path]);
      }
    }
  }
  return undefined;
}

/**
 * The paths of keys that are invalid or were removed, as sets, so that a look-up does not walk all of them.
 */
export class RemovedPaths {
  readonly #paths = new Set<string>();
  readonly #outer = new Set<string>();
  /** Names of removed keys, by the pseudowire, tunnel or other part of the file that they were in. */
  readonly #names = new Map<string, Set<string>>();

  add(path: KeyPath): void {
    this.#paths.add(textOf(path));
    for (let length = path.length; length > 0; length -= 1) this.#outer.add(textOf(path.slice(0, length)));
    const part = textOf(path.slice(0, isInPseudowire(path) ? PSEUDOWIRE_STEPS : TUNNEL_STEPS));
    const names = this.#names.get(part) ?? new Set();
    this.#names.set(part, names.add(String(path.at(-1))));
  }

  /** Whether the value at a path was removed, or a part of it. */
  isIn(path: KeyPath): boolean {
    return this.#outer.has(textOf(path));
  }

  /** Whether the value at a path was removed, or a part of it, or a mapping around it. */
  concerns(path: KeyPath): boolean {
    return this.isIn(path) || path.some((_step, index) => this.#paths.has(textOf(path.slice(0, index + 1))));
  }

  /** Whether an issue is at a removed key or a mapping around it, or its message names one. */
  explains({ path, message }: Issue): boolean {
    if (this.concerns(path)) return true;
    const parts = [TUNNEL_STEPS, PSEUDOWIRE_STEPS].map((steps) => textOf(path.slice(0, steps)));
    const words = message.split(/[^\w]+/);
    return parts.some((part) => words.some((word) => this.#names.get(part)?.has(word)));
  }
}

/** Keys that lead to a tunnel, and to a pseudowire of it. */
const TUNNEL_STEPS = 2;
const PSEUDOWIRE_STEPS = 4;

function isInPseudowire(path: KeyPath): boolean {
  return path[0] === "tunnels" && path[2] === "pseudowires" && path.length > PSEUDOWIRE_STEPS;
}

function textOf(path: KeyPath): string {
  return JSON.stringify(path.map(String));
}

function removeAt(value: unknown, path: KeyPath): void {
  let inner = mappingOf(value);
  for (const step of path.slice(0, -1)) inner = mappingOf(inner?.[step]);
  const last = path.at(-1);
  if (inner !== undefined && last !== undefined) delete inner[last];
}

function mappingOf(value: unknown): Mapping | undefined {
  return typeof value === "object" && value !== null ? (value as Mapping) : undefined;
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return Object.entries(mappingOf(value) ?? {});
}
