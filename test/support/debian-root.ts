import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { repository } from "../../packaging/paths.ts";
import { type CommandResult, run } from "../../src/lab/command.ts";

/** What Debian's minimal system is made with, beside what it must have. */
const SUITE = "bookworm";
/** Made once: the test extracts it each time. */
const archive = join(repository, ".lab/debian-12.tar");

/** Mounts what a system has when it runs, with a /run and a BPF file system of its own, and is in it then. */
const enter = `
root=$1; shift
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t bpf bpf "$root/sys/fs/bpf"
mount -t tmpfs tmpfs "$root/run"
exec chroot "$root" "$@"
`;

/** A minimal Debian 12 in a folder, which programs are run in without starting it. */
export class DebianRoot implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Rejects with CommandError where Debian's packages cannot be had. */
  static async make(): Promise<DebianRoot> {
    if (!existsSync(archive)) await makeArchive();
    const root = new DebianRoot(mkdtempSync(join(tmpdir(), "wirespan-debian-")));
    await run(["tar", "-C", root.folder, "-xf", archive], { timeoutMs: 120_000 });
    return root;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string | Uint8Array, mode = 0o644): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text, { mode });
  }

  /** The words of a command that runs another one in it, with mounts of its own. */
  inside(...command: readonly string[]): readonly string[] {
    return [
      "unshare",
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-ec",
      enter,
      "sh",
      this.folder,
      ...command,
    ];
  }

  /** Runs a command in it, in a network namespace with nothing in it; any exit status will do. */
  exec(...command: readonly string[]): Promise<CommandResult> {
    const accept = Array.from({ length: 256 }, (_, status) => status);
    return run(["unshare", "--net", ...this.inside(...command)], { accept, timeoutMs: 120_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function makeArchive(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "wirespan-debootstrap-"));
  try {
    // libpcap is what captures need, and what the package recommends.
    const options = ["--variant=minbase", "--include=libpcap0.8"];
    await run(["debootstrap", ...options, SUITE, folder, await mirror()], { timeoutMs: 600_000 });
    mkdirSync(dirname(archive), { recursive: true });
    const unfinished = `${archive}.${process.pid}`;
    await run(["tar", "-C", folder, "--exclude=./var/cache/apt/*", "-cf", unfinished, "."], {
      timeoutMs: 120_000,
    });
    renameSync(unfinished, archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where this machine gets Debian's packages from. */
async function mirror(): Promise<string> {
  const form = "$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)";
  const { stdout } = await run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"]);
  const found = stdout.split("\n").find((line) => /^Debian main \w+ /.test(line));
  if (found === undefined) throw new Error("find a mirror of Debian: this machine's apt has none");
  return found.split(" ")[3] ?? "";
}
