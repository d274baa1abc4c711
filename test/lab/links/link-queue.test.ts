import { describe, expect, test } from "vitest";
import type { LinkConditions } from "../../../src/lab/links/conditions.ts";
import { LinkQueue, MOST_OCTETS_UNDERWAY } from "../../../src/lab/links/link-queue.ts";
import { seededChance } from "../../../src/lab/links/seeded-chance.ts";
import { seedOr } from "../../support/seeds.ts";

/** A frame that carries a number. */
function numbered(number: number, octets = 100): Uint8Array {
  const frame = new Uint8Array(octets);
  new DataView(frame.buffer).setUint32(0, number);
  return frame;
}

interface Arrival {
  readonly number: number;
  readonly atUs: number;
}

/** Sends frames at even intervals, and lets each leave when it is due. */
function pass(
  conditions: LinkConditions,
  count: number,
  { intervalUs = 1000, octets = 100, chance = seededChance(seedOr(1)) } = {},
): { readonly arrivals: readonly Arrival[]; readonly queue: LinkQueue } {
  const queue = new LinkQueue(conditions, chance);
  const arrivals: Arrival[] = [];
  const takeDue = (untilUs: number): void => {
    for (let atUs = queue.nextUs; atUs !== undefined && atUs <= untilUs; atUs = queue.nextUs) {
      const frame = queue.due(atUs);
      if (frame === undefined) throw new Error("a frame is due, and does not leave");
      queue.delivered(1);
      arrivals.push({ number: new DataView(frame.buffer).getUint32(0), atUs });
    }
  };
  for (let number = 0; number < count; number += 1) {
    takeDue(number * intervalUs);
    queue.enqueue(numbered(number, octets), number * intervalUs);
  }
  takeDue(Number.POSITIVE_INFINITY);
  return { arrivals, queue };
}

function numbers(arrivals: readonly Arrival[]): readonly number[] {
  return arrivals.map(({ number }) => number);
}

const inOrder = (count: number) => Array.from({ length: count }, (_, number) => number);

test("without conditions all frames leave at once and in order", () => {
  const { arrivals, queue } = pass({}, 100);
  expect(arrivals).toEqual(inOrder(100).map((number) => ({ number, atUs: number * 1000 })));
  expect(queue.counters).toEqual({
    received: 100,
    delivered: 100,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    queueDrops: 0,
  });
});

test("frames of one moment leave in their order", () => {
  expect(numbers(pass({ delayMs: 5 }, 500, { intervalUs: 0 }).arrivals)).toEqual(inOrder(500));
});

test.each([0.1, 50, 1500])("a delay of %d ms is that of each frame", (delayMs) => {
  const { arrivals } = pass({ delayMs }, 200);
  expect(arrivals).toHaveLength(200);
  for (const { number, atUs } of arrivals) expect(atUs - number * 1000).toBeCloseTo(delayMs * 1000, 6);
});

test("a frame does not leave before it is due", () => {
  const queue = new LinkQueue({ delayMs: 10 }, seededChance(seedOr(1)));
  queue.enqueue(numbered(1), 0);
  expect(queue.nextUs).toBe(10_000);
  expect(queue.due(9_999)).toBeUndefined();
  expect(queue.due(10_000)).toEqual(numbered(1));
  expect(queue.nextUs).toBeUndefined();
});

test("jitter spreads delays evenly, and lets frames overtake each other", () => {
  const { arrivals } = pass({ delayMs: 20, jitterMs: 5 }, 20_000);
  const delays = arrivals.map(({ number, atUs }) => atUs / 1000 - number);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(15);
  expect(Math.max(...delays)).toBeLessThanOrEqual(25);
  for (const from of [15, 17.5, 20, 22.5]) {
    const share = delays.filter((delay) => delay >= from && delay < from + 2.5).length / delays.length;
    expect(share).toBeCloseTo(0.25, 1);
  }
  expect(numbers(arrivals)).not.toEqual(inOrder(20_000));
});

