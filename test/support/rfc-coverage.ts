import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** A test whose title begins with the sections it is about: "RFC 3931 §4.2, §4.4: what holds". */
export interface NamedTest {
  readonly sections: readonly string[];
  readonly claim: string;
  /** Path from the repository's root. */
  readonly file: string;
}

const SECTION = String.raw`(?:§[\dA-Z][\d.A-Z]*|Appendix [A-Z](?:\.\d+)*)`;
const PREFIX = new RegExp(String.raw`^((?:(?:RFC \d+ )?${SECTION}(?:, )?)+): (.+)$`);
const LITERAL = /"(RFC \d+ (?:[^"\\\n]|\\.)*)"/g;

/** Reads one title; undefined when it does not begin with a section. */
export function readTitle(title: string): Omit<NamedTest, "file"> | undefined {
  const [, prefix, claim] = PREFIX.exec(title) ?? [];
  if (prefix === undefined || claim === undefined) return undefined;
  let rfc = "";
  const sections = prefix.split(", ").map((part) => {
    const [named] = /^RFC \d+/.exec(part) ?? [];
    rfc = named ?? rfc;
    return named === undefined ? `${rfc} ${part}` : part;
  });
  // What a parameterised title leaves open is not known here.
  return { sections, claim: claim.replace(/\$[A-Za-z_]+|%[a-z]/g, "…").replaceAll('\\"', '"') };
}

/** All tests under a folder whose titles name sections, in the order of files and lines. */
export function findNamedTests(root: string, folder: string): readonly NamedTest[] {
  const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
  return files.flatMap((file) => {
    const titles = [...readFileSync(join(root, file), "utf8").matchAll(LITERAL)].map(
      ([, title]) => title ?? "",
    );
    return titles.flatMap((title) => {
      const read = readTitle(title);
      return read === undefined ? [] : [{ ...read, file }];
    });
  });
}

/** Orders "RFC 3931 §4.10" after "RFC 3931 §4.2", and appendices last. */
function bySection(a: string, b: string): number {
  return a
    .replace("Appendix ", "§999.")
    .localeCompare(b.replace("Appendix ", "§999."), "en", { numeric: true });
}

const INTRODUCTION = `# Tests by RFC section

Which tests name which section of which RFC. It is no proof of conformance: a section may ask for more
than its tests hold, and a section that is not here has no test that names it. "…" stands for what a test
is run with, once for each of its cases.

Made from the titles of the tests; after a change of titles, write it anew with
\`UPDATE_DOCS=1 npx vitest run --project pure test/rfc-coverage.test.ts\`.
`;

/** The document: sections in order, each with its tests. */
export function renderCoverage(tests: readonly NamedTest[]): string {
  const sections = [...new Set(tests.flatMap((test) => test.sections))].sort(bySection);
  const parts = sections.map((section) => {
    const lines = tests
      .filter((test) => test.sections.includes(section))
      .map(({ claim, file }) => `- ${claim} (\`${file}\`)`);
    return `\n## ${section}\n\n${lines.join("\n")}\n`;
  });
  return INTRODUCTION + parts.join("");
}
