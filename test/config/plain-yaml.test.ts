import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDocument } from "yaml";
import { asWritten } from "../../src/config/parse.ts";
import { readPlain } from "../../src/config/plain-yaml.ts";

const read = (text: string) => readPlain(text, asWritten);

test("mappings in blocks and on one line, scalars that cannot be mistaken, and comments are plain", () => {
  const text = `# a file
tunnels:
  branch: # here
    local: 192.0.2.1
    remote: 2001:db8::1

      # deeper
    secret: { file: /etc/wirespan/secret }
    circuit: {interface: eth1.7, vlan: 20 } # flow
    receive_cookie: 0011223344556677
    transmit_cookie: "12e45678"
    hide_avps: false
    name: 'it is'
log: { level: warn }`;
  expect(read(text)).toEqual({
    tunnels: {
      branch: {
        local: "192.0.2.1",
        remote: "2001:db8::1",
        secret: { file: "/etc/wirespan/secret" },
        circuit: { interface: "eth1.7", vlan: 20 },
        receive_cookie: "0011223344556677",
        transmit_cookie: "12e45678",
        hide_avps: false,
        name: "it is",
      },
    },
    log: { level: "warn" },
  });
});

test.each([
  ["nothing", ""],
  ["a key without a value", "a:\nb: 1\n"],
  ["a key without a value at the end", "a: 1\nb:\n"],
  ["a key twice", "a: 1\na: 2\n"],
  ["a key twice on one line", "a: { b: 1, b: 2 }\n"],
  ["null", "a: ~\n"],
  ["a word that is null", "a: Null\n"],
  ["a key that is a boolean", "true: 1\n"],
  ["a fraction", "a: 1.5\n"],
  ["a hexadecimal number", "a: 0x10\n"],
  ["zeros in front", "a: 007\n"],
  ["more digits than are exact", "a: 1234567890123456\n"],
  ["a list", "a: [1]\n"],
  ["a list in a block", "a:\n  - 1\n"],
  ["a mapping in one on one line", "a: { b: { c: 1 } }\n"],
  ["an anchor", "a: &b c\n"],
  ["a tag", "a: !!str c\n"],
  ["a merge key", "<<: { a: 1 }\n"],
  ["an escape", 'a: "\\n"\n'],
  ["a quote in quotes", "a: 'it''s'\n"],
  ["text of two lines", "a: b\n  c\n"],
  ["a key below a scalar", "a: b\n  c: d\n"],
  ["a step between two others", "a:\n    b: 1\n  c: 1\n"],
  ["a first line that is indented", "  a: 1\n"],
  ["a tab", "a:\tb\n"],
  ["a carriage return", "a: b\r\n"],
  ["a document's begin", "---\na: b\n"],
  ["a prototype", "__proto__: { a: 1 }\n"],
])("%s is not plain", (_name, text) => {
  expect(read(text)).toBeUndefined();
});

const scalars = [
  ..."0 1 20 192.0.2.1 2001:db8::1 1:20 a:b deadbeef true false yes on e1 eth0.7 /etc/x a/".split(" "),
  ...['""', '"0"', '"a b # c"', '"a: b"', "''", "'a \"b\"'"],
];
const oddScalars = [
  ..."00 0011223344556677 12e45678 1e5 1.5 1. 0x1 0o7 1.2.3 a: True null ~ . - -1 +1 .nan ::1 1:".split(" "),
  ...['"\\t"', "'it''s'", "*a", "&a b", "|", "{}", "[]", "a b", "a,b", "a#b", "#", "{ a: b }", '"a" b'],
];
const keys = ["a", "b", "c", "d", "e-f", "g.h", "i_j", "receive_cookie", "constructor", "toString"];
const oddKeys = ["null", "true", "1", "<<", '"a"', "a b", "__proto__", "? a", "- a", "a:", "receive_cookie"];

test("what is plain has the value that the package yaml finds: 60 000 texts", () => {
  const spaces = fc.constantFrom("", "", "", "  ", "  ", "    ");
  const lineOf = (keysOfIt: readonly string[], scalarsOfIt: readonly string[]) => {
    const pair = fc
      .tuple(fc.constantFrom(...keysOfIt), fc.constantFrom(...scalarsOfIt))
      .map((both) => both.join(": "));
    const flow = fc
      .uniqueArray(pair, { minLength: 1, maxLength: 3, selector: (text) => text.split(":")[0] })
      .map((pairs) => ` { ${pairs.join(", ")} }`);
    const scalar = fc.constantFrom(...scalarsOfIt).map((text) => ` ${text}`);
    const value = fc.oneof(scalar, scalar, flow, fc.constant(""));
    const comment = fc.constantFrom("", "", "", " # c", "   ");
    return fc
      .tuple(spaces, fc.constantFrom(...keysOfIt), fc.constant(":"), value, comment)
      .map((parts) => parts.join(""));
  };
  const odd = fc.oneof(
    lineOf(keys, oddScalars),
    lineOf(oddKeys, scalars),
    fc.constantFrom("# c", "   # c", "", "c", "---", "- 1", " a: 1", "a:#c", "a: b#c", "a: b #c"),
  );
  const texts = fc
    .tuple(fc.array(lineOf(keys, scalars), { maxLength: 5 }), fc.array(odd, { maxLength: 1 }), fc.nat(5))
    .map(([lines, odds, at]) => [...lines.slice(0, at), ...odds, ...lines.slice(at)]);
  let plain = 0;
  fc.assert(
    fc.property(texts, (lines) => {
      const text = lines.join("\n");
      const found = read(text);
      if (found === undefined) return;
      plain += 1;
      const document = parseDocument(text, { prettyErrors: false, logLevel: "error" });
      expect(document.errors).toEqual([]);
      expect(found).toEqual(withSources(text, document.toJS() as object));
    }),
    { numRuns: 60_000, seed: 20_261_125 },
  );
  expect(plain).toBeGreaterThan(2_000);
});

/** Numbers of the keys whose text counts as it was written, as that text. */
function withSources(text: string, value: object): object {
  const written = parseDocument(text, { schema: "failsafe", logLevel: "error" }).toJS() as object;
  const choose = (parsed: unknown, source: unknown, key: string): unknown => {
    if (typeof parsed !== "object" || parsed === null)
      return asWritten.has(key) && typeof parsed === "number" ? source : parsed;
    return Object.fromEntries(
      Object.entries(parsed).map(([inner, each]) => {
        return [inner, choose(each, (source as Record<string, unknown>)[inner], inner)];
      }),
    );
  };
  return choose(value, written, "") as object;
}
