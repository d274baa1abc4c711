import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { run } from "../command.ts";
import { inNode } from "../network.ts";
import { framesAt, siteAddress } from "./ground.ts";

const FLOOD = fileURLToPath(new URL("flood.js", import.meta.url));
/** A clock tick of /proc/stat. */
const TICK_US = 10_000;
const LOSS_ALLOWED = 0.01;
const SEARCH_STEPS = 6;
const STEADY_RATE = 50_000;
const PINGS = 2000;

/** TABLE: what is measured of each candidate. */
export interface Measure {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  /** Whether a larger value is the better one: then ratios are printed as multiples. */
  readonly larger: boolean;
  /** Measures the sites as they are joined now, for about `seconds`. */
  take(seconds: number): Promise<number>;
}

export const measures: readonly Measure[] = [
  { key: "tcp1", title: "TCP, 1 flow, Gbit/s", digits: 2, larger: true, take: (seconds) => tcp(seconds, 1) },
  { key: "tcp4", title: "TCP, 4 flows, Gbit/s", digits: 2, larger: true, take: (seconds) => tcp(seconds, 4) },
  {
    key: "flood60",
    title: "60-octet frames, thousand/s of a flood",
    digits: 0,
    larger: true,
    take: async (seconds) => (await flood(seconds, 60)).arrived / seconds / 1000,
  },
  {
    key: "clean60",
    title: "60-octet frames, thousand/s at 1 % loss or less",
    digits: 0,
    larger: true,
    take: (seconds) => cleanRate(seconds, 60),
  },
  {
    key: "clean1400",
    title: "1400-octet frames, thousand/s at 1 % loss or less",
    digits: 0,
    larger: true,
    take: (seconds) => cleanRate(seconds, 1400),
  },
  { key: "rtt50", title: "round trip, median, us", digits: 0, larger: false, take: () => roundTrip(0.5) },
  { key: "rtt99", title: "round trip, 99 of 100, us", digits: 0, larger: false, take: () => roundTrip(0.99) },
  {
    key: "cpu",
    title: "processor time a frame, all of the machine, us",
    digits: 2,
    larger: false,
    take: processorTime,
  },
];

async function tcp(seconds: number, flows: number): Promise<number> {
  const server = await startServer();
  const ended = new Promise((resolve) => server.on("exit", resolve));
  const words = ["-J", "-c", siteAddress.b, "-t", `${seconds}`, "-O", "1", "-P", `${flows}`];
  const { stdout } = await run(inNode("site-a", "iperf3", ...words), { timeoutMs: (seconds + 20) * 1000 });
  await ended;
  const { end } = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e9;
}

/** An iperf3 server for one client, from the moment that it listens. */
async function startServer(): Promise<ChildProcess> {
  const [file = "", ...words] = inNode("site-b", "iperf3", "-s", "-1", "--forceflush");
  const server = spawn(file, words, { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.stdout.on("data", (chunk) => {
      if (String(chunk).includes("listening")) resolve();
    });
  });
  server.stdout.resume();
  return server;
}

/** Sends frames from site a for `seconds`, as many as go or `rate` a second; resolves once all that will arrive has. */
export async function flood(
  seconds: number,
  octets: number,
  rate = Number.POSITIVE_INFINITY,
): Promise<{ sent: number; arrived: number }> {
  const before = await framesAt("b");
  const command = inNode("site-a", process.execPath, FLOOD, "eth0", `${seconds}`, `${octets}`, `${rate}`);
  const { stdout } = await run(command, { timeoutMs: (seconds + 20) * 1000 });
  let arrived = (await framesAt("b")) - before;
  for (let last = -1; last !== arrived; arrived = (await framesAt("b")) - before) last = arrived;
  return { sent: (JSON.parse(stdout) as { sent: number }).sent, arrived };
}

/** The highest rate, in thousands a second, at which no more than one frame in a hundred is lost. */
async function cleanRate(seconds: number, octets: number): Promise<number> {
  const turn = Math.max(1, seconds / 2);
  const all = await flood(turn, octets);
  let clean = 0;
  let tooFast = all.sent / turn;
  if (all.arrived >= all.sent * (1 - LOSS_ALLOWED)) return all.arrived / turn / 1000;
  let rate = all.arrived / turn;
  for (let step = 0; step < SEARCH_STEPS; step += 1) {
    const { sent, arrived } = await flood(turn, octets, rate);
    if (arrived >= sent * (1 - LOSS_ALLOWED)) clean = Math.max(clean, arrived / turn);
    else tooFast = Math.min(tooFast, rate);
    rate = clean === 0 ? tooFast / 2 : (clean + tooFast) / 2;
  }
  return clean / 1000;
}

/** Round trip of pings that wait for each other, in microseconds, at a quantile. */
async function roundTrip(quantile: number): Promise<number> {
  const words = ["-A", "-n", "-c", `${PINGS}`, siteAddress.b];
  const { stdout } = await run(inNode("site-a", "ping", ...words), { timeoutMs: 60_000 });
  const times = [...stdout.matchAll(/time=([\d.]+)/g)]
    .map(([, ms]) => Number(ms) * 1000)
    .sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(times.length * quantile))] ?? Number.NaN;
}

/** What the whole machine, sender and receiver too, is busy for each frame at a steady rate, in microseconds. */
async function processorTime(seconds: number): Promise<number> {
  const before = busyTicks();
  const { arrived } = await flood(seconds, 60, STEADY_RATE);
  // The sender spins between its batches, for `seconds` on one processor: that is not the tunnel's.
  return ((busyTicks() - before) * TICK_US - seconds * 1e6) / arrived;
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
