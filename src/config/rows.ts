import type { z } from "zod";

/**
 * What a reload does with a new value of a key. "in place": it is taken over while everything runs.
 * "replace": the tunnel, the pseudowire or the whole LCCE that has the key is removed and created again.
 * "create or remove": the tunnel or pseudowire that has the key is created or removed.
 * "next start": nothing, until the daemon starts again.
 */
export type ReloadMode = "in place" | "replace" | "create or remove" | "next start";

/** What every row says of its key, for documents, JSON schema and reload. */
interface About<Name extends string, Consumer extends string> {
  /** Field of `Config` that holds the value. */
  readonly name: Name;
  /** Part of the program that reads the field; it groups fields of one mapping. */
  readonly consumer: Consumer;
  readonly reload: ReloadMode;
  readonly help: string;
}

/**
 * One key of the configuration whose value becomes one field of `Config`. `Context` is what the value may
 * depend on beside its own text, such as the name of the pseudowire that it is in.
 */
export interface Row<
  Schema extends z.ZodType = z.ZodType,
  Name extends string = string,
  Consumer extends string = string,
  Value = unknown,
> extends About<Name, Consumer> {
  readonly kind: "field";
  readonly schema: Schema;
  /** The field's value. */
  value(raw: unknown, context: unknown): Value;
  /** The key's value in a file that would give these fields; undefined for a key that would not be there. */
  inFile(value: unknown, fields: Fields): unknown;
}

/**
 * One key whose value becomes, together with other keys, the field `name`, which `build.ts` makes of them.
 */
export interface PartRow<
  Schema extends z.ZodType = z.ZodType,
  Name extends string = string,
  Consumer extends string = string,
> extends About<Name, Consumer> {
  readonly kind: "part";
  readonly schema: Schema;
}

/** Keys of one mapping of the file. */
export type Rows = Readonly<Record<string, Row | PartRow>>;

/** Fields of one mapping of the program, by their names. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a row says of its value, where it is not the file's as it is. */
interface Conversion<Raw, Context, Value> {
  /** Units of the program in one unit of the file: 1000 for seconds that become milliseconds. */
  readonly factor?: number;
  readonly value?: (raw: Raw, context: Context) => Value;
  readonly inFile?: (value: Value, fields: Fields) => unknown;
}

/** Makes rows of one mapping: for some consumers, with values that depend on a context of one type. */
export function rowsFor<Context, Consumers extends string>() {
  return function row<
    Schema extends z.ZodType,
    const Name extends string,
    const Consumer extends Consumers,
    Value = z.output<Schema>,
  >(
    schema: Schema,
    about: About<Name, Consumer> & Conversion<z.output<Schema>, Context, Value>,
  ): Row<Schema, Name, Consumer, Value> {
    const { name, consumer, reload, help, factor = 1, value, inFile } = about;
    return {
      kind: "field",
      schema,
      name,
      consumer,
      reload,
      help,
      value: (raw, context) => {
        if (value !== undefined) return value(raw as z.output<Schema>, context as Context);
        return (factor === 1 ? raw : Math.round((raw as number) * factor)) as Value;
      },
      inFile: (of, fields) => {
        if (inFile !== undefined) return inFile(of as Value, fields);
        return factor === 1 ? of : (of as number) / factor;
      },
    };
  };
}

/** Makes a row of a key that only together with others makes a field. */
export function part<Schema extends z.ZodType, const Name extends string, const Consumer extends string>(
  schema: Schema,
  about: About<Name, Consumer>,
): PartRow<Schema, Name, Consumer> {
  return { kind: "part", schema, ...about };
}

/** What the help of a key says of its reload mode; "replace" is the rule, which the documents state once. */
const reloadText: Readonly<Record<ReloadMode, string>> = {
  "in place": " Reloadable.",
  replace: "",
  "create or remove": " Reloadable: what it is set for is opened or closed, and nothing else changes.",
  "next start": " A change takes effect at the next start.",
};

