import { isDeepStrictEqual } from "node:util";

/** Values of a topology file by the paths of their keys, such as `lcces.branch.wirespan`. */

type Mapping = Record<string, unknown>;

function isObject(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null;
}

function isMapping(value: unknown): value is Mapping {
  return isObject(value) && !Array.isArray(value);
}

/** The keys of a path; a key with a dot in it stands in quotes. */
export function keysOfPath(path: string): readonly string[] {
  return [...path.matchAll(/"([^"]*)"|[^.]+/g)].map(([whole, quoted]) => quoted ?? whole);
}

/** Whether a path leads to the same as another one, or to a part of that. */
export function isPathWithin(path: string, whole: string): boolean {
  const [keys, first] = [keysOfPath(path), keysOfPath(whole)];
  return first.every((key, index) => keys[index] === key);
}

/** A copy of a value without what stands at these paths. */
export function without(value: unknown, paths: readonly string[]): unknown {
  const copy = structuredClone(value);
  for (const path of paths) {
    const keys = keysOfPath(path);
    const parent = valueAtKeys(copy, keys.slice(0, -1));
    if (isMapping(parent)) delete parent[keys.at(-1) ?? ""];
  }
  return copy;
}

/** A copy of a value that has at these paths what another one has there, or nothing where that has none. */
export function withPathsOf(value: unknown, other: unknown, paths: readonly string[]): unknown {
  const copy = structuredClone(value);
  for (const path of paths) {
    const keys = keysOfPath(path);
    const parent = valueAtKeys(copy, keys.slice(0, -1));
    if (!isMapping(parent)) continue;
    const last = keys.at(-1) ?? "";
    const found = valueAtKeys(other, keys);
    if (found === undefined) delete parent[last];
    else parent[last] = structuredClone(found);
  }
  return copy;
}

/** What stands at these keys, within each other; elements of lists by their index. */
export function valueAtKeys(value: unknown, keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found;
}

/** Paths of these keys where their value is no mapping; elements of lists by their index. */
export function pathsOfKeys(value: unknown, wanted: ReadonlySet<string>): readonly (readonly string[])[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(!Array.isArray(value) && wanted.has(key) && !isMapping(inner) ? [[key]] : []),
    ...pathsOfKeys(inner, wanted).map((path) => [key, ...path]),
  ]);
}

/**
 * Paths at which two values differ: of mappings the keys that differ, of anything else the value as a whole.
 * An empty mapping is the same as none.
 */
export function differences(left: unknown, right: unknown, path = ""): readonly string[] {
  if (isDeepStrictEqual(left, right)) return [];
  if (!isMapping(left ?? {}) || !isMapping(right ?? {})) return [path];
  const [one, other] = [(left ?? {}) as Mapping, (right ?? {}) as Mapping];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((key) =>
    differences(one[key], other[key], path === "" ? key : `${path}.${key}`),
  );
}
