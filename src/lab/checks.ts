import { fileURLToPath } from "node:url";
import { toHex } from "../bytes/hex.ts";
import { CommandError, JsonLinesProcess, run } from "./command.ts";
import { inNode, switchOf } from "./nodes.ts";
import { padded, specialFrames, taggedFrame } from "./special-frames.ts";
import { type Check, type Host, hostsOf, type Topology } from "./topology.ts";
import { until } from "./until.ts";

/** Time for more traffic between hosts that reached each other once, on a busy machine. */
const AGAIN_MS = 15_000;
const DATAGRAMS = 100;
const HELPER_MS = 20_000;
const MULTICAST = fileURLToPath(new URL("multicast.js", import.meta.url));
const FRAMES = fileURLToPath(new URL("frames.js", import.meta.url));

/** The result of a check. */
export interface CheckResult {
  readonly passed: boolean;
  readonly text: string;
}

/** Whether pings from a node reach an address. */
async function pings(node: string, ...words: readonly string[]): Promise<boolean> {
  const { status } = await run(inNode(node, "ping", "-q", ...words), { accept: [0, 1, 2] });
  return status === 0;
}

/** Carries out one check of a topology. */
export function makeCheck(check: Check, topology: Topology): Promise<readonly CheckResult[]> {
  const hosts = new Map(hostsOf(topology).map((host) => [host.name, host]));
  const hostPair = ([from, to]: readonly [string, string]): [Host, Host] => {
    const [a, b] = [hosts.get(from), hosts.get(to)];
    if (a === undefined || b === undefined) throw new Error(`check ${from} and ${to}: no such host`);
    return [a, b];
  };
  if ("ping" in check) return checkPing(...hostPair(check.ping));
  if ("apart" in check) return checkApart(...hostPair(check.apart));
  if ("multicast" in check) return checkMulticast(...hostPair(check.multicast));
  if ("tagged" in check) return checkTagged(...hostPair(check.tagged));
  return checkFrames(...check.frames);
}

function vlanText({ vlan }: Host): string {
  return vlan === 0 ? "untagged" : `VLAN ${vlan}`;
}

async function checkPing(from: Host, to: Host): Promise<readonly CheckResult[]> {
  const where = `${from.name} (${vlanText(from)}) and ${to.name} (${vlanText(to)})`;
  const reached = await until(() => pings(from.name, "-c1", "-W1", to.address));
  const fullSize = ["-c3", "-i0.2", "-W1", "-M", "do", "-s", "1472"];
  const full = reached && (await until(() => pings(from.name, ...fullSize, to.address), AGAIN_MS));
  return [
    { passed: reached, text: `ping between hosts ${where}` },
    { passed: full, text: `ping with full-size packets (1500 octets, unfragmented) between ${where}` },
  ];
}

async function checkApart(from: Host, to: Host): Promise<readonly CheckResult[]> {
  const reached = await pings(from.name, "-c2", "-i0.2", "-W1", to.address);
  return [
    {
      passed: !reached,
      text: `no ping from ${from.name} (${vlanText(from)}) to ${to.name} (${vlanText(to)})`,
    },
  ];
}

/** Sends a numbered stream and counts the datagrams that arrive unchanged. */
async function checkMulticast(from: Host, to: Host): Promise<readonly CheckResult[]> {
  const command = (host: Host, task: string) =>
    inNode(host.name, process.execPath, MULTICAST, task, host.address, `${DATAGRAMS}`);
  await using receiver = new JsonLinesProcess(command(to, "receive"));
  await receiver.next(HELPER_MS);
  await run(command(from, "send"));
  const { received } = (await receiver.next(HELPER_MS)) as { received: number };
  const stream = `multicast stream 239.1.1.1 from ${from.name} to ${to.name}`;
  const text = `${stream}: ${received} of ${DATAGRAMS} datagrams arrived intact`;
  return [{ passed: received === DATAGRAMS, text }];
}

/**
 * Sends a frame into the trunk of one site with its host's tag; it must leave the other site's trunk with
 * that host's tag and the same priority.
 */
async function checkTagged(from: Host, to: Host): Promise<readonly CheckResult[]> {
  const wanted = toHex(taggedFrame(to.vlan));
  const missing = await crossing(from.site, to.site, [toHex(taggedFrame(from.vlan))], [wanted]);
  const [sent, received] = [vlanText(from), vlanText(to)];
  const frame = `tagged frame, ${sent} with priority 5, from ${from.site}`;
  const text = `${frame} arrives at ${to.site} as ${received}, otherwise unchanged`;
  return [{ passed: missing.length === 0, text }];
}

async function checkFrames(left: string, right: string): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    const sent = specialFrames.map(([, frame]) => toHex(frame));
    const wanted = specialFrames.map(([, frame]) => toHex(padded(frame)));
    const missing = await crossing(from, to, sent, wanted);
    const names = specialFrames
      .filter((_, index) => missing.includes(wanted[index] ?? ""))
      .map(([name]) => name);
    const text = `${sent.length} special frames from ${from} to ${to} arrive octet for octet`;
    results.push({
      passed: missing.length === 0,
      text: names.length === 0 ? text : `${text}; not: ${names.join(", ")}`,
    });
  }
  return results;
}

/** Sends frames into one site's trunk; resolves to those of `wanted` that did not arrive at the other's. */
export async function crossing(
  from: string,
  to: string,
  sent: readonly string[],
  wanted: readonly string[],
): Promise<readonly string[]> {
  await using listener = new JsonLinesProcess(
    inNode(switchOf(to), process.execPath, FRAMES, "listen", "trunk"),
  );
  await listener.next(HELPER_MS);
  await run(inNode(switchOf(from), process.execPath, FRAMES, "send", "trunk", ...sent));
  const missing = new Set(wanted);
  const endMs = performance.now() + AGAIN_MS;
  while (missing.size > 0 && performance.now() < endMs) {
    try {
      const { frame } = (await listener.next(endMs - performance.now())) as { frame: string };
      missing.delete(frame);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      break;
    }
  }
  return [...missing];
}
