import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/lab/command.ts";
import type { LabReport, NodeReport } from "../../src/lab/supervisor/api.ts";
import { topologyFile } from "../../src/lab/topology-files.ts";
import { eventually, Lab, MAIN, wirespan } from "../support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "wirespan-life-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A pcap file without packets has so many octets. */
const PCAP_HEADER_OCTETS = 24;

const packaged = readFileSync(topologyFile("point-to-point"), "utf8");

/** Writes a topology that differs from point-to-point by replacements; resolves to its path. */
function variant(name: string, ...replacements: readonly (readonly [string, string])[]): string {
  const file = join(folder, `${name}.yaml`);
  const text = replacements.reduce((before, [from, to]) => {
    expect(before).toContain(from);
    return before.replace(from, to);
  }, packaged);
  writeFileSync(file, text);
  return file;
}

async function statusOf(lab: string): Promise<LabReport> {
  const { stdout } = await wirespan("lab", "status", lab, "--json");
  return JSON.parse(stdout) as LabReport;
}

async function nodeOf(lab: string, name: string): Promise<NodeReport | undefined> {
  return (await statusOf(lab)).nodes.find((node) => node.name === name);
}

describe("a lab that is up", () => {
  const name = "life";
  let file: string;
  beforeAll(async () => {
    file = variant(name);
    const { stderr, stdout } = await wirespan("lab", "up", file);
    expect(stderr).toBe("");
    expect(stdout).toContain(`wirespan lab status ${name}`);
  });
  afterAll(async () => void (await wirespan("lab", "down", file)));

  test("lists its nodes, their addresses, programs and sessions", async () => {
    const report = await statusOf(name);
    expect(report).toMatchObject({ name, path: file, links: [] });
    const lcce = report.nodes.find((node) => node.name === "lcce-a");
    expect(lcce).toMatchObject({ kind: "lcce", addresses: { wan: ["192.0.2.1/24"] } });
    expect(lcce?.programs).toMatchObject([{ name: "wirespan", state: "running" }]);
    expect(lcce?.tunnels).toMatchObject([
      { name: "to-b", state: "established", pseudowires: [{ name: "lan", state: "established" }] },
    ]);
    const { stdout } = await wirespan("lab", "status", name);
    expect(stdout).toMatch(/^lcce-a +lcce +wan 192\.0\.2\.1\/24 +wirespan running \(pid \d+\)$/m);
    expect(stdout).toMatch(/^lcce-a +tunnel to-b +established$/m);
    expect(stdout).not.toContain("not up");
    const list = (await wirespan("lab", "list")).stdout;
    expect(list).toMatch(/^life +up for .*2 of 2 programs run: two branch offices/m);
    expect(list).toContain(file);
  });

  test("has names for its nodes, and wirespan in their PATH, which finds their daemons", async () => {
    expect((await wirespan("lab", "exec", name, "a10", "ping", "-c1", "-W5", "b10")).status).toBe(0);
    const { stdout } = await wirespan("lab", "exec", name, "lcce-b", "wirespan", "status", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ hostName: "office-b" });
    const none = await wirespan("lab", "exec", name, "a10", "wirespan", "status");
    expect(none.status).toBe(4);
    expect(none.stderr).toContain("/run/sockets/a10");
  });

  test("opens a shell whose prompt names the node", async () => {
    const typed = `echo "<$PS1>"; hostname -I; wirespan --version; exit\n`;
    const shell = `${process.execPath} ${MAIN} lab shell ${name} a20`;
    const { stdout } = await run(["script", "-qec", shell, "/dev/null"], { input: typed });
    expect(stdout).toContain("<[life a20]");
    expect(stdout).toContain("10.0.0.12");
    expect(stdout).toMatch(/^\d+\.\d+\.\d+/m);
  });

  test("notices a daemon that is killed, says so, and starts it again", async () => {
    const pid = (await nodeOf(name, "lcce-b"))?.programs[0]?.pid;
    await wirespan("lab", "exec", name, "lcce-b", "kill", "-9", `${pid}`);
    await eventually("it is noticed", async () => {
      const programs = (await nodeOf(name, "lcce-b"))?.programs;
      return programs?.[0]?.ending === "ended by SIGKILL";
    });
    expect((await wirespan("lab", "status", name)).stdout).toMatch(/lcce-b: wirespan: ended by SIGKILL/);
    const { stdout: logs } = await wirespan("lab", "logs", name, "lcce-b");
    expect(logs).toMatch(/^lab {2}\d\d:.* wirespan of node lcce-b: ended by SIGKILL$/m);
    expect(logs).toMatch(/^lcce-b {2}\d\d:/m);
    expect(logs).not.toMatch(/^lcce-a/m);
    const { stdout, status } = await wirespan("lab", "start", name, "lcce-b");
    expect(stdout).toMatch(/^lcce-b: wirespan running, pid \d+\n$/);
    expect(status).toBe(0);
  });

  test("stops and restarts a daemon; forwarding by eBPF outlives --kill", async () => {
    await wirespan("lab", "exec", name, "a10", "ping", "-c1", "-W20", "b10");
    const killed = await wirespan("lab", "stop", name, "lcce-a", "--kill");
    expect(killed.stdout).toBe("lcce-a: wirespan stopped\n");
    expect((await wirespan("lab", "exec", name, "a10", "ping", "-c1", "-W5", "b10")).status).toBe(0);
    const restarted = await wirespan("lab", "restart", name, "lcce-a");
    expect(restarted.stdout).toMatch(/wirespan running/);
    await wirespan("lab", "stop", name, "lcce-a");
    expect((await wirespan("lab", "exec", name, "a10", "ping", "-c1", "-W1", "b10")).status).toBe(1);
    await wirespan("lab", "start", name, "lcce-a");
    await eventually(
      "the session is back",
      async () => (await nodeOf(name, "lcce-a"))?.tunnels?.[0]?.pseudowires[0]?.state === "established",
    );
  });

  test.each([
    ["start", ["a10"], /node a10: it has no program of its own; nodes with programs are lcce-a, lcce-b/],
    ["stop", ["nowhere"], /node nowhere: there is no such node; nodes with programs are/],
    ["logs", ["nowhere"], /logs of node nowhere of lab life: there are a10, /],
    ["shell", ["nowhere"], /node nowhere of lab life: there are a10, /],
    ["capture", ["nowhere"], /find nowhere in lab life: there are a10, .*NODE\.PORT/],
    ["link", ["nowhere.wan"], /find link nowhere\.wan of lab life: there is none of that name; there are/],
    ["link", ["lcce-a", "--down"], /it has several; there are lcce-a\.wan, lcce-a\.trunk/],
    ["link", ["lcce-a.wan", "--delay", "50"], /--delay 50: 50 has no unit: write 50ms/],
  ])("lab %s of %s is refused with what there is", async (command, words, message) => {
    const { status, stderr } = await wirespan("lab", command, name, ...words);
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
  });

  test("changes a link, shows it, and takes the conditions away", async () => {
    const set = await wirespan("lab", "link", name, "lcce-a.wan", "--delay", "40ms", "--loss", "0%");
    expect(set.stdout).toMatch(/^lcce-a\.wan out: delay 40ms \(by .*\)\nlcce-a\.wan in: delay 40ms/);
    expect((await statusOf(name)).links).toMatchObject([
      { name: "lcce-a.wan", down: false, out: { conditions: { delay: "40ms" } } },
    ]);
    const slow = await wirespan("lab", "exec", name, "a10", "ping", "-c3", "-W5", "b10");
    expect(Number(/= ([\d.]+)\//.exec(slow.stdout)?.[1])).toBeGreaterThan(79);
    await wirespan("lab", "link", name, "a10", "--down");
    expect((await wirespan("lab", "exec", name, "a10", "ping", "-c1", "-W1", "b10")).status).toBe(1);
    expect((await wirespan("lab", "link", name, "a10", "--up")).stdout).toBe("a10.eth0: no conditions\n");
    expect((await wirespan("lab", "link", name, "lcce-a.wan", "--clear")).stdout).toContain("no conditions");
    expect((await statusOf(name)).links).toEqual([]);
  });

  test("changes of one link that are made at once are all made", async () => {
    const changes = [
      ["--delay", "1ms"],
      ["--loss", "1%"],
      ["--duplicate", "2%"],
      ["--rate", "10mbit"],
    ];
    await Promise.all(changes.map((words) => wirespan("lab", "link", name, "a20", ...words)));
    expect((await statusOf(name)).links).toMatchObject([
      {
        name: "a20.eth0",
        out: { conditions: { delay: "1ms", loss: "1%", duplicate: "2%", rate: "10mbit" } },
      },
    ]);
    await wirespan("lab", "link", name, "a20", "--clear");
  });

  test("is captured at a network and at a port, as pcap and into a file", async () => {
    const pcap = join(folder, "wan.pcap");
    const capturing = spawn(process.execPath, [MAIN, "lab", "capture", name, "wan", "udp", "port", "1701"]);
    const pieces: Buffer[] = [];
    capturing.stdout.on("data", (piece: Buffer) => pieces.push(piece));
    await eventually("packets are captured", async () => {
      await wirespan("lab", "exec", name, "a10", "ping", "-c1", "-W1", "b10");
      return Buffer.concat(pieces).length > 100;
    });
    capturing.kill("SIGTERM");
    writeFileSync(pcap, Buffer.concat(pieces));
    const { stdout } = await run(["tcpdump", "-n", "-r", pcap]);
    expect(stdout).toContain("192.0.2.1.1701 > 192.0.2.2.1701");
    const file = join(folder, "trunk.pcap");
    const words = ["lab", "capture", name, "lcce-b.trunk", "-w", file, "vlan and icmp"];
    const writing = spawn(process.execPath, [MAIN, ...words], { stdio: "ignore" });
    await eventually("the file has packets", async () => {
      await wirespan("lab", "exec", name, "a10", "ping", "-c1", "-W1", "b10");
      return existsSync(file) && statSync(file).size > PCAP_HEADER_OCTETS;
    }).finally(() => writing.kill("SIGTERM"));
    expect((await run(["tcpdump", "-n", "-r", file])).stdout).toMatch(/10\.0\.0\.11 > 10\.0\.0\.13/);
  });

  test("shows logs as they come", async () => {
    const following = spawn(process.execPath, [MAIN, "lab", "logs", name, "-f"]);
    let text = "";
    following.stdout.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    await eventually("old lines are there", () => text.includes("is up"));
    await wirespan("lab", "restart", name, "lcce-b");
    await eventually("new lines come", () => /stopped.*wirespan of node lcce-b: started/s.test(text));
    following.kill("SIGTERM");
  });
});

describe("sessions that do not come up are named, with the reason", () => {
  test.each([
    [
      "a secret at one end",
      ["          secret: { file: /run/wirespan.secret }\n", ""],
      [],
      /lcce-b: tunnel to-a: /,
    ],
    [
      "a pseudowire of another name",
      ["            lan:\n", "            lane:\n"],
      [],
      /lcce-a: pseudowire lane of tunnel to-b: /,
    ],
    [
      "an unknown plane",
      ["wan", "wan"],
      ["--plane", "none"],
      /lcce-[ab]: wirespan: exit status 3; its log says: .*plane/,
    ],
  ] as const)("%s", async (name, replacement, options, message) => {
    const file = variant(name.replaceAll(" ", "-"), replacement);
    const { status, stderr } = await wirespan("lab", "up", file, "--timeout", "10", ...options);
    await wirespan("lab", "down", file);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/It stays up.*wirespan lab status .*wirespan lab logs .*wirespan lab down /s);
    expect(status).toBe(1);
  });
});

