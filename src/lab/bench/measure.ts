import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { until } from "../checks.ts";
import { run } from "../command.ts";
import { inNode } from "../network.ts";
import { framesAt, siteAddress } from "./ground.ts";

const FLOOD = fileURLToPath(new URL("flood.js", import.meta.url));
const FRAME_OCTETS = 60;

/** One measurement of one candidate. */
export interface Measured {
  /** One TCP flow, in Gbit/s of payload. */
  readonly tcpGbits: number;
  /** Frames of 60 octets that arrived a second, of as many as a sender could send, in thousands. */
  readonly kiloFrames: number;
}

/** Measures the sites as they are joined now, for `seconds` each. */
export async function measure(seconds: number): Promise<Measured> {
  const reached = await until(async () => {
    const { status } = await run(inNode("site-a", "ping", "-q", "-c1", "-W1", siteAddress.b), {
      accept: [0, 1, 2],
    });
    return status === 0;
  });
  if (!reached) throw new Error("measure: the sites do not reach each other");
  return { tcpGbits: await measureTcp(seconds), kiloFrames: await measureFrames(seconds) };
}

async function measureTcp(seconds: number): Promise<number> {
  const server = await startServer();
  const ended = new Promise((resolve) => server.on("exit", resolve));
  const client = inNode("site-a", "iperf3", "-J", "-c", siteAddress.b, "-t", `${seconds}`, "-O", "1");
  const { stdout } = await run(client, { timeoutMs: (seconds + 20) * 1000 });
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

async function measureFrames(seconds: number): Promise<number> {
  const before = await framesAt("b");
  const beganMs = performance.now();
  await run(inNode("site-a", process.execPath, FLOOD, "eth0", `${seconds}`, `${FRAME_OCTETS}`), {
    timeoutMs: (seconds + 20) * 1000,
  });
  const tookMs = Math.min(performance.now() - beganMs, seconds * 1000);
  return ((await framesAt("b")) - before) / tookMs;
}
