import { expect, test } from "vitest";
import { PathLimitsReader } from "../../src/daemon/path-limits.ts";
import type { AddressPair, PathMtu } from "../../src/os/path-mtus.ts";

const ETH1 = 7;

/** The kernel's answers, and how it was asked. */
class Bed {
  nowMs = 0;
  mtu = 1500;
  /** By the remote address. */
  readonly reported = new Map<string, number>();
  /** Paths in each query. */
  queries: number[] = [];
  #reading: () => void = () => {};
  readonly reader: PathLimitsReader;

  constructor() {
    const links = {
      all: () => [{ index: ETH1, mtu: this.mtu }] as never,
      watchReadings: (listener: () => void) => {
        this.#reading = listener;
        return { close: () => {} } as never;
      },
    };
    const pathMtus = {
      query: (paths: readonly AddressPair[]): readonly (PathMtu | undefined)[] => {
        this.queries.push(paths.length);
        return paths.map(({ remoteAddress }) => {
          const mtu = this.reported.get(remoteAddress);
          return { interfaceIndex: ETH1, mtu, routeMtu: undefined };
        });
      },
      [Symbol.dispose]: () => {},
    };
    this.reader = new PathLimitsReader(links, { nowMs: () => this.nowMs }, () => {}, pathMtus);
  }

  setMtu(mtu: number): void {
    this.mtu = mtu;
    this.#reading();
  }

  of(index: number) {
    const localPort = 1701;
    const ends = {
      localAddress: "192.0.2.1",
      remoteAddress: remote(index),
      localPort,
      remotePort: localPort,
    };
    return this.reader.of({ encapsulation: "udp", ...ends });
  }

  ofAll(count: number) {
    return Array.from({ length: count }, (_, index) => this.of(index));
  }
}

const remote = (index: number) => `198.51.${index >> 8}.${index & 255}`;
const usual = { interfaceOctets: 1500, reportedOctets: undefined };

test("the paths in use are asked for in one query, and once in half a second", () => {
  const bed = new Bed();
  bed.ofAll(1000);
  bed.queries = [];
  for (; bed.nowMs < 10_000; bed.nowMs += 100) expect(bed.ofAll(1000)).toEqual(Array(1000).fill(usual));
  expect(new Set(bed.queries)).toEqual(new Set([1000]));
  expect(bed.queries.length).toBeLessThanOrEqual(20);
});

test("also where one is wanted more often than the others", () => {
  const bed = new Bed();
  bed.ofAll(1000);
  bed.queries = [];
  for (; bed.nowMs < 10_000; bed.nowMs += 100) {
    bed.of(0);
    if (bed.nowMs % 1100 === 0) bed.ofAll(1000);
  }
  expect(new Set(bed.queries)).toEqual(new Set([1000]));
});

test("a path that nobody wants is asked for no more", () => {
  const bed = new Bed();
  bed.ofAll(10);
  for (; bed.nowMs < 5000; bed.nowMs += 100) bed.of(0);
  expect(bed.queries.at(-1)).toBe(1);
});

test("what routers report is taken over within a second, and what interfaces take at once", () => {
  const bed = new Bed();
  expect(bed.ofAll(3)).toEqual([usual, usual, usual]);
  bed.reported.set(remote(1), 1400);
  bed.nowMs += 501;
  expect(bed.ofAll(3)).toEqual([usual, { ...usual, reportedOctets: 1400 }, usual]);
  bed.setMtu(1450);
  expect(bed.of(0)).toEqual({ ...usual, interfaceOctets: 1450 });
});
