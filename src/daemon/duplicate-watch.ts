import type { LoopProbe } from "./loop-probe.ts";

/** Bridges whose probes are remembered; one that is heard beyond that takes the place of the eldest. */
const MOST_BRIDGES = 64;
/** So many probes must be heard by each of two ports, so long one after the other. */
const PROBES_OF_A_WAY = 2;
const APART_MS = 2500;

interface Heard {
  countedMs: number;
  count: number;
  goneMs: number;
}

interface DuplicateEffect {
  readonly kind: "duplicates" | "duplicates-gone";
  readonly devices: readonly [string, string];
}

/**
 * Finds pseudowires that lead to the same bridge: its probes come by two of them, so that each broadcast
 * comes twice. Where split horizon keeps frames from going round that is no loop, and no probe comes back.
 * What others send cannot be verified, so that this is for a report alone.
 */
export class DuplicateWatch {
  readonly #quietMs: number;
  /** By the identity of a bridge and the port by which it was heard. */
  readonly #bridges = new Map<string, Map<string, Heard>>();
  readonly #found = new Map<string, { readonly devices: readonly [string, string]; goneMs: number }>();

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  get found(): readonly (readonly [string, string])[] {
    return [...this.#found.values()].map(({ devices }) => devices);
  }

  /** A probe of another bridge came by a pseudowire; `isLoop` tells with which others it is in a loop. */
  heard(
    { identity }: Pick<LoopProbe, "identity">,
    device: string,
    isLoop: (other: string) => boolean,
    nowMs: number,
  ): readonly DuplicateEffect[] {
    const ways = this.#bridges.get(identity) ?? new Map<string, Heard>();
    this.#bridges.delete(identity);
    this.#bridges.set(identity, ways);
    const [eldest] = this.#bridges.keys();
    if (this.#bridges.size > MOST_BRIDGES && eldest !== undefined) this.#bridges.delete(eldest);
    const before = ways.get(device);
    const isAlive = before !== undefined && before.goneMs > nowMs;
    if (isAlive && nowMs - before.countedMs < APART_MS) return [];
    const goneMs = nowMs + this.#quietMs;
    const count = (isAlive ? before.count : 0) + 1;
    ways.set(device, { countedMs: nowMs, count, goneMs });
    if (count < PROBES_OF_A_WAY) return [];
    return [...ways].flatMap(([other, { count: heard, goneMs: otherGoneMs }]) => {
      const isWay = other !== device && heard >= PROBES_OF_A_WAY && otherGoneMs > nowMs;
      if (!isWay || isLoop(other)) return [];
      const devices: readonly [string, string] = device < other ? [device, other] : [other, device];
      const key = devices.join(" ");
      const known = this.#found.get(key);
      this.#found.set(key, { devices, goneMs: Math.min(goneMs, otherGoneMs) });
      return known === undefined ? [{ kind: "duplicates", devices } as const] : [];
    });
  }

  expire(nowMs: number): readonly DuplicateEffect[] {
    const gone = [...this.#found].filter(([, { goneMs }]) => goneMs <= nowMs);
    for (const [key] of gone) this.#found.delete(key);
    return gone.map(([, { devices }]) => ({ kind: "duplicates-gone", devices }));
  }

  /** A port is none any more. */
  forget(device: string): void {
    for (const ways of this.#bridges.values()) ways.delete(device);
    for (const [key, { devices }] of this.#found) if (devices.includes(device)) this.#found.delete(key);
  }
}
