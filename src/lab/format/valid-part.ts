import { z } from "zod";
import type { Issue } from "../../config/issues.ts";
import { nearest } from "../../config/nearest.ts";
import { issuesOf, type KeyPath, schemaAt } from "../../config/schema-text.ts";
import { checkSchema } from "./check-keys.ts";
import { declaredNames } from "./declared.ts";
import { expand } from "./expand.ts";
import { type RawTopology, topologyFields, topologyKeys } from "./file-keys.ts";
import { exampleOf } from "./keys.ts";
import type { Scope } from "./scope.ts";
import { topologySchema } from "./topology-text.ts";
import { nodePair } from "./values.ts";

/** What of a topology file is valid, key by key, so that everything between keys is checked all the same. */

/** Removing keys may leave a mapping without what it needs, which is removed then, too. */
const ROUNDS = 6;

/** The issues of a file's keys, each on its own, and the rest of the file. */
export interface ExaminedFile {
  readonly issues: readonly Issue[];
  /** Undefined where too little is valid. */
  readonly scope: Scope | undefined;
  /** Whether an issue between keys may only follow from an invalid one. */
  readonly isFollowUp: (issue: Issue) => boolean;
  /** Whether an issue is that of a node some of whose ports and addresses are not in the scope. */
  readonly lacksPorts: (issue: Issue) => boolean;
  /** Whether all ports and addresses of the file are in the scope. */
  readonly hasAllPorts: boolean;
}

/** Checks each key of a file on its own. */
export function examineFile(value: unknown, file: string): ExaminedFile {
  const issues = issuesIn(value);
  const removed: KeyPath[] = [];
  const raw = validPart(value, removed);
  const isFollowUp = ({ path }: Issue): boolean =>
    removed.some((one) => startsWith(path, one) || startsWith(one, path));
  const lacksPorts = ({ path }: Issue): boolean =>
    removed.some((one) => givesPort(one) && startsWith(path, one.slice(0, NODE_STEPS)));
  return {
    issues,
    scope: raw && scopeOf(raw, value, file, hasAllNames(removed)),
    isFollowUp,
    lacksPorts,
    hasAllPorts:
      hasAllNames(removed) &&
      !removed.some((path) => isSection(path[0]) && (path.length <= NODE_STEPS || givesPort(path))),
  };
}

/** Keys of nodes that give them ports and addresses; without one, much is missing elsewhere. */
const portKeys: ReadonlySet<PropertyKey> = new Set(["ports", "wan", "lan", "address", "vlans"]);

/** Steps of the path to a node. */
const NODE_STEPS = 2;

/** Parts of the file that give names to nodes and segments. */
const sections: ReadonlySet<PropertyKey | undefined> = new Set([
  "networks",
  "lans",
  "routers",
  "hosts",
  "lcces",
  "wan",
  "sites",
]);

function isSection(key: PropertyKey | undefined): boolean {
  return sections.has(key);
}

/** Whether no part with names is missing, nor misspelt. */
function hasAllNames(removed: readonly KeyPath[]): boolean {
  return !removed.some(([key, ...inner]) => {
    if (key === undefined) return true;
    if (inner.length > 0 || isSection(key)) return inner.length === 0;
    const meant = nearest(String(key), Object.keys(topologyKeys));
    return !Object.hasOwn(topologyKeys, key) && (meant === undefined || isSection(meant));
  });
}

/** Whether a path is that of a key which gives a node a port or an address. */
export function givesPort(path: KeyPath): boolean {
  return path.length > 2 && portKeys.has(path[2] ?? "");
}

function startsWith(path: KeyPath, start: KeyPath): boolean {
  return start.every((step, index) => String(path[index]) === String(step));
}

function issuesIn(value: unknown): readonly Issue[] {
  const { error } = topologyFields.safeParse(value, { reportInput: true });
  const issues = (error?.issues ?? []).flatMap((issue) => issuesOf(issue, topologySchema, value));
  return [...issues, ...issuesUnderInvalidNames(issues, value)].map((issue) => withExample(issue, value));
}

