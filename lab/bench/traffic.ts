import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { CommandError, run } from "../../src/lab/command.ts";
import { inNode } from "../../src/lab/nodes.ts";
import { builtProgram } from "../paths.ts";
import type { Sent } from "./search.ts";
import { framesAt, siteAddress } from "./test-bed.ts";

/** Traffic between the sites, and its cost. */

const INJECT = builtProgram("traffic/inject");
const FLOOD = builtProgram("traffic/flood");
/** A clock tick of /proc/stat. */
const TICK_US = 10_000;
const PINGS = 2000;

/** Congestion control of TCP flows in new network namespaces, such as cubic or bbr: the machine's. */
export function congestionControl(): string {
  return readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "utf8").trim();
}

/**
 * Bits a second of several TCP flows together, with a congestion control. Rejects with CommandError where the
 * kernel does not have it.
 */
export async function tcp(seconds: number, flows: number, congestion: string): Promise<number> {
  const server = await startServer();
  const ended = new Promise((resolve) => server.on("exit", resolve));
  const args = `-J -c ${siteAddress.b} -t ${seconds} -O 1 -P ${flows} -C ${congestion}`.split(" ");
  const { stdout } = await run(inNode("site-a", "iperf3", ...args), { timeoutMs: (seconds + 60) * 1000 });
  await ended;
  const { end } = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second;
}

/** An iperf3 server for one client, from the moment that it listens. */
async function startServer(): Promise<ChildProcess> {
  const [file = "", ...args] = inNode("site-b", "iperf3", "-s", "-1", "--forceflush");
  const server = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.stdout.on("data", (chunk) => {
      if (String(chunk).includes("listening")) resolve();
    });
  });
  server.stdout.resume();
  return server;
}

/** The fastest sender on this machine: the kernel itself, else a process. */
let sender: Promise<readonly string[]> | undefined;

async function findSender(): Promise<readonly string[]> {
  const inKernel = inNode("lcce-a", process.execPath, INJECT, "trunk");
  try {
    await run([...inKernel, "0", "60"]);
    return inKernel;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return inNode("site-a", process.execPath, FLOOD, "eth0");
  }
}

/**
 * Sends frames to the trunk of LCCE a for `seconds`, at full speed or at `rate` a second; resolves once all
 * that will arrive has.
 */
export async function send(seconds: number, octets: number, rate = Number.POSITIVE_INFINITY): Promise<Sent> {
  sender ??= findSender();
  return await sendBy(await sender, seconds, octets, rate);
}

async function sendBy(
  command: readonly string[],
  seconds: number,
  octets: number,
  rate: number,
): Promise<Sent> {
  const before = await framesAt("b");
  const { stdout } = await run([...command, `${seconds}`, `${octets}`, `${rate}`], {
    timeoutMs: (seconds + 60) * 1000,
  });
  let arrived = (await framesAt("b")) - before;
  for (let last = -1; last !== arrived; arrived = (await framesAt("b")) - before) last = arrived;
  return { sent: (JSON.parse(stdout) as { sent: number }).sent, arrived };
}

/** Round trip times of pings, each sent after the reply to the previous one, in microseconds. */
export async function roundTrips(): Promise<readonly number[]> {
  const args = ["-A", "-n", "-c", `${PINGS}`, siteAddress.b];
  const { stdout } = await run(inNode("site-a", "ping", ...args), { timeoutMs: 60_000 });
  return [...stdout.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms) * 1000);
}

/**
 * Busy time of all processors together, in microseconds, while 60-octet frames are sent at a rate: by a
 * process at the site that sleeps in between, since a spinning one would hide what its processor does for the
 * tunnel.
 */
export async function busyTime(seconds: number, rate: number): Promise<Sent & { busyUs: number }> {
  const before = busyTicks();
  const command = inNode("site-a", process.execPath, FLOOD, "eth0");
  const sent = await sendBy(command, seconds, 60, rate);
  return { ...sent, busyUs: (busyTicks() - before) * TICK_US };
}

function busyTicks(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softirq;
}