describe("shares of frames", () => {
  const FRAMES = 100_000;

  test.each([0.1, 1, 10, 50])("loss of %d percent", (lossPercent) => {
    const { arrivals, queue } = pass({ lossPercent }, FRAMES);
    const lost = FRAMES - arrivals.length;
    expect(queue.counters).toMatchObject({ received: FRAMES, delivered: arrivals.length, lost });
    // Four times the standard deviation.
    const deviation = Math.sqrt(((lossPercent / 100) * (1 - lossPercent / 100)) / FRAMES) * 100;
    expect(Math.abs((lost / FRAMES) * 100 - lossPercent)).toBeLessThan(4 * deviation);
  });

  test("all are lost, or none is", () => {
    expect(pass({ lossPercent: 100 }, 1000).arrivals).toEqual([]);
    expect(pass({ lossPercent: 0 }, 1000).arrivals).toHaveLength(1000);
  });

  test("duplicates follow their frames", () => {
    const { arrivals, queue } = pass({ duplicatePercent: 10 }, FRAMES);
    const twice = arrivals.length - FRAMES;
    expect(queue.counters.duplicated).toBe(twice);
    expect(twice / FRAMES).toBeCloseTo(0.1, 2);
    expect([...new Set(numbers(arrivals))]).toEqual(inOrder(FRAMES));
  });

  test("reordered frames skip the delay", () => {
    const { arrivals, queue } = pass({ delayMs: 5, reorderPercent: 2 }, FRAMES);
    const early = arrivals.filter(({ number, atUs }) => atUs === number * 1000);
    expect(queue.counters.reordered).toBe(early.length);
    expect(early.length / FRAMES).toBeCloseTo(0.02, 2);
    expect(numbers(arrivals).toSorted((a, b) => a - b)).toEqual(inOrder(FRAMES));
  });

  test("the same seed gives the same frames, another one others", () => {
    const lost = (seed: number) =>
      numbers(pass({ lossPercent: 5 }, 1000, { chance: seededChance(seed) }).arrivals);
    expect(lost(7)).toEqual(lost(7));
    expect(lost(7)).not.toEqual(lost(8));
  });
});

describe("a rate", () => {
  test.each([
    [64_000, 100],
    [10_000_000, 1514],
    [1_000_000_000, 9014],
  ])("of %d bit/s is that of frames of %d octets", (rateBitsPerSecond, octets) => {
    const frames = 500;
    const { arrivals } = pass({ rateBitsPerSecond }, frames, { intervalUs: 0, octets });
    const lastUs = arrivals.at(-1)?.atUs ?? 0;
    expect((frames * octets * 8) / (lastUs / 1e6)).toBeCloseTo(rateBitsPerSecond, 0);
    expect(numbers(arrivals)).toEqual(inOrder(frames));
  });

  test("a slower sender is not held up, but for the time that a frame takes", () => {
    const { arrivals } = pass({ rateBitsPerSecond: 8e6 }, 100, { intervalUs: 1000, octets: 100 });
    for (const { number, atUs } of arrivals) expect(atUs - number * 1000).toBeCloseTo(100, 6);
  });

  test("the delay comes behind it", () => {
    const { arrivals } = pass({ rateBitsPerSecond: 8e5, delayMs: 30 }, 3, { intervalUs: 0 });
    expect(arrivals.map(({ atUs }) => atUs)).toEqual([31_000, 32_000, 33_000]);
  });

  test("so many frames wait as the queue has room for, and the others are dropped", () => {
    const conditions = { rateBitsPerSecond: 8e5, queuePackets: 10 };
    const { arrivals, queue } = pass(conditions, 100, { intervalUs: 0 });
    expect(numbers(arrivals)).toEqual(inOrder(10));
    expect(queue.counters).toMatchObject({ received: 100, delivered: 10, queueDrops: 90 });
  });

  test("a queue has room again for each frame that was sent", () => {
    // Two come in the time of one.
    const conditions = { rateBitsPerSecond: 8e5, queuePackets: 10, delayMs: 500 };
    const { arrivals, queue } = pass(conditions, 5000, { intervalUs: 500 });
    expect(queue.counters.queueDrops).toBeGreaterThan(2400);
    expect(arrivals.length).toBeGreaterThan(2490);
    expect(arrivals.length + queue.counters.queueDrops).toBe(5000);
  });
});

test("memory for frames on their way is bounded", () => {
  const octets = 1024 * 1024;
  const fitting = MOST_OCTETS_UNDERWAY / octets;
  const { arrivals, queue } = pass({ delayMs: 1000 }, fitting + 10, { intervalUs: 0, octets });
  expect(arrivals).toHaveLength(fitting);
  expect(queue.counters.queueDrops).toBe(10);
});

test("a change holds for the frames after it, and counters begin anew", () => {
  const queue = new LinkQueue({ delayMs: 100 }, seededChance(seedOr(1)));
  queue.enqueue(numbered(1), 0);
  queue.change({ delayMs: 10 });
  queue.enqueue(numbered(2), 0);
  expect(queue.counters.received).toBe(1);
  expect(queue.due(10_000)).toEqual(numbered(2));
  expect(queue.nextUs).toBe(100_000);
});

test("a rate that is gone holds nobody up", () => {
  const queue = new LinkQueue({ rateBitsPerSecond: 800 }, seededChance(seedOr(1)));
  queue.enqueue(numbered(1), 0);
  queue.change({});
  queue.enqueue(numbered(2), 10);
  expect(queue.nextUs).toBe(10);
});
