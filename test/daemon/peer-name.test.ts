import { expect, test } from "vitest";
import { LEAST_TTL_S, MOST_TTL_S, type NameInput, PeerName } from "../../src/daemon/peer-name.ts";
import type { Random } from "../../src/environment.ts";
import type { FamilyAnswer, NameAnswer } from "../../src/os/name-lookup.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const both = { families: [4, 6], allowsLoopback: false } as const;
const none: FamilyAnswer = { addresses: [] };
const late: FamilyAnswer = { problem: "ETIMEOUT" };
const given = (ttlS: number, ...addresses: readonly string[]): FamilyAnswer => ({
  addresses: addresses.map((address) => ({ address, ttlS })),
});
const answered = (v4: FamilyAnswer, v6: FamilyAnswer = none): NameInput => ({
  kind: "answered",
  answer: new Map([
    [4, v4],
    [6, v6],
  ]) as NameAnswer,
});

/** By all bits clear pauses are the shortest that chance makes them, by all bits set the longest. */
const ofBits = (bits: number): Random => ({ octets: (length) => new Uint8Array(length).fill(bits) });
const shortest = ofBits(0);
const longest = ofBits(0xff);

/** A name in virtual time, which was asked at 0 s and answered at once. */
function asked(first: NameInput = answered(given(60, "192.0.2.1")), random = shortest) {
  const name = new PeerName(both, random);
  const at = (second: number, input: NameInput) => name.handle(input, second * 1000).map(({ kind }) => kind);
  expect(at(0, { kind: "expired" })).toEqual(["ask"]);
  at(0, first);
  return { name, at, nextS: () => (name.deadlineMs ?? Number.NaN) / 1000 };
}

test.each([
  [0, 5, 5.5],
  [4, 5, 5.5],
  [5, 5, 5.5],
  [60, 60, 66],
  [272, 272, 299.2],
  [299, 300 / 1.1, 300],
  [300, 300 / 1.1, 300],
  [0xffff_ffff, 300 / 1.1, 300],
])("a TTL of %d s is asked again after %d s to %d s", (ttl, least, most) => {
  for (const [random, wanted] of [
    [shortest, least],
    [longest, most],
  ] as const) {
    const { at, nextS } = asked(answered(given(ttl, "192.0.2.1")), random);
    expect(nextS()).toBeCloseTo(wanted, 6);
    expect(at(wanted - 0.001, { kind: "expired" })).toEqual([]);
    expect(at(wanted + 0.001, { kind: "expired" })).toEqual(["ask"]);
  }
});

test.each([
  ["are answered with one TTL", answered(given(60, "192.0.2.1")), 60],
  ["are answered with the longest TTL", answered(given(86_400, "192.0.2.1")), 300 / 1.1],
  ["are not answered", answered(late, late), 5],
])("a thousand names that %s are not asked again in one moment", (_what, answer, least) => {
  const random = new SeededRandom(20_261_130);
  const perMoment = new Map<number, number>();
  for (let each = 0; each < 1000; each += 1) {
    const pauseS = asked(answer, random).nextS();
    expect(pauseS).toBeGreaterThanOrEqual(Math.max(least, LEAST_TTL_S));
    expect(pauseS).toBeLessThanOrEqual(Math.min(least * 1.1, MOST_TTL_S));
    const moment = Math.floor((pauseS / least - 1) * 1000);
    perMoment.set(moment, (perMoment.get(moment) ?? 0) + 1);
  }
  // 10 of them on average in each hundredth of the time.
  expect(Math.max(...perMoment.values())).toBeLessThan(30);
  expect(perMoment.size).toBeGreaterThan(95);
});

test("the least TTL of both families counts", () => {
  expect(asked(answered(given(200, "192.0.2.1"), given(20, "2001:db8::1"))).nextS()).toBe(20);
});

