import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { request } from "../daemon/control-client.ts";
import { renderStatus, type StatusReport } from "../daemon/status.ts";
import { run } from "./command.ts";
import type { Topology } from "./topology.ts";

const SIDES = ["a", "b"] as const;
type Side = (typeof SIDES)[number];
const RUN = "/run";
const MAIN = fileURLToPath(new URL("../cli/main.js", import.meta.url));
const MULTICAST = fileURLToPath(new URL("multicast.js", import.meta.url));
/** Longest wait for the session, and for the first ping. */
const UP_MS = 30_000;
const DATAGRAMS = 100;

async function ip(...words: readonly string[]): Promise<void> {
  await run(["ip", ...words.join(" ").split(" ")]);
}

async function inside(node: string, ...command: readonly string[]): Promise<number> {
  const { status } = await run(["ip", "netns", "exec", node, ...command], { accept: [0, 1, 2] });
  return status;
}

function socketOf(side: Side): string {
  return `${RUN}/wirespan-${side}.sock`;
}

/**
 * Two offices: in each a switch with an access port for a host on every VLAN, and a trunk to the office's LCCE; between the
 * LCCEs a WAN. Runs in namespaces made for it; resolves to an exit code.
 */
export async function offices(topology: Topology, print: (line: string) => void): Promise<number> {
  await build(topology);
  print(drawing(topology));
  const daemons = SIDES.map((side) => startDaemon(side, topology));
  try {
    return await prove(topology, print);
  } finally {
    await Promise.all(daemons.map(stop));
  }
}

async function build(topology: Topology): Promise<void> {
  await run(["mount", "-t", "tmpfs", "tmpfs", RUN]);
  mkdirSync(`${RUN}/netns`);
  writeFileSync(`${RUN}/wirespan.secret`, `${topology.secret}\n`, { mode: 0o600 });
  for (const side of SIDES) {
    for (const node of [`lcce-${side}`, `switch-${side}`]) {
      await ip("netns add", node);
      await ip("-n", node, "link set lo up");
    }
  }
  const { mtu } = topology.wan;
  await ip(`link add wan netns lcce-a mtu ${mtu} type veth peer name wan netns lcce-b mtu ${mtu}`);
  for (const side of SIDES) await buildOffice(side, topology);
}

async function buildOffice(side: Side, topology: Topology): Promise<void> {
  const [lcce, site] = [`lcce-${side}`, `switch-${side}`];
  const nodad = topology.wan[side].includes(":") ? " nodad" : "";
  await ip(`-n ${lcce} addr add ${topology.wan[side]} dev wan${nodad}`);
  await ip(`-n ${lcce} link set wan up`);
  await ip(`-n ${site} link add bridge type bridge vlan_filtering 1 vlan_default_pvid 0`);
  await ip(`-n ${site} link set bridge up`);
  await ip(`link add trunk netns ${lcce} type veth peer name trunk netns ${site}`);
  await ip(`-n ${site} link set trunk master bridge up`);
  await ip(`-n ${lcce} link set trunk up`);
  for (const [index, vlan] of topology.vlans.entries()) {
    const host = `${side}${vlan}`;
    const port = `port${vlan}`;
    await ip("netns add", host);
    await ip(`link add eth0 netns ${host} type veth peer name ${port} netns ${site}`);
    await ip(`-n ${site} link set ${port} master bridge up`);
    await run(["bridge", "-n", site, "vlan", "add", "dev", port, "vid", `${vlan}`, "pvid", "untagged"]);
    await run(["bridge", "-n", site, "vlan", "add", "dev", "trunk", "vid", `${vlan}`]);
    await ip(`-n ${host} link set lo up`);
    await ip(`-n ${host} link set eth0 up`);
    // One subnet on all VLANs: only the VLANs keep the hosts apart.
    await ip(`-n ${host} addr add 10.0.0.${addressOf(side, index)}/24 dev eth0`);
  }
}

function addressOf(side: Side, index: number): number {
  return (side === "a" ? 10 : 110) + index;
}

function startDaemon(side: Side, topology: Topology): ChildProcess {
  const file = `${RUN}/wirespan-${side}.yaml`;
  const config = topology[side];
  const lcce = { ...(config["lcce"] as object), control_socket: socketOf(side) };
  writeFileSync(file, stringify({ ...config, lcce, log: { format: "json" } }));
  const log = openSync(`${RUN}/wirespan-${side}.log`, "w");
  const command = ["netns", "exec", `lcce-${side}`, process.execPath, MAIN, "run", "-c", file];
  return spawn("ip", command, { stdio: ["ignore", log, log] });
}

