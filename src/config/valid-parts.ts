import type { z } from "zod";
import { checkLcce, checkTunnels, type Issue } from "./check.ts";
import { configFields, type RawTunnel, tunnelFields } from "./fields.ts";
import { issuesOf, type KeyPath } from "./schema-text.ts";
import { nameRule } from "./value-schemas.ts";

type Mapping = Record<PropertyKey, unknown>;

/** Addresses in place of missing or invalid ones, so that the rest of the tunnel can be checked. */
const placeholders: Readonly<Record<string, string>> = { local: "192.0.2.1", remote: "192.0.2.2" };
/**
 * Most rounds of removing invalid keys from a tunnel, as a removal may cause another mistake; then it is not
 * checked further.
 */
const ROUNDS = 4;

/** All issues of a file that its schema refuses: of each key on its own, and between valid keys. */
export function schemaIssues(error: z.ZodError, value: unknown): readonly Issue[] {
  return [...keyIssues(error, value), ...betweenKeys(value)];
}

/** Issues of keys on their own. */
export function keyIssues({ issues: zodIssues }: z.ZodError, value: unknown): readonly Issue[] {
  const all = [...zodIssues, ...issuesUnderBadNames(value)];
  const unknown = new RemovedPaths();
  for (const zodIssue of all.filter(({ code }) => code === "unrecognized_keys"))
    for (const path of pathsOf(zodIssue)) unknown.add(path);
  // An issue of a mapping as a whole may only follow from its unknown keys.
  const own = all.filter(({ code, path }) => code !== "custom" || !unknown.isIn(path));
  return own.flatMap(issuesOf);
}

/** The paths of the keys that an issue of the schema is about. */
function pathsOf(zodIssue: z.core.$ZodIssue): readonly KeyPath[] {
  return zodIssue.code === "unrecognized_keys"
    ? zodIssue.keys.map((key) => [...zodIssue.path, key])
    : [zodIssue.path];
}

/** Issues of tunnels under invalid names, which the schema does not look into. */
function issuesUnderBadNames(value: unknown): readonly z.core.$ZodIssue[] {
  const found: z.core.$ZodIssue[] = [];
  for (const [name, tunnel] of entriesOf(mappingOf(value)?.["tunnels"])) {
    if (nameRule.safeParse(name).success) continue;
    const { error } = tunnelFields.safeParse(tunnel, { reportInput: true });
    found.push(
      ...(error?.issues ?? []).map((zodIssue) => ({
        ...zodIssue,
        path: ["tunnels", name, ...zodIssue.path],
      })),
    );
  }
  return found;
}

/**
 * Tunnels without their invalid keys, whose paths are added to `removed`; a tunnel with too little left is
 * not there.
 */
export function validTunnels(value: unknown, removed = new RemovedPaths()): readonly [string, RawTunnel][] {
  const { tunnels } = structuredClone(value) as { tunnels?: unknown };
  return entriesOf(tunnels).flatMap(([name, tunnel]): [string, RawTunnel][] => {
    const valid = validPartOf(tunnel, ["tunnels", name], removed);
    return valid === undefined ? [] : [[name, valid]];
  });
}

/** Issues between valid keys, without those that only follow from invalid ones. */
function betweenKeys(value: unknown): readonly Issue[] {
  const lcce = configFields.shape.lcce.safeParse((value as { lcce?: unknown }).lcce);
  const removed = new RemovedPaths();
  const tunnels = validTunnels(value, removed);
  const issues = [
    ...(lcce.success ? checkLcce(lcce.data) : []),
    ...checkTunnels(tunnels, (path) => removed.isIn(path)),
  ];
  return issues.filter((issue) => !removed.explains(issue));
}

/**
 * A tunnel without its invalid keys, whose paths are added to `removed`; undefined where too little is left.
 */
function validPartOf(tunnel: unknown, at: KeyPath, removed: RemovedPaths): RawTunnel | undefined {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { data, error } = tunnelFields.safeParse(tunnel, { reportInput: true });
    if (data !== undefined) return data;
    for (const zodIssue of error?.issues ?? []) {
      for (const path of pathsOf(zodIssue)) {
        const isMissing = zodIssue.code === "invalid_type" && zodIssue.input === undefined;
        const [first = ""] = path;
        if (path.length === 1 && Object.hasOwn(placeholders, first)) {
          if (mappingOf(tunnel) !== undefined) (tunnel as Mapping)[first] = placeholders[String(first)];
        } else removeAt(tunnel, isMissing ? path.slice(0, -1) : path);
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
  /** Names of removed keys, by the tunnel or other part of the file that they were in. */
  readonly #names = new Map<string, Set<string>>();

  add(path: KeyPath): void {
    this.#paths.add(textOf(path));
    for (let length = path.length; length > 0; length -= 1) this.#outer.add(textOf(path.slice(0, length)));
    const part = textOf(path.slice(0, 2));
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
    const names = this.#names.get(textOf(path.slice(0, 2)));
    return names !== undefined && message.split(/[^\w]+/).some((word) => names.has(word));
  }
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
