import { expect, test } from "vitest";
import { fromHex, toHex } from "../../../src/bytes/hex.ts";
import type { HostTag } from "../../../src/lab/format/topology.ts";
import { insertTags, removeTags } from "../../../src/lab/network/tags.ts";

const addresses = "0200000000010200000000ff".slice(0, 24);
const rest = "88b5010203";
const service: HostTag = { id: 700, protocol: "802.1ad" };
const customer: HostTag = { id: 10, protocol: "802.1q" };

/** TABLE: tags, and what stands between addresses and type with them. */
const stacks: readonly (readonly [HostTag[], string])[] = [
  [[], ""],
  [[customer], "8100000a"],
  [[service], "88a802bc"],
  [[service, customer], "88a802bc8100000a"],
  [[customer, customer, service], "8100000a8100000a88a802bc"],
];

test.each(stacks)("%j are inserted, and removed again", (tags, between) => {
  const frame = fromHex(addresses + rest);
  const tagged = insertTags(frame, tags);
  expect(toHex(tagged)).toBe(addresses + between + rest);
  expect(toHex(removeTags(tagged, tags) ?? new Uint8Array())).toBe(addresses + rest);
});

test.each([
  ["another VLAN", "8100000b"],
  ["another TPID", "88a8000a"],
  ["no tag", ""],
  ["the inner tag alone", "8100000b8100000a"],
])("a frame with %s is not that VLAN's", (_, between) => {
  expect(removeTags(fromHex(addresses + between + rest), [customer])).toBeUndefined();
});

test("priority and drop eligibility do not matter, nor do further tags", () => {
  const tagged = fromHex(`${addresses}8100f00a8100001488b5`);
  expect(toHex(removeTags(tagged, [customer]) ?? new Uint8Array())).toBe(`${addresses}8100001488b5`);
});

test("a frame that ends within its tags has no others", () => {
  expect(removeTags(fromHex(`${addresses}8100000a`), [customer])).toBeUndefined();
});