test("a node that is started by hand is not waited for, and starts when it is told to", async () => {
  const file = join(folder, "by-hand.yaml");
  const topology = `title: a daemon started by hand
networks: { wan: { mtu: 1600 } }
lans: { left: {}, right: {} }
lcces:
  one:
    lan: left
    wan: { wan: 192.0.2.1/24 }
    wirespan: ${config("192.0.2.1", "192.0.2.2")}
  two:
    lan: right
    wan: { wan: 192.0.2.2/24 }
    start: manual
    wirespan: ${config("192.0.2.2", "192.0.2.1")}
hosts:
  h1: { lan: left, address: 10.0.0.1/24 }
  h2: { lan: right, address: 10.0.0.2/24 }
checks: [{ ping: [h1, h2] }]
`;
  writeFileSync(file, topology);
  const up = await wirespan("lab", "up", file);
  expect(up.stderr).toBe("");
  expect((await wirespan("lab", "status", "by-hand")).stdout).toMatch(
    /^two .*wirespan off, is started by hand$/m,
  );
  expect((await wirespan("lab", "start", "by-hand", "two")).stdout).toMatch(/^two: wirespan running/);
  const reached = () => wirespan("lab", "exec", "by-hand", "h1", "ping", "-c1", "-W1", "h2");
  await eventually("the sessions are up", async () => (await reached()).status === 0);
  await wirespan("lab", "down", "by-hand");
});

