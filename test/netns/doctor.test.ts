import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Finding } from "../../src/doctor/examine.ts";
import { run } from "../../src/lab/command.ts";
import { DaemonInNamespace } from "../support/daemon-in-namespace.ts";
import { eventually, MAIN } from "../support/lab.ts";
import { TestNamespace } from "../support/namespace.ts";
import { withoutRoot } from "../support/without-root.ts";

let folder: string;
let near: TestNamespace;
let far: TestNamespace;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wirespan-doctor-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two machines on one link, 192.0.2.1 at wan0 and the peer 192.0.2.2; lan0 is for a circuit. */
beforeEach(async () => {
  near = await TestNamespace.make(`ws-doctor-${process.pid}`);
  far = await TestNamespace.make(`ws-doctor-far-${process.pid}`);
  for (const one of [near, far]) await one.ip("link delete left");
  await run([
    "ip",
    "-n",
    near.name,
    "link",
    "add",
    "wan0",
    "mtu",
    "1700",
    "type",
    "veth",
    "peer",
    "name",
    "wan0",
    "mtu",
    "1700",
    "netns",
    far.name,
  ]);
  for (const [one, address] of [
    [near, "192.0.2.1"],
    [far, "192.0.2.2"],
  ] as const) {
    await one.ip(`addr add ${address}/24 dev wan0`);
    await one.ip("link set wan0 up");
    await one.ip("link set lo up");
  }
  await near.ip("link add lan0 type veth peer name host0");
  for (const name of ["lan0", "host0"]) await near.ip(`link set ${name} up`);
  writeFileSync(join(folder, "secret"), "a secret that nobody can guess\n", { mode: 0o600 });
  chmodSync(join(folder, "secret"), 0o600);
});
afterEach(async () => {
  await near[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

/** A tunnel to the peer with a circuit at lan0. */
function configOf(other: object = {}, circuit: object = { interface: "lan0" }) {
  const tunnel = { local: "192.0.2.1", remote: "192.0.2.2", secret: { file: join(folder, "secret") } };
  return { tunnels: { hq: { ...tunnel, pseudowires: { lan: { circuit } }, ...other } } };
}

function write(config: object): string {
  const file = join(folder, "wirespan.yaml");
  writeFileSync(file, JSON.stringify({ lcce: { control_socket: join(folder, "control.sock") }, ...config }));
  return file;
}

interface Told {
  readonly findings: readonly Finding[];
  readonly ok: readonly string[];
  readonly unseen: readonly { readonly check: string; readonly why: string }[];
}

/** What doctor says in a namespace; `prefix` runs it. */
async function doctor(
  words: readonly string[],
  prefix: readonly string[] = [],
): Promise<Told & { status: number }> {
  const command = ["nsenter", `--net=/run/netns/${near.name}`, ...prefix, process.execPath, MAIN, "doctor"];
  const { stdout, status } = await run([...command, "--json", ...words], { accept: [0, 1] });
  return { ...(JSON.parse(stdout) as Told), status };
}

/** The finding of a check; rejects where there is none. */
function found({ findings, unseen }: Told, check: string): Finding {
  const finding = findings.find((each) => each.check === check);
  if (finding === undefined)
    throw new Error(`${check} found nothing: ${JSON.stringify({ findings, unseen })}`);
  return finding;
}

/** Runs the commands of findings, as they were printed, and expects that these are gone then. */
async function mend(mended: readonly Finding[], file: string): Promise<void> {
  for (const { commands } of mended) {
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) await near.exec("sh", "-c", command);
  }
  const checks = mended.map(({ check }) => check);
  const { findings } = await doctor(["-c", file]);
  expect(findings.filter(({ check }) => checks.includes(check))).toEqual([]);
}

test("on a machine on which all is well nothing of the file is wrong", async () => {
  const told = await doctor(["-c", write(configOf())]);
  expect(told.findings.filter(({ severity }) => severity !== "note")).toEqual([]);
  expect(told.status).toBe(0);
  for (const check of ["local-address", "route", "firewall-in", "circuit-on", "peer-reachable", "port-taken"])
    expect(told.ok).toContain(check);
});

type Fault = readonly [check: string, severity: string, words: string, commands: readonly string[]];

/** TABLE: faults that are made together, each with the check that names it, its severity and its words. */
const faults: Readonly<Record<string, readonly Fault[]>> = {
  "packet filters and MTUs": [
    [
      "firewall-in",
      "error",
      'the rule "udp dport 1701 drop" of chain inet filter input looks as if it drops UDP 1701 of 192.0.2.2',
      [
        "nft add table inet filter",
        "nft add chain inet filter input '{ type filter hook input priority 0; }'",
        "nft add rule inet filter input udp dport 1701 drop",
      ],
    ],
    [
      "firewall-out",
      "error",
      "chain ip filter output, which drops what no rule accepts,",
      [
        "nft add table ip filter",
        "nft add chain ip filter output '{ type filter hook output priority 0; policy drop; }'",
      ],
    ],
    [
      "source-nat",
      "note",
      'the rule "oifname wan0 masquerade"',
      [
        "nft add table ip nat",
        "nft add chain ip nat post '{ type nat hook postrouting priority 100; }'",
        "nft add rule ip nat post oifname wan0 masquerade",
      ],
    ],
    [
      "circuit-mtu",
      "warning",
      "lan0 has an MTU of 1280 and its pseudowire of 1500",
      ["ip link set lan0 mtu 1280"],
    ],
  ],
  "interfaces that are off": [
    ["circuit-on", "error", "lan0 is switched off", ["ip link set lan0 down"]],
    [
      "local-address",
      "error",
      "no interface that is up has the address 192.0.2.1",
      ["ip link set wan0 down"],
    ],
  ],
  "an address that is gone, and a circuit in a bridge": [
    [
      "local-address",
      "error",
      "no interface that is up has the address 192.0.2.1",
      ["ip addr del 192.0.2.1/24 dev wan0", "ip addr add 192.0.2.7/24 dev wan0"],
    ],
    [
      "circuit-host-use",
      "error",
      "lan0 is a port of the bridge br0",
      ["ip link add br0 type bridge", "ip link set lan0 master br0"],
    ],
  ],
  "a route that is missing": [
    [
      "route",
      "error",
      "cannot send messages to 192.0.2.2: ENETUNREACH",
      ["ip addr add 192.0.2.1/32 dev wan0", "ip addr del 192.0.2.1/24 dev wan0"],
    ],
  ],
  "a strict reverse path filter, and another route with a smaller MTU": [
    [
      "reverse-path",
      "warning",
      "wan0 drops packets from 192.0.2.2",
      [
        "sysctl -qw net.ipv4.conf.wan0.rp_filter=1",
        "ip link add other0 type veth peer name other1",
        "ip link set other0 up",
        "ip link set other1 up",
        "ip route add 192.0.2.2 dev other0",
      ],
    ],
    [
      "path-mtu",
      "note",
      "full-size frames of lan0 (MTU 1500) need a path MTU of 1558, and the path to 192.0.2.2 has 1500",
      [],
    ],
  ],
};

test.each(Object.entries(faults))("%s: each is named, and what is printed mends it", async (_name, all) => {
  const file = write(configOf());
  const commands = all.flatMap(([, , , made]) => made);
  await run(["ip", "netns", "exec", near.name, "sh", "-ec", commands.join("\n")]);
  const told = await doctor(["-c", file]);
  const findings = all.map(([check]) => found(told, check));
  for (const [index, [, severity, words]] of all.entries()) {
    expect(findings[index]).toMatchObject({ severity, what: expect.stringContaining(words) });
    expect(findings[index]?.at).toMatch(/wirespan\.yaml:1:\d+$/);
  }
  expect(told.status).toBe(told.findings.some((each) => each.severity === "error") ? 1 : 0);
  await mend(findings, file);
});

test("a port that another program has is named with its pid, and free once that ended", async () => {
  const program = "require('dgram').createSocket('udp4').bind(1701, '192.0.2.1', () => console.log('bound'))";
  const other: ChildProcess = spawn(
    "nsenter",
    [`--net=/run/netns/${near.name}`, process.execPath, "-e", program],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = new Promise((resolve) => other.once("exit", resolve));
  try {
    await new Promise((resolve) => other.stdout?.once("data", resolve));
    const file = write(configOf());
    const finding = found(await doctor(["-c", file]), "port-taken");
    expect(finding.what).toBe(`node (pid ${other.pid}) has UDP port 1701 of 192.0.2.1`);
    expect(finding.commands).toEqual([`kill ${other.pid}`]);
    await mend([finding], file);
  } finally {
    other.kill("SIGKILL");
    await ended;
  }
});

test("a secret that is not there is made, and one that everybody may read is closed", async () => {
  const file = write(configOf());
  const secret = join(folder, "secret");
  chmodSync(secret, 0o644);
  await mend([found(await doctor(["-c", file]), "secret")], file);
  rmSync(secret);
  const told = await doctor(["-c", file]);
  expect(found(told, "secret")).toMatchObject({
    severity: "error",
    commands: [`wirespan keygen --out ${secret}`],
  });
  await near.exec(process.execPath, MAIN, "keygen", "--out", secret);
  expect((await doctor(["-c", file])).findings.filter(({ check }) => check === "secret")).toEqual([]);
});

test("a private bpf file system is told from the machine's own, and goes as is printed", async () => {
  const file = write(configOf());
  const own = ["unshare", "--mount", "sh", "-c"];
  const inside = (script: string) => [...own, `${script} exec "$@"`, "sh"];
  const mounted = "mount -t bpf bpf /sys/fs/bpf;";
  const told = await doctor(["-c", file], inside(mounted));
  const finding = found(told, "bpf-file-system");
  expect(finding.what).toContain("/sys/fs/bpf is mounted for its mount namespace alone");
  expect(finding.commands).toEqual(["umount /sys/fs/bpf"]);
  const { findings } = await doctor(["-c", file], inside(`${mounted} umount /sys/fs/bpf;`));
  expect(findings.filter(({ check }) => check === "bpf-file-system")).toEqual([]);
});

test("a peer that is not there is told, and a next hop that does not answer by name", async () => {
  const file = write(configOf({ remote: "192.0.2.99" }));
  const told = await doctor(["-c", file]);
  expect(found(told, "next-hop").what).toContain("192.0.2.99 does not answer at wan0");
});

test("without rights it says what it could not look at, and why", async () => {
  const file = write(configOf());
  chmodSync(folder, 0o755);
  const words = [
    "nsenter",
    `--net=/run/netns/${near.name}`,
    ...withoutRoot(),
    "doctor",
    "--json",
    "-c",
    file,
  ];
  const { stdout, stderr } = await run(words, { accept: [0, 1] });
  expect(stderr).toBe("");
  const { unseen, findings } = JSON.parse(stdout) as Told;
  const checks = unseen.map(({ check }) => check);
  for (const check of ["ebpf", "capabilities", "firewall-in", "ipsec", "secret"])
    expect(checks).toContain(check);
  for (const { why } of unseen) expect(why).toMatch(/root/);
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
});

test("of a running daemon it tells what is not up, what was changed since, and finds its file", async () => {
  await using daemon = await DaemonInNamespace.start(near.name, configOf({}, { interface: "gone0" }));
  const words = ["--socket", daemon.socket];
  await eventually(
    "the pseudowire is not up",
    async () => (await daemon.pseudowire("lan")).whyNot !== undefined,
  );
  const told = await doctor(words);
  expect(found(told, "not-up")).toMatchObject({ severity: "error" });
  expect(found(told, "circuit-interface").at).toContain(join(daemon.folder, "wirespan.yaml"));
  expect(told.ok).toContain("daemon-file");
  expect(told.ok).toContain("port-taken");
  daemon.write(configOf());
  const changed = found(await doctor(words), "daemon-file");
  expect(changed.commands).toEqual([`wirespan reload --socket ${daemon.socket}`]);
  await daemon.reload(configOf());
  const after = await doctor(words);
  expect(after.ok).toContain("daemon-file");
  expect(after.findings.filter(({ check }) => check === "circuit-interface")).toEqual([]);
});

test("check --here tells the file's part of it by lines of the file, check alone nothing", async () => {
  const file = write(configOf({}, { interface: "gone0" }));
  const check = (...words: readonly string[]) =>
    run(["nsenter", `--net=/run/netns/${near.name}`, process.execPath, MAIN, "check", ...words], {
      accept: [0, 1, 3],
    });
  expect(await check(file)).toMatchObject({ status: 0, stdout: "OK: 1 tunnel, 1 pseudowire\n", stderr: "" });
  const here = await check("--here", file);
  expect(here.status).toBe(1);
  expect(here.stderr).toMatch(
    /^\S+wirespan\.yaml:1:\d+ {2}\S+\.lan\.circuit\.interface: on this machine: there is no interface/,
  );
  const invalid = write(configOf({ remot: "x" }, { interface: "gone0" }));
  const both = await check("--here", invalid);
  expect(both.status).toBe(3);
  expect(both.stderr).toContain("unknown key");
  expect(both.stderr).toContain("there is no interface gone0");
});

test("the text has 80 columns but for commands and paths, and folds what is in order", async () => {
  const file = write(configOf({}, { interface: "gone0" }));
  const text = async (...words: readonly string[]) =>
    (
      await run(
        ["nsenter", `--net=/run/netns/${near.name}`, process.execPath, MAIN, "doctor", "-c", file, ...words],
        { accept: [0, 1] },
      )
    ).stdout;
  const short = await text();
  expect(short).toContain("error    there is no interface gone0");
  expect(short).toMatch(/1 error, .* in order \(--verbose shows them\)\n$/);
  const long = short.split("\n").filter((line) => line.length > 80 && !/^ +(run|at)/.test(line));
  expect(long).toEqual([]);
  expect(await text("--verbose")).toContain("ok       Network: whether the kernel has a route");
});
