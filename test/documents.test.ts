import { describe, expect, test } from "vitest";
import { createProgram } from "../src/cli/program.ts";
import { routes } from "../src/daemon/api.ts";
import { brokenLinks, missingPaths, readDocuments, readTree } from "./support/documents.ts";

const documents = readDocuments();
const tree = readTree();
/** What documents say of the present; decisions tell of the time when they were made. */
const current = documents.filter(({ path }) => !path.startsWith("docs/adr/") && path !== "CHANGELOG.md");

describe("links lead somewhere", () => {
  test("in all documents", () => {
    expect(documents.length).toBeGreaterThan(20);
    expect(brokenLinks(documents)).toEqual([]);
  });

  test.each([
    ["[a](docs/absent.md)", "README.md: no file docs/absent.md"],
    ["[a](docs/adr/)", undefined],
    ["[a](#b-c)\n\n## B, c!", undefined],
    ["[a](#b-d)\n\n## B, c!", "README.md: no heading #b-d"],
    ["[a](docs/glossary.md#words)", undefined],
    ["[a](docs/glossary.md#deeds)", "README.md: no heading docs/glossary.md#deeds"],
    ["[a](https://example.org/absent)", undefined],
    ["```\n[a](absent)\n```", undefined],
  ])("%j: %s", (text, problem) => {
    const glossary = documents.filter(({ path }) => path === "docs/glossary.md");
    expect(brokenLinks([{ path: "README.md", text }, ...glossary])).toEqual(
      problem === undefined ? [] : [problem],
    );
  });
});

describe("files that documents name are there", () => {
  test("in all but decisions and changes, which tell of the past", () => {
    expect(missingPaths(current, tree)).toEqual([]);
  });

  test.each([
    ["`src/wire/avp.ts`, `wire/avp.ts`, `avp.ts`, `src/wire`, `src/wire/*-table.ts`", undefined],
    ["`src/wire/avq.ts`", "src/wire/avq.ts"],
    ["`wire/absent`", "wire/absent"],
    ["`vp.ts`", "vp.ts"],
    ["`src/wire/*-row.ts`", "src/wire/*-row.ts"],
    ["`/etc/wirespan.yaml`, `lcce.host_name`, `udp/ip`, `ip l2tp`", undefined],
    ["```\n`src/wire/avq.ts`\n```", undefined],
  ])("%j: %s", (text, missing) => {
    expect(missingPaths([{ path: "README.md", text }], tree)).toEqual(
      missing === undefined ? [] : [`README.md: no ${missing}`],
    );
  });
});

describe("what an operator may use is documented", () => {
  const textOf = (name: string) => documents.find(({ path }) => path === name)?.text ?? "";
  const operating = textOf("docs/operating.md");
  const shell = { out: () => {}, error: () => {}, exit: () => {} };

  test.each(routes.map(({ method, path }) => `${method} ${path}`))("the route %s", (route) => {
    expect(operating).toContain(`| \`${route}\` `);
  });

  test.each(createProgram(shell).commands.map((command) => command.name()))("the command %s", (name) => {
    expect(textOf("README.md")).toContain(`\`${name}`);
    expect(operating + textOf("README.md")).toMatch(new RegExp(`wirespan ${name}\\b`));
  });
});
