import { beforeAll, expect, test } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { verdicts } from "../../src/bpf/kernel-numbers.ts";
import { SKB_CONTEXT_OCTETS, skbContext } from "../../src/bpf/skb-context.ts";
import { fromHex } from "../../src/bytes/hex.ts";
import { StormLimiter } from "../../src/forwarding/ebpf/plane/storm-limiter.ts";
import {
  learntEntry,
  STORM_STATE_OCTETS,
  stormCountOffset,
  stormProgram,
} from "../../src/forwarding/ebpf/programs/storm-program.ts";
import {
  burstFrames,
  type StormKind,
  type StormLimits,
  stormKinds,
} from "../../src/forwarding/storm-kinds.ts";
import { BpfSyscall } from "../../src/os/bpf-syscall.ts";
import { close, ifNameToIndex } from "../../src/os/libc.ts";
import { openTap } from "../../src/os/tap-device.ts";
import { TrafficControl } from "../../src/os/traffic-control.ts";
import { sendFrame } from "../support/deferred-offloads.ts";
import { frameOf } from "../support/frames.ts";
import { needBpf, TestNamespace } from "../support/namespace.ts";
import { gsoFrames } from "../support/partial-checksums.ts";

const kernel = new BpfSyscall();
const first = new Uint8Array(4);
/** One frame a second: within a test what passes is the burst. */
const SLOW = 1;
const BURST = burstFrames(SLOW);
const all: StormLimits = { broadcast: SLOW, multicast: SLOW, unknownUnicast: SLOW };

beforeAll(needBpf);

