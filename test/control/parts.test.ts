import { expect, test } from "vitest";
import { Timers } from "../../src/bytes/timers.ts";
import { Backoff } from "../../src/control/backoff.ts";
import { earliest } from "../../src/control/context.ts";
import { Identifiers } from "../../src/control/identifiers.ts";
import { SeededRandom } from "../support/seeded-random.ts";

test("RFC 3931 §5.4.3: identifiers are never 0 and never one in use", () => {
  const drawn = [
    [0, 0, 0, 0],
    [0, 0, 0, 5],
    [0, 0, 0, 5],
    [0, 0, 0, 6],
    [0xff, 0xff, 0xff, 0xff],
    [0, 0, 0, 5],
  ].map((octets) => Uint8Array.from(octets));
  const identifiers = new Identifiers({ octets: () => drawn.shift() ?? new Uint8Array(4) });
  expect([identifiers.allocate(), identifiers.allocate(), identifiers.allocate()]).toEqual([
    5, 6, 0xffff_ffff,
  ]);
  identifiers.release(5);
  expect(identifiers.allocate()).toBe(5);
});

test("a backoff whose first pause exceeds its cap stays at the cap", () => {
  const backoff = new Backoff();
  const random = new SeededRandom(1);
  for (let round = 0; round < 5; round += 1) {
    const pause = backoff.next(10_000, 2000, random);
    expect(pause).toBeLessThanOrEqual(2000);
    expect(pause).toBeGreaterThanOrEqual(1500);
  }
});

test("timers come due in order, like a plain map of them: 2 000 random operations", () => {
  const random = new SeededRandom(7);
  const timers = new Timers();
  const plain = new Map<number, number>();
  const owners = Array.from({ length: 20 }, (_, index) => ({ index, expire: () => {} }));
  for (let round = 0; round < 2000; round += 1) {
    const owner = owners[Math.floor(random.next() * owners.length)];
    if (owner === undefined) return expect.unreachable();
    const choice = random.next();
    if (choice < 0.6) {
      const atMs = Math.floor(random.next() * 1000);
      timers.set(owner, atMs);
      plain.set(owner.index, atMs);
    } else if (choice < 0.8) {
      timers.set(owner, undefined);
      plain.delete(owner.index);
    } else {
      const first = earliest(...plain.values());
      const due = timers.takeDue(500) as (typeof owners)[number] | undefined;
      expect(due !== undefined).toBe(first !== undefined && first <= 500);
      if (due !== undefined) {
        expect(plain.get(due.index)).toBe(first);
        plain.delete(due.index);
      }
    }
    expect(timers.nextMs).toBe(earliest(...plain.values()));
  }
});

test("a deadline that is set again and again, behind one that stays, leaves few obsolete entries", () => {
  const timers = new Timers();
  const quiet = { expire: () => {} };
  const busy = Array.from({ length: 100 }, () => ({ expire: () => {} }));
  timers.set(quiet, 1);
  let most = 0;
  for (let nowMs = 2; nowMs < 100_000; nowMs += 1) {
    const owner = busy[nowMs % busy.length];
    if (owner === undefined) return expect.unreachable();
    timers.set(owner, nowMs % 7 === 0 ? undefined : nowMs + 60_000);
    most = Math.max(most, timers.size);
  }
  expect(most).toBeLessThan(3 * 101 + 64);
  expect(timers.takeDue(1)).toBe(quiet);
  let last = 0;
  for (let due = timers.takeDue(1e9); due !== undefined; due = timers.takeDue(1e9)) {
    const next = timers.nextMs ?? last;
    expect(next).toBeGreaterThanOrEqual(last);
    last = next;
  }
});
