import { expect, test } from "vitest";
import { SessionPlaces } from "../../src/forwarding/session-places.ts";

test("each session has a place of its own, until there is none", () => {
  const places = new SessionPlaces(4, 1);
  expect([7, 8, 9].map((id) => places.take(id)?.place)).toEqual([1, 2, 3]);
  expect(places.take(10)).toBeUndefined();
  expect(places.end).toBe(4);
  expect([...places.taken]).toEqual([
    [7, 1],
    [8, 2],
    [9, 3],
  ]);
});

test("who comes back finds its place, unless another needed it", () => {
  const places = new SessionPlaces(3);
  for (const id of [7, 8]) places.take(id);
  places.give(7);
  expect(places.of(7)).toBeUndefined();
  expect(places.take(9)).toEqual({ place: 2, isNew: true });
  expect(places.take(7)).toEqual({ place: 0, isNew: false });
  places.give(7);
  places.give(8);
  // The one that was left first goes first.
  expect(places.take(10)).toEqual({ place: 0, isNew: true });
  expect(places.take(7)).toEqual({ place: 1, isNew: true });
  expect(places.take(8)).toBeUndefined();
});

test("places that were in use before are given to nobody until they are vacated, and whose they are keeps them", () => {
  const places = new SessionPlaces(3);
  places.occupy(0);
  places.occupy(1);
  places.adopt(7, 1);
  expect(places.take(8)).toEqual({ place: 2, isNew: true });
  expect(places.take(9)).toBeUndefined();
  places.vacate(1); // a session has it
  expect(places.take(9)).toBeUndefined();
  places.vacate(0);
  expect(places.take(9)).toEqual({ place: 0, isNew: true });
  expect(places.of(7)).toBe(1);
});

test("of very many that come and go, the places stay few", () => {
  const places = new SessionPlaces(100_000);
  for (let id = 0; id < 50_000; id += 1) {
    places.take(id);
    places.give(id);
  }
  expect(places.end).toBeLessThan(2_000);
});
