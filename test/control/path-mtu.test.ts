import { describe, expect, test } from "vitest";
import { PathMtuSearch, pathMtuConstants } from "../../src/control/path-mtu.ts";
import type { PathMtuEffect } from "../../src/control/path-mtu-messages.ts";
import { PathMtuSizes } from "../../src/control/path-mtu-sizes.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { seeds } from "../support/seeds.ts";

const ROUND_TRIP_MS = 20;

/** A path under a fake clock: what it takes, and how often it loses a probe or its acknowledgement. */
class PathBed {
  readonly search: PathMtuSearch;
  readonly probes: number[] = [];
  readonly told: (number | undefined)[] = [];
  /** When that was told last. */
  toldMs = 0;
  nowMs = 0;
  takes: number;
  loss = 0;
  readonly #random: SeededRandom;
  #pending: PathMtuEffect[] = [];

  constructor(takes: number, { family = 4, seed = 1 }: { family?: 4 | 6; seed?: number } = {}) {
    this.takes = takes;
    this.#random = new SeededRandom(seed);
    this.search = new PathMtuSearch(family);
  }

  input(...input: Parameters<PathMtuSearch["handle"]>[0][]): void {
    for (const each of input) this.#pending.push(...this.search.handle(each, this.nowMs));
  }

  begin(interfaceOctets = 1500): this {
    this.input({ kind: "reachable", interfaceOctets });
    return this;
  }

  /** Lets time pass, with data all the time. */
  run(forMs: number, hasData = true): this {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const effect = this.#pending.shift();
      if (effect !== undefined) {
        this.#perform(effect);
        continue;
      }
      if (hasData) this.input({ kind: "data" });
      const { deadlineMs } = this.search;
      if (this.#pending.length > 0) continue;
      if (deadlineMs === undefined || deadlineMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, deadlineMs);
      this.input({ kind: "time" });
    }
    this.nowMs = Math.max(this.nowMs, endMs);
    return this;
  }

  #perform(effect: PathMtuEffect): void {
    if (effect.kind === "changed") {
      this.told.push(effect.octets);
      this.toldMs = this.nowMs;
      return;
    }
    this.probes.push(effect.octets);
    const arrives = effect.octets <= this.takes && this.#random.next() >= this.loss;
    this.nowMs += arrives ? ROUND_TRIP_MS : effect.waitMs;
    this.input(arrives ? { kind: "acknowledged", roundTripMs: ROUND_TRIP_MS } : { kind: "lost" });
  }
}

const MINUTE_MS = 60_000;

test("RFC 8899 §5.2: a path of the interface's MTU needs two probes: BASE and that size", () => {
  const bed = new PathBed(1500).begin().run(1000);
  expect([bed.search.state, bed.search.octets, bed.probes]).toEqual(["search-complete", 1500, [1200, 1500]]);
});

test.each([1280, 1400, 1420, 1452, 1472, 1492, 1500])("a usual size, %d, is found exactly", (takes) => {
  const bed = new PathBed(takes, { family: 6 }).begin(9000).run(2 * MINUTE_MS);
  expect([bed.search.state, bed.search.octets]).toEqual(["search-complete", takes]);
  expect(bed.told).toEqual([takes]);
});

test("any size is found to the octet, within 45 s", () => {
  const random = new SeededRandom(7);
  for (let count = 0; count < 300; count += 1) {
    const takes = 1280 + Math.floor(random.next() * 7720);
    const { search } = new PathBed(takes, { family: 6 }).begin(9000).run(45_000);
    expect([search.state, search.octets]).toEqual(["search-complete", takes]);
  }
});

test("RFC 8899 §5.1: an acknowledgement may take 3 s, and by a measured round trip 1 s or more", () => {
  const { search } = new PathBed(1500);
  const waits = (effects: readonly PathMtuEffect[]) =>
    effects.flatMap((effect) => (effect.kind === "probe" ? [effect.waitMs] : []));
  expect(waits(search.handle({ kind: "reachable", interfaceOctets: 1500 }, 0))).toEqual([3000]);
  expect(waits(search.handle({ kind: "acknowledged", roundTripMs: 5 }, 5))).toEqual([1000]);
  expect(waits(search.handle({ kind: "lost" }, 1005))).toEqual([1000]);
  expect(waits(search.handle({ kind: "acknowledged", roundTripMs: 700 }, 1800))).toEqual([]);
  expect(waits(search.handle({ kind: "path-changed" }, 2000))).toEqual([3000]);
});

