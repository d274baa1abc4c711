import { expect, test } from "vitest";
import { SessionIndexes } from "../../src/forwarding/session-indexes.ts";

test("each session gets an index of its own, until all are used", () => {
  const indexes = new SessionIndexes(4, 1);
  expect([7, 8, 9].map((id) => indexes.allocate(id)?.index)).toEqual([1, 2, 3]);
  expect(indexes.allocate(10)).toBeUndefined();
  expect(indexes.end).toBe(4);
  expect([...indexes.allocated]).toEqual([
    [7, 1],
    [8, 2],
    [9, 3],
  ]);
});

test("a session that returns gets its old index, unless another session needed it", () => {
  const indexes = new SessionIndexes(3);
  for (const id of [7, 8]) indexes.allocate(id);
  indexes.release(7);
  expect(indexes.of(7)).toBeUndefined();
  expect(indexes.allocate(9)).toEqual({ index: 2, isNew: true });
  expect(indexes.allocate(7)).toEqual({ index: 0, isNew: false });
  indexes.release(7);
  indexes.release(8);
  // The index that was released first is given away first.
  expect(indexes.allocate(10)).toEqual({ index: 0, isNew: true });
  expect(indexes.allocate(7)).toEqual({ index: 1, isNew: true });
  expect(indexes.allocate(8)).toBeUndefined();
});

test("a reserved index is not allocated before it is freed, and an adopted one stays in use", () => {
  const indexes = new SessionIndexes(3);
  indexes.reserve(0);
  indexes.reserve(1);
  indexes.adopt(7, 1);
  expect(indexes.allocate(8)).toEqual({ index: 2, isNew: true });
  expect(indexes.allocate(9)).toBeUndefined();
  indexes.free(1); // a session has it
  expect(indexes.allocate(9)).toBeUndefined();
  indexes.free(0);
  expect(indexes.allocate(9)).toEqual({ index: 0, isNew: true });
  expect(indexes.of(7)).toBe(1);
});

test("indexes stay small while very many sessions come and go", () => {
  const indexes = new SessionIndexes(100_000);
  for (let id = 0; id < 50_000; id += 1) {
    indexes.allocate(id);
    indexes.release(id);
  }
  expect(indexes.end).toBeLessThan(2_000);
});
