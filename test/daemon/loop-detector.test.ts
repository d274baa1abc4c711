import { describe, expect, test } from "vitest";
import {
  LoopDetector,
  type LoopEffect,
  type LoopPolicy,
  PROBE_LIFE_MS,
  QUIET_MS,
  ROUND_MS,
} from "../../src/daemon/loop-detector.ts";
import { decodeProbe, encodeProbe, isGenuine, probeIdentity } from "../../src/daemon/loop-probe.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { seeds } from "../support/seeds.ts";

const HOP_MS = 3;
/** Links of a loop lose frames sooner or later; here every one after so many hops. */
const MOST_HOPS = 40;

interface Port {
  readonly isPseudowire: boolean;
  readonly isIsolated: boolean;
  isBlocked: boolean;
  /** The segment that it is at: all its ports hear each other. */
  segment: string;
}

interface Bridge {
  readonly detector: LoopDetector | undefined;
  readonly ports: Map<string, Port>;
  readonly told: string[];
}

interface Arrival {
  readonly atMs: number;
  readonly bridge: string;
  readonly port: string;
  readonly octets: Uint8Array;
  readonly hops: number;
}

/** Bridges whose ports are at segments, in virtual time. */
class Network {
  nowMs = 0;
  /** Every frame that some port took from a segment. */
  readonly seen: Arrival[] = [];
  readonly #bridges = new Map<string, Bridge>();
  #arrivals: Arrival[] = [];

  /** Ports as `name: segment`; `i` begins those of isolated pseudowires, `e` those of interfaces. */
  add(
    name: string,
    ports: Readonly<Record<string, string>>,
    policy: LoopPolicy | undefined,
    seed: number,
  ): void {
    const detector = policy && new LoopDetector(new SeededRandom(seed));
    const made = Object.entries(ports).map(([port, segment]): [string, Port] => [
      port,
      { isPseudowire: !port.startsWith("e"), isIsolated: port.startsWith("i"), isBlocked: false, segment },
    ]);
    const bridge = { detector, ports: new Map(made), told: [] };
    this.#bridges.set(name, bridge);
    if (policy !== undefined) this.setPolicy(name, policy);
  }

  setPolicy(name: string, policy: LoopPolicy): void {
    const bridge = this.bridge(name);
    const ports = [...bridge.ports].map(([device, { isPseudowire, isBlocked }]) => ({
      device,
      isPseudowire,
      isBlocked,
    }));
    this.#perform(name, bridge.detector?.handle({ kind: "ports", ports, policy }, this.nowMs) ?? []);
  }

  bridge(name: string): Bridge {
    return this.#bridges.get(name) as Bridge;
  }

  blocked(): readonly string[] {
    return [...this.#bridges].flatMap(([name, { ports }]) =>
      [...ports].flatMap(([port, { isBlocked }]) => (isBlocked ? [`${name}.${port}`] : [])),
    );
  }

  /** Puts a frame into a segment; `but` is who sent it. */
  put(segment: string, octets: Uint8Array, but = "", hops = 0): void {
    if (hops > MOST_HOPS) return;
    for (const [name, { ports }] of this.#bridges)
      for (const [port, { segment: there }] of ports)
        if (there === segment && `${name}.${port}` !== but)
          this.#arrivals.push({ atMs: this.nowMs + HOP_MS, bridge: name, port, octets, hops });
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const deadlines = [...this.#bridges].map(
        ([, { detector }]) => detector?.deadlineMs ?? Number.POSITIVE_INFINITY,
      );
      const nextMs = Math.min(...deadlines, ...this.#arrivals.map(({ atMs }) => atMs));
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      const come = this.#arrivals.filter(({ atMs }) => atMs <= this.nowMs);
      this.#arrivals = this.#arrivals.filter(({ atMs }) => atMs > this.nowMs);
      for (const arrival of come) this.#arrive(arrival);
      for (const [name, { detector }] of this.#bridges)
        if ((detector?.deadlineMs ?? Number.POSITIVE_INFINITY) <= this.nowMs)
          this.#perform(name, detector?.handle({ kind: "expired" }, this.nowMs) ?? []);
    }
    this.nowMs = endMs;
  }

  #arrive(arrival: Arrival): void {
    const { bridge: name, port: device, octets, hops } = arrival;
    this.seen.push(arrival);
    const { detector, ports } = this.bridge(name);
    this.#perform(name, detector?.handle({ kind: "frame", device, octets }, this.nowMs) ?? []);
    const by = ports.get(device) as Port;
    if (by.isBlocked) return;
    for (const [other, { isBlocked, isIsolated, segment }] of ports)
      if (other !== device && !isBlocked && !(isIsolated && by.isIsolated))
        this.put(segment, octets, `${name}.${other}`, hops + 1);
  }

  #perform(name: string, effects: readonly LoopEffect[]): void {
    const { ports, told } = this.bridge(name);
    for (const effect of effects) {
      if (effect.kind === "send")
        this.put(ports.get(effect.device)?.segment ?? "", effect.octets, `${name}.${effect.device}`);
      else if (effect.kind === "block" || effect.kind === "unblock")
        (ports.get(effect.device) as Port).isBlocked = effect.kind === "block";
      else told.push(effect.kind);
    }
  }
}

