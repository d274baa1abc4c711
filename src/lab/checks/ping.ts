import { type CommandResult, run } from "../command.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { namespaceFileOf } from "../nodes.ts";
import { type HostRoute, routeBetween } from "./addresses.ts";
import { byHand, type CheckContext, commandProblem } from "./context.ts";
import { timeText } from "./quantities.ts";
import type { CheckOutcome } from "./result.ts";
import { limitOf, tryWithin } from "./within.ts";

const COUNT = 3;
const INTERVAL_S = 0.05;
/** Time for one ping, on a busy machine. */
const PING_MS = 30_000;
const ICMP_OCTETS = 8;
const HEADER_OCTETS = { ipv4: 20, ipv6: 40 } as const;

/** Words of a ping from one node to another. */
export function pingWords({ destination }: HostRoute, ...options: readonly string[]): readonly string[] {
  return ["ping", "-n", ...options, destination];
}

/** How many pings were answered, of those that its last lines tell of. */
export function answeredOf(output: string): { readonly sent: number; readonly answered: number } {
  const found = /(\d+) packets transmitted, (\d+) received/.exec(output);
  return { sent: Number(found?.[1] ?? 0), answered: Number(found?.[2] ?? 0) };
}

/** Runs ping, which needs no mounts of its node: without ip(8), which takes longer than the ping. */
function runPing({ from }: HostRoute, words: readonly string[], timeoutMs = PING_MS): Promise<CommandResult> {
  return run(words, { timeoutMs, networkNamespace: namespaceFileOf(from.node), accept: [0, 1, 2] });
}

/** Whether a ping is answered within a second, or within `waitMs`. */
export async function isReached(route: HostRoute, waitMs = 1000): Promise<boolean> {
  const words = pingWords(route, "-q", "-c1", `-W${(waitMs / 1000).toFixed(3)}`);
  return (await runPing(route, words)).status === 0;
}

/** The payload of a ping that fills the packets of both interfaces. */
function fullSizeOf({ from, to, destination }: HostRoute): number {
  const header = destination.includes(":") ? HEADER_OCTETS.ipv6 : HEADER_OCTETS.ipv4;
  return Math.min(from.mtu, to.mtu) - header - ICMP_OCTETS;
}

interface Answers {
  readonly sent: number;
  readonly answered: number;
  /** What ping said of those without an answer. */
  readonly said: string;
}

async function ping(route: HostRoute, options: readonly string[], limitMs: number): Promise<Answers> {
  const words = pingWords(route, ...options, "-c", `${COUNT}`, `-i${INTERVAL_S}`, "-W1");
  try {
    const { stdout, stderr } = await runPing(route, words, limitMs + 2000);
    const problem = /^.*(?:Unreachable|too long|unreachable|Frag needed).*$/m.exec(`${stdout}\n${stderr}`);
    return { ...answeredOf(stdout), said: problem?.[0] ?? stderr.trim() };
  } catch (error) {
    return { sent: 0, answered: 0, said: commandProblem(error) };
  }
}

/** Pings of both sizes from one node to another. */
export async function checkPing(check: CheckOf<"ping">, context: CheckContext): Promise<CheckOutcome> {
  const limitMs = limitOf("ping", check.within);
  const route = await routeBetween(context, check.ping, { limitMs });
  const size = fullSizeOf(route);
  const packet = `${Math.min(route.from.mtu, route.to.mtu)} octets, unfragmented`;
  const full = ["-M", "do", "-s", `${size}`];
  const expected = `${COUNT} small pings are answered, and ${COUNT} with full-size packets (${packet})`;
  const command = (options: readonly string[]) =>
    byHand(context, route.from.node, ...pingWords(route, "-c", `${COUNT}`, ...options));
  return tryWithin(limitMs, async (leftMs) => {
    const [small, large] = await Promise.all([ping(route, [], leftMs), ping(route, full, leftMs)]);
    if (small.answered < COUNT) {
      const seen = answersText(small, "small pings");
      return { passed: false, expected, seen, difference: withReason(seen, small), command: command([]) };
    }
    const seen = `${COUNT} of ${COUNT} small pings are answered, ${large.answered} full-size ones`;
    const passed = large.answered === COUNT;
    const difference = answersText(large, `pings with packets of ${packet},`);
    return {
      passed,
      expected,
      seen,
      difference: passed ? undefined : withReason(difference, large),
      command: command(full),
    };
  });
}

/** How many pings of a kind were answered, or that none could be sent. */
export function answersText({ sent, answered }: Pick<Answers, "sent" | "answered">, what: string): string {
  return sent === 0 ? `no ${what} could be sent` : `${answered} of ${sent} ${what} are answered`;
}

function withReason(text: string, { said }: Answers): string {
  return said === "" ? text : `${text}; ping said: ${said}`;
}

/** Waits until a node reaches another one; false where that takes longer than `limitMs`. */
export async function reachedWithin(route: HostRoute, limitMs: number): Promise<boolean> {
  const { passed } = await tryWithin(limitMs, async () => ({
    passed: await isReached(route),
    expected: "",
    seen: timeText(limitMs),
  }));
  return passed;
}
