import { z } from "zod";
import { checkLcce, checkTunnels } from "./check.ts";
import { checkBridges } from "./check-bridges.ts";
import { checkHttp } from "./check-http.ts";
import { configSchema } from "./config-text.ts";
import {
  bridgeFields,
  configFields,
  pseudowireFields,
  type RawConfig,
  type RawTunnel,
  tunnelFields,
} from "./fields.ts";
import type { Issue } from "./issues.ts";
import { issuesOf, type KeyPath, MISSING } from "./schema-text.ts";
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
  const told = keyIssues(error, value);
  return [...told, ...betweenKeys(value, told)];
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
  const issues = own.flatMap((issue) => issuesOf(issue, configSchema, value));
  // No key is missing that is misspelt, or that stands in defaults that cannot be read.
  const wrong = RemovedPaths.of(issues.filter(({ message }) => message !== MISSING));
  return issues.filter((issue) => issue.message !== MISSING || !wrong.hides(issue.path));
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

/** Bridges without their invalid keys, whose paths are added to `removed`; each has its name at least. */
export function validBridges(value: unknown, removed = new RemovedPaths()): RawConfig["bridges"] {
  const { bridges } = structuredClone(value) as { bridges?: unknown };
  return Object.fromEntries(
    entriesOf(bridges).map(([name, bridge]) => [
      name,
      validPartOf(bridgeFields, bridge, ["bridges", name], removed) ?? bridgeFields.parse({}),
    ]),
  );
}

/** `lcce:` without its invalid keys, whose paths are added to `removed`; undefined where it is no mapping. */
export function validLcce(value: unknown, removed = new RemovedPaths()): RawConfig["lcce"] | undefined {
  const { lcce } = structuredClone(value) as { lcce?: unknown };
  return validPartOf(configFields.shape.lcce, lcce, ["lcce"], removed);
}

/** `http:` without its invalid keys, whose paths are added to `removed`; undefined where it is no mapping. */
function validHttp(value: unknown, removed: RemovedPaths): RawConfig["http"] | undefined {
  const { http } = structuredClone(value) as { http?: unknown };
  return validPartOf(configFields.shape.http, http, ["http"], removed);
}

/** Issues between valid keys, without those that only follow from invalid ones, which are `told`. */
function betweenKeys(value: unknown, told: readonly Issue[]): readonly Issue[] {
  // What stands under a wrong name is looked at.
  const removed = RemovedPaths.of(told.filter(({ atKey, meant }) => !atKey || meant !== undefined));
  const lcce = validLcce(value, removed);
  const http = validHttp(value, removed);
  const tunnels = validTunnels(value, removed);
  const issues = [
    ...(lcce === undefined ? [] : checkLcce(lcce)),
    ...(http === undefined ? [] : checkHttp(http, lcce?.control_socket)),
    ...checkTunnels(tunnels, (path) => removed.isIn(path)),
    ...checkBridges(validBridges(value, removed), tunnels),
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
        const isMissing = zodIssue.input === undefined;
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

  /** The paths of issues of keys, and of the keys that were meant by unknown ones. */
  static of(issues: readonly Issue[]): RemovedPaths {
    const paths = new RemovedPaths();
    for (const { path, meant } of issues) {
      paths.add(path);
      if (meant !== undefined) paths.add(meant);
    }
    return paths;
  }

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

  /** Whether a key that is not there may be one that was removed, or be within removed defaults. */
  hides(path: KeyPath): boolean {
    return this.#paths.has(textOf(path)) || this.#isWithin(defaultOf(path));
  }

  #isWithin(path: KeyPath): boolean {
    return path.some((_step, index) => this.#paths.has(textOf(path.slice(0, index))));
  }

  /**
   * Whether an issue is at a removed key or a mapping around it, or about one, or its message names one of
   * the same part of the file.
   */
  explains({ path, message, of = [] }: Issue): boolean {
    if ([path, ...of].some((one) => this.concerns(one) || this.#isWithin(defaultOf(one)))) return true;
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

/** The path at which the defaults of a file have a key; the same for one that has no default. */
function defaultOf(path: KeyPath): KeyPath {
  if (path[0] !== "tunnels") return path;
  return isInPseudowire(path)
    ? ["defaults", "pseudowire", ...path.slice(PSEUDOWIRE_STEPS)]
    : ["defaults", "tunnel", ...path.slice(TUNNEL_STEPS)];
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