/** A port's program, with the addresses of its bridge. */
class Port implements Disposable {
  readonly #state = kernel.createMap({
    kind: "array",
    name: "state",
    keyOctets: 4,
    valueOctets: STORM_STATE_OCTETS,
    maxEntries: 1,
  });
  readonly #learnt = kernel.createMap({ kind: "lruHash", name: "learnt", ...learntEntry, maxEntries: 64 });
  readonly #program;

  constructor(limits: StormLimits, ageingNs = 300_000_000_000n, isLearning = true) {
    const learnt = { map: this.#learnt.fd, ageingNs, isLearning };
    const lines = stormProgram({ limits, state: this.#state.fd, learnt });
    this.#program = kernel.loadProgram({ name: "storm", octets: assemble(lines) });
  }

  /** How many of some equal frames pass; each may be a GSO packet. */
  passes(frame: Uint8Array, count: number, { segments = 0, size = 0 } = {}): number {
    const context = new Uint8Array(SKB_CONTEXT_OCTETS);
    const view = new DataView(context.buffer);
    view.setUint32(skbContext.gsoSegments, segments, true);
    view.setUint32(skbContext.gsoSize, size, true);
    const run = () => this.#program.run({ data: frame, context }).verdict;
    const found = Array.from({ length: count }, run);
    for (const verdict of found) expect([verdicts.next, verdicts.drop]).toContain(verdict);
    return found.filter((verdict) => verdict === verdicts.next).length;
  }

  dropped(kind: StormKind): number {
    const value = this.#state.lookUp(first) ?? new Uint8Array(STORM_STATE_OCTETS);
    return Number(new DataView(value.buffer).getBigUint64(stormCountOffset(kind), true));
  }

  [Symbol.dispose](): void {
    for (const object of [this.#program, this.#state, this.#learnt]) object.close();
  }
}

const broadcast = frameOf({ to: "ffffffffffff", type: "0806" });
const probe = frameOf({ to: "ffffffffffff", type: "88b5" });
const group = frameOf({ to: "01005e000001" });
const bpdu = frameOf({ to: "0180c2000000", type: "0026" });
const unknown = frameOf({ to: "02000000000b" });
/** To the source of all these. */
const known = frameOf({ to: "02000000000a" });

test("each kind has a bucket of its own, its control frames have another, and known unicast passes", () => {
  using port = new Port(all);
  for (const frame of [broadcast, group, unknown, bpdu, probe]) expect(port.passes(frame, 50)).toBe(BURST);
  expect(port.passes(known, 50)).toBe(50);
  const left = 50 - BURST;
  expect(stormKinds.map(({ kind }) => port.dropped(kind))).toEqual([2 * left, 2 * left, left]);
});

test("BPDUs at a low rate starve no probes for loops at a higher one, nor the reverse", () => {
  const fast = 1000;
  using slowMulticast = new Port({ multicast: SLOW, broadcast: fast });
  expect(slowMulticast.passes(bpdu, 20)).toBe(BURST);
  expect(slowMulticast.passes(probe, 10)).toBe(10);
  using slowBroadcast = new Port({ multicast: fast, broadcast: SLOW });
  expect(slowBroadcast.passes(probe, 20)).toBe(BURST);
  expect(slowBroadcast.passes(bpdu, 10)).toBe(10);
});

test.each(stormKinds.map(({ kind }) => kind))("%s alone is limited where nothing else is", (kind) => {
  using port = new Port({ [kind]: SLOW });
  const frames: Readonly<Record<StormKind, Uint8Array>> = {
    broadcast,
    multicast: group,
    unknownUnicast: unknown,
  };
  for (const { kind: other } of stormKinds)
    expect([other, port.passes(frames[other], 20)]).toEqual([other, other === kind ? BURST : 20]);
  expect(port.passes(known, 20)).toBe(20);
});

test("an address is known until it ages, whoever it sends to; a group is never a source", () => {
  using port = new Port({ unknownUnicast: SLOW }, 0n);
  expect(port.passes(broadcast, 1)).toBe(1);
  const fromOther = fromHex(`02000000000a02000000000c9000${"00".repeat(46)}`);
  expect(port.passes(fromOther, 50)).toBe(BURST);
  using other = new Port({ unknownUnicast: SLOW });
  expect(other.passes(fromHex(`02000000000c${"ffffffffffff"}9000${"00".repeat(46)}`), 1)).toBe(1);
  expect(other.passes(unknown, 50)).toBe(BURST - 1);
  // By a blocked port the bridge learns nothing either.
  using blocked = new Port({ unknownUnicast: SLOW }, undefined, false);
  expect(blocked.passes(known, 50)).toBe(BURST);
});

test("a GSO packet stands for its segments", () => {
  using port = new Port({ multicast: SLOW });
  expect(port.passes(group, 10, { segments: 4, size: 1000 })).toBe(BURST / 4);
  expect(port.dropped("multicast")).toBe(4 * (10 - BURST / 4));
});

const UDP_HEADERS = 42;
const LONG_HEADERS = 14 + 40 + 32;

test.each([
  { name: "UDP, a whole number of segments", headers: UDP_HEADERS, size: 300, payload: 1200, counted: 4 },
  { name: "UDP, a short last segment", headers: UDP_HEADERS, size: 300, payload: 901, counted: 4 },
  { name: "UDP, one segment", headers: UDP_HEADERS, size: 300, payload: 300, counted: 1 },
  { name: "TCP with options over IPv6", headers: LONG_HEADERS, size: 300, payload: 1000, counted: 4 },
  { name: "TCP, one more than there are", headers: LONG_HEADERS, size: 300, payload: 900, counted: 4 },
])("a GSO packet whose segments nobody counted: $name", ({ headers, size, payload, counted }) => {
  using port = new Port({ multicast: SLOW });
  const packet = new Uint8Array(headers + payload);
  packet.set(group.subarray(0, 14));
  const passed = port.passes(packet, 10, { size });
  expect(passed).toBe(BURST / counted);
  expect(port.dropped("multicast")).toBe(counted * (10 - passed));
});

test("GSO packets that a TAP device's writer gave are counted as their segments", async () => {
  await using namespace = await TestNamespace.make("wst-storm-tap");
  using _ = namespace.enter();
  const tap = openTap("tap0", 1500);
  try {
    await namespace.ip("link set tap0 up");
    const index = ifNameToIndex("tap0");
    const limiter = new StormLimiter("me", new TrafficControl({ owner: "storm-me" }));
    const ports = [{ index, limits: { multicast: SLOW }, isLearning: true }];
    await limiter.set("lan", { index: 99, ports, ageingMs: 1000, ownAddresses: [] });
    const [packet] = gsoFrames([]);
    if (packet === undefined) throw new Error("there is no GSO packet");
    packet.frame.set(group.subarray(0, 6));
    for (let count = 0; count < 10; count += 1) sendFrame(tap, packet.frame, packet.deferred);
    const segments = packet.expected.length;
    expect(segments).toBe(5);
    const passed = Math.ceil(BURST / segments);
    expect(limiter.discards(index)?.["multicast-storm"]).toBe(segments * (10 - passed));
    await limiter.set("lan", undefined);
    await limiter.settle([]);
  } finally {
    close(tap);
  }
});

test.each(["tcx", "clsact"] as const)(
  "by %s: limits come and go at ports, and leave nothing",
  async (force) => {
    await using namespace = await TestNamespace.make("wst-storm");
    using _ = namespace.enter();
    const [left, right] = [ifNameToIndex("left"), ifNameToIndex("right")];
    const control = new TrafficControl({ owner: "storm-me", force });
    const limiter = new StormLimiter("me", control);
    const attached = async () => {
      if (force === "tcx") return [left, right].map((index) => kernel.attached(index, "ingress").length);
      const found = await Promise.all([left, right].map((index) => control.leftOvers(index, "ingress")));
      return found.map(({ size }) => size);
    };
    const set = (...ports: readonly StormLimits[]) =>
      limiter.set("lan", {
        index: 99,
        ports: ports.map((limits, index) => ({
          ...{ index: index === 0 ? left : right, limits, isLearning: true },
        })),
        ageingMs: 1000,
        ownAddresses: [],
      });
    await set({ broadcast: 100 }, {});
    expect(await attached()).toEqual([1, 0]);
    expect(limiter.discards(left)).toEqual(Object.fromEntries(stormKinds.map(({ reason }) => [reason, 0])));
    expect(limiter.discards(right)).toBe(undefined);
    // Who limits unknown unicast learns at all ports.
    await set({ unknownUnicast: 100 }, {});
    expect(await attached()).toEqual([1, 1]);
    await set({}, { multicast: 5 });
    expect(await attached()).toEqual([0, 1]);
    await namespace.ip("link del left");
    await set({}, { multicast: 5 });
    await limiter.set("lan", undefined);
    expect(limiter.bridges).toEqual([]);
    await limiter.settle([]);
  },
);

test("filters that a killed process left are replaced", async () => {
  await using namespace = await TestNamespace.make("wst-storm");
  using _ = namespace.enter();
  const left = ifNameToIndex("left");
  const options = { owner: "storm-me", force: "clsact" } as const;
  const ports = [{ index: left, limits: { broadcast: 100 }, isLearning: true }];
  const limiters = [1, 2].map(() => new StormLimiter("me", new TrafficControl(options)));
  const count = async () => (await new TrafficControl(options).leftOvers(left, "ingress")).size;
  for (const limiter of limiters) {
    await limiter.set("lan", { index: 99, ports, ageingMs: 1000, ownAddresses: [] });
    expect(await count()).toBe(1);
  }
  // One without limits ends them.
  await new StormLimiter("me", new TrafficControl(options)).settle([left, 12_345]);
  expect(await count()).toBe(0);
  for (const limiter of limiters) {
    await limiter.set("lan", undefined);
    await limiter.settle([]);
  }
});
