import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { configurationReference, jsonSchema } from "../../src/config/reference.ts";

const files = {
  "configuration.md": configurationReference(),
  "wirespan.schema.json": `${JSON.stringify(jsonSchema(), null, 2)}\n`,
} as const;

test.each(Object.entries(files))("docs/%s is what the code makes of the table of keys", (name, made) => {
  const file = new URL(`../../docs/${name}`, import.meta.url);
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, made);
  expect(readFileSync(file, "utf8"), "write it anew with UPDATE_DOCS=1").toBe(made);
});

test("every key is one item, in lines of 110 columns at most", () => {
  const lines = files["configuration.md"].split("\n");
  const items = lines.filter((line) => line.startsWith("- "));
  expect(items.length).toBeGreaterThan(60);
  for (const item of items) expect(item).toMatch(/^- \*\*`[a-z_]+`\*\*: \S/);
  expect(lines.filter((line) => !line.startsWith("|") && line.length > 110)).toEqual([]);
});

test("the schema knows every key of a file with all of them, by its path", () => {
  const schema = jsonSchema() as Record<string, unknown>;
  expect(schema).toMatchObject({
    title: "Wirespan configuration",
    additionalProperties: false,
    required: ["tunnels"],
  });
  const text = JSON.stringify(schema);
  for (const key of ["hello_interval_s", "receive_cookie", "vlan_on_pseudowire", "next_secret"]) {
    expect(text).toContain(`"${key}"`);
  }
  expect(parse(files["wirespan.schema.json"])).toEqual(schema);
});
