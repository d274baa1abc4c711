import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  deadFiles,
  forbidden,
  importCycles,
  importersOf,
  impurities,
  longFiles,
  longFunctions,
  namesIn,
  packagesAtOnce,
  readSources,
  type SourceFile,
  sharedNames,
  strip,
  wrongCitations,
  wrongImports,
  wrongPackages,
} from "./support/architecture.ts";
import { longLines, readText, readTexts, replacedWords } from "./support/text-rules.ts";

/**
 * TABLE: what each layer may import besides itself. This table is the architecture: imports go downward only.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  bytes: [],
  "environment.ts": [],
  bpf: ["bytes"],
  wire: ["bytes", "environment.ts"],
  os: ["bpf", "wire", "bytes", "environment.ts"],
  control: ["wire", "bytes", "environment.ts"],
  config: ["wire", "bytes"],
  "other-ends": ["config", "wire", "bytes"],
  forwarding: ["wire", "bytes", "environment.ts"],
  "forwarding/psn": ["forwarding", "os", "wire", "bytes", "environment.ts"],
  "forwarding/userspace": ["forwarding", "os", "wire", "bytes", "environment.ts"],
  "forwarding/ebpf/programs": ["forwarding", "bpf", "wire", "bytes", "environment.ts"],
  "forwarding/ebpf/plane": [
    "forwarding/ebpf/programs",
    "forwarding",
    "bpf",
    "os",
    "wire",
    "bytes",
    "environment.ts",
  ],
  capture: ["config", "os", "wire", "bytes"],
  daemon: [
    "capture",
    "config",
    "control",
    "forwarding",
    "forwarding/psn",
    "forwarding/userspace",
    "forwarding/ebpf/plane",
    "os",
    "wire",
    "bytes",
    "environment.ts",
  ],
  doctor: ["daemon", "config", "os", "bytes"],
  lab: [
    "daemon",
    "capture",
    "config",
    "control",
    "forwarding",
    "forwarding/ebpf/programs",
    "os",
    "bpf",
    "wire",
    "bytes",
  ],
  cli: [
    "other-ends",
    "lab",
    "doctor",
    "daemon",
    "capture",
    "config",
    "control",
    "forwarding/userspace",
    "forwarding",
    "os",
    "wire",
    "bytes",
    "environment.ts",
  ],
  "index.ts": ["bpf", "config", "control", "forwarding", "wire", "bytes", "environment.ts"],
};

/** TABLE: which packages a layer, or one file, may use. Absent means none. */
const mayUse: Readonly<Record<string, readonly string[]>> = {
  os: ["*"],
  daemon: ["*"],
  doctor: ["node:net", "node:path", "node:timers/promises", "node:url"],
  capture: ["*"],
  lab: ["*"],
  cli: ["*"],
  config: ["yaml", "zod"],
  "other-ends": ["yaml"],
  "forwarding/psn": ["node:net"],
  "forwarding/userspace": ["node:worker_threads", "node:net"],
  "forwarding/ebpf/plane": ["node:crypto", "node:path", "node:net"],
  // Hashes are computed, nothing else: the same octets always give the same digest.
  "wire/message-digest.ts": ["node:crypto"],
  "wire/hidden-avp.ts": ["node:crypto"],
};

/** TABLE: native packages, and the one file that imports each. */
const onlyImporters: Readonly<Record<string, string>> = {
  koffi: "os/libc.ts",
  netlink: "os/netlink-watch.ts",
  "raw-socket": "os/ip-control-socket.ts",
  pcap: "os/capture-file.ts",
};

/** The file that may import node:fs, but for those of the lab. */
const filesCaller = "os/files.ts";

/** Layers that know no clock, no chance and no process. */
const pure = [
  "bytes",
  "environment.ts",
  "bpf",
  "wire",
  "control",
  "config",
  "other-ends",
  "forwarding",
  "forwarding/ebpf/programs",
  "index.ts",
];