test("RFC 8899 §5.1.2: a size is refused by three losses, and the least refused is tried again", () => {
  const bed = new PathBed(1492).begin().run(MINUTE_MS, false);
  const counts = bed.probes.filter((octets) => octets === 1500).length;
  expect([counts, bed.search.octets]).toEqual([3, 1492]);
  expect(bed.probes.filter((octets) => octets === 1493)).toHaveLength(6);
});

test("RFC 8899 §5.2: without BASE nothing is known, and it is tried again, more and more seldom", () => {
  const bed = new PathBed(1000).begin().run(10 * MINUTE_MS);
  expect([bed.search.state, bed.search.octets, new Set(bed.probes)]).toEqual([
    "error",
    undefined,
    new Set([1200]),
  ]);
  expect(bed.probes.length).toBeLessThan(20);
  bed.takes = 1400;
  bed.run(11 * MINUTE_MS);
  expect([bed.search.state, bed.search.octets]).toEqual(["search-complete", 1400]);
});

describe("in the error state less than the interface's MTU stays known", () => {
  test("what held when BASE was lost, until more is found", () => {
    const bed = new PathBed(1500).begin().run(1000);
    bed.takes = 600;
    bed.run(30 * MINUTE_MS);
    expect([bed.search.state, bed.search.octets, bed.told]).toEqual(["error", 1200, [1500, 1200]]);
    bed.takes = 1500;
    bed.run(11 * MINUTE_MS);
    expect([bed.search.state, bed.told]).toEqual(["search-complete", [1500, 1200, 1500]]);
  });

  test("what passed in a first search, where more was refused", () => {
    const { search } = new PathBed(1500);
    search.handle({ kind: "reachable", interfaceOctets: 1500 }, 0);
    search.handle({ kind: "acknowledged", roundTripMs: 5 }, 5);
    for (let count = 0; count < 3; count += 1) search.handle({ kind: "lost" }, 1000 * count);
    expect(search.handle({ kind: "unanswered" }, 4000)).toContainEqual({ kind: "changed", octets: 1200 });
    expect([search.state, search.octets]).toEqual(["error", 1200]);
  });

  test("but not what nothing more was tried than", () => {
    const { search } = new PathBed(1500);
    search.handle({ kind: "reachable", interfaceOctets: 1500 }, 0);
    search.handle({ kind: "acknowledged", roundTripMs: 5 }, 5);
    search.handle({ kind: "unanswered" }, 4000);
    expect([search.state, search.octets]).toEqual(["error", undefined]);
  });

  test("probes by another carrier begin anew, and what is known stays meanwhile", () => {
    const bed = new PathBed(1500).begin().run(1000);
    bed.takes = 600;
    bed.run(3 * MINUTE_MS);
    bed.input({ kind: "carrier-changed" });
    expect([bed.search.state, bed.search.octets]).toEqual(["base", 1200]);
    bed.takes = 1400;
    bed.run(MINUTE_MS);
    expect([bed.search.state, bed.told]).toEqual(["search-complete", [1500, 1200, 1400]]);
  });

  test("a router that is believed as nothing is answered, is so while the kernel knows it", () => {
    const bed = new PathBed(1450).begin(9000).run(2 * MINUTE_MS);
    const reports = [
      ...[{ kind: "reported", octets: 1400 }, { kind: "unanswered" }, { kind: "report-ended" }],
      ...[{ kind: "reported", octets: 1300 }, { kind: "report-ended" }],
    ] as const;
    const known = reports.map((input) => {
      bed.search.handle(input, bed.nowMs);
      return bed.search.octets;
    });
    expect(known).toEqual([known[0], undefined, known[0], undefined, known[0]]);
    expect(known[0]).toBe(1450);
  });
});

