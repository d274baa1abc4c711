import fc from "fast-check";
import { expect, test } from "vitest";
import { addToSum, foldSum, swap16 } from "../../src/forwarding/userspace/checksum.ts";
import { sumOf } from "../../src/forwarding/userspace/segmentation.ts";
import { summedOctets } from "../../src/forwarding/userspace/simd-checksum.ts";
import { naiveChecksum } from "../support/internet-checksum.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { assertProperty } from "../support/seeds.ts";

const SIZE = 128 * 1024;
const { octets, sum } = summedOctets(SIZE);
const words = new Uint32Array(octets.buffer);
const view = new DataView(octets.buffer);
octets.set(new SeededRandom(128).octets(SIZE));

function agree(start: number, length: number): void {
  const naive = naiveChecksum(octets.subarray(start, start + length));
  const javascript = swap16(foldSum(addToSum(octets, words, start, length, 0)));
  const simd = swap16(foldSum(sum!(start, length) >>> 0));
  if (simd !== naive || javascript !== naive) {
    expect.unreachable(`start ${start}, length ${length}: ${simd}, ${javascript}, ${naive}`);
  }
}

test("there is SIMD in every Node that we support, and the memory is as large as asked for", () => {
  expect(sum).toBeDefined();
  expect(octets.length).toBeGreaterThanOrEqual(SIZE);
});

test("WebAssembly, JavaScript and naive sums agree for lengths to 300 at every alignment of 16", () => {
  for (let start = 0; start < 16; start += 1) {
    for (let length = 0; length <= 300; length += 1) agree(start, length);
  }
});

test("they agree for any start and length to 64 KiB", () => {
  assertProperty(
    fc.property(fc.nat(4096), fc.nat(66_000), (start, length) => agree(start, length)),
    { seed: 128, runs: 3_000 },
  );
});

test("they agree up to the memory's last octet, and beyond it nothing is read", () => {
  for (let length = 0; length <= 200; length += 1) agree(octets.length - length, length);
  expect(() => sum!(octets.length - 64, 65)).toThrow(/out of bounds/);
});

test("the largest sums do not overflow", () => {
  const ones = summedOctets(SIZE);
  ones.octets.fill(0xff);
  expect(ones.sum!(0, 66_000) >>> 0).toBe(33_000 * 0xffff);
});

test("a sum goes on from one before, whichever way it is made", () => {
  const memory = { octets, view, words, sum };
  const plain = { octets, view, words };
  for (const length of [0, 20, 63, 64, 65, 1448]) {
    expect(sumOf(memory, 33, length, 0xffff_0000)).toBe(sumOf(plain, 33, length, 0xffff_0000));
  }
});
