import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findNamedTests, readTitle, renderCoverage } from "./support/rfc-coverage.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const document = fileURLToPath(new URL("../docs/rfc-coverage.md", import.meta.url));

test("docs/rfc-coverage.md is what the titles of the tests give", () => {
  const rendered = renderCoverage(findNamedTests(root, "test"));
  if (process.env["UPDATE_DOCS"] !== undefined) {
    mkdirSync(fileURLToPath(new URL("../docs", import.meta.url)), { recursive: true });
    writeFileSync(document, rendered);
  }
  const present = existsSync(document) ? readFileSync(document, "utf8") : "";
  expect(
    present,
    "write it anew: UPDATE_DOCS=1 npx vitest run --project pure test/rfc-coverage.test.ts",
  ).toBe(rendered);
});

test("a title names one section or several, of one RFC or several, or none", () => {
  // Not spelt out, lest this file be taken for one that tests them.
  const rfc = "RFC 3931";
  expect(readTitle(`${rfc} §4.2: a, b: c`)).toEqual({ sections: ["RFC 3931 §4.2"], claim: "a, b: c" });
  expect(readTitle(`${rfc} §7.3, §7.3.1, RFC 4719 §2.3.2: $id of %s`)?.sections).toEqual([
    "RFC 3931 §7.3",
    "RFC 3931 §7.3.1",
    "RFC 4719 §2.3.2",
  ]);
  expect(readTitle(`${rfc} Appendix B.2: numbers`)?.sections).toEqual(["RFC 3931 Appendix B.2"]);
  expect(readTitle(`${rfc} says so`)).toBeUndefined();
  expect(readTitle("a pause doubles")).toBeUndefined();
});

test("sections stand in the order of the RFC, appendices last", () => {
  const sections = ["Appendix A", "§10", "§4.10", "§4.2"].map((section) => `RFC 3931 ${section}`);
  const named = [...sections, "RFC 768 §1"].map((section) => ({
    sections: [section],
    claim: "holds",
    file: "test/x.test.ts",
  }));
  const headings = renderCoverage(named).match(/^## .*$/gm);
  expect(headings).toEqual([
    "## RFC 768 §1",
    "## RFC 3931 §4.2",
    "## RFC 3931 §4.10",
    "## RFC 3931 §10",
    "## RFC 3931 Appendix A",
  ]);
});