function config(local: string, remote: string): string {
  const pseudowires = "{ lan: { circuit: { interface: trunk } } }";
  return `{ tunnels: { peer: { local: ${local}, remote: ${remote}, pseudowires: ${pseudowires} } } }`;
}

describe("nodes are added to a lab that is up", () => {
  const name = "growing";
  const addition = join(folder, "more.yaml");
  beforeAll(async () => {
    expect((await wirespan("lab", "up", variant(name))).stderr).toBe("");
  });
  afterAll(async () => void (await wirespan("lab", "down", name)));
  const add = (text: string) => {
    writeFileSync(addition, text);
    return wirespan("lab", "add", name, addition);
  };

  test.each([
    ["title: another\n", /more\.yaml:1:1 .*title: cannot be added to a lab that is up, only routers, hosts/],
    ["hosts:\n  a10: { lan: switch-a }\n", /more\.yaml:2:3 .*hosts\.a10: the lab has it already/],
    ["hosts:\n  new:\n    lan: switch-c\n", /more\.yaml:3:\d+ .*hosts\.new\.lan: .*switch-c/],
    ["hosts: [\n", /more\.yaml:\d+:\d+ /],
    [
      "hosts:\n  new: { lan: switch-a, vlam: 10 }\n",
      /more\.yaml:2:\d+ .*vlam: unknown key; did you mean vlan\?/,
    ],
  ])("%j is refused at its place", async (text, message) => {
    const { status, stderr } = await add(text);
    expect(stderr).toMatch(message);
    expect(status).toBe(3);
  });

  test("a host, a host with a program, and an LCCE, which reach the others", async () => {
    const { stdout, stderr } = await add(`hosts:
  late: { lan: switch-a, vlan: 10, address: 10.0.0.99/24, http: 80 }
lcces:
  third:
    wan: { wan: 192.0.2.3/24 }
    lan: switch-b
    run: sleep 1000
links:
  late.eth0: { delay: 5ms }
`);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^late +host +eth0\.10 10\.0\.0\.99\/24 +http running/m);
    expect(stdout).toMatch(/^third +lcce +wan 192\.0\.2\.3\/24 +run running/m);
    const fetched = await wirespan("lab", "exec", name, "b10", "curl", "-s", "--retry", "5", "http://late/");
    expect(fetched.stdout).toContain("late");
    expect((await wirespan("lab", "exec", name, "third", "ping", "-c1", "-W5", "lcce-a")).status).toBe(0);
    const { nodes, links } = await statusOf(name);
    expect(nodes.map((node) => node.name)).toContain("third");
    expect(links).toMatchObject([{ name: "late.eth0" }]);
    expect((await add("hosts:\n  late: { lan: switch-a }\n")).stderr).toContain("the lab has it already");
  });
});

test("a topology is checked without building it", async () => {
  const good = await wirespan("lab", "check", "point-to-point");
  expect(good.stdout).toBe("OK: 6 nodes, 3 networks and LANs, 6 checks\n");
  const bad = await wirespan("lab", "check", variant("bad", ["mtu: 1600", "mtu: 16"]));
  expect(bad.stderr).toMatch(/bad\.yaml:2:\d+ .*wan\.mtu/);
  expect(bad.status).toBe(3);
});

test("the lab of a helper of the tests is reached by the same ways", async () => {
  await using lab = await Lab.up("point-to-point");
  expect((await lab.status("a")).hostName).toBe("office-a");
});
