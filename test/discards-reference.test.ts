import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { controlDiscards } from "../src/control/control-discards.ts";
import { discardReasons } from "../src/forwarding/discard-reasons.ts";

const file = new URL("../docs/discards.md", import.meta.url);

function rows(reasons: readonly (readonly [name: string, help: string])[]): string {
  return [
    "| reason | what was given up |",
    "|---|---|",
    ...reasons.map(([name, help]) => `| \`${name}\` | ${help} |`),
  ].join("\n");
}

function reference(): string {
  return `# Discards

Made from \`src/forwarding/discard-reasons.ts\` and \`src/control/control-discards.ts\` by \`npm run docs\`; do not edit. Everything that
is given up is counted under one of these reasons, of a session where one can be named, and shown by \`wirespan status\`.

## Frames and data messages

${rows(discardReasons.map(({ name, help }) => [name, help]))}

## Control messages

${rows(Object.entries(controlDiscards))}
`;
}

test("docs/discards.md is what the tables of reasons say", () => {
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, reference());
  expect(readFileSync(file, "utf8")).toBe(reference());
});
