import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type EventName, eventFields, eventTable } from "../../src/daemon/event-table.ts";
import { eventLevels } from "../../src/daemon/levels.ts";
import { readSources } from "../support/architecture.ts";

const file = new URL("../../docs/events.md", import.meta.url);
const names = Object.keys(eventTable) as EventName[];
const COLUMNS = 110;

/** A list item, in lines of the width of documents. */
function item(text: string): string {
  const lines = [""];
  for (const word of `- ${text}`.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && last.length + 1 + word.length > COLUMNS) lines.push(`  ${word}`);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.join("\n");
}

function eventItem(name: EventName): string {
  const { levels: at, fields, help } = eventTable[name];
  const all = fields.length === 0 ? "" : ` ${fields.map((field) => `\`${field}\``).join(", ")}`;
  return item(`\`${name}\` (${at.join(", ")}): ${help}.${all}`);
}

function reference(): string {
  return `# Events

Made from \`src/daemon/event-table.ts\` by \`npm run docs\`; do not edit. These are all events that the log of
the daemon has and the API sends ([the log](operating.md#log)), each by its stable name with its levels, what
it means, and the fields that it may have.

${names.map(eventItem).join("\n")}

## Fields

Each line of JSON has \`level\`, \`time\`, \`event\` and \`text\`, which is what a terminal shows; in the log
\`pid\`, from the API \`id\`. Beside these:

${Object.entries(eventFields)
  .map(([field, help]) => item(`\`${field}\`: ${help}`))
  .join("\n")}
`;
}

test("docs/events.md is what the table of events says", () => {
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, reference());
  expect(readFileSync(file, "utf8")).toBe(reference());
});

describe("the table and the code agree", () => {
  // That each name that is published has a row, and the level and the fields of it, is held by the compiler.
  const sources = readSources().filter(
    ({ path }) => /^(daemon|control)\//.test(path) && path !== "daemon/event-table.ts",
  );
  const text = sources.map((source) => source.text).join("\n");
  // Such as "path-${change}"; one without any letters of its own says nothing.
  const templates = [...text.matchAll(/event: `([^`]*[a-z][^`]*)`/g)]
    .filter(([, template = ""]) => /[a-z]/.test(template.replace(/\$\{[^}]*\}/g, "")))
    .map(([, template = ""]) => new RegExp(`^${template.replace(/\$\{[^}]*\}/g, "[a-z-]+")}$`));
  const isPublished = (name: string) =>
    text.includes(`"${name}"`) || templates.some((template) => template.test(name));

  test("each row is published somewhere", () => {
    expect(names.filter((name) => !isPublished(name))).toEqual([]);
    expect(isPublished("never-published")).toBe(false);
  });

  test("each field is one of an event, and each level is one of a row", () => {
    const used = new Set<string>(names.flatMap((name) => eventTable[name].fields));
    expect(Object.keys(eventFields).filter((field) => !used.has(field))).toEqual([]);
    const at = new Set<string>(names.flatMap((name) => eventTable[name].levels));
    expect(eventLevels.filter((level) => !at.has(level))).toEqual([]);
  });

  test("names are words with hyphens, fields of a row differ, and help has no dot at its end", () => {
    for (const name of names) {
      const { fields, help } = eventTable[name];
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(new Set(fields).size, name).toBe(fields.length);
      expect(help, name).toMatch(/[^.]$/);
    }
  });
});
