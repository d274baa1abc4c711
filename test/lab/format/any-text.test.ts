import fc from "fast-check";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { assertProperty } from "../../support/seeds.ts";
import { ownFiles, parsed, wholeTopology } from "../../support/topology-mistakes.ts";

/** A text is a topology or has problems, each with a place in its file; no bug of ours is one of them. */
function expectJudged(text: string): void {
  const { topology, problems } = parsed(text, ownFiles);
  expect(topology === undefined).toBe(problems.length > 0);
  const texts: Readonly<Record<string, string>> = { ...ownFiles, "/lab/own.yaml": text };
  for (const { file, line, column, message } of problems) {
    const lines = texts[file]?.split("\n");
    expect(lines, file).toBeDefined();
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines!.length);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual(lines![line - 1]!.length + 1);
    expect(message).not.toMatch(
      /Cannot |is not a function|is not iterable|undefined|NaN|\[object|Invalid input/,
    );
  }
}

const snippets = [
  "\n",
  "  ",
  "- ",
  ": ",
  "{",
  "}",
  "[",
  "]",
  "'",
  '"',
  "&a ",
  "*a",
  "# ",
  "\t",
  "checks:\n",
  "hosts: ",
  "lcces: { a: ",
  "wirespan: ",
  "null",
  "0",
  "-1",
  "192.0.2.1/24",
  "2001:db8::1/64",
  "dhcp",
  "sites: { a: ",
  "<<: ",
] as const;

test("any text is a topology or has problems with a place inside it", () => {
  const mutated = fc
    .tuple(fc.nat(wholeTopology.length), fc.nat(20), fc.constantFrom(...snippets))
    .map(([at, removed, put]) => wholeTopology.slice(0, at) + put + wholeTopology.slice(at + removed));
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.array(fc.constantFrom(...snippets), { maxLength: 30 }).map((parts) => parts.join("")),
    mutated,
  );
  assertProperty(
    fc.property(texts, (text) => expectJudged(text)),
    { seed: 20_261_129, runs: 600 },
  );
});

/** Values that stand where others should. */
const values = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    70_000,
    "",
    "a",
    "h10",
    "hq",
    "dhcp",
    "10.0.0.1/24",
    [],
    {},
  ),
  fc.constantFrom<unknown>("::1/0", "0.0.0.0/0", "1.2.3.4/32", "fe80::1/64", "__proto__", "constructor"),
  fc.constantFrom<unknown>(
    ["h10", "b10"],
    ["a"],
    [[]],
    [null],
    { a: null },
    { lan: "hq" },
    { file: "./b.yaml" },
  ),
);

/** A place in a value: the way there is chosen by numbers. */
function replaceAt(value: unknown, way: readonly number[], put: unknown, name: string | undefined): void {
  let inner = value as Record<string, unknown>;
  for (const [depth, choice] of way.entries()) {
    const keys = Object.keys(inner);
    const key = keys[choice % Math.max(1, keys.length)];
    const next = key === undefined ? undefined : inner[key];
    const isLast = depth === way.length - 1 || typeof next !== "object" || next === null;
    if (key === undefined || isLast) {
      const at = name ?? key ?? "new";
      Object.defineProperty(inner, at, { value: put, enumerable: true, configurable: true, writable: true });
      return;
    }
    inner = next as Record<string, unknown>;
  }
}

test("a topology with any values in place of others, or more of them, is one or has problems", () => {
  const change = fc.tuple(
    fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }),
    values,
    fc.option(fc.constantFrom("h10", "new", "wirespan", "vlan", "lan", "wan", "__proto__", "7"), {
      nil: undefined,
    }),
  );
  assertProperty(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const topology: unknown = parse(wholeTopology);
      for (const [way, put, name] of changes) replaceAt(topology, way, put, name);
      expectJudged(stringify(topology, { aliasDuplicateObjects: false }));
    }),
    { seed: 20_261_130, runs: 600 },
  );
});
