import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CommandError, run } from "../command.ts";
import { inNode } from "../nodes.ts";
import type { Sent } from "./search.ts";
import { framesAt, siteAddress } from "./test-bed.ts";

/** Traffic between the sites, and what it costs. */

const INJECT = fileURLToPath(new URL("inject.js", import.meta.url));
const FLOOD = fileURLToPath(new URL("flood.js", import.meta.url));
/** A clock tick of /proc/stat. */
const TICK_US = 10_000;
const PINGS = 2000;

/** What TCP flows of new network namespaces go by, such as cubic or bbr: the machine's own. */
export function congestionControl(): string {
  return readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "utf8").trim();
}

/**
 * Bits a second of so many flows together, which go by a congestion control. Rejects with CommandError where
 * the kernel has none such.
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

/** The fastest sender that this machine lets us have: the kernel itself, else a process. */
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
 * Has frames come to the trunk of LCCE a for `seconds`, as many as go or `rate` a second; resolves once all
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

/** Times of pings that wait for each other, in microseconds. */
export async function roundTrips(): Promise<readonly number[]> {
  const args = ["-A", "-n", "-c", `${PINGS}`, siteAddress.b];
  const { stdout } = await run(inNode("site-a", "ping", ...args), { timeoutMs: 60_000 });
  return [...stdout.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms) * 1000);
}

/**
 * For how many microseconds all processors together are busy while 60-octet frames are sent at a rate: by a
 * process at the site that sleeps in between, as one that spins would hide what its processor does for the
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
