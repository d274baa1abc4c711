import { JsonLinesProcess, run } from "../command.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { type HostRoute, routeBetween } from "./addresses.ts";
import { type CheckContext, commandProblem } from "./context.ts";
import { reachedWithin } from "./ping.ts";
import { PROGRAM_START_MS, programIn } from "./programs.ts";
import { octetsOf, rateText, timeText } from "./quantities.ts";
import type { CheckOutcome } from "./result.ts";
import type { Listening, Transferred } from "./transfer.ts";
import { limitOf, reachLimitOf, tryLimitOf, whyNoLonger } from "./within.ts";

/** What both ends of a transfer say; a text where it came to nothing. */
type Transfer = { readonly sent: Transferred; readonly received: Transferred } | string;

/** Sends random data by TCP from one node to another. */
export async function transfer(
  { from, to, destination }: HostRoute,
  amount: readonly [unit: "octets" | "seconds", wanted: number],
  limitMs: number,
): Promise<Transfer> {
  await using receiver = new JsonLinesProcess(programIn(to.node, "transfer", "receive", destination));
  try {
    const { port } = (await receiver.next(PROGRAM_START_MS)) as Listening;
    const words = ["send", destination, `${port}`, amount[0], `${amount[1]}`];
    const endMs = performance.now() + limitMs;
    const { stdout } = await run(programIn(from.node, "transfer", ...words), { timeoutMs: limitMs });
    const received = (await receiver.next(endMs - performance.now())) as Transferred;
    return { sent: JSON.parse(stdout) as Transferred, received };
  } catch (error) {
    return commandProblem(error);
  }
}

/** Sends random data by TCP, and compares the SHA-256 of what was sent and received. */
export async function checkBulk(check: CheckOf<"bulk">, context: CheckContext): Promise<CheckOutcome> {
  const givenMs = limitOf("bulk", check.within);
  const limitMs = tryLimitOf(givenMs);
  const octets = octetsOf(check.octets);
  const [from, to] = check.bulk;
  const expected = `${octets} random octets by TCP from ${from} arrive at ${to}, with the same SHA-256`;
  const endMs = performance.now() + limitMs;
  const reachMs = reachLimitOf(givenMs, context);
  const route = await routeBetween(context, check.bulk, { limitMs: reachLimitOf(limitMs, context) });
  if (!(await reachedWithin(route, reachMs))) {
    const seen = `${to} answers no ping within ${timeText(reachMs)}${whyNoLonger(context)}`;
    return { passed: false, expected, seen, difference: seen };
  }
  const result = await transfer(route, ["octets", octets], Math.max(1, endMs - performance.now()));
  if (typeof result === "string") {
    const seen = `it was not complete within ${timeText(limitMs)}`;
    return { passed: false, expected, seen, difference: `${seen}: ${result}` };
  }
  const { sent, received } = result;
  const passed = sent.octets === received.octets && sent.sha256 === received.sha256;
  const rate = rateText((received.octets * 8000) / Math.max(1, received.durationMs));
  const hashes = `SHA-256 ${received.sha256.slice(0, 16)}..., sent ${sent.sha256.slice(0, 16)}...`;
  const difference =
    sent.octets === received.octets ? hashes : `${received.octets} octets arrived, ${sent.octets} were sent`;
  return {
    passed,
    expected,
    seen: `${received.octets} octets at ${rate}, SHA-256 ${received.sha256.slice(0, 16)}...`,
    difference: passed ? undefined : difference,
  };
}
