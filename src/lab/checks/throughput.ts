import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { isInstalled, run } from "../command.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { inNode } from "../nodes.ts";
import { type HostRoute, routeBetween } from "./addresses.ts";
import { transfer } from "./bulk.ts";
import { byHand, type CheckContext, commandProblem } from "./context.ts";
import { reachedWithin } from "./ping.ts";
import { bitsPerSecondOf, rateText, timeText } from "./quantities.ts";
import type { CheckOutcome } from "./result.ts";
import { limitOf, reachLimitOf, whyNoLonger } from "./within.ts";

/** Time for connecting and ending, beside that of the measurement. */
const AROUND_MS = 10_000;
const CONNECT_AGAIN_MS = 100;

/** A measured rate, or why there is none. */
type Measured = { readonly bitsPerSecond: number } | { readonly problem: string };

interface Iperf3Report {
  readonly end: { readonly sum_received?: { readonly bits_per_second: number } };
  readonly error?: string;
}

/** Measures by iperf3, whose server is started for this and ends after one client. */
async function byIperf3({ from, to, destination }: HostRoute, seconds: number): Promise<Measured> {
  const [file = "", ...words] = inNode(to.node, "iperf3", "--server", "--one-off");
  const server: ChildProcess = spawn(file, words, { stdio: "ignore" });
  const ended = new Promise((resolve) => server.on("close", resolve));
  const client = ["iperf3", "--client", destination, "--time", `${seconds}`, "--json"];
  const endMs = performance.now() + AROUND_MS;
  try {
    for (;;) {
      const options = { timeoutMs: seconds * 1000 + AROUND_MS, accept: [0, 1] };
      const { stdout } = await run(inNode(from.node, ...client), options);
      const { end, error = "no result" } = JSON.parse(stdout) as Iperf3Report;
      if (end.sum_received !== undefined) return { bitsPerSecond: end.sum_received.bits_per_second };
      // The server may not listen yet.
      if (performance.now() > endMs) return { problem: `iperf3: ${error}` };
      await pause(CONNECT_AGAIN_MS);
    }
  } catch (error) {
    return { problem: commandProblem(error) };
  } finally {
    server.kill("SIGKILL");
    await ended;
  }
}

async function byTransfer(route: HostRoute, seconds: number): Promise<Measured> {
  const result = await transfer(route, ["seconds", seconds], seconds * 1000 + AROUND_MS);
  if (typeof result === "string") return { problem: result };
  const { octets, durationMs } = result.received;
  return { bitsPerSecond: (octets * 8000) / Math.max(1, durationMs) };
}

/** The limits of a rate as a sentence. */
function limitsText({ at_least: least, at_most: most }: CheckOf<"throughput">): string {
  const limits = [
    ...(least === undefined ? [] : [`at least ${least}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
  ];
  return limits.length === 0 ? "any rate" : limits.join(" and ");
}

/** What is wrong with a rate; undefined when nothing is. */
export function rateProblem(
  {
    at_least: least,
    at_most: most,
  }: { readonly at_least?: string | undefined; readonly at_most?: string | undefined },
  bitsPerSecond: number,
): string | undefined {
  if (least !== undefined && bitsPerSecond < bitsPerSecondOf(least))
    return `${rateText(bitsPerSecond)} is less than ${least}`;
  if (most !== undefined && bitsPerSecond > bitsPerSecondOf(most))
    return `${rateText(bitsPerSecond)} is more than ${most}`;
  return bitsPerSecond > 0 ? undefined : "nothing arrived";
}

/** Measures TCP from one node to another for some seconds. */
export async function checkThroughput(
  check: CheckOf<"throughput">,
  context: CheckContext,
): Promise<CheckOutcome> {
  const limitMs = reachLimitOf(limitOf("throughput", check.within), context);
  const route = await routeBetween(context, check.throughput, { limitMs });
  const [from, to] = check.throughput;
  const expected = `TCP from ${from} to ${to} for ${check.seconds} s: ${limitsText(check)}`;
  if (!(await reachedWithin(route, limitMs))) {
    const seen = `${to} answers no ping within ${timeText(limitMs)}${whyNoLonger(context)}`;
    return { passed: false, expected, seen, difference: seen };
  }
  const hasIperf3 = await isInstalled("iperf3");
  const measured = await (hasIperf3 ? byIperf3(route, check.seconds) : byTransfer(route, check.seconds));
  const tool = hasIperf3 ? "iperf3" : "the lab's own program (iperf3 is not installed)";
  const server = byHand(context, to, "iperf3", "--server", "--one-off");
  const client = byHand(context, from, "iperf3", "--client", route.destination, "--time", `${check.seconds}`);
  const command = hasIperf3 ? `${server} & ${client}` : undefined;
  if ("problem" in measured)
    return { passed: false, expected, seen: `no rate, by ${tool}`, difference: measured.problem, command };
  const difference = rateProblem(check, measured.bitsPerSecond);
  const seen = `${rateText(measured.bitsPerSecond)}, measured by ${tool}`;
  return { passed: difference === undefined, expected, seen, difference, command };
}