/** Longest time until a loop is found: a round, and the two probes that follow. */
const FOUND_MS = 1.2 * ROUND_MS + 1000;

describe.each(seeds(20))("seed %d", (seed) => {
  test("two pseudowires between two bridges: one of the four ends is blocked until the loop is gone", () => {
    const network = new Network();
    for (const [index, name] of ["A", "B"].entries())
      network.add(name, { p1: "one", p2: "two", eth: `lan ${name}` }, "block", 2 * seed + index);
    // Both may block at the same time, and then open again until one is left.
    network.run(FOUND_MS + 10 * QUIET_MS);
    expect(network.blocked().length).toBe(1);
    const frame = new Uint8Array(60);
    const before = network.seen.length;
    network.put("lan A", frame, "");
    network.run(200);
    const copies = network.seen.slice(before).filter(({ octets }) => octets === frame);
    expect(copies.filter(({ bridge, port }) => bridge === "B" && port !== "eth").length).toBeLessThan(3);
    // Somebody takes the second pseudowire away.
    for (const name of ["A", "B"]) (network.bridge(name).ports.get("p2") as Port).segment = `${name} alone`;
    network.run(QUIET_MS + 2 * ROUND_MS);
    expect(network.blocked()).toEqual([]);
    const told = ["A", "B"].flatMap((name) => network.bridge(name).told);
    expect(new Set(told)).toEqual(new Set(["loop", "loop-gone"]));
  });

  test("one bridge that watches is enough, and a report alone blocks nothing", () => {
    for (const policy of ["report", "block"] as const) {
      const network = new Network();
      network.add("A", { p1: "one", p2: "two" }, policy, seed);
      network.add("B", { q1: "one", q2: "two" }, undefined, 0);
      network.run(FOUND_MS);
      expect(network.bridge("A").told).toEqual(["loop"]);
      expect(network.blocked()).toEqual(policy === "block" ? ["A.p2"] : []);
      expect(network.bridge("A").detector?.loops.length).toBe(1);
      network.run(10 * QUIET_MS);
      // It stays as long as the loop, and is told once.
      expect(network.bridge("A").told).toEqual(["loop"]);
      expect(network.blocked()).toEqual(policy === "block" ? ["A.p2"] : []);
    }
  });

  test("a patch between the local networks blocks the pseudowire and never the interface", () => {
    const network = new Network();
    network.add("A", { e1: "lan", p1: "one" }, "block", seed);
    network.add("B", { e1: "lan", p1: "one" }, undefined, 0);
    network.run(FOUND_MS);
    expect(network.blocked()).toEqual(["A.p1"]);
    (network.bridge("B").ports.get("e1") as Port).segment = "other";
    network.run(QUIET_MS + 2 * ROUND_MS);
    expect(network.blocked()).toEqual([]);
  });

  test("isolated pseudowires between the same bridges are no loop, but told as duplicates", () => {
    const network = new Network();
    for (const [index, name] of ["A", "B"].entries())
      network.add(name, { i1: "one", i2: "two" }, "block", 2 * seed + index);
    network.run(5 * ROUND_MS);
    for (const name of ["A", "B"]) {
      expect(network.bridge(name).told).toEqual(["duplicates"]);
      expect(network.bridge(name).detector?.duplicates).toEqual([["i1", "i2"]]);
      (network.bridge(name).ports.get("i2") as Port).segment = `${name} alone`;
    }
    network.run(QUIET_MS + 2 * ROUND_MS);
    for (const name of ["A", "B"])
      expect(network.bridge(name).told).toEqual(["duplicates", "duplicates-gone"]);
    expect(network.blocked()).toEqual([]);
  });

  test("a mesh with split horizon, and a hub whose spokes reach each other, have no loop", () => {
    const network = new Network();
    const mesh = { A: { i1: "ab", i2: "ac" }, B: { i1: "ab", i2: "bc" }, C: { i1: "ac", i2: "bc" } };
    for (const [index, [name, ports]] of Object.entries(mesh).entries())
      network.add(name, { ...ports, e1: `lan ${name}` }, "block", 4 * seed + index);
    network.add("hub", { p1: "s1", p2: "s2", p3: "s3" }, "block", 4 * seed + 3);
    for (const spoke of ["s1", "s2", "s3"])
      network.add(spoke, { p: spoke, e1: `lan ${spoke}` }, "block", 1000 + 4 * seed + Number(spoke[1]));
    network.run(10 * ROUND_MS);
    for (const name of ["A", "B", "C", "hub", "s1", "s2", "s3"])
      expect(network.bridge(name).told).toEqual([]);
    expect(network.blocked()).toEqual([]);
  });

  test("what an attacker records, changes and repeats blocks nothing", () => {
    const network = new Network();
    network.add("A", { p1: "one", p2: "two", e1: "lan" }, "block", seed);
    const detector = network.bridge("A").detector as LoopDetector;
    network.add("X", { x1: "one" }, undefined, 0);
    network.add("Y", { y1: "two" }, undefined, 0);
    for (let round = 0; round < 8; round += 1) {
      network.run(2 * ROUND_MS);
      const there = network.seen.splice(0).filter(({ bridge }) => bridge === "X" || bridge === "Y");
      // Their own repetitions come by there, too.
      const genuine = there.filter(({ hops, octets }) => hops === 0 && decodeProbe(octets) !== undefined);
      const recorded = genuine.slice(-4);
      expect(recorded.length).toBeGreaterThan(1);
      // Of the last rounds, but too old, by every port; and with each octet of the payload changed.
      network.run(PROBE_LIFE_MS);
      for (const { octets } of recorded)
        for (const segment of ["one", "two", "lan"]) network.put(segment, octets);
      const [{ octets }] = recorded as [Arrival];
      for (let index = 14; index < octets.length; index += 1) {
        const changed = octets.slice();
        changed[index] = (changed[index] ?? 0) ^ 1;
        network.put("two", changed);
      }
      for (let length = 0; length < octets.length; length += 7)
        network.put("one", octets.subarray(0, length));
    }
    network.run(ROUND_MS);
    expect(network.blocked()).toEqual([]);
    expect(detector.loops).toEqual([]);
    expect(detector.discards.stale).toBeGreaterThan(10);
    expect(detector.discards.malformed).toBeGreaterThan(10);
  });

  test("one probe that comes back many times is one, and another port's number has no right digest", () => {
    const network = new Network();
    network.add("A", { p1: "one", p2: "two" }, "block", seed);
    network.add("X", { x1: "one", y1: "elsewhere" }, undefined, 0);
    const detector = network.bridge("A").detector as LoopDetector;
    // A port sends the first within a second.
    while (network.seen.length === 0) network.run(10);
    const { octets } = network.seen[0] as Arrival;
    for (let count = 0; count < 100; count += 1) network.put("two", octets);
    network.run(20);
    expect(detector.discards.repeated).toBe(99);
    const forged = octets.slice();
    new DataView(forged.buffer).setUint32(30, 2);
    const asOther = octets.slice();
    asOther[50] = (asOther[50] ?? 0) ^ 0xff;
    for (const frame of [forged, asOther]) network.put("one", frame);
    network.run(20);
    expect(detector.discards.stale + detector.discards["bad-digest"]).toBe(2);
    network.run(3 * ROUND_MS);
    expect(network.blocked()).toEqual([]);
    expect(network.bridge("A").told).toEqual([]);
  });
});