test("while an answer is awaited nothing is asked, and no deadline stands", () => {
  const { name, at } = asked();
  expect(at(60, { kind: "expired" })).toEqual(["ask"]);
  expect(name.deadlineMs).toBeUndefined();
  expect(at(61, { kind: "expired" })).toEqual([]);
  expect(at(61, { kind: "connection-lost" })).toEqual([]);
});

test("the address in use stays as long as it is among the answers, whatever their order", () => {
  const { name, at } = asked(answered(given(60, "192.0.2.1", "192.0.2.2", "192.0.2.3")));
  for (const order of [
    ["192.0.2.3", "192.0.2.1", "192.0.2.2"],
    ["192.0.2.2", "192.0.2.3", "192.0.2.1"],
  ]) {
    at(60, { kind: "expired" });
    expect(at(60, answered(given(0, ...order)))).toEqual([]);
    expect(name.addresses).toEqual(["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    at(66, { kind: "expired" });
    at(66, answered(given(0, ...order)));
  }
  at(80, { kind: "expired" });
  expect(at(80, answered(given(60, "192.0.2.9", "192.0.2.3")))).toEqual(["changed"]);
  expect(name.addresses).toEqual(["192.0.2.3", "192.0.2.9"]);
});

test("a failure keeps the last address, is told, and is tried again in growing pauses", () => {
  const { name, at, nextS } = asked();
  let now = 60;
  for (const pause of [5, 10, 20, 40, 60 / 1.1, 60 / 1.1]) {
    expect(at(now, { kind: "expired" })).toEqual(["ask"]);
    expect(at(now, answered(late, late))).toEqual([]);
    expect([name.addresses, name.problem]).toEqual([["192.0.2.1"], "ETIMEOUT"]);
    expect(nextS()).toBeCloseTo(now + pause, 6);
    now = nextS();
  }
  at(now, { kind: "expired" });
  at(now, answered(given(60, "192.0.2.1")));
  expect([name.problem, nextS()]).toEqual([undefined, expect.closeTo(now + 60, 6)]);
});

test.each([
  ["no address", none],
  ["only addresses that no peer has", given(60, "127.0.0.1")],
])("an answer with %s keeps the last address", (_what, answer) => {
  const { name, at } = asked();
  at(60, { kind: "expired" });
  expect(at(60, answered(answer))).toEqual([]);
  expect(name.addresses).toEqual(["192.0.2.1"]);
  expect(name.problem).toBeDefined();
});

test("of a family that was not answered the last addresses stay", () => {
  const { name, at } = asked(answered(given(60, "192.0.2.1"), given(60, "2001:db8::1")));
  expect(name.addresses).toEqual(["2001:db8::1", "192.0.2.1"]);
  at(60, { kind: "expired" });
  expect(at(60, answered(given(60, "192.0.2.1"), late))).toEqual([]);
  expect(name.addresses).toEqual(["2001:db8::1", "192.0.2.1"]);
});

const refused: FamilyAnswer = { problem: "EREFUSED" };

test.each([
  ["AAAA", answered(given(60, "192.0.2.1"), refused), "192.0.2.1"],
  ["A", answered(refused, given(60, "2001:db8::1")), "2001:db8::1"],
])("that %s was refused beside an answer is said, and no failure", (record, answer, address) => {
  const { name, at, nextS } = asked(answer);
  expect([name.addresses, name.problem, name.unanswered]).toEqual([
    [address],
    undefined,
    `no ${record}: EREFUSED`,
  ]);
  expect(nextS()).toBe(60);
  at(60, { kind: "expired" });
  at(60, answered(refused, refused));
  expect([name.addresses, name.problem, name.unanswered]).toEqual([[address], "EREFUSED", undefined]);
});

test("where one family has no address and the other was refused, nothing is known", () => {
  const { name } = asked(answered(none, refused));
  expect([name.addresses, name.problem]).toEqual([[], "EREFUSED"]);
});

test.each([
  "127.0.0.1",
  "::1",
  "0.0.0.0",
  "::",
  "224.0.0.1",
  "ff02::1",
  "255.255.255.255",
  "240.0.0.1",
  "fe80::1",
  "::ffff:192.0.2.1",
  "x",
])("the answer %s is refused, beside a good one", (address) => {
  const isV6 = address.includes(":");
  const both4 = given(60, ...(isV6 ? [] : [address]), "192.0.2.1");
  const { name } = asked(answered(both4, isV6 ? given(60, address) : none));
  expect(name.addresses).toEqual(["192.0.2.1"]);
  expect(name.problem).toContain(address);
});

test("a loopback address is taken where the tunnel is from one", () => {
  const name = new PeerName({ families: [4], allowsLoopback: true }, shortest);
  name.handle({ kind: "expired" }, 0);
  name.handle(answered(given(60, "127.0.0.2")), 0);
  expect(name.addresses).toEqual(["127.0.0.2"]);
});

test("only the families that our end can have are looked at", () => {
  const name = new PeerName({ families: [4], allowsLoopback: false }, shortest);
  name.handle({ kind: "expired" }, 0);
  name.handle(answered(given(60, "192.0.2.1"), given(60, "2001:db8::1")), 0);
  expect(name.addresses).toEqual(["192.0.2.1"]);
});

test("a lost connection asks at once, but not within 5 s of the last time", () => {
  const { at, nextS } = asked();
  expect(at(3, { kind: "connection-lost" })).toEqual([]);
  expect(nextS()).toBe(5);
  expect(at(5, { kind: "expired" })).toEqual(["ask"]);
  at(5, answered(given(60, "192.0.2.1")));
  expect(at(30, { kind: "connection-lost" })).toEqual(["ask"]);
});

test("after a vain attempt to connect the next address is in use, and the name is asked", () => {
  const { name, at } = asked(answered(given(60, "192.0.2.1", "192.0.2.2"), given(60, "2001:db8::1")));
  const used = [name.addresses[0]];
  for (const second of [20, 40, 60]) {
    expect(at(second, { kind: "connecting-failed" })).toEqual(["ask", "changed"]);
    at(second, answered(given(60, "192.0.2.2", "192.0.2.1"), given(60, "2001:db8::1")));
    used.push(name.addresses[0]);
  }
  expect(used).toEqual(["2001:db8::1", "192.0.2.1", "192.0.2.2", "2001:db8::1"]);
  expect(asked().at(20, { kind: "connecting-failed" })).toEqual(["ask"]);
});

test("when the peer falls silent, its name is asked at once, twice a second at most", () => {
  const { at } = asked();
  expect(at(0.4, { kind: "doubted" })).toEqual([]);
  expect(at(0.5, { kind: "expired" })).toEqual(["ask"]);
  at(0.5, answered(given(60, "192.0.2.1")));
  expect(at(30, { kind: "doubted" })).toEqual(["ask"]);
  expect(at(30, answered(given(60, "192.0.2.7")))).toEqual(["changed"]);
});

test("what another knows of the name is taken over, but for what is refused here, and asked at once", () => {
  const former = new PeerName({ families: [4, 6], allowsLoopback: true }, shortest);
  former.handle({ kind: "expired" }, 0);
  former.handle(answered(given(60, "127.0.0.2", "192.0.2.1"), given(60, "2001:db8::1")), 0);
  former.handle({ kind: "connecting-failed" }, 20_000);
  for (const [families, wanted] of [
    [
      [4, 6],
      ["2001:db8::1", "192.0.2.1"],
    ],
    [[4], ["192.0.2.1"]],
  ] as const) {
    const name = new PeerName({ families, allowsLoopback: false }, shortest);
    name.inherit(former);
    expect([name.addresses, name.answeredMs]).toEqual([wanted, 0]);
    expect(name.handle({ kind: "expired" }, 30_000)).toEqual([{ kind: "ask" }]);
    expect(name.handle(answered(late, late), 31_000)).toEqual([]);
    expect([name.addresses, name.problem]).toEqual([wanted, "ETIMEOUT"]);
  }
});