describe("after the search", () => {
  test("RFC 8899 §4.3: a black hole is seen while data flows, and BASE holds at once", () => {
    const bed = new PathBed(1500).begin().run(1000, false);
    bed.takes = 1400;
    bed.run(10 * MINUTE_MS - 5000, false);
    expect(bed.search.octets).toBe(1500);
    bed.run(35_000);
    expect(bed.told.slice(0, 2)).toEqual([1500, 1200]);
    bed.run(MINUTE_MS);
    expect([bed.search.state, bed.search.octets]).toEqual(["search-complete", 1400]);
  });

  test("RFC 8899 §5.1.1: what was found is confirmed every 30 s while data flows, and not without", () => {
    const bed = new PathBed(1500).begin().run(1000, false);
    bed.probes.length = 0;
    bed.run(5 * MINUTE_MS, false);
    expect(bed.probes).toEqual([]);
    bed.run(3 * MINUTE_MS);
    expect(bed.probes.length).toBeGreaterThanOrEqual(5);
    expect(new Set(bed.probes)).toEqual(new Set([1500]));
  });

  test("RFC 8899 §5.1.1: more is tried after 600 s, and a path that takes it is found", () => {
    const bed = new PathBed(1400).begin().run(MINUTE_MS);
    expect(bed.search.octets).toBe(1400);
    bed.takes = 1500;
    bed.run(9 * MINUTE_MS, false);
    expect(bed.search.octets).toBe(1400);
    bed.run(2 * MINUTE_MS, false);
    expect(bed.told).toEqual([1400, 1500]);
  });

  test("RFC 8899 §4.6: what a router reports is tried, and believed only if the size so far is lost", () => {
    const bed = new PathBed(1500).begin().run(1000);
    bed.input({ kind: "reported", octets: 1300 });
    bed.run(100);
    expect([bed.search.state, bed.told, bed.probes.at(-1)]).toEqual(["search-complete", [1500], 1500]);
    bed.takes = 1300;
    bed.input({ kind: "reported", octets: 1300 });
    bed.run(pathMtuConstants.doubtMs + pathMtuConstants.leastProbeMs, false);
    expect(bed.told.slice(0, 3)).toEqual([1500, 1200, 1300]);
    expect(bed.probes.slice(-2)).not.toContain(1400);
    bed.run(MINUTE_MS);
    expect([bed.search.octets, bed.search.state]).toEqual([1300, "search-complete"]);
  });

  test("RFC 8899 §4.6: a report of less, and a lost probe of what was found: it falls in seconds", () => {
    const bed = new PathBed(1500).begin().run(MINUTE_MS);
    bed.takes = 1400;
    const sinceMs = bed.nowMs;
    bed.input({ kind: "reported", octets: 1400 });
    bed.run(MINUTE_MS);
    expect(bed.toldMs - sinceMs).toBeLessThan(pathMtuConstants.leastProbeMs + 5 * ROUND_TRIP_MS);
    expect(bed.told).toEqual([1500, 1200, 1400]);
  });

  describe("reports that are forged, one each second", () => {
    /** Sizes from the largest to the least, as the kernel takes over only what is less than before. */
    const forged = (count: number) => Array.from({ length: count }, (_, index) => 1499 - 10 * index);

    function attacked(loss: number, seed = 1): PathBed {
      const bed = new PathBed(1500, { seed }).begin().run(MINUTE_MS);
      bed.loss = loss;
      bed.probes.length = 0;
      for (const octets of forged(140)) {
        bed.input({ kind: "reported", octets });
        bed.run(1000);
      }
      return bed;
    }

    test("change nothing, and cost a probe in three seconds", () => {
      const bed = attacked(0);
      expect([bed.told, bed.search.state]).toEqual([[1500], "search-complete"]);
      expect(new Set(bed.probes)).toEqual(new Set([1500]));
      expect(bed.probes.length).toBeLessThan((140 * 1000) / pathMtuConstants.doubtMs + 2);
      expect(bed.probes.length).toBeGreaterThan(30);
    });

    test("hide no report that is true: what was found is probed again and again", () => {
      const bed = attacked(0);
      bed.takes = 1400;
      bed.run(pathMtuConstants.doubtMs + pathMtuConstants.leastProbeMs + 100);
      expect(bed.told.slice(0, 2)).toEqual([1500, 1200]);
      bed.run(MINUTE_MS);
      expect(bed.search.octets).toBe(1400);
    });

    test("where packets are lost for other reasons, what was found falls seldom, and comes back", () => {
      for (const seed of seeds(20)) {
        const { told, search } = attacked(0.05, seed);
        expect(told.filter((octets) => octets === 1200).length, `seed ${seed}`).toBeLessThanOrEqual(2);
        expect(search.octets, `seed ${seed}`).toBe(1500);
      }
    });
  });

  test("what a router reported is forgotten: more is tried at once", () => {
    const bed = new PathBed(1400).begin();
    bed.input({ kind: "reported", octets: 1400 });
    bed.run(MINUTE_MS);
    bed.takes = 1500;
    bed.input({ kind: "report-ended" });
    bed.run(100, false);
    expect([bed.told, bed.search.state]).toEqual([[1400, 1500], "search-complete"]);
    expect(bed.probes.at(-1)).toBe(1500);
  });

  test("and what passed stays known where the path takes no more", () => {
    const bed = new PathBed(1400).begin().run(MINUTE_MS);
    bed.input({ kind: "report-ended" });
    bed.run(MINUTE_MS);
    expect([bed.told, bed.search.state]).toEqual([[1400], "search-complete"]);
  });

  test.each([0, 67, 575])("RFC 8899 §4.6.1: a report of %d is not tried: what was found is", (octets) => {
    const bed = new PathBed(1500).begin().run(MINUTE_MS);
    bed.probes.length = 0;
    bed.input({ kind: "reported", octets });
    bed.run(1000, false);
    expect([bed.probes, bed.told]).toEqual([[1500], [1500]]);
  });

  test.each([1500, 1501, 65_535])("RFC 8899 §4.6.1: a report of %d counts not", (octets) => {
    const bed = new PathBed(1500).begin().run(1000);
    const before = [...bed.probes];
    bed.input({ kind: "reported", octets });
    bed.run(1000, false);
    expect([bed.probes, bed.told]).toEqual([before, [1500]]);
  });

  test("another path, or no peer, and nothing is known", () => {
    const bed = new PathBed(1500).begin().run(1000);
    bed.takes = 1400;
    bed.input({ kind: "path-changed" });
    bed.run(MINUTE_MS);
    expect(bed.told).toEqual([1500, undefined, 1400]);
    bed.input({ kind: "unreachable" });
    bed.run(10 * MINUTE_MS);
    expect([bed.search.state, bed.told.at(-1), bed.search.deadlineMs]).toEqual([
      "disabled",
      undefined,
      undefined,
    ]);
  });

  test("the interface's MTU is followed: less at once, more by a probe", () => {
    const bed = new PathBed(9000).begin().run(1000);
    bed.input({ kind: "interface", octets: 1400 });
    bed.run(MINUTE_MS);
    bed.input({ kind: "interface", octets: 9000 });
    bed.run(MINUTE_MS);
    expect(bed.told).toEqual([1500, undefined, 1400, 9000]);
  });
});