/** Where execution begins; workers and programs that a file starts are found by the URLs that name them. */
const roots = [
  "cli/main.ts",
  // Loaded by cli/main.ts once it hears signals.
  "cli/command-line.ts",
  "index.ts",
  // Makes docs/configuration.md and the JSON Schema, in test/config/reference.test.ts.
  "config/reference.ts",
  // Makes the reference in docs/lab.md and the JSON Schema, in test/lab/format/reference.test.ts.
  "lab/format/reference.ts",
  // What is on links: of no lab yet.
  "lab/links/link-control.ts",
];

/** TABLE: files whose functions may be longer, and how long. */
const longer: Readonly<Record<string, number>> = {
  // A list of commands, one statement each.
  "cli/commands/lab.ts": 70,
};

/** TABLE: files that drop a rejection, or an error of any kind, and where it is told instead. */
const mayDrop: Readonly<Record<string, string>> = {
  "bytes/serial-queue.ts": "the caller has the promise",
  "forwarding/stack.ts": "the caller has a promise that awaits it",
  "daemon/run.ts": "whoever waits for the value",
  "cli/main.ts": "the command line does the same again",
};

/** TABLE: words that were replaced, and by which ones: those of the RFCs, the kernel and the trade. */
const replaced: Readonly<Record<string, string>> = {
  Carriage: "SessionInstall",
  Ground: "PlaneResources",
  Subject: "SessionBinding",
  KernelPlane: "EbpfPlane",
  Ways: "PeerRoute",
  WayToPeer: "PeerRoute",
  ProgramShop: "ProgramCache",
  ProgramOrder: "ProgramSpec",
  Inheritance: "WarmRestart",
  inherited: "adopted",
  cable: "veth pair",
  cables: "veth pairs",
  twin: "peer end",
  twins: "peer ends",
  standIn: "proxyInterface",
  standIns: "proxyInterfaces",
  detour: "exception path",
  detours: "exception path",
  cutter: "segmenter",
  cutters: "segmenters",
  superFrame: "gsoPacket",
  superFrames: "gsoPackets",
  "super-frame": "GSO packet",
  "super-frames": "GSO packets",
  Charges: "CounterWriter",
  CircuitSide: "CircuitReceiver",
  PeerSide: "PsnReceiver",
  CircuitOutlet: "CircuitSender",
  PeerOutlet: "PsnSender",
  takeAll: "processMessage",
  openSecret: "checkCookieAndSublayer",
  uncover: "stripOuterHeaders",
  disguise: "markAsGre",
  pretendIp: "markAsIpv4",
  Envelope: "MessageProtection",
  wishes: "requestedAvps",
  isSilent: "hasNoConnections",
  isHeard: "isDrained",
  sayGoodbye: "drain",
  goodbye: "StopCCN",
  LifeSigns: "PeerActivity",
  BpfLack: "MissingFeature",
  Complaint: "Issue",
  checkSound: "checkValidParts",
  CircuitAttachment: "AttachmentCircuit",
  ForwardingPlane: "PlaneStack",
  Carrier: "ForwardedBy",
  SessionTransport: "SessionConnection",
  SessionRequest: "CallMessage",
  checkStart: "checkSccrqOrSccrp",
  introductionOf: "openingAvpsFor",
  MessageTable: "MmsghdrTable",
  BpfPort: "KernelBpf",
};

const rfcs = JSON.parse(readFileSync(new URL("support/rfc-sections.json", import.meta.url), "utf8"));
const sources = readSources();

/** A file that breaks a rule, to show that the rule can fail. */
function bad(path: string, text: string): readonly SourceFile[] {
  return [{ path, text }];
}

