import { expect, test } from "vitest";
import { SessionIndexes } from "../../src/forwarding/session-indexes.ts";

test("each session has a place of its own, until there is none", () => {
  const places = new SessionIndexes(4, 1);
  expect([7, 8, 9].map((id) => places.allocate(id)?.index)).toEqual([1, 2, 3]);
  expect(places.allocate(10)).toBeUndefined();
  expect(places.end).toBe(4);
  expect([...places.allocated]).toEqual([
    [7, 1],
    [8, 2],
    [9, 3],
  ]);
});

test("who comes back finds its place, unless another needed it", () => {
  const places = new SessionIndexes(3);
  for (const id of [7, 8]) places.allocate(id);
  places.release(7);
  expect(places.of(7)).toBeUndefined();
  expect(places.allocate(9)).toEqual({ place: 2, isNew: true });
  expect(places.allocate(7)).toEqual({ place: 0, isNew: false });
  places.release(7);
  places.release(8);
  // The one that was left first goes first.
  expect(places.allocate(10)).toEqual({ place: 0, isNew: true });
  expect(places.allocate(7)).toEqual({ place: 1, isNew: true });
  expect(places.allocate(8)).toBeUndefined();
});

test("places that were in use before are given to nobody until they are vacated, and whose they are keeps them", () => {
  const places = new SessionIndexes(3);
  places.reserve(0);
  places.reserve(1);
  places.adopt(7, 1);
  expect(places.allocate(8)).toEqual({ place: 2, isNew: true });
  expect(places.allocate(9)).toBeUndefined();
  places.free(1); // a session has it
  expect(places.allocate(9)).toBeUndefined();
  places.free(0);
  expect(places.allocate(9)).toEqual({ place: 0, isNew: true });
  expect(places.of(7)).toBe(1);
});

test("of very many that come and go, the places stay few", () => {
  const places = new SessionIndexes(100_000);
  for (let id = 0; id < 50_000; id += 1) {
    places.allocate(id);
    places.release(id);
  }
  expect(places.end).toBeLessThan(2_000);
});
