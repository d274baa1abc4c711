import { expect, test } from "vitest";
import { EventFeed, type PublishedEvent } from "../../src/daemon/events.ts";

const feed = () => new EventFeed(() => Date.UTC(2026, 0, 2));

/** The events in the ring after a number. */
function after(ring: EventFeed, number: number) {
  const found: string[] = [];
  for (let { event } = ring.next(number); event !== undefined; { event } = ring.next(event.number))
    found.push(event.json);
  return found;
}

test("an event has its id, time, level, name, fields and text", () => {
  const ring = feed();
  ring.publish("warn", { event: "circuit", device: "eth1" }, "eth1 is down");
  expect(JSON.parse(after(ring, 0)[0] ?? "")).toEqual({
    ...{ id: `${Date.UTC(2026, 0, 2)}-1`, time: "2026-01-02T00:00:00.000Z", level: "warn" },
    ...{ event: "circuit", device: "eth1", text: "eth1 is down" },
  });
});

test("listeners get the events from their level on, the ring keeps none for debugging", () => {
  const ring = feed();
  const heard: PublishedEvent[] = [];
  expect(ring.wants("debug")).toBe(false);
  using _ = ring.listen(
    (event) => heard.push(event),
    () => "debug",
  );
  using _other = ring.listen((event) => heard.push(event));
  expect([ring.wants("trace"), ring.wants("debug"), ring.wants("info")]).toEqual([false, true, true]);
  ring.publish("debug", { event: "note" }, "detail");
  ring.publish("info", { event: "note" }, "news");
  expect(heard.map(({ text }) => text)).toEqual(["detail", "news", "news"]);
  expect(after(ring, 0).length).toBe(1);
});

test("the ring keeps the last 1000 events, and says how many a reader missed", () => {
  const ring = feed();
  for (let count = 0; count < 2500; count += 1) ring.publish("info", { event: "note" }, `event ${count}`);
  expect(after(ring, ring.oldest - 1).length).toBe(1000);
  expect(ring.next(100)).toMatchObject({ event: { number: 1501 }, missed: 1400 });
  expect(ring.next(2000)).toMatchObject({ event: { number: 2001 }, missed: 0 });
  expect(ring.next(2500)).toEqual({ event: undefined, missed: 0 });
  expect(ring.next(9999)).toEqual({ event: undefined, missed: 0 });
});

test("large events: each is truncated to its limit, and all together have a limit", () => {
  const ring = feed();
  ring.publish("info", { event: "note", note: "x".repeat(100_000) }, "y".repeat(100_000));
  const [truncated = ""] = after(ring, 0);
  expect(truncated.length).toBeLessThan(2000);
  expect(JSON.parse(truncated)).toMatchObject({ event: "note", text: "y".repeat(1024) });
  for (let count = 0; count < 1000; count += 1)
    ring.publish("info", { event: "note", note: "x".repeat(8000) }, "");
  const kept = after(ring, ring.oldest - 1);
  expect(kept.length).toBeLessThan(1000);
  expect(kept.reduce((sum, json) => sum + json.length, 0)).toBeLessThanOrEqual(1024 * 1024);
});

test("no secret and no cookie gets into the ring, and numbers of any size do", () => {
  const ring = feed();
  const session = { receiveCookie: "aa", transmitCookie: "bb", count: 2n ** 60n };
  ring.publish("info", { event: "note", note: { session, secret: "s3cret" } }, "text");
  const [json = ""] = after(ring, 0);
  expect(json).not.toMatch(/s3cret|"aa"|"bb"/);
  expect(json).toContain(String(2n ** 60n));
});
