/** Steps of a path such as `pseudowires[0].state` or `pseudowires[lan].state`. */
function stepsOf(path: string): readonly string[] {
  return path.split(/[.[\]]+/).filter((step) => step !== "");
}

/** What a path leads to, or how far it leads. */
export type PathValue = { readonly value: unknown } | { readonly problem: string };

/**
 * The value at a path in a document. Elements of a list are named by their index, or by what they have as
 * `name` or `tunnel`.
 */
export function valueAt(document: unknown, path: string): PathValue {
  let value = document;
  let walked = "";
  for (const step of stepsOf(path)) {
    const next = Array.isArray(value) ? elementOf(value, step) : memberOf(value, step);
    if (next === undefined) {
      const there = choices(value);
      return { problem: `${walked === "" ? "status" : walked} has no ${step}${there}` };
    }
    walked = Array.isArray(value) ? `${walked}[${step}]` : walked === "" ? step : `${walked}.${step}`;
    value = next;
  }
  return { value };
}

function elementOf(list: readonly unknown[], step: string): unknown {
  if (/^\d+$/.test(step)) return list[Number(step)];
  return list.find((entry) => memberOf(entry, "name") === step || memberOf(entry, "tunnel") === step);
}

function memberOf(value: unknown, step: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[step];
}

function choices(value: unknown): string {
  if (Array.isArray(value)) return `; it has ${value.length} elements`;
  if (typeof value !== "object" || value === null) return "";
  return `; there are ${Object.keys(value).join(", ")}`;
}
