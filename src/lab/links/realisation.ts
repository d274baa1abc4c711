import { DEFAULT_QUEUE_PACKETS, isPerfect, type LinkConditions } from "./conditions.ts";

/** By what the conditions of a link are realised, and how the kernel is told of them: decisions alone. */

/** What this kernel can do, with the programs that are installed. */
export interface LinkCapabilities {
  readonly netem: boolean;
  readonly tbf: boolean;
  /** Loss by chance in an ingress chain: the program nft, and a kernel with numgen and dup. */
  readonly nftables: boolean;
}

/** What realises a condition: parts of the kernel, or the relay in user space. */
export type LinkMechanism = "netem" | "tbf" | "nftables" | "relay";

/** The mechanisms for conditions: the kernel's where they can do all of it, else the relay alone. */
export function mechanismsFor(
  conditions: LinkConditions,
  kernel: LinkCapabilities,
): readonly LinkMechanism[] {
  if (isPerfect(conditions)) return [];
  if (kernel.netem) return ["netem"];
  const { delayMs, jitterMs, duplicatePercent, reorderPercent, lossPercent, rateBitsPerSecond } = conditions;
  const delays = [delayMs, jitterMs, duplicatePercent, reorderPercent].some((value) => value !== undefined);
  const needed: LinkMechanism[] = [];
  if (lossPercent !== undefined) needed.push("nftables");
  if (rateBitsPerSecond !== undefined) needed.push("tbf");
  const has = (mechanism: LinkMechanism): boolean => mechanism !== "relay" && kernel[mechanism];
  return delays || !needed.every(has) ? ["relay"] : needed;
}

/** Time within which tbf may send at line rate what it saved up, in s: it wakes by a timer of the kernel. */
const BURST_SECONDS = 0.004;
/** tc takes 32 bits. */
const MOST_LIMIT_OCTETS = 2 ** 31;
/** Frames that netem holds where no rate bounds them. */
const NETEM_PACKETS = 100_000;
const SMALLEST_FRAME_OCTETS = 64;

/**
 * The words behind `tc qdisc add dev DEVICE` of each queueing discipline; frames have up to `frameOctets`
 * octets.
 */
export function disciplineWords(
  conditions: LinkConditions,
  mechanisms: readonly LinkMechanism[],
  frameOctets: number,
): readonly string[] {
  const { rateBitsPerSecond = 0, queuePackets = DEFAULT_QUEUE_PACKETS } = conditions;
  if (mechanisms.includes("netem")) return [`root handle 1: netem ${netemWords(conditions)}`];
  if (!mechanisms.includes("tbf")) return [];
  const burst = Math.max(2 * frameOctets, Math.ceil((rateBitsPerSecond / 8) * BURST_SECONDS));
  const limit = Math.min(MOST_LIMIT_OCTETS, queuePackets * frameOctets);
  return [
    `root handle 1: tbf rate ${Math.round(rateBitsPerSecond)}bit burst ${burst}b limit ${limit}b`,
    // The queue of tbf itself counts octets.
    `parent 1:1 handle 2: pfifo limit ${queuePackets}`,
  ];
}

function netemWords(conditions: LinkConditions): string {
  const { delayMs, jitterMs = 0, lossPercent, duplicatePercent, reorderPercent } = conditions;
  const { rateBitsPerSecond, queuePackets = DEFAULT_QUEUE_PACKETS } = conditions;
  const us = (ms: number): string => `${Math.round(ms * 1000)}us`;
  // netem counts those on their way as waiting.
  const underway =
    ((rateBitsPerSecond ?? 0) / 8 / SMALLEST_FRAME_OCTETS) * (((delayMs ?? 0) + jitterMs) / 1000);
  const limit = rateBitsPerSecond === undefined ? NETEM_PACKETS : queuePackets + Math.ceil(underway);
  const words = [`limit ${limit}`];
  if (delayMs !== undefined) words.push(`delay ${us(delayMs)}${jitterMs > 0 ? ` ${us(jitterMs)}` : ""}`);
  if (lossPercent !== undefined) words.push(`loss ${lossPercent}%`);
  if (duplicatePercent !== undefined) words.push(`duplicate ${duplicatePercent}%`);
  if (reorderPercent !== undefined) words.push(`reorder ${reorderPercent}%`);
  if (rateBitsPerSecond !== undefined) words.push(`rate ${Math.round(rateBitsPerSecond)}bit`);
  return words.join(" ");
}

/** Of how many frames nftables counts those that are lost. */
const LOSS_OF = 1_000_000;

/** The rule that drops frames by chance. */
export function lossRule({ lossPercent = 0 }: LinkConditions): string {
  const lost = Math.round((lossPercent / 100) * LOSS_OF);
  return lost >= LOSS_OF ? "counter drop" : `numgen random mod ${LOSS_OF} < ${lost} counter drop`;
}