type SchemasOf<R extends Rows> = { readonly [Key in keyof R]: R[Key]["schema"] };

/** The schemas of rows, by key, with their help as descriptions. */
export function schemasOf<R extends Rows>(rows: R): SchemasOf<R> {
  return Object.fromEntries(
    Object.entries(rows).map(([key, { schema, help, reload }]) => [
      key,
      schema.describe(`${help}${reloadText[reload]}`),
    ]),
  ) as unknown as SchemasOf<R>;
}

type FieldRow<Name extends string, Consumer extends string, Value> = Row<z.ZodType, Name, Consumer, Value>;

type Names<R extends Rows, Consumer extends string, IsOptional extends boolean> = {
  [Key in keyof R]: R[Key] extends FieldRow<infer Name, Consumer, infer Value>
    ? undefined extends Value
      ? IsOptional extends true
        ? Name
        : never
      : IsOptional extends true
        ? never
        : Name
    : never;
}[keyof R];

type ValueOf<R extends Rows, Name extends string> = {
  [Key in keyof R]: R[Key] extends FieldRow<Name, string, infer Value> ? Value : never;
}[keyof R];

/**
 * The fields of `Config` that rows with a consumer make. A field whose value may be undefined is optional.
 */
export type FieldsOf<R extends Rows, Consumer extends string> = {
  readonly [Name in Names<R, Consumer, false>]: ValueOf<R, Name>;
} & {
  readonly [Name in Names<R, Consumer, true>]?: Exclude<ValueOf<R, Name>, undefined>;
};

/** Names of the fields that are made of several keys. */
export type PartNames<R extends Rows> = {
  [Key in keyof R]: R[Key] extends PartRow<z.ZodType, infer Name> ? Name : never;
}[keyof R];

/** Keys that only together with others make a field. */
export type PartKeys<R extends Rows> = {
  [Key in keyof R]: R[Key] extends PartRow ? Key : never;
}[keyof R];

/** The fields of one consumer, made of the checked values of a mapping. */
export function buildFields<R extends Rows, Consumer extends string>(
  rows: R,
  consumer: Consumer,
  raw: Fields,
  context?: unknown,
): FieldsOf<R, Consumer> {
  const fields = Object.entries(rows).flatMap(([key, row]) => {
    if (row.kind !== "field" || row.consumer !== consumer) return [];
    const value = row.value(raw[key], context);
    return value === undefined ? [] : [[row.name, value] as const];
  });
  return Object.fromEntries(fields) as FieldsOf<R, Consumer>;
}

/** Some of the fields of a mapping of the program: those that rows with a consumer make. */
export function pickFields<R extends Rows, Consumer extends string>(
  rows: R,
  consumer: Consumer,
  from: FieldsOf<R, Consumer>,
): FieldsOf<R, Consumer> {
  const names = new Set(Object.values(rows).flatMap((row) => (row.consumer === consumer ? [row.name] : [])));
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name))) as FieldsOf<
    R,
    Consumer
  >;
}

/**
 * Keys and values of a file that would give these fields, in the order of the rows; `parts` has those of part
 * rows.
 */
export function keysInFile<R extends Rows>(
  rows: R,
  fields: Fields,
  parts: Readonly<Record<PartKeys<R>, unknown>>,
  isWanted: (consumer: string) => boolean = () => true,
): Fields {
  const values: Fields = parts;
  return Object.fromEntries(
    Object.entries(rows).flatMap(([key, row]) => {
      if (!isWanted(row.consumer)) return [];
      return [[key, row.kind === "part" ? values[key] : row.inFile(fields[row.name], fields)] as const];
    }),
  );
}

/** The keys with a reload mode. */
export function keysThatReload(rows: Rows, mode: ReloadMode): readonly string[] {
  return Object.entries(rows).flatMap(([key, { reload }]) => (reload === mode ? [key] : []));
}
