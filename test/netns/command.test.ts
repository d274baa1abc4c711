import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import { wirespan } from "../support/lab.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-command-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the daemon where raw-socket's add-on cannot be found. */
const addOnMissing = `node --require ${fileURLToPath(new URL("../support/without-add-on.cjs", import.meta.url))} ${fileURLToPath(
  new URL("../../dist/cli/main.js", import.meta.url),
)} run -c ${fileURLToPath(new URL("../../examples/minimal.yaml", import.meta.url))}`;

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("the command line", () => {
  test("help names every command with examples and exit codes", async () => {
    const { stdout, status } = await wirespan("--help");
    expect(status).toBe(0);
    for (const word of ["run", "check", "status", "reload", "decode", "lab", "Examples:", "Exit codes:"]) {
      expect(stdout).toContain(word);
    }
  });

  test("wrong usage exits 2 and names what is wrong", async () => {
    const { status, stderr } = await wirespan("stat");
    expect(status).toBe(2);
    expect(stderr).toContain("status");
  });

  test("check tells every problem at once, with file, line and column, and exits 3", async () => {
    const path = file(
      "bad.yaml",
      "tunnels:\n  x:\n    local: 192.0.2.300\n    remot: 192.0.2.2\n    cookie: 8\n",
    );
    const { status, stderr } = await wirespan("check", path);
    expect(status).toBe(3);
    expect(stderr).toContain(`${path}:4:5  tunnels.x.remot: unknown key; did you mean remote?`);
    expect(stderr.trim().split("\n").length).toBeGreaterThanOrEqual(3);
  });

  test("check and run name a file that is not there", async () => {
    for (const words of [["check"], ["run", "-c"]]) {
      const { status, stderr } = await wirespan(...words, join(folder, "absent.yaml"));
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^(?:wirespan: |\{.*"event":"fatal","problem":")read the configuration: ENOENT \(.*absent.yaml\); there is no such file/,
      );
      expect(stderr).not.toContain("    at ");
    }
  });

  test("decode says what it cannot read, and what it wants", async () => {
    const cases = [
      ["-", "for standard input write /dev/stdin"],
      [file("no-capture.yaml", "tunnels: {}\n"), "wanted a capture, such as tcpdump -w writes it"],
    ] as const;
    for (const [name, words] of cases) {
      const { status, stderr } = await wirespan("decode", name);
      expect(status).toBe(1);
      expect(stderr).toContain(words);
    }
  });

  test("an add-on that is not built for this Node is named, with the command that builds it", async () => {
    const shown = await run(["sh", "-c", addOnMissing], { accept: [0, 1] });
    expect(shown.status).toBe(1);
    expect(shown.stderr).toMatch(
      /^wirespan: the package raw-socket: not supported here; needs its add-on .*npm rebuild raw-socket/,
    );
    expect(shown.stderr).not.toContain("    at ");
  });

  test("status and reload exit 4 when no daemon answers, and say what to do", async () => {
    for (const command of ["status", "reload"]) {
      const { status, stderr } = await wirespan(command, "--socket", join(folder, "none.sock"));
      expect(status).toBe(4);
      expect(stderr).toContain("start it with: wirespan run");
    }
  });
});

describe("without root", () => {
  test("a whole lab comes up for a user without any right", async () => {
    // In a mount namespace of the test's own: the checkout and node where anyone may read them, and a /dev/net/tun that
    // everyone may open, as on systems with udev.
    const script = [
      "mount -t tmpfs -o mode=755 tmpfs /mnt",
      'mkdir /mnt/wirespan && mount --bind "$1" /mnt/wirespan',
      'touch /mnt/node && mount --bind "$2" /mnt/node',
      "mknod -m 666 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun",
      "cd /mnt/wirespan",
      "exec setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_RUNTIME_DIR /mnt/node dist/cli/main.js lab test ip115",
    ].join(" && ");
    const repository = fileURLToPath(new URL("../..", import.meta.url));
    const command = ["unshare", "--mount", "sh", "-c", script, "sh", repository, process.execPath];
    const { stdout } = await run(command, { timeoutMs: 120_000 });
    expect(stdout).toContain("every check passed");
  });
});
