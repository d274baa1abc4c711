import { toHex } from "../bytes/hex.ts";
import type { Random } from "../environment.ts";
import { DuplicateWatch } from "./duplicate-watch.ts";
import { decodeProbe, encodeProbe, isGenuine, PROBE_NONCE_OCTETS, probeIdentity } from "./loop-probe.ts";

/**
 * Finds loops of one bridge, by probes out of its pseudowires that come back. Every frame is hostile: it
 * counts only with the bridge's own digest and the nonce of a probe that left within the last two seconds,
 * once for each port, and only after three probes one soon after the other came back the same way. So a
 * recorded probe does nothing, and a forged one neither. Who sends back each probe as it comes is a loop.
 *
 * A loop that is blocked is found open once its probes stay away for some rounds. They leave blocked ports,
 * too. Two bridges that block at the same time open again at times of their own, so that one of them stays.
 */

/** How often a port sends a probe, give or take a fifth. */
export const ROUND_MS = 5000;
const JITTER = 0.2;
/** After a probe that came back the next one leaves in this time, and up to twice that. */
const CHALLENGE_MS = 100;
/** A probe that takes longer to come back is none of a loop. */
export const PROBE_LIFE_MS = 2000;
/** So many probes must come back one after the other. */
export const PROBES_OF_A_LOOP = 3;
/** After so long without one the loop is gone; and at random up to a round later. */
export const QUIET_MS = 3 * ROUND_MS * (1 + JITTER);
/** Probes of a port that may come back yet. */
const MOST_LIVE = 32;

export type LoopPolicy = "report" | "block";

export interface LoopPort {
  readonly device: string;
  /** Only pseudowires send probes, and are blocked. */
  readonly isPseudowire: boolean;
  /** Whether a former daemon blocked it; of a port that is new here. */
  readonly isBlocked: boolean;
}

export type LoopInput =
  | { readonly kind: "ports"; readonly ports: readonly LoopPort[]; readonly policy: LoopPolicy }
  /** A frame that came in by a port. */
  | { readonly kind: "frame"; readonly device: string; readonly octets: Uint8Array }
  | { readonly kind: "expired" };

/** Frames that left by one port come back by another, or by the same. */
export interface Loop {
  readonly from: string;
  readonly by: string;
  /** The port that is blocked for it. */
  readonly blocked?: string | undefined;
}

export type LoopEffect =
  | { readonly kind: "send"; readonly device: string; readonly octets: Uint8Array }
  | { readonly kind: "block" | "unblock"; readonly device: string }
  | { readonly kind: "loop" | "loop-gone"; readonly loop: Loop }
  | { readonly kind: "duplicates" | "duplicates-gone"; readonly devices: readonly [string, string] };

/**
 * TABLE: why a frame with the type of probes says nothing: no probe; a probe of ours whose nonce is not, or
 * no longer, that of one that may come back; a digest that is not ours; one that came by this port already.
 */
export const probeDiscards = ["malformed", "stale", "bad-digest", "repeated"] as const;
export type ProbeDiscard = (typeof probeDiscards)[number];

interface Sent {
  readonly nonce: string;
  readonly sentMs: number;
  readonly cameBy: Set<string>;
}

interface Port {
  readonly device: string;
  readonly number: number;
  readonly isPseudowire: boolean;
  nextMs: number;
  live: Sent[];
}

interface Evidence {
  readonly from: string;
  readonly by: string;
  hits: number;
  goneMs: number;
  isFound: boolean;
  blocked: string | undefined;
}

export class LoopDetector {
  readonly discards: Record<ProbeDiscard, number> = { malformed: 0, stale: 0, "bad-digest": 0, repeated: 0 };
  readonly #random: Random;
  readonly #own;
  readonly #identity: string;
  readonly #ports = new Map<string, Port>();
  readonly #evidence = new Map<string, Evidence>();
  readonly #duplicates = new DuplicateWatch(QUIET_MS);
  #policy: LoopPolicy = "report";
  #nextNumber = 1;

