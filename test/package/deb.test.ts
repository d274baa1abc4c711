import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { type CommandResult, run } from "../../src/lab/command.ts";
import { linkType, pcapFile } from "../support/captures.ts";
import { DebianRoot } from "../support/debian-root.ts";
import { eventually, output } from "../support/lab.ts";
import { packageFile } from "../support/packages.ts";
import { RunningDaemon, type Site, Sites } from "../support/sites.ts";

const WANTED = "etc/systemd/system/multi-user.target.wants/wirespan.service";
/** In the root. */
const DEB = "/tmp/wirespan.deb";
let root: DebianRoot;

beforeAll(async () => {
  root = await DebianRoot.make();
  copyFileSync(packageFile(".deb"), root.path(DEB));
});
afterAll(() => root?.[Symbol.asyncDispose]());

/** A link to the unit, which leads there only inside the root. */
function isEnabled(): boolean {
  return lstatSync(root.path(WANTED), { throwIfNoEntry: false }) !== undefined;
}

/** A configuration as an administrator writes it, with the default control socket. */
function configurationOf(site: Site): string {
  const [local, remote] = site === "a" ? ["192.0.2.1", "192.0.2.2"] : ["192.0.2.2", "192.0.2.1"];
  const ids = { local_session_id: 7, remote_session_id: 7 };
  const lan = { circuit: { interface: "eth1" }, static: ids };
  const tunnel = { local, remote, control: "static", pseudowires: { lan } };
  return stringify({ lcce: { host_name: site }, tunnels: { peer: tunnel } });
}

/** A machine at a site: mounts of its own, among them its /etc/wirespan, which last until it is ended. */
class Machine {
  readonly #keeper: ChildProcess;
  readonly #daemons: RunningDaemon[] = [];

  constructor(sites: Sites, site: Site) {
    root.write(`srv/${site}/wirespan.yaml`, configurationOf(site));
    const script = `mount --bind /srv/${site} /etc/wirespan && exec sleep infinity`;
    this.#keeper = sites.spawn(site, ...root.inside("sh", "-c", script));
  }

  #inside(...command: readonly string[]): readonly string[] {
    const target = ["--target", `${this.#keeper.pid}`, "--mount", "--net"];
    return ["nsenter", ...target, "chroot", root.folder, ...command];
  }

  async isUp(): Promise<boolean> {
    const words = this.#inside("test", "-e", "/etc/wirespan/wirespan.yaml");
    return (await run(words, { accept: [0, 1, 127] })).status === 0;
  }

  /** Starts its daemon as systemd would. */
  start(): RunningDaemon {
    const [file = "", ...words] = this.#inside("wirespan", "run");
    const daemon = new RunningDaemon(spawn(file, words, { stdio: ["ignore", "ignore", "pipe"] }));
    this.#daemons.push(daemon);
    return daemon;
  }

  exec(...command: readonly string[]): Promise<CommandResult> {
    return run(this.#inside(...command), { timeoutMs: 120_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) if (daemon.isRunning) await daemon.end();
    this.#keeper.kill();
  }
}

test("lintian finds nothing that is not explained", async () => {
  const { stdout } = await run(
    ["lintian", "--allow-root", "--fail-on", "error,warning", packageFile(".deb")],
    {
      timeoutMs: 120_000,
    },
  );
  expect(stdout).toBe("");
}, 120_000);

describe("on a Debian 12 without compiler, Node and network", () => {
  test("it installs, is not enabled without a configuration, and says what to do", async () => {
    expect((await root.exec("sh", "-c", "command -v node || command -v cc")).stdout).toBe("");
    const { stdout, stderr, status } = await root.exec("dpkg", "--install", DEB);
    expect([stderr, status]).toEqual(["", 0]);
    expect(stdout).toContain("write /etc/wirespan/wirespan.yaml");
    expect(isEnabled()).toBe(false);
    const { version } = JSON.parse(readFileSync(root.path("usr/lib/wirespan/package.json"), "utf8"));
    expect((await root.exec("wirespan", "--version")).stdout).toBe(`${version}\n`);
    const checked = await root.exec("wirespan", "check");
    expect([checked.status, checked.stderr]).toEqual([1, expect.stringContaining("no such file")]);
    expect((await root.exec("dpkg", "--verify", "wirespan")).stdout).toBe("");
  });

  test("it has manuals and completions, and units where systemd looks", async () => {
    await run(["bash", "-n", root.path("usr/share/bash-completion/completions/wirespan")]);
    expect(readdirSync(root.path("usr/share/man/man8"))).toContain("wirespan-run.8.gz");
    const units = readdirSync(root.path("usr/lib/systemd/system"));
    expect(units).toEqual(expect.arrayContaining(["wirespan.service", "wirespan@.service"]));
  });

  test("captures are read by the add-on for libpcap, with the libpcap of Debian", async () => {
    root.write("srv/one.pcap", pcapFile(linkType.ethernet, [{ octets: new Uint8Array(60) }]));
    const decoded = await root.exec("wirespan", "decode", "/srv/one.pcap");
    expect(decoded).toMatchObject({ stderr: "", status: 0 });
  });
});

test("two of its daemons bridge, and an upgrade under systemd keeps forwarding", async () => {
  await using sites = await Sites.make();
  // What the scripts of the package ask of systemd, which does not run here.
  const listed = 'case "$*" in list-units*) echo wirespan.service loaded active running x;; esac';
  root.write("srv/bin/systemctl", `#!/bin/sh\n${listed}\n`, 0o755);
  root.write("srv/bin/deb-systemd-invoke", '#!/bin/sh\necho "invoked: $*"\n', 0o755);
  await using machine = new Machine(sites, "a");
  await using other = new Machine(sites, "b");
  await eventually("both are up", async () => (await machine.isUp()) && (await other.isUp()));
  const former = machine.start();
  other.start();
  await sites.reached();
  expect(former.log).toContain('"plane":"ebpf"');
  const ping = sites.spawn("ha", "ping", "-q", "-i", "0.02", "-W", "1", "10.0.0.2");
  const pinged = output(ping);
  const script = "mkdir -p /run/systemd/system && PATH=/srv/bin:$PATH dpkg --install /tmp/wirespan.deb";
  const { stdout } = await machine.exec("sh", "-c", script);
  expect(stdout).toMatch(/ ended: forwarding continues; .*\ninvoked: start wirespan\.service$/m);
  expect(await former.ended()).toBe(0);
  expect(await sites.passes(5)).toBe(true);
  const next = machine.start();
  await eventually("the next daemon runs", () => next.log.includes('"event":"plane"'));
  expect(await sites.passes(5)).toBe(true);
  ping.kill("SIGINT");
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(await pinged) ?? [];
  expect(Number(sent) - Number(received)).toBeLessThanOrEqual(1);
});

test("purged and installed with a configuration it is enabled; removed it leaves no file", async () => {
  expect((await root.exec("dpkg", "--purge", "wirespan")).status).toBe(0);
  expect(existsSync(root.path("usr/lib/wirespan"))).toBe(false);
  expect(existsSync(root.path("etc/wirespan"))).toBe(false);
  root.write("etc/wirespan/wirespan.yaml", configurationOf("a"));
  expect((await root.exec("dpkg", "--install", DEB)).status).toBe(0);
  expect(isEnabled()).toBe(true);
  expect((await root.exec("dpkg", "--purge", "wirespan")).status).toBe(0);
  expect(readdirSync(root.path("etc/wirespan"))).toEqual(["wirespan.yaml"]);
  expect(isEnabled()).toBe(false);
});