function stop(daemon: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (daemon.exitCode !== null) return resolve();
    daemon.on("exit", () => resolve());
    daemon.kill("SIGTERM");
  });
}

async function statusOf(side: Side): Promise<StatusReport | undefined> {
  try {
    return await request<StatusReport>(socketOf(side), "status");
  } catch {
    return undefined;
  }
}

function isUp(report: StatusReport | undefined): boolean {
  return report?.pseudowires.every(({ state }) => state === "established") ?? false;
}

/** Asks again until it holds, or the time is over. */
async function until(condition: () => Promise<boolean>): Promise<boolean> {
  const endMs = performance.now() + UP_MS;
  while (!(await condition())) {
    if (performance.now() > endMs) return false;
    await pause(100);
  }
  return true;
}

async function prove(topology: Topology, print: (line: string) => void): Promise<number> {
  let failures = 0;
  const say = (holds: boolean, what: string): void => {
    if (!holds) failures += 1;
    print(`${holds ? "ok  " : "FAIL"}  ${what}`);
  };
  const beganMs = performance.now();
  const up = await until(async () => isUp(await statusOf("a")) && isUp(await statusOf("b")));
  say(
    up,
    `both daemons negotiated their sessions (${Math.round(performance.now() - beganMs)} ms after their start)`,
  );
  for (const [index, vlan] of topology.vlans.entries()) {
    const target = `10.0.0.${addressOf("b", index)}`;
    const reached = await until(async () => (await inside(`a${vlan}`, "ping", "-c1", "-W1", target)) === 0);
    say(reached, `host a${vlan} reaches host b${vlan} across VLAN ${vlan}`);
    const big = await inside(`a${vlan}`, "ping", "-c3", "-i0.2", "-W1", "-M", "do", "-s", "1472", target);
    say(big === 0, `frames of full size (1514 octets and a tag) cross on VLAN ${vlan}`);
  }
  const [first = 0, second] = topology.vlans;
  if (second !== undefined) {
    const leaked = await inside(`a${first}`, "ping", "-c2", "-i0.2", "-W1", `10.0.0.${addressOf("b", 1)}`);
    say(leaked !== 0, `host a${first} does not reach host b${second}: VLANs stay apart`);
  }
  const heard = await multicast(`a${first}`, `b${first}`, addressOf("a", 0), addressOf("b", 0));
  say(
    heard === DATAGRAMS,
    `multicast stream to 239.1.1.1: ${heard} of ${DATAGRAMS} datagrams arrived intact`,
  );
  for (const side of SIDES) {
    const report = await statusOf(side);
    print(
      report === undefined
        ? readFileSync(`${RUN}/wirespan-${side}.log`, "utf8")
        : `\n${renderStatus(report)}`,
    );
  }
  print(failures === 0 ? "\nThe two sites are one network." : `\n${failures} check(s) failed.`);
  return failures === 0 ? 0 : 1;
}

/** Sends a numbered stream and counts what arrives as it was sent. */
async function multicast(from: string, to: string, fromHost: number, toHost: number): Promise<number> {
  const node = (name: string, ...words: readonly string[]) => [
    "netns",
    "exec",
    name,
    process.execPath,
    MULTICAST,
    ...words,
  ];
  const receiver = spawn("ip", node(to, "receive", `10.0.0.${toHost}`, `${DATAGRAMS}`), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  const listening = new Promise<void>((resolve) => {
    receiver.stdout.on("data", (chunk) => {
      printed += String(chunk);
      if (printed.includes("listening")) resolve();
    });
  });
  const done = new Promise<void>((resolve) => receiver.on("exit", () => resolve()));
  await Promise.race([listening, done]);
  await run(["ip", ...node(from, "send", `10.0.0.${fromHost}`, `${DATAGRAMS}`)]);
  await done;
  return Number(/received (\d+)/.exec(printed)?.[1] ?? 0);
}

function drawing(topology: Topology): string {
  const hosts = (side: Side) => topology.vlans.map((vlan) => `${side}${vlan}`).join(", ");
  return `
${topology.title}

  hosts ${hosts("a")}                                                     hosts ${hosts("b")}
      |  VLANs ${topology.vlans.join(", ")}                                                  |
  [switch-a] --- trunk --- [lcce-a] ===== WAN, MTU ${topology.wan.mtu} ===== [lcce-b] --- trunk --- [switch-b]
                           wirespan      L2TPv3         wirespan
`;
}