  constructor(random: Random) {
    this.#random = random;
    this.#own = probeIdentity((length) => random.octets(length));
    this.#identity = toHex(this.#own.identity);
  }

  /** Handles one input; nothing else changes the state. */
  handle(input: LoopInput, nowMs: number): readonly LoopEffect[] {
    switch (input.kind) {
      case "ports":
        return this.#takePorts(input.ports, input.policy, nowMs);
      case "frame":
        return this.#receive(input.device, input.octets, nowMs);
      case "expired":
        return [...this.#expire(nowMs), ...this.#send(nowMs)];
    }
  }

  /** When "expired" is due; undefined without pseudowires. */
  get deadlineMs(): number | undefined {
    const times = [
      ...[...this.#ports.values()].flatMap(({ isPseudowire, nextMs }) => (isPseudowire ? [nextMs] : [])),
      ...[...this.#evidence.values()].map(({ goneMs }) => goneMs),
    ];
    return times.length === 0 ? undefined : Math.min(...times);
  }

  get loops(): readonly Loop[] {
    return [...this.#evidence.values()].filter(({ isFound }) => isFound).map(loopOf);
  }

  /** Pairs of pseudowires by which another bridge's frames come twice. */
  get duplicates(): readonly (readonly [string, string])[] {
    return this.#duplicates.found;
  }

  isBlocked(device: string): boolean {
    return [...this.#evidence.values()].some(({ blocked }) => blocked === device);
  }

  #takePorts(ports: readonly LoopPort[], policy: LoopPolicy, nowMs: number): readonly LoopEffect[] {
    const effects: LoopEffect[] = [];
    const wanted = new Map(ports.map((port) => [port.device, port]));
    for (const [device, { isPseudowire }] of [...this.#ports]) {
      if (wanted.get(device)?.isPseudowire === isPseudowire) continue;
      this.#ports.delete(device);
      this.#duplicates.forget(device);
      for (const one of [...this.#evidence.values()])
        if (one.from === device || one.by === device) effects.push(...this.#end(one));
    }
    for (const { device, isPseudowire, isBlocked } of ports) {
      if (this.#ports.has(device)) continue;
      const number = this.#nextNumber;
      this.#nextNumber += 1;
      const nextMs = nowMs + this.#share() * ROUND_MS * JITTER;
      this.#ports.set(device, { device, number, isPseudowire, nextMs, live: [] });
      if (isBlocked && isPseudowire) this.#keepBlocked(device, nowMs);
    }
    this.#policy = policy;
    if (policy === "report")
      for (const one of this.#evidence.values()) {
        if (one.blocked === undefined) continue;
        effects.push({ kind: "unblock", device: one.blocked });
        one.blocked = undefined;
      }
    return effects;
  }

  /** A former daemon's block holds until it is known whether the loop is there still. */
  #keepBlocked(device: string, nowMs: number): void {
    const found = { hits: PROBES_OF_A_LOOP, isFound: true, blocked: device, goneMs: this.#quietAfter(nowMs) };
    this.#evidence.set(keyOf(device, device), { from: device, by: device, ...found });
  }

  #send(nowMs: number): readonly LoopEffect[] {
    const due = [...this.#ports.values()].filter((port) => port.isPseudowire && port.nextMs <= nowMs);
    return due.map((port) => {
      const { device, number } = port;
      const nonce = this.#random.octets(PROBE_NONCE_OCTETS);
      const isBlocked = this.isBlocked(device);
      port.nextMs = nowMs + ROUND_MS * (1 + JITTER * (2 * this.#share() - 1));
      port.live = port.live.filter(({ sentMs }) => nowMs - sentMs <= PROBE_LIFE_MS).slice(1 - MOST_LIVE);
      port.live.push({ nonce: toHex(nonce), sentMs: nowMs, cameBy: new Set() });
      return { kind: "send", device, octets: encodeProbe(this.#own, { port: number, isBlocked, nonce }) };
    });
  }

  #receive(device: string, octets: Uint8Array, nowMs: number): readonly LoopEffect[] {
    const by = this.#ports.get(device);
    const probe = decodeProbe(octets);
    if (probe === undefined || by === undefined) return this.#discard("malformed");
    if (probe.identity !== this.#identity) {
      const counts = by.isPseudowire && !probe.isBlocked && !this.isBlocked(device);
      const isLoop = (other: string) => this.#evidence.get(keyOf(device, other))?.isFound === true;
      return counts ? this.#duplicates.heard(probe, device, isLoop, nowMs) : [];
    }
    const from = [...this.#ports.values()].find(({ number }) => number === probe.port);
    const sent = from?.live.find(({ nonce }) => nonce === probe.nonce);
    if (from === undefined || sent === undefined || nowMs - sent.sentMs > PROBE_LIFE_MS)
      return this.#discard("stale");
    if (!isGenuine(octets, this.#own.key)) return this.#discard("bad-digest");
    if (sent.cameBy.has(device)) return this.#discard("repeated");
    sent.cameBy.add(device);
    return this.#cameBack(from, by, nowMs);
  }

  #discard(reason: ProbeDiscard): readonly LoopEffect[] {
    this.discards[reason] += 1;
    return [];
  }

  #cameBack(from: Port, by: Port, nowMs: number): readonly LoopEffect[] {
    const key = keyOf(from.device, by.device);
    const none = { hits: 0, goneMs: 0, isFound: false, blocked: undefined };
    const evidence = this.#evidence.get(key) ?? { from: from.device, by: by.device, ...none };
    this.#evidence.set(key, evidence);
    evidence.hits += 1;
    evidence.goneMs = this.#quietAfter(nowMs);
    if (evidence.hits < PROBES_OF_A_LOOP) {
      from.nextMs = Math.min(from.nextMs, nowMs + CHALLENGE_MS * (1 + this.#share()));
      return [];
    }
    if (evidence.isFound && (this.#policy === "report" || evidence.blocked !== undefined)) return [];
    const effects: LoopEffect[] = [];
    if (this.#policy === "block") effects.push(...this.#block(evidence, from, by));
    if (!evidence.isFound) effects.push({ kind: "loop", loop: loopOf(evidence) });
    evidence.isFound = true;
    return effects;
  }

  /** Of two pseudowires the one that joined the bridge later; one that is blocked already will do. */
  #block(evidence: Evidence, from: Port, by: Port): readonly LoopEffect[] {
    const candidates = [from, by].filter(({ isPseudowire }) => isPseudowire);
    const there = candidates.find(({ device }) => this.isBlocked(device));
    if (there !== undefined) {
      evidence.blocked = there.device;
      return [];
    }
    const chosen = candidates.reduce((one, other) => (other.number > one.number ? other : one), from);
    evidence.blocked = chosen.device;
    return [{ kind: "block", device: chosen.device }];
  }

  #expire(nowMs: number): readonly LoopEffect[] {
    const gone = [...this.#evidence.values()].filter(({ goneMs }) => goneMs <= nowMs);
    return [...gone.flatMap((one) => this.#end(one)), ...this.#duplicates.expire(nowMs)];
  }

  #end(evidence: Evidence): readonly LoopEffect[] {
    this.#evidence.delete(keyOf(evidence.from, evidence.by));
    const { blocked: device } = evidence;
    const isOpened = device !== undefined && !this.isBlocked(device);
    return [
      ...(isOpened ? [{ kind: "unblock", device } as const] : []),
      ...(evidence.isFound ? [{ kind: "loop-gone", loop: loopOf(evidence) } as const] : []),
    ];
  }

  #quietAfter(nowMs: number): number {
    return nowMs + QUIET_MS + this.#share() * ROUND_MS;
  }

  /** A random number from 0 to 1. */
  #share(): number {
    return (this.#random.octets(1)[0] ?? 0) / 255;
  }
}

function loopOf({ from, by, blocked }: Evidence): Loop {
  return { from, by, blocked };
}

/** The same for both ways round a loop. */
function keyOf(from: string, by: string): string {
  return from < by ? `${from} ${by}` : `${by} ${from}`;
}