test("a port that a former daemon blocked stays so while the loop is there, and opens after", () => {
  const network = new Network();
  network.add("B", { q1: "one", q2: "two" }, undefined, 0);
  const detector = new LoopDetector(new SeededRandom(7));
  const ports = [
    { device: "p1", isPseudowire: true, isBlocked: false },
    { device: "p2", isPseudowire: true, isBlocked: true },
  ];
  expect(detector.handle({ kind: "ports", ports, policy: "block" }, 0)).toEqual([]);
  expect(detector.isBlocked("p2")).toBe(true);
  const effects = detector.handle({ kind: "expired" }, 2 * QUIET_MS);
  expect(effects.filter(({ kind }) => kind !== "send").map(({ kind }) => kind)).toEqual([
    "unblock",
    "loop-gone",
  ]);
});

test("another policy, and a port that leaves, open what was blocked", () => {
  for (const change of ["policy", "port"] as const) {
    const network = new Network();
    network.add("A", { p1: "one", p2: "two" }, "block", 3);
    network.add("B", { q1: "one", q2: "two" }, undefined, 0);
    network.run(FOUND_MS);
    expect(network.blocked()).toEqual(["A.p2"]);
    const { detector } = network.bridge("A");
    const ports = ["p1", "p2"].map((device) => ({ device, isPseudowire: true, isBlocked: device === "p2" }));
    const input = { kind: "ports", ports: change === "port" ? ports.slice(1) : ports } as const;
    const policy = change === "policy" ? "report" : "block";
    const effects = detector?.handle({ ...input, policy }, network.nowMs);
    expect(effects?.[0]).toEqual({ kind: "unblock", device: "p2" });
    expect(detector?.isBlocked("p2")).toBe(false);
  }
});

