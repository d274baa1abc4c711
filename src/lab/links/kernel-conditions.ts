import { CommandError, run, runForJson } from "../command.ts";
import { inNode } from "../nodes.ts";
import type { LinkConditions } from "./conditions.ts";
import { disciplineWords, type LinkCapabilities, type LinkMechanism, lossRule } from "./realisation.ts";
import type { RelayPath } from "./relay-messages.ts";

/** What the kernel does with frames that go from one device of a namespace to another: by tc and nft. */

/** What became of frames; what the kernel does not tell is undefined. */
export interface LinkCounters {
  readonly received?: number | undefined;
  readonly delivered: number;
  /** With netem those that found its queue full, too. */
  readonly lost: number;
  readonly duplicated?: number | undefined;
  readonly reordered?: number | undefined;
  readonly queueDrops?: number | undefined;
}

const TABLE = "links";
const PROBE = "probe";

async function tc(namespace: string, words: string): Promise<void> {
  await run(["tc", "-n", namespace, ...words.split(" ")]);
}

async function nft(namespace: string, script: string): Promise<void> {
  await run(inNode(namespace, "nft", "-f", "-"), { input: script });
}

/** Whether commands succeed; also false where their program is not installed. */
async function succeeds(command: Promise<void>): Promise<boolean> {
  try {
    await command;
    return true;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return false;
  }
}

/** Finds out what this kernel can do by trying it on a device, which goes then. Rejects with CommandError. */
export async function probeCapabilities(namespace: string): Promise<LinkCapabilities> {
  const pair = `link add ${PROBE} type veth peer name ${PROBE}-peer`;
  await run(["ip", "-n", namespace, ...pair.split(" ")]);
  const all = { lossPercent: 1, rateBitsPerSecond: 1e6 };
  const words = (mechanism: LinkMechanism) =>
    disciplineWords({ ...all, delayMs: 1 }, [mechanism], 1500)[0] ?? "";
  const netem = await succeeds(tc(namespace, `qdisc add dev ${PROBE} ${words("netem")}`));
  if (netem) await clearDiscipline(namespace, PROBE);
  const tbf = await succeeds(tc(namespace, `qdisc add dev ${PROBE} ${words("tbf")}`));
  const nftables = await succeeds(nft(namespace, chainScript({ from: PROBE, to: PROBE }, all)));
  if (nftables) await nft(namespace, `delete table netdev ${TABLE}\n`);
  await run(["ip", "-n", namespace, "link", "del", "dev", PROBE]);
  return { netem, tbf, nftables };
}

/** A script of nft that makes the chain of a path anew. */
function chainScript({ from, to }: RelayPath, conditions: LinkConditions): string {
  const chain = `netdev ${TABLE} ${from}`;
  return [
    `add table netdev ${TABLE}`,
    `add chain ${chain} { type filter hook ingress device "${from}" priority 0; }`,
    `flush chain ${chain}`,
    `add rule ${chain} counter`,
    `add rule ${chain} ${lossRule(conditions)}`,
    // A copy, which is nobody's, for the reason that mirrorFrames has.
    `add rule ${chain} dup to "${to}"`,
    `add rule ${chain} drop`,
    "",
  ].join("\n");
}

/** Forwards frames of a path but those that are lost, instead of former loss. Rejects with CommandError. */
export async function forwardWithLoss(
  namespace: string,
  path: RelayPath,
  conditions: LinkConditions,
): Promise<void> {
  await nft(namespace, chainScript(path, conditions));
}

/** Ends what `forwardWithLoss` began. Rejects with CommandError. */
export async function endForwardingWithLoss(namespace: string, { from }: RelayPath): Promise<void> {
  const chain = `chain netdev ${TABLE} ${from}`;
  await nft(namespace, `flush ${chain}\ndelete ${chain}\n`);
}

/** Puts rate and the like on what a device sends, which has none. Rejects with CommandError. */
export async function addDiscipline(
  namespace: string,
  device: string,
  conditions: LinkConditions,
  mechanisms: readonly LinkMechanism[],
  frameOctets: number,
): Promise<void> {
  for (const words of disciplineWords(conditions, mechanisms, frameOctets))
    await tc(namespace, `qdisc add dev ${device} ${words}`);
}

/** Takes away what `addDiscipline` put on it for these mechanisms. Rejects with CommandError. */
export async function removeDiscipline(
  namespace: string,
  device: string,
  mechanisms: readonly LinkMechanism[],
): Promise<void> {
  if (mechanisms.includes("netem") || mechanisms.includes("tbf")) await clearDiscipline(namespace, device);
}

async function clearDiscipline(namespace: string, device: string): Promise<void> {
  await run(["tc", "-n", namespace, "qdisc", "del", "dev", device, "root"]);
}

interface Discipline {
  readonly kind: string;
  readonly packets: number;
  readonly drops: number;
}

/** Counters of these mechanisms since the conditions were set. Rejects with CommandError. */
export async function kernelCounters(
  namespace: string,
  { from, to }: RelayPath,
  mechanisms: readonly LinkMechanism[],
): Promise<LinkCounters | undefined> {
  const discipline = await readDiscipline(namespace, to, mechanisms);
  const chain = mechanisms.includes("nftables") ? await readChain(namespace, from) : undefined;
  if (discipline === undefined && chain === undefined) return undefined;
  const { packets = 0, drops = 0 } = discipline ?? {};
  if (mechanisms.includes("netem")) return { delivered: packets, lost: drops };
  const [received = packets + drops, lost = 0] = chain ?? [];
  const delivered = discipline === undefined ? received - lost : packets;
  return { received, delivered, lost, duplicated: 0, reordered: 0, queueDrops: drops };
}

async function readDiscipline(
  namespace: string,
  device: string,
  mechanisms: readonly LinkMechanism[],
): Promise<Discipline | undefined> {
  const kind = mechanisms.find((mechanism) => mechanism === "netem" || mechanism === "tbf");
  if (kind === undefined) return undefined;
  const command = ["tc", "-n", namespace, "-s", "-json", "qdisc", "show", "dev", device];
  return (await runForJson<readonly Discipline[]>(command)).find((discipline) => discipline.kind === kind);
}

/** Packets that a chain saw, and those that it dropped. */
async function readChain(namespace: string, device: string): Promise<readonly number[]> {
  const list = ["nft", "--json", "list", "chain", "netdev", TABLE, device];
  type Listed = { readonly nftables: readonly Record<string, unknown>[] };
  const { nftables } = await runForJson<Listed>(inNode(namespace, ...list));
  type Rule = { readonly expr: readonly { readonly counter?: { readonly packets: number } }[] };
  return nftables.flatMap(({ rule }) =>
    ((rule as Rule | undefined)?.expr ?? []).flatMap(({ counter }) => counter?.packets ?? []),
  );
}