/** A missing key is told with its example. */
function withExample(issue: Issue, value: unknown): Issue {
  const key = issue.path.at(-1);
  if (issue.message !== "missing" || typeof key !== "string") return issue;
  const schema = schemaAt(topologyFields, issue.path.slice(0, -1), value)?.shape?.[key];
  const example = schema && exampleOf(schema);
  return example === undefined || example.includes("\n")
    ? issue
    : { ...issue, message: `missing; write one such as \`${example.replace(/^- /, "")}\`` };
}

/** The package does not look into what stands under an invalid name. */
function issuesUnderInvalidNames(issues: readonly Issue[], value: unknown): readonly Issue[] {
  return issues
    .filter(({ atKey }) => atKey === true)
    .flatMap(({ path }) => {
      const record = schemaAt(topologyFields, path.slice(0, -1), value);
      if (record?.valueType === undefined || record.def.type !== "record") return [];
      const inner = valueAtPath(value, path);
      const { error } = (record.valueType as unknown as z.ZodType).safeParse(inner, { reportInput: true });
      return (error?.issues ?? []).flatMap((issue) =>
        issuesOf({ ...issue, path: [...path, ...issue.path] }, topologySchema, value),
      );
    });
}

function valueAtPath(value: unknown, path: KeyPath): unknown {
  let inner = value;
  for (const step of path) inner = (inner as Readonly<Record<PropertyKey, unknown>> | undefined)?.[step];
  return inner;
}

/** Lists whose items are checked one by one, as each of them means something without the others. */
const lists = ["checks", "captures", "uplinks"] as const;

/** A file without its invalid keys, whose paths are added to `removed`; undefined where little is left. */
function validPart(value: unknown, removed: KeyPath[]): RawTopology | undefined {
  const part = structuredClone(value) as Record<string, unknown>;
  if (typeof part["title"] !== "string" || part["title"] === "") part["title"] = "no title";
  for (const list of lists) delete part[list];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { data, error } = topologyFields.safeParse(part, { reportInput: true });
    if (data !== undefined) return data;
    for (const zodIssue of error?.issues ?? []) {
      for (const path of pathsToRemove(zodIssue)) {
        removed.push(path);
        removeAt(part, path);
      }
    }
  }
  return undefined;
}

/** The paths of what is to be removed for an issue: a list as a whole, so that no item changes its place. */
function pathsToRemove(zodIssue: z.core.$ZodIssue): readonly KeyPath[] {
  if (zodIssue.code === "unrecognized_keys") return zodIssue.keys.map((key) => [...zodIssue.path, key]);
  const isMissing = zodIssue.input === undefined && zodIssue.code !== "custom";
  const path = isMissing ? zodIssue.path.slice(0, -1) : zodIssue.path;
  const item = path.findIndex((step) => typeof step === "number");
  return [item < 0 ? path : path.slice(0, item)];
}

function removeAt(value: unknown, path: KeyPath): void {
  let inner = value as Record<PropertyKey, unknown> | undefined;
  for (const step of path.slice(0, -1)) inner = inner?.[step] as typeof inner;
  const last = path.at(-1);
  if (typeof inner === "object" && inner !== null && last !== undefined) delete inner[last];
}

function scopeOf(raw: RawTopology, value: unknown, file: string, isWhole: boolean): Scope {
  return {
    raw,
    value,
    topology: expand(raw, file),
    names: declaredNames(value),
    hasAllNames: isWhole,
    checks: itemsOf(value, "checks", checkSchema),
    captures: itemsOf(value, "captures", z.string()),
    uplinks: itemsOf(value, "uplinks", nodePair),
  };
}

/** The valid items of a list of the file, with their places. */
function itemsOf<Item>(
  value: unknown,
  list: (typeof lists)[number],
  schema: z.ZodType<Item>,
): readonly (readonly [number, Item])[] {
  const items = (value as Readonly<Record<string, unknown>>)[list];
  if (!Array.isArray(items)) return [];
  return items.flatMap((item, index): readonly (readonly [number, Item])[] => {
    const { data } = schema.safeParse(item);
    return data === undefined ? [] : [[index, data]];
  });
}
