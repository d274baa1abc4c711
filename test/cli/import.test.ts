import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/run-command.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-import-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const importFile = (...words: readonly string[]) => runCommand("import", ...words);

test("a script is read, and what is left out is told with file and line", async () => {
  const path = join(folder, "tunnels.sh");
  writeFileSync(
    path,
    "ip l2tp add tunnel tunnel_id 1 local 192.0.2.1 remote 192.0.2.2\n" +
      "ip l2tp add session tunnel_id 1 session_id 3 peer_session_id 4\necho done\n",
  );
  const { out, error, code } = await importFile(path);
  expect([code, error]).toEqual([undefined, `${path}:3  not taken over: echo done: no command of ip l2tp\n`]);
  expect(out).toContain("local_session_id: 3\n");
});

test("with something missing that a tunnel needs the exit code is 1", async () => {
  const path = join(folder, "empty.sh");
  writeFileSync(path, "echo nothing\n");
  const { out, error, code } = await importFile(path);
  expect([out, code]).toEqual(["", 1]);
  expect(error).toContain("is none of ip-json, cisco-ios, vyos, ip-script: say which by --from (needed)");
});

test("a file that is not there is named", async () => {
  await expect(importFile(join(folder, "absent"))).rejects.toThrow(/read a file: ENOENT \(.*absent/);
});
