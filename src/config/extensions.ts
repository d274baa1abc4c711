import { configFields } from "./fields.ts";
import { isMapping, type Mapping } from "./merge-keys.ts";
import { schemaAt } from "./schema-text.ts";
import type { SchemaShape } from "./value-text.ts";

/**
 * Keys that begin with `x-`: the file's own, such as mappings for merge keys, or remarks of other programs.
 * They mean nothing wherever a mapping has fixed keys; among tunnels, pseudowires, bridges and interfaces
 * they are names as all others.
 */
const EXTENSION = "x-";

/** A file's value without these keys, at any depth; the same value where it has none. */
export function withoutExtensions(file: unknown): unknown {
  return without(file, schemaAt(configFields, []));
}

function without(value: unknown, schema: SchemaShape | undefined): unknown {
  if (!isMapping(value)) return value;
  const names = schema?.valueType;
  let isChanged = false;
  const kept: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (names === undefined && key.startsWith(EXTENSION)) {
      isChanged = true;
      continue;
    }
    const within = without(inner, names === undefined ? innerSchema(schema, key) : schemaAt(names, []));
    isChanged ||= within !== inner;
    kept.push([key, within]);
  }
  return isChanged ? (Object.fromEntries(kept) as Mapping) : value;
}

function innerSchema(schema: SchemaShape | undefined, key: string): SchemaShape | undefined {
  return schema?.shape === undefined || !Object.hasOwn(schema.shape, key)
    ? undefined
    : schemaAt(schema.shape[key], []);
}
