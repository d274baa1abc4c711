import fc from "fast-check";
import { expect, test } from "vitest";
import { discardIndex } from "../../src/forwarding/discard-reasons.ts";
import { FrameRingReader, FrameRingWriter, newFrameRing } from "../../src/forwarding/frame-ring.ts";
import { assertProperty } from "../support/seeds.ts";

test("a ring gives what was put in, in order, as long as there is room, and counts the rest", () => {
  const step = fc.record({ put: fc.boolean(), octets: fc.integer({ min: 0, max: 300 }) });
  assertProperty(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const memory = newFrameRing(1024);
      const writer = new FrameRingWriter(memory);
      const reader = new FrameRingReader(memory);
      const waiting: number[][] = [];
      let [received, dropped] = [0, 0];
      for (const [index, { put, octets }] of steps.entries()) {
        if (put) {
          received += 1;
          const frame = new Uint8Array(octets).fill(index);
          if (writer.stage(frame, 0, octets, octets + 7)) {
            writer.publish(index % 2 === 1, -1, index, 5);
            waiting.push([octets, index]);
          } else dropped += 1;
          continue;
        }
        const found = reader.peek();
        const [length, mark] = waiting.shift() ?? [];
        if (length === undefined || mark === undefined) expect(found).toBeUndefined();
        else
          expect(found).toEqual({
            seconds: mark,
            nanoseconds: 5,
            octets: new Uint8Array(length).fill(mark),
            originalOctets: length + 7,
            direction: mark % 2 === 1 ? "outbound" : "inbound",
            discarded: undefined,
          });
        reader.skip();
      }
      expect([reader.received, reader.dropped]).toEqual([received, dropped]);
    }),
    { seed: 1 },
  );
});

test("a ring that is read takes frames for ever", () => {
  const memory = newFrameRing(1024);
  const writer = new FrameRingWriter(memory);
  const reader = new FrameRingReader(memory);
  for (let index = 0; index < 10_000; index += 1) {
    expect(writer.stage(new Uint8Array(333), 0, 333, 333)).toBe(true);
    writer.publish(false, discardIndex.oversize, index, 0);
    expect(reader.peek()).toMatchObject({ seconds: index, discarded: "oversize" });
    reader.skip();
  }
});

test("a frame that is staged is not there until it is published, and never if it is withdrawn", () => {
  const memory = newFrameRing(1024);
  const writer = new FrameRingWriter(memory);
  const reader = new FrameRingReader(memory);
  writer.stage(new Uint8Array(60), 0, 60, 60);
  expect(reader.peek()).toBeUndefined();
  writer.withdraw();
  writer.publish(false, -1, 1, 0);
  expect(reader.peek()).toBeUndefined();
  expect(reader.received).toBe(0);
});
