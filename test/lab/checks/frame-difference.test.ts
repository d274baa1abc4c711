import { expect, test } from "vitest";
import {
  compareFrames,
  firstOctetDifference,
  type NamedFrame,
} from "../../../src/lab/checks/frame-difference.ts";

const frame = (...octets: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: 60 }, (_, index) => octets[index] ?? index);

test.each([
  [frame(), frame(), undefined],
  [frame(), frame(0, 1, 9), "octet 2 is 0x09, not 0x02"],
  [frame(), frame().subarray(0, 59), "it has 59 octets, not 60"],
  [frame().subarray(0, 59), frame(), "it has 60 octets, not 59"],
  [frame(), frame(9).subarray(0, 20), "octet 0 is 0x09, not 0x00"],
])("the first difference of two frames (%#)", (wanted, arrived, difference) => {
  expect(firstOctetDifference(wanted, arrived)).toBe(difference);
});

const one: NamedFrame = { name: "one", frame: frame() };
const two: NamedFrame = { name: "two", frame: frame().map((octet) => octet ^ 0xff) };

test.each([
  ["all arrived, in another order", [two.frame, one.frame], [], 0, undefined],
  ["one is missing", [two.frame], ["one"], 0, "one: nothing arrived"],
  ["all are missing", [], ["one", "two"], 0, "one: nothing arrived"],
  ["one was changed", [two.frame, frame(0, 1, 9)], ["one"], 1, "one: instead, octet 2 is 0x09, not 0x02"],
  [
    "one was cut short",
    [two.frame, one.frame.subarray(0, 50)],
    ["one"],
    1,
    "one: instead, it has 50 octets, not 60",
  ],
  [
    "one arrived twice",
    [one.frame, two.frame, two.frame],
    [],
    1,
    "1 frames too many arrived: two, once more",
  ],
  [
    "a strange one arrived",
    [one.frame, two.frame, new Uint8Array(4)],
    [],
    1,
    "1 frames too many arrived: 00000000...",
  ],
] as const)("%s", (_, arrived, missing, extra, difference) => {
  const found = compareFrames([one, two], arrived);
  expect(found.missing).toEqual(missing);
  expect(found.extra).toHaveLength(extra);
  expect(found.difference).toBe(difference);
});