describe("imports go downward only", () => {
  test("in src", () => {
    expect(wrongImports(sources, mayImport)).toEqual([]);
  });

  test("the table has a row for each layer, names no other, and has no cycle", () => {
    const layers = Object.keys(mayImport);
    for (const [index, layer] of layers.entries()) {
      for (const lower of mayImport[layer] ?? [])
        expect(layers.slice(0, index), `${layer} -> ${lower}`).toContain(lower);
    }
  });

  test("docs/architecture.md has the same table", () => {
    const [, section = ""] = readText("docs/architecture.md").text.split("\n## Layers\n");
    const [table = ""] = section.split("\n## ");
    const rows = [...table.matchAll(/^\| `([^`]+)` \|[^|]*\|([^|]*)\|$/gm)];
    const named = (text = "") => [...text.matchAll(/`([^`]+)`/g)].map(([, layer]) => layer);
    expect(Object.fromEntries(rows.map(([, layer, lower]) => [layer, named(lower)]))).toEqual(mayImport);
  });

  test.each([
    ["wire/a.ts", 'import { x } from "../control/b.ts";'],
    ["wire/a.ts", 'import type { X } from "../os/b.ts";'],
    ["bpf/a.ts", 'import { x } from "../wire/b.ts";'],
    ["control/a.ts", 'export { x } from "../forwarding/plane.ts";'],
    ["forwarding/a.ts", 'import { x } from "./userspace/b.ts";'],
    ["forwarding/ebpf/programs/a.ts", 'import { x } from "../../userspace/b.ts";'],
    ["config/a.ts", 'const late = await import("../os/b.ts");'],
    ["daemon/a.ts", 'import "../cli/main.ts";'],
    ["bytes/a.ts", 'import {\n  x,\n  y,\n} from "../wire/b.ts";'],
    ["elsewhere/a.ts", ""],
  ])("%s with %s would fail", (path, text) => {
    expect(wrongImports(bad(path, text), mayImport).length).toBe(1);
  });

  test("what comments and strings say is no import", () => {
    const text =
      '// import "../os/b.ts"\n/* export * from "../os/b.ts" */\nconst s = \'import "../os/b.ts"\';';
    expect(wrongImports(bad("wire/a.ts", text), mayImport)).toEqual([]);
  });

  test("the reader of imports finds those of this project", () => {
    const all = sources.flatMap((file) => namesIn(file).files);
    expect(all.length).toBeGreaterThan(200);
    const paths = new Set(sources.map(({ path }) => path));
    expect(all.filter((path) => !paths.has(path))).toEqual([]);
  });
});

describe("packages are used where the table says", () => {
  test("in src", () => {
    expect(wrongPackages(sources, mayUse)).toEqual([]);
  });

  test.each([
    ["control/a.ts", 'import { randomBytes } from "node:crypto";'],
    ["wire/avp.ts", 'import { createHmac } from "node:crypto";'],
    ["config/a.ts", 'import { readFileSync } from "node:fs";'],
    ["forwarding/a.ts", 'import koffi from "koffi";'],
    ["forwarding/userspace/a.ts", 'import koffi from "koffi";'],
    ["index.ts", 'export * from "yaml";'],
  ])("%s with %s would fail", (path, text) => {
    expect(wrongPackages(bad(path, text), mayUse).length).toBe(1);
  });
});

describe("each native package is imported by one file", () => {
  test.each(Object.entries(onlyImporters))("%s by %s", (name, path) => {
    expect(importersOf(sources, name)).toEqual([path]);
  });

  test.each([
    'import netlink from "netlink";',
    'import { type RawNetlinkSocket } from "netlink";',
    'const late = await import("netlink");',
  ])("another one with %s would fail", (text) => {
    expect(importersOf(bad("os/a.ts", text), "netlink")).toEqual(["os/a.ts"]);
  });
});