test("a probe that had to make room is sent again and counts for nothing", () => {
  const { search } = new PathBed(1500);
  search.handle({ kind: "reachable", interfaceOctets: 1500 }, 0);
  for (let count = 0; count < 20; count += 1)
    expect(search.handle({ kind: "withdrawn" }, count)).toMatchObject([{ kind: "probe", octets: 1200 }]);
  expect(search.state).toBe("base");
});

test.each(seeds(40))("a lossy path does not end below what it takes, seed %d", (seed) => {
  const random = new SeededRandom(seed);
  const takes = [1280, 1400, 1492, 1500][Math.floor(random.next() * 4)] as number;
  const bed = new PathBed(takes, { family: 6, seed });
  bed.loss = 0.05 + random.next() * 0.25;
  bed.begin();
  const until = 40 * MINUTE_MS;
  while (bed.nowMs < until && bed.search.octets !== takes) bed.run(1000);
  expect(bed.search.octets).toBe(takes);
  // And it stays so for hours, but for few falls.
  const falls = bed.told.length;
  bed.run(180 * MINUTE_MS);
  expect(Math.max(...bed.told.map((octets) => octets ?? 0))).toBeLessThanOrEqual(takes);
  expect(bed.told.length - falls).toBeLessThanOrEqual(4);
});

test("sizes: whatever is taken and refused, the search ends", () => {
  const random = new SeededRandom(11);
  for (let count = 0; count < 500; count += 1) {
    const sizes = new PathMtuSizes();
    sizes.limit(576 + Math.floor(random.next() * 65_000));
    sizes.take(576);
    if (random.next() < 0.5) sizes.suggest(Math.floor(random.next() * 66_000));
    let steps = 0;
    for (let next = sizes.next(); next !== undefined; next = sizes.next()) {
      expect(next).toBeGreaterThan(sizes.taken);
      expect(next).toBeLessThanOrEqual(sizes.most);
      if (random.next() < 0.5) sizes.take(next);
      else sizes.refuse(next);
      steps += 1;
      expect(steps).toBeLessThan(60);
    }
  }
  expect(pathMtuConstants.probes).toBe(3);
});
