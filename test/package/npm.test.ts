import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeMajors, nodeOf } from "../../packaging/nodes.ts";
import { run } from "../../src/lab/command.ts";
import { linkType, pcapFile } from "../support/captures.ts";
import { packageFile } from "../support/packages.ts";

/** What npm calls, and no compiler among them. */
const tools = ["sh", "env"];
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-npm-"));
  mkdirSync(join(folder, "tools"));
  const { stdout } = await run(["which", ...tools]);
  for (const path of stdout.trim().split("\n"))
    symlinkSync(path, join(folder, "tools", path.replace(/.*\//, "")));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** npm's own program, which any Node runs. */
async function npm(): Promise<string> {
  const { stdout } = await run(["npm", "root", "--global"]);
  return join(stdout.trim(), "npm/bin/npm-cli.js");
}

describe.each(nodeMajors)("with Node %i", (major) => {
  const prefix = () => join(folder, String(major));
  const node = nodeOf(major);
  const programs = () => [dirname(node.path), join(prefix(), "bin")];
  const withPath = (folders: readonly string[], command: readonly string[]) =>
    run(["env", `PATH=${[...programs(), ...folders].join(":")}`, ...command], { timeoutMs: 120_000 });
  const within = (...command: readonly string[]) => withPath([`${process.env["PATH"]}`], command);

  test("npm installs the package without a compiler", async () => {
    const options = ["--global", `--prefix=${prefix()}`, "--no-audit", "--no-fund"];
    const words = ["node", await npm(), "install", ...options, packageFile(".tgz")];
    const { stderr } = await withPath([join(folder, "tools")], words);
    // npm's own that it would rather be newer aside.
    expect(stderr.replace(/^npm notice.*\n/gm, "")).toBe("");
    const { version } = (await import("../../package.json", { with: { type: "json" } })).default;
    expect((await within("wirespan", "--version")).stdout).toBe(`${version}\n`);
  });

  test("two of its daemons over IP protocol 115 bridge, on both planes", async () => {
    for (const plane of ["userspace", "ebpf"]) {
      const { stdout } = await within("wirespan", "lab", "test", "ip115", "--plane", plane);
      expect(stdout).toMatch(/^\d+ checks passed$/m);
    }
  });

  test("captures are read", async () => {
    const capture = join(folder, "one.pcap");
    writeFileSync(capture, pcapFile(linkType.ethernet, [{ octets: new Uint8Array(60) }]));
    expect(await within("wirespan", "decode", capture)).toMatchObject({ stderr: "", status: 0 });
  });

  test("the library is there, with its types", async () => {
    const library = join(prefix(), "lib/node_modules/wirespan/dist/index.js");
    const { stdout } = await within(
      "node",
      "-e",
      `import("${library}").then((all) => console.log("parseConfig" in all))`,
    );
    expect(stdout).toBe("true\n");
  });
});
