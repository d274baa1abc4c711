import fc from "fast-check";
import { expect, test } from "vitest";
import { addToSum, foldSum, swap16 } from "../../src/forwarding/userspace/checksum.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { assertProperty } from "../support/seeds.ts";

const memory = new SeededRandom(1071).octets(72 * 1024);
const words = new Uint32Array(memory.buffer);

/** The checksum as it stands in a packet: the fast one is written little-endian. */
function fast(start: number, length: number, before = 0): number {
  return swap16(foldSum(addToSum(memory, words, start, length, before)));
}

test("RFC 1071: equal to the naive checksum for every length to 300 at every alignment", () => {
  for (let start = 0; start < 8; start += 1) {
    for (let length = 0; length <= 300; length += 1) {
      const naive = naiveChecksum(memory.subarray(start, start + length));
      if (fast(start, length) !== naive) expect.unreachable(`start ${start}, length ${length}`);
    }
  }
});

test("RFC 1071: equal to the naive checksum for any length, start and sum before", () => {
  assertProperty(
    fc.property(fc.nat(4096), fc.nat(66_000), fc.nat(0xffff), (start, length, word) => {
      const before = Uint8Array.of(word >>> 8, word & 0xff);
      const octets = memory.subarray(start, start + length);
      expect(fast(start, length, swap16(word))).toBe(naiveChecksum(before, octets));
    }),
    { seed: 1071, runs: 3_000 },
  );
});

test("a sum goes on from part to part, as long as all but the last are even", () => {
  const parts = [
    [2, 14],
    [101, 20],
    [333, 1001],
  ] as const;
  const sum = parts.reduce((before, [start, length]) => addToSum(memory, words, start, length, before), 0);
  const octets = parts.map(([start, length]) => memory.subarray(start, start + length));
  expect(swap16(foldSum(sum))).toBe(naiveChecksum(...octets));
});

test("the largest sums do not overflow", () => {
  const ones = new Uint8Array(66_000).fill(0xff);
  const sum = addToSum(ones, new Uint32Array(ones.buffer), 0, ones.length, 0xffff_ffff);
  expect(foldSum(sum)).toBe(0);
});