describe("node:fs is called where its errors become SystemError, and node:os within attempt()", () => {
  const fs = /^(?:node:)?fs(?:\/promises)?$/;
  /** Files of the daemon and the command line that import node:fs. */
  const callers = (files: readonly SourceFile[]) =>
    files
      .filter(({ path }) => !path.startsWith("lab/"))
      .filter((file) => namesIn(file).packages.some((name) => fs.test(name)))
      .map(({ path }) => path);
  /** Functions of node:os and of the process that ask the kernel. */
  const asking = /(?<!attempt\([^;]*)\b(?:networkInterfaces|hostname|userInfo|process\.chdir)\(/;

  test("in src", () => {
    expect(callers(sources)).toEqual([filesCaller]);
    const others = sources.filter(({ path }) => path !== filesCaller && !path.startsWith("lab/"));
    expect(forbidden(others, asking)).toEqual([]);
  });

  test.each([
    'import { readFileSync } from "node:fs";',
    'import * as fs from "fs";',
    'import { readFile } from "node:fs/promises";',
    'const { statSync } = await import("node:fs");',
  ])("another file with %s would fail", (text) => {
    expect(callers(bad("os/a.ts", text))).toEqual(["os/a.ts"]);
    expect(callers(bad("daemon/a.ts", text))).toEqual(["daemon/a.ts"]);
  });

  test.each(["const name = hostname();", "const all = networkInterfaces();"])("%s would fail", (line) => {
    expect(forbidden(bad("daemon/a.ts", line), asking).length).toBe(1);
  });

  test('attempt("read the host name", "this machine", hostname) is in order', () => {
    const line = 'return attempt("read the host name", "this machine", hostname);';
    expect(forbidden(bad("daemon/a.ts", line), asking)).toEqual([]);
  });
});

test("the daemon never loads pcap, which is optional: only reading captures does", () => {
  const withoutDaemon = deadFiles(sources, ["daemon/run.ts"]);
  expect(withoutDaemon).toContain("os/capture-file.ts");
  expect(withoutDaemon).not.toContain("os/netlink-watch.ts");
  const imported = sources.filter(({ path }) => path === "os/capture-file.ts").map(({ text }) => strip(text));
  expect(imported.join("\n")).toMatch(/await import\(/);
});

describe("no clock, no chance, no process where everything is a function", () => {
  test("in src", () => {
    expect(impurities(sources, pure)).toEqual([]);
  });

  test.each([
    "Date.now()",
    "new Date()",
    "performance.now()",
    "Math.random()",
    "setTimeout(f, 1)",
    "process.env.X",
    "crypto.getRandomValues(x)",
  ])("%s would fail", (call) => {
    expect(impurities(bad("control/a.ts", `const x = ${call};`), pure).length).toBe(1);
    expect(impurities(bad("daemon/a.ts", `const x = ${call};`), pure)).toEqual([]);
    expect(impurities(bad("control/a.ts", `// ${call}\nconst s = "${call}";`), pure)).toEqual([]);
  });
});

describe("chance in a test comes from a seed that its failure names", () => {
  /** The one that gives seeds, and this one, which writes down what is wrong. */
  const exempt = ["support/seeds.ts", "architecture.test.ts"];
  const tests = readSources("test").filter(({ path }) => !exempt.includes(path));
  const seedless = new RegExp(
    [
      String.raw`\bMath\.random\b`,
      String.raw`\b(?:randomBytes|randomFill|randomInt|randomUUID|getRandomValues)`,
      String.raw`\bfc\s*\.\s*(?:assert|check|sample|statistics|configureGlobal)\b`,
    ].join("|"),
  );
  /** Files that import fast-check by another name, so that the pattern would not see what they call. */
  const renamed = (files: readonly SourceFile[]) =>
    files
      .filter((file) => namesIn(file).packages.includes("fast-check"))
      .filter(({ text }) => !/^import fc from "fast-check";$/m.test(text))
      .map(({ path }) => path);

  test("in test", () => {
    expect(renamed(tests)).toEqual([]);
    expect(importersOf(tests, "fast-check").length).toBeGreaterThan(10);
    expect(forbidden(tests, seedless)).toEqual([]);
  });

  test.each([
    "const number = Math.random();",
    'import { randomBytes } from "node:crypto";',
    "crypto.getRandomValues(octets);",
    "fc.assert(property, { seed: 1 });",
    "await fc.assert(property);",
    "const [value] = fc.sample(values);",
  ])("%s would fail", (line) => {
    expect(forbidden(bad("wire/a.test.ts", line), seedless).length).toBe(1);
  });

  test("an import of fast-check by another name would fail", () => {
    expect(renamed(bad("wire/a.test.ts", 'import { assert } from "fast-check";'))).toEqual([
      "wire/a.test.ts",
    ]);
    expect(renamed(bad("wire/a.test.ts", 'import fc from "fast-check";'))).toEqual([]);
  });

  test.each([
    "assertProperty(fc.property(fc.integer(), run), { seed: 1 });",
    "const random = new SeededRandom(1);",
  ])("%s is in order", (line) => {
    expect(forbidden(bad("wire/a.test.ts", line), seedless)).toEqual([]);
  });
});

describe("errors are told apart by class and errno, never by text", () => {
  const error = "(?:error|cause|problem|reason|refusal)";
  const text = String.raw`(?:\bString\(${error}\)|\bmessageOf\(|[\w)]\.message\b)`;
  const search = String.raw`\s*\.\s*(?:includes|startsWith|endsWith|match|matchAll|search|indexOf)\(`;
  const sniffing = new RegExp(
    [
      String.raw`${text}[\w)]*${search}`,
      String.raw`\.(?:test|exec)\(\s*(?:${text}|\(?[\w. ]+\)?\.message\b)`,
      String.raw`\b${error}\.message\s*(?:===|!==)`,
    ].join("|"),
  );

  test("in src", () => {
    expect(forbidden(sources, sniffing)).toEqual([]);
  });

  test.each([
    'if (error.message.includes("EPERM")) {}',
    'const errno = /E[A-Z]+/.exec(String(error))?.[0] ?? "EIO";',
    'const errno = /not permitted/i.test(String(cause)) ? "EPERM" : "EIO";',
    "const errno = /E/.exec(error.message);",
    "const errno = /E/.exec((error as Error).message);",
    "const errno = messageOf(error).match(/E/);",
    'if (messageOf(error).startsWith("no such")) {}',
    'if (String(error).includes("EPERM")) {}',
    'if (error.message === "no such process") {}',
  ])("%s would fail", (line) => {
    expect(forbidden(bad("os/a.ts", line), sniffing).length).toBe(1);
  });

  test.each([
    "const [first] = messageOf(error).split(NEWLINE);",
    "return { offset, message: firstLine(message) };",
    "const kind = /^vlan/.test(String(node.type));",
  ])("%s is in order", (line) => {
    expect(forbidden(bad("os/a.ts", line), sniffing)).toEqual([]);
  });
});

describe("errors are caught by their kind, and no promise is dropped", () => {
  const anything = /\bcatch \{|\.catch\(\(\) =>/;

  test("in src", () => {
    const files = sources.filter((file) => forbidden([file], anything).length > 0).map(({ path }) => path);
    expect(files.toSorted()).toEqual(Object.keys(mayDrop).toSorted());
  });

  test.each(["try {\n  f();\n} catch {\n}", "f().catch(() => undefined);", "f().catch(() => {});"])(
    "%j would fail",
    (text) => {
      expect(forbidden(bad("daemon/a.ts", text), anything).length).toBe(1);
    },
  );

  test.each(["f().catch(ignoreOperational);", "try {\n  f();\n} catch (error) {\n  ignoreErrno(error);\n}"])(
    "%j is in order",
    (text) => {
      expect(forbidden(bad("daemon/a.ts", text), anything)).toEqual([]);
    },
  );
});

describe("lines end at 110 columns", () => {
  test.each(["src", "lab", "packaging", "examples", "test"])("in %s", (folder) => {
    expect(longLines(readTexts([folder], [".ts", ".mjs", ".cjs", ".sh", ".yaml"]))).toEqual([]);
  });

  test("in files beside them", () => {
    const beside = [
      "vitest.config.ts",
      ".ci/run",
      "packaging/wirespan.service",
      "packaging/wirespan@.service",
    ];
    const guests = ["lab/guest/guest-start", "lab/guest/initramfs-init"];
    expect(longLines([...beside, ...guests].map(readText))).toEqual([]);
  });

  test("a line of 111 would fail", () => {
    expect(longLines(bad("src/a.ts", `\n${"x".repeat(110)}\n`))).toEqual([]);
    expect(longLines(bad("src/a.ts", `\n${"x".repeat(111)}\n`))).toEqual(["src/a.ts:2: 111 columns"]);
  });
});

describe("words that were replaced are gone", () => {
  test.each(["src", "lab", "packaging", "examples", "test"])("in %s", (folder) => {
    const files = readTexts([folder], [".ts", ".mjs", ".cjs", ".sh", ".yaml"]);
    // This file has the table of those words.
    const others = files.filter(({ path }) => path !== "test/architecture.test.ts");
    expect(replacedWords(others, replaced)).toEqual([]);
  });

  // Decisions and changes tell of the time when they were made.
  test("in documents", () => {
    const documents = readTexts(["docs"], [".md", ".json"]).filter(
      ({ path }) => !path.startsWith("docs/adr/"),
    );
    const others = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(readText);
    expect(documents.length).toBeGreaterThan(10);
    expect(replacedWords([...documents, ...others], replaced)).toEqual([]);
  });

  test.each([
    ["/** Cuts a super-frame. */", '"super-frame" is "GSO packet" now'],
    ["class CircuitSide {}", '"CircuitSide" is "CircuitReceiver" now'],
    ["const { standIns } = device;", '"standIns" is "proxyInterfaces" now'],
  ])("%s would fail", (text, problem) => {
    expect(replacedWords(bad("src/a.ts", text), replaced)).toEqual([`src/a.ts:1: ${problem}`]);
  });

  test.each(["// Background of a subject", "const twinkle = underground;", "// a cable-stayed bridge"])(
    "%s is in order",
    (text) => {
      expect(replacedWords(bad("src/a.ts", text), replaced)).toEqual([]);
    },
  );
});

describe("each decision has a number of its own, which its title has too", () => {
  /** Decisions whose number in name or title is not that of their position. */
  function misnumbered(decisions: readonly SourceFile[]): readonly string[] {
    return decisions.flatMap(({ path, text }, index) => {
      const numbers = [/\/(\d{4})-[^/]*$/.exec(path)?.[1], /^# (\d+)\. /.exec(text)?.[1]].map(Number);
      return numbers.every((number) => number === index + 1) ? [] : [path];
    });
  }

  test("in docs/adr", () => {
    expect(misnumbered(readTexts(["docs/adr"], [".md"]))).toEqual([]);
  });

  test("a number that two have, and a title with another number, would fail", () => {
    const first = { path: "docs/adr/0001-a.md", text: "# 1. A\n" };
    const again = { path: "docs/adr/0001-b.md", text: "# 1. B\n" };
    const third = { path: "docs/adr/0003-c.md", text: "# 2. C\n" };
    expect(misnumbered([first, again, third])).toEqual([again.path, third.path]);
  });
});

describe("identifiers in the glossary are in the code", () => {
  const code = sources.map(({ text }) => text).join("\n");

  /** The identifiers, keys and options of the second column that `text` does not have. */
  function unknown(glossary: string, text: string): readonly string[] {
    const cells = glossary.split("\n").map((line) => line.split("|")[2] ?? "");
    const names = cells.flatMap((cell) => [...cell.matchAll(/`([-\w]+)/g)].map(([, name = ""]) => name));
    return names.filter((name) => !new RegExp(`(?<!\\w)${name}\\b`).test(text));
  }

  test("all of them", () => {
    const { text } = readText("docs/glossary.md");
    expect(text.match(/^\|/gm)?.length).toBeGreaterThan(20);
    expect(unknown(text, code)).toEqual([]);
  });

  test("one that is not there would fail", () => {
    const row = "| AVP | `Avp`, `avpTable`, `hand-over` | attribute-value pair |";
    expect(unknown(row, 'export const avpTable = { avp: "hand-over" };')).toEqual(["Avp"]);
  });
});

describe("exports have names", () => {
  const nameless = /\bexport\s+default\b|\bas default\b/;

  test("in src", () => {
    expect(forbidden(sources, nameless)).toEqual([]);
  });

  test.each(["export default function f() {}", "export { f as default };"])("%s would fail", (text) => {
    expect(forbidden(bad("wire/a.ts", text), nameless).length).toBe(1);
  });
});

describe("what files export has names of its own", () => {
  test("in src", () => {
    expect(sharedNames(sources)).toEqual([]);
  });

  test.each([
    ["export class Circuit {}", "export type Circuit = string;"],
    ["export function Circuit() {}", "export async function Circuit() {}"],
    ["export const Circuit = 1;", "export interface Circuit {}"],
    ["export abstract class Circuit {}", "export function* Circuit() {}"],
  ])("%s and %s would fail", (first, second) => {
    const files = [...bad("os/a.ts", first), ...bad("daemon/b.ts", second)];
    expect(sharedNames(files)).toEqual(["Circuit: os/a.ts, daemon/b.ts"]);
  });

  test("what is not exported would not fail, nor a type and a constant of one file", () => {
    const both = bad("os/a.ts", "export const Circuit = {};\nexport type Circuit = string;");
    expect(sharedNames([...both, ...bad("daemon/b.ts", "interface Circuit {}")])).toEqual([]);
  });
});

describe("files have at most 400 lines, functions at most 60; tables may be longer", () => {
  const filler = (lines: number) => "    x();\n".repeat(lines);

  test("files of src", () => {
    expect(longFiles(sources)).toEqual([]);
  });

  test("functions of src", () => {
    expect(longFunctions(sources, longer)).toEqual([]);
  });

  test("a file of 401 lines would fail, a table would not", () => {
    expect(longFiles(bad("wire/a.ts", "x\n".repeat(400)))).toEqual([]);
    expect(longFiles(bad("wire/a.ts", "x\n".repeat(401)))).toEqual(["wire/a.ts: 401 lines"]);
    expect(longFiles(bad("wire/avp-table.ts", "x\n".repeat(401)))).toEqual([]);
    expect(longFiles(bad("config/fields.ts", "x\n".repeat(401)))).toEqual([]);
  });

  test.each([
    ["export function f(): void {\n", "}\n"],
    ["async function f(\n  a: number,\n): Promise<{ b: number }> {\n", "}\n"],
    ["const f = (a: number) => {\n", "};\n"],
    ["call(1, async () => {\n", "});\n"],
    ["class A {\n  get #b(): number {\n", "  }\n}\n"],
    ["class A {\n  static async method<T>(a: T): Promise<void> {\n", "  }\n}\n"],
    ["class A {\n  constructor(\n    a: number,\n  ) {\n", "  }\n}\n"],
  ])("%j and 61 lines in all would fail", (begin, end) => {
    const extra = begin.split("\n").length - 1 + 1 - (begin.startsWith("class") ? 1 : 0);
    expect(longFunctions(bad("wire/a.ts", begin + filler(60 - extra) + end))).toEqual([]);
    expect(longFunctions(bad("wire/a.ts", begin + filler(61 - extra) + end)).length).toBe(1);
  });

  test("a long block that is no function is none", () => {
    for (const begin of [
      "export class A {\n",
      "interface A {\n",
      "const a = {\n",
      "if (f(1)) {\n",
      "for (const a of b()) {\n",
    ]) {
      expect(longFunctions(bad("wire/a.ts", `${begin}${filler(80)}}\n`)), begin).toEqual([]);
    }
  });
});

describe("no file leads back to itself by its imports, those of types included", () => {
  test("in src", () => {
    expect(importCycles(sources)).toEqual([]);
  });

  test("two files that import types of each other would fail, and so would a chain of three", () => {
    const a = { path: "wire/a.ts", text: 'import type { B } from "./b.ts";' };
    const b = { path: "wire/b.ts", text: 'import type { A } from "./a.ts";\nimport "./c.ts";' };
    const c = { path: "wire/c.ts", text: "" };
    expect(importCycles([a, b, c])).toEqual(["wire/a.ts <-> wire/b.ts"]);
    const chain = { path: "wire/c.ts", text: 'import { a } from "./a.ts";' };
    const toC = { path: "wire/b.ts", text: 'import type { C } from "./c.ts";' };
    expect(importCycles([a, toC, chain])).toEqual(["wire/a.ts <-> wire/b.ts <-> wire/c.ts"]);
  });
});

describe("no file is dead", () => {
  test("in src", () => {
    expect(deadFiles(sources, roots)).toEqual([]);
  });

  test("a file that nothing leads to would fail, a worker named by its URL would not", () => {
    const main = { path: "cli/main.ts", text: 'import "../daemon/a.ts";' };
    const a = { path: "daemon/a.ts", text: 'new Worker(new URL("worker.js", import.meta.url));' };
    const worker = { path: "daemon/worker.ts", text: "" };
    const dead = { path: "daemon/dead.ts", text: 'import "./a.ts";' };
    expect(deadFiles([main, a, worker, dead], roots)).toEqual(["daemon/dead.ts"]);
  });
});

describe("every section that is cited exists", () => {
  test("in src", () => {
    expect(wrongCitations(sources, rfcs)).toEqual([]);
  });

  test.each([
    ["/** (RFC 3931 §5.4.6) */", "RFC 3931 has no section 5.4.6"],
    ["// RFC 3931 §4.2, §4.9", "RFC 3931 has no section 4.9"],
    ["// RFC 4719 §2.1, RFC 3931 §13", "RFC 3931 has no section 13"],
    ["/** a line (RFC 3931\n * §4.8) */", "RFC 3931 has no section 4.8"],
    ['const why = "clears the connection (§7.6)";', "RFC 3931 has no section 7.6"],
    ["// RFC 3931 §IV", "not a section: §IV"],
    ["// RFC 3931 § 4.2", "not a section: § 4.2"],
    ["/** RFC 3931 Appendix D */", "RFC 3931 has no appendix D"],
    ['const row = { section: "6.16" };', "RFC 3931 has no section 6.16"],
  ])("%s would fail", (text, problem) => {
    expect(wrongCitations(bad("wire/a.ts", text), rfcs)).toEqual([`wire/a.ts: ${problem}`]);
  });

  test.each([
    "// RFC 3931 §5.4.4, §7.1 and Appendix C.",
    "/** (RFC 4719 §2.3.9) */",
    "// See RFC 3931 §4.2.",
    "// RFC 3931 §7.3.1: sender",
  ])("%s is in order", (text) => {
    expect(wrongCitations(bad("wire/a.ts", text), rfcs)).toEqual([]);
  });
});

test("codeOf leaves out comments, strings, templates and patterns, and keeps lines and divisions", () => {
  const text = 'a; // b\n/* c\n */ "d" + `e\n$f` + x.match(/g"h/) / i / j; // k';
  expect(strip(text).replace(/ +/g, " ")).toBe("a; \n \n + \n + x.match( ) / i / j; ");
});

describe("no command waits for packages of another", () => {
  test("the command line loads commander alone before it knows which command it is", () => {
    const packages = packagesAtOnce(sources, "cli/command-line.ts");
    expect(packages.filter((name) => !name.startsWith("node:"))).toEqual(["commander"]);
  });

  test("what is imported by a file that is imported counts, types and import() do not", () => {
    const files = [
      { path: "cli/a.ts", text: 'import { b } from "./b.ts";\nimport type { C } from "c";\n' },
      { path: "cli/b.ts", text: 'import { d } from "d";\nconst late = () => import("e");\n' },
    ];
    expect(packagesAtOnce(files, "cli/a.ts")).toEqual(["d"]);
  });
});
