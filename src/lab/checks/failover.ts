import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { shellLine } from "../../bytes/shell-words.ts";
import { CommandError } from "../command.ts";
import { isSiteUp, statusOf } from "../daemons.ts";
import type { CheckOf } from "../format/check-keys.ts";
import { lcceNamed } from "../format/topology.ts";
import { linkNamed } from "../named-links.ts";
import { forgetFlows } from "../network/forget-flows.ts";
import { inNode } from "../nodes.ts";
import { until } from "../until.ts";
import { type HostRoute, routeBetween } from "./addresses.ts";
import { byHand, type CheckContext, requireNode, runIn } from "./context.ts";
import { answerOf, longestGap, type PingAnswer, type PingGap } from "./longest-gap.ts";
import { pingWords, reachedWithin } from "./ping.ts";
import { millisecondsOf, timeText } from "./quantities.ts";
import { CheckError, type CheckOutcome } from "./result.ts";
import { commandWords, namespaceNamed } from "./run-command.ts";
import { limitOf, reachLimitOf, tryLimitOf, whyNoLonger } from "./within.ts";

const INTERVAL_MS = 10;
/** Pings that are answered before something is made to fail. */
const STEADY_ANSWERS = 20;
/** Traffic counts as back once the last answer is no older than this. */
const FRESH_MS = 200;
/** A gap that long would be noticed, though the limit is shorter. */
const WATCH_AT_LEAST_MS = 1000;
/** Time that a gap is watched beyond what it may be. */
const BEYOND_MS = 1000;

/** Pings every 10 ms, with the times of the answers. */
class PingSeries implements AsyncDisposable {
  readonly answers: PingAnswer[] = [];
  readonly #ping: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(route: HostRoute) {
    const words = pingWords(route, "-D", "-i", `${INTERVAL_MS / 1000}`);
    const [file = "", ...args] = inNode(route.from.node, ...words);
    this.#ping = spawn(file, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#ended = new Promise((resolve) => {
      this.#ping.on("close", resolve);
      this.#ping.on("error", resolve);
    });
    let buffered = "";
    this.#ping.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = `${buffered}${text}`.split("\n");
      buffered = lines.pop() ?? "";
      this.answers.push(...lines.flatMap((line) => answerOf(line) ?? []));
    });
  }

  /** Milliseconds since the last answer. */
  get silentMs(): number {
    return Date.now() - (this.answers.at(-1)?.timeMs ?? 0);
  }

  /** The longest gap since a time. */
  gapSince(fromMs: number): PingGap {
    return longestGap(this.answers, fromMs, Date.now(), INTERVAL_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ping.kill("SIGKILL");
    await this.#ended;
  }
}

/** Something that can be made to fail, and set right again. */
interface Failure {
  readonly what: string;
  /** By hand. */
  readonly command: string;
  readonly node: string;
  begin(): Promise<void>;
  /** Sets it right again; absent for what stays. */
  readonly end?: () => Promise<void>;
}

function failureOf({ failover }: CheckOf<"failover">, context: CheckContext): Failure {
  if ("down" in failover) return linkFailure(failover.down, context);
  if ("run" in failover) return commandFailure(failover, context);
  if ("forget" in failover) return natFailure(failover.forget, context);
  const isKill = "kill" in failover;
  const name = isKill ? failover.kill : failover.stop;
  const node = requireNode(context, name).name;
  const { failures, topology } = context;
  return {
    what: isKill ? `the daemon of ${name} is killed` : `the program of ${name} is stopped`,
    command: shellLine(["wirespan", "lab", "stop", topology.name, node]),
    node,
    begin: () => (isKill ? failures.kill(node) : failures.stop(node)),
    end: () => failures.start(node),
  };
}

function linkFailure(text: string, { topology, failures }: CheckContext): Failure {
  const { name, node } = linkNamed(topology, text);
  return {
    what: `link ${text} goes down`,
    command: shellLine(["wirespan", "lab", "link", topology.name, name, "--down"]),
    node,
    begin: () => failures.setDown(name, true),
    end: () => failures.setDown(name, false),
  };
}

function natFailure(router: string, { topology }: CheckContext): Failure {
  return {
    what: `the NAT of ${router} forgets its flows`,
    command: shellLine(["wirespan", "lab", "forget", topology.name, router]),
    node: router,
    begin: () => Promise.resolve(forgetFlows(router)),
  };
}

type CommandChange = Extract<CheckOf<"failover">["failover"], { readonly run: unknown }>;

