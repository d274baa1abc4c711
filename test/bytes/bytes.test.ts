import fc from "fast-check";
import { expect, test } from "vitest";
import { InvariantError, TruncatedError } from "../../src/bytes/errors.ts";
import { concat, equalOctets, fromHex, hex, toHex } from "../../src/bytes/hex.ts";
import { Reader } from "../../src/bytes/reader.ts";
import {
  isNsAtOrBefore,
  nextNs,
  nextSequence,
  nsDistance,
  sequenceDistance,
} from "../../src/bytes/serial.ts";
import { Writer } from "../../src/bytes/writer.ts";
import { assertProperty } from "../support/seeds.ts";

test("what a Writer writes a Reader reads, in order and of every width", () => {
  assertProperty(
    fc.property(
      fc.integer({ min: 0, max: 0xff }),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
      fc.uint8Array({ maxLength: 300 }),
      (a, b, c, d, e) => {
        const octets = new Writer(1).u8(a).u16(b).u32(c).u64(d).octets(e).finish();
        const reader = new Reader(octets);
        expect([reader.u8("a"), reader.u16("b"), reader.u32("c"), reader.u64("d")]).toEqual([a, b, c, d]);
        expect(reader.offset).toBe(15);
        expect(equalOctets(reader.rest(), e)).toBe(true);
        expect(reader.remaining).toBe(0);
      },
    ),
    { seed: 3931 },
  );
});

test("a read past the end names the field and its offset", () => {
  const reader = new Reader(hex`01 02 03`);
  reader.u16("first");
  expect(() => reader.u32("second")).toThrow(TruncatedError);
  try {
    reader.u16("second");
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ field: "second", offset: 2 });
  }
  expect(reader.u8("third")).toBe(3);
});

test("a Writer refuses values that do not fit and patches only what it wrote", () => {
  const writer = new Writer();
  for (const bad of [-1, 256, 1.5, Number.NaN]) expect(() => writer.u8(bad)).toThrow(InvariantError);
  expect(() => writer.u64(-1n)).toThrow(InvariantError);
  expect(() => writer.patchU16(0, 1)).toThrow(InvariantError);
  writer.u32(0);
  writer.patchU16(1, 0xabcd);
  expect(toHex(writer.finish())).toBe("00abcd00");
});

test("hexadecimal text goes both ways, with blanks and comments", () => {
  expect(
    toHex(hex`c8 03  # T, L, S, Ver 3
    00 0c`),
  ).toBe("c803000c");
  expect(() => fromHex("abc")).toThrow(RangeError);
  expect(() => fromHex("zz")).toThrow(RangeError);
  expect(toHex(concat(hex`01`, hex``, hex`02 03`))).toBe("010203");
  expect(equalOctets(hex`01 02`, hex`01 03`)).toBe(false);
  expect(equalOctets(hex`01 02`, hex`01`)).toBe(false);
});

test("RFC 3931 §4.2: with last 15, Ns 0..15 and 32784..65535 are old", () => {
  const every = Array.from({ length: 0x1_0000 }, (_, value) => value);
  const isOld = (value: number) => value <= 15 || value >= 32784;
  expect(every.filter((value) => isNsAtOrBefore(value, 15) !== isOld(value))).toEqual([]);
  expect(nextNs(0xffff)).toBe(0);
  expect(nsDistance(0xfffe, 3)).toBe(5);
});

test("RFC 3931 Appendix C: data sequence numbers wrap at 2^24", () => {
  expect(nextSequence(0xffffff)).toBe(0);
  expect(sequenceDistance(0xffffff, 0)).toBe(1);
  expect(sequenceDistance(0, 0xffffff)).toBe(0xffffff);
});
