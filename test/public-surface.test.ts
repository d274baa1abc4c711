import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PublicSurface } from "./support/public-surface.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const file = join(root, "test/public-surface.txt");
const folder = mkdtempSync(join(tmpdir(), "wirespan-surface-"));
const surface = new PublicSurface(folder);

beforeAll(() => {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const declarations = ["--declaration", "--emitDeclarationOnly", "--incremental", "false"];
  const options = ["-p", "tsconfig.build.json", ...declarations, "--sourceMap", "false", "--outDir", folder];
  execFileSync(process.execPath, [compiler, ...options, "--tsBuildInfoFile", "null"], { cwd: root });
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true }));

function text(): string {
  const declarations = [...surface.exported("index.d.ts")].map(
    ([name, { file: source, text: declaration }]) => `// ${name}, of ${source}\n${declaration}\n`,
  );
  return `The public surface of the package, made by \`npm run docs\`:
a change here is one for users of the library.

${declarations.sort().join("\n")}`;
}

test("the public declarations are those of test/public-surface.txt", () => {
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, text());
  expect(readFileSync(file, "utf8")).toBe(text());
});

test("every type that an exported declaration uses is exported", () => {
  // It makes the types of a configuration from the rows of its keys.
  expect(surface.unnamed("index.d.ts", new Set(["FieldsOf"]))).toEqual([]);
});

test("the LCCE shows eight members and nothing of its inside", () => {
  const declaration = surface.exported("index.d.ts").get("Lcce")?.text ?? "";
  const members = [...declaration.matchAll(/^ {4}(?:get )?(\w+)\(/gm)].map(([, member]) => member);
  expect(members).toEqual([
    "constructor",
    "handle",
    "expire",
    "deadlineMs",
    "hasNoConnections",
    "isDrained",
    "overview",
    "peerOf",
    "snapshot",
  ]);
});
