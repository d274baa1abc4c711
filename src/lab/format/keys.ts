import { z } from "zod";

/** One key of a topology file: what it may be, what it is for, and an example for the documents. */
export interface TopologyKey<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  readonly help: string;
  /** YAML that shows the key in use. */
  readonly example: string;
}

/** The keys of one mapping of a topology file. */
export type TopologyKeys = Readonly<Record<string, TopologyKey>>;

/** Makes one key of a mapping. */
export function key<Schema extends z.ZodType>(
  schema: Schema,
  help: string,
  example: string,
): TopologyKey<Schema> {
  return { schema, help, example };
}

const examples = new WeakMap<object, string>();

/** The example of a key, by the schema that the mapping has for it. */
export function exampleOf(schema: object): string | undefined {
  return examples.get(schema);
}

type Shape<Keys extends TopologyKeys> = { readonly [Name in keyof Keys]: Keys[Name]["schema"] };

/** The schema of a mapping that has these keys and no others; the help of each is its description. */
export function mappingOf<Keys extends TopologyKeys>(keys: Keys): z.ZodObject<Shape<Keys>, z.core.$strict> {
  const shape = Object.fromEntries(
    Object.entries(keys).map(([name, { schema, help, example }]) => {
      const described = schema.describe(help);
      examples.set(described, example);
      return [name, described];
    }),
  );
  return z.strictObject(shape) as unknown as z.ZodObject<Shape<Keys>, z.core.$strict>;
}