test("strangers' identities take bounded memory, and are told for each pair of ports once", () => {
  const detector = new LoopDetector(new SeededRandom(5));
  const ports = ["p1", "p2"].map((device) => ({ device, isPseudowire: true, isBlocked: false }));
  detector.handle({ kind: "ports", ports, policy: "block" }, 0);
  const random = new SeededRandom(6);
  const told: LoopEffect[] = [];
  for (let stranger = 0; stranger < 1000; stranger += 1) {
    const own = probeIdentity((length) => random.octets(length));
    for (let count = 0; count < 3; count += 1)
      for (const device of ["p1", "p2"]) {
        const octets = encodeProbe(own, { port: 1, isBlocked: false, nonce: random.octets(8) });
        told.push(...detector.handle({ kind: "frame", device, octets }, 3000 * count + stranger));
      }
  }
  expect(told).toEqual([{ kind: "duplicates", devices: ["p1", "p2"] }]);
  expect(detector.loops).toEqual([]);
});

test("a probe is read as it was written, and its digest is of all of it", () => {
  const random = new SeededRandom(1);
  const own = probeIdentity((length) => random.octets(length));
  const nonce = random.octets(8);
  const frame = encodeProbe(own, { port: 77, isBlocked: true, nonce });
  expect(frame.length).toBe(60);
  const hexOf = (octets: Uint8Array) => Buffer.from(octets).toString("hex");
  expect(decodeProbe(frame)).toEqual({
    ...{ identity: hexOf(own.identity), port: 77, isBlocked: true, nonce: hexOf(nonce) },
  });
  expect(isGenuine(frame, own.key)).toBe(true);
  expect(isGenuine(frame, random.octets(32))).toBe(false);
  for (let index = 14; index < 58; index += 1) {
    const changed = frame.slice();
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect([index, isGenuine(changed, own.key)]).toEqual([index, false]);
  }
  for (let length = 0; length < 58; length += 1)
    expect(decodeProbe(frame.subarray(0, length))).toBe(undefined);
});
