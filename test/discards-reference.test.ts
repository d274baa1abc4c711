import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { controlDiscards } from "../src/control/control-discards.ts";
import { counterTable } from "../src/forwarding/counters-table.ts";
import { discardReasons } from "../src/forwarding/discard-reasons.ts";
import { stormKinds } from "../src/forwarding/storm-kinds.ts";

const file = new URL("../docs/discards.md", import.meta.url);

function rows(reasons: readonly (readonly [name: string, help: string])[]): string {
  return [
    "| reason | what was given up |",
    "|---|---|",
    ...reasons.map(([name, help]) => `| \`${name}\` | ${help} |`),
  ].join("\n");
}

function counterRows(): string {
  return [
    "| counter | unit | what is counted |",
    "|---|---|---|",
    ...counterTable.map(({ name, unit, help }) => `| \`${name}\` | ${unit} | ${help} |`),
  ].join("\n");
}

function reference(): string {
  return `# Counters and discards

Made from \`src/forwarding/counters-table.ts\`, \`src/forwarding/discard-reasons.ts\`,
\`src/forwarding/storm-kinds.ts\` and \`src/control/control-discards.ts\` by \`npm run docs\`; do
not edit. \`wirespan status\` shows all of them.

## What passed a pseudowire

Counted since its session was added; of a static session, also across a crash of the daemon where eBPF
forwards it.

${counterRows()}

Everything that is given up is counted under one of the reasons below, of a session where one can be named.

## Frames and data messages

${rows(discardReasons.map(({ name, help }) => [name, help]))}

## Frames at ports of bridges

Of ports with \`storm_limits\` ([bridges.md](bridges.md#storms)), in the status as \`storms.discards\` of the
port.

${rows(stormKinds.map(({ reason, help }) => [reason, help]))}

## Control messages

${rows(Object.entries(controlDiscards))}
`;
}

test("docs/discards.md is what the tables of counters and reasons say", () => {
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, reference());
  expect(readFileSync(file, "utf8")).toBe(reference());
});

/** Reasons that no file of a folder names in quotes, or as the key of a count. */
function notNamedIn(folder: string, reasons: readonly string[]): readonly string[] {
  const directory = new URL(`../${folder}/`, import.meta.url);
  const names = readdirSync(directory).filter((name) => name !== "control-discards.ts");
  const text = names.map((name) => readFileSync(new URL(name, directory), "utf8")).join("\n");
  return reasons.filter((reason) => !text.includes(`"${reason}"`) && !text.includes(` ${reason}: `));
}

test("every reason to discard a control message is in use, and in a test of test/control", () => {
  const reasons = Object.keys(controlDiscards);
  expect(notNamedIn("src/control", reasons)).toEqual([]);
  expect(notNamedIn("test/control", reasons)).toEqual([]);
  expect(notNamedIn("src/control", ["absent-reason"])).toEqual(["absent-reason"]);
});