function commandFailure({ run: [name, ...given], undo }: CommandChange, context: CheckContext): Failure {
  const node = namespaceNamed(context, name);
  const carryOut = async (at: string, words: readonly string[]): Promise<void> => {
    const { status, stderr } = await runIn(context, at, commandWords(words));
    if (status !== 0)
      throw new CheckError(`${words.join(" ")} at ${at}: exit status ${status}; it said: ${stderr.trim()}`);
  };
  return {
    what: `${given.join(" ")} at ${name}`,
    command: byHand(context, node, ...commandWords(given)),
    node,
    begin: () => carryOut(node, given),
    ...(undo === undefined ? {} : { end: () => carryOut(namespaceNamed(context, undo[0]), undo.slice(1)) }),
  };
}

/** Has something fail while one host pings another one: the longest time without an answer. */
export async function checkFailover(
  check: CheckOf<"failover">,
  context: CheckContext,
): Promise<CheckOutcome> {
  const failure = failureOf(check, context);
  const [limitMs, underMs] = [limitOf("failover", check.within), millisecondsOf(check.under)];
  const [from, to] = check.between;
  const expected = `${failure.what}; pings from ${from} to ${to} are unanswered for less than ${check.under}`;
  const reachMs = reachLimitOf(limitMs, context);
  const route = await routeBetween(context, check.between, { limitMs: reachMs });
  const failed = (seen: string): CheckOutcome => ({ passed: false, expected, seen, difference: seen });
  if (!(await reachedWithin(route, reachMs))) {
    const waited = `${timeText(reachMs)}${whyNoLonger(context)}`;
    return failed(`before anything failed, ${to} answered no ping within ${waited}`);
  }
  await using pings = new PingSeries(route);
  if (!(await until(() => Promise.resolve(pings.answers.length >= STEADY_ANSWERS), tryLimitOf(limitMs))))
    return failed(`before anything failed, ${pings.answers.length} pings were answered`);
  const gap = await gapWhileFailed(failure, pings, underMs);
  const isBack = pings.silentMs < FRESH_MS;
  const restoredMs = Date.now();
  const problem = await restore(failure, pings, context, tryLimitOf(limitMs));
  const first = isBack ? gapText(gap) : `no answer came back: ${gapText(gap)}`;
  if (problem !== undefined) return failed(`${first}; ${problem}`);
  const after = failure.end && `; when it was set right, ${gapText(pings.gapSince(restoredMs))}`;
  const seen = `${first}${after ?? ""}`;
  const passed = gap.timeMs < underMs && (isBack || failure.end !== undefined);
  const pingCommand = byHand(context, from, ...pingWords(route, "-D", "-i", `${INTERVAL_MS / 1000}`));
  return {
    passed,
    expected,
    seen,
    difference: passed ? undefined : `${first}, not less than ${check.under}`,
    command: `${pingCommand} & ${failure.command}`,
  };
}

function gapText({ timeMs, missing }: PingGap): string {
  const pings = `${missing} pings in a row, sent every ${INTERVAL_MS} ms`;
  return `the longest gap was ${timeText(timeMs)} (${pings})`;
}

/**
 * Has it fail, and watches for as long as the gap may be, and a little longer while nothing comes.
 */
async function gapWhileFailed(failure: Failure, pings: PingSeries, underMs: number): Promise<PingGap> {
  const fromMs = Date.now();
  try {
    await failure.begin();
  } catch (error) {
    if (error instanceof CommandError) throw new CheckError(`${failure.what}: ${error.message}`);
    throw error;
  }
  const watchMs = Math.max(underMs, WATCH_AT_LEAST_MS);
  for (;;) {
    await pause(INTERVAL_MS * 5);
    const gap = pings.gapSince(fromMs);
    const isOver = Date.now() - fromMs >= watchMs && pings.silentMs < FRESH_MS;
    if (isOver || gap.timeMs > underMs + BEYOND_MS) return gap;
  }
}

/** Sets it right, and waits until traffic passes again; what went wrong as text. */
async function restore(
  failure: Failure,
  pings: PingSeries,
  { topology }: CheckContext,
  limitMs: number,
): Promise<string | undefined> {
  if (failure.end === undefined) return undefined;
  await failure.end();
  const lcce = lcceNamed(topology, failure.node);
  const isBack = async (): Promise<boolean> => {
    const report = lcce?.wirespan === undefined ? undefined : await statusOf(lcce.site);
    if (lcce?.wirespan !== undefined && (report === undefined || !isSiteUp(report))) return false;
    return pings.silentMs < FRESH_MS;
  };
  if (await until(isBack, limitMs)) return undefined;
  return `after it was set right, traffic was not back within ${timeText(limitMs)}`;
}
