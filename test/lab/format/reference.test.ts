import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { topologyJsonSchema, topologyReference } from "../../../src/lab/format/reference.ts";

const docs = new URL("../../../docs/", import.meta.url);
const isUpdate = process.env["UPDATE_DOCS"] !== undefined;
/** The part of docs/lab.md that is made of the tables. */
const made = /(<!-- topology-keys -->\n)([\s\S]*)(\n<!-- \/topology-keys -->)/;

test("docs/topology.schema.json is what the code makes of the tables of keys", () => {
  const file = new URL("topology.schema.json", docs);
  const text = `${JSON.stringify(topologyJsonSchema(), null, 2)}\n`;
  if (isUpdate) writeFileSync(file, text);
  expect(readFileSync(file, "utf8"), "write it anew: npm run docs").toBe(text);
});

test("the reference in docs/lab.md is what the code makes of the tables of keys", () => {
  const file = new URL("lab.md", docs);
  const reference = `\n${topologyReference()}\n`;
  if (isUpdate)
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(made, (_, start, _old, end) => `${start}${reference}${end}`),
    );
  expect(made.exec(readFileSync(file, "utf8"))?.[2], "write it anew: npm run docs").toBe(reference);
});

test("editors are sent to the other schema for each configuration in a topology", () => {
  const text = JSON.stringify(topologyJsonSchema());
  expect(text.match(/"\$ref":"wirespan.schema.json"/g)).toHaveLength(2);
  expect(text).not.toMatch(/"(form|configuration)":("|true)/);
});
