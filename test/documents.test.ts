import { describe, expect, test } from "vitest";
import { createProgram } from "../src/cli/program.ts";
import { routes } from "../src/daemon/api.ts";
import { readSources, strip } from "./support/architecture.ts";
import {
  brokenLinks,
  longDocumentLines,
  missingPaths,
  readDocuments,
  readTree,
  unknownIdentifiers,
} from "./support/documents.ts";

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
    ["`/etc/wirespan/wirespan.yaml`, `lcce.host_name`, `udp/ip`, `ip l2tp`", undefined],
    ["```\n`src/wire/avq.ts`\n```", undefined],
  ])("%j: %s", (text, missing) => {
    expect(missingPaths([{ path: "README.md", text }], tree)).toEqual(
      missing === undefined ? [] : [`README.md: no ${missing}`],
    );
  });
});

describe("identifiers that documents of the code name are in the code", () => {
  const code = [...readSources(), ...readSources("test")].map(({ text }) => strip(text)).join("\n");
  const ofCode = ["CONTRIBUTING.md", "docs/architecture.md", "docs/ebpf-plane.md", "docs/userspace-plane.md"];

  test.each(ofCode)("%s", (name) => {
    const document = documents.filter(({ path }) => path === name);
    expect(document.length).toBe(1);
    expect(unknownIdentifiers(document, code)).toEqual([]);
  });

  test.each([
    ["`Lcce`, `Lcce.handle(input, nowMs)`, `#receive`, `npm test`, `lcce.ts`, `wait-reply`", undefined],
    ["`Lcde`", "Lcde"],
    ["`Lcce.handel`", "Lcce.handel"],
    ["`#receives`", "#receives"],
    ["`handle(input)`, `handel(input)`", "handel(input)"],
  ])("%j: %s", (text, unknown) => {
    const known = "class Lcce { handle(input, nowMs) {} #receive() {} }";
    expect(unknownIdentifiers([{ path: "README.md", text }], known)).toEqual(
      unknown === undefined ? [] : [`README.md: no ${unknown}`],
    );
  });
});

describe("lines of documents end at 110 columns, rows of tables at 200", () => {
  /** What `npm run bench` writes: a line for each candidate, with all its figures. */
  const benchmark = /^<!-- (bench:[\w-]+) -->$[\s\S]*?^<!-- \/\1 -->$/gm;
  const others = current
    // It has a line for each test of a requirement.
    .filter(({ path }) => path !== "docs/rfc-coverage.md")
    .map(({ path, text }) => ({ path, text: text.replace(benchmark, (part) => part.replace(/[^\n]/g, "")) }));

  test("but for decisions and changes", () => {
    expect(longDocumentLines(others)).toEqual([]);
  });

  test.each([
    ["x".repeat(110), undefined],
    ["x".repeat(111), "README.md:1: 111 columns"],
    [`\n| ${"x".repeat(196)} |`, undefined],
    [`\n| ${"x".repeat(197)} |`, "README.md:2: 201 columns"],
    [`\`\`\`\n${"x".repeat(111)}\n\`\`\`\n`, undefined],
    [`    ${"x".repeat(111)}`, undefined],
  ])("%j: %s", (text, problem) => {
    expect(longDocumentLines([{ path: "README.md", text }])).toEqual(problem === undefined ? [] : [problem]);
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
