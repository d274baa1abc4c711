import { expect, test, vi } from "vitest";
import { PeerActivity, pauseAfter } from "../../src/daemon/peer-activity.ts";
import { zeroCounters } from "../../src/forwarding/counters-table.ts";
import type { SessionCounters } from "../../src/forwarding/plane.ts";

const none = { ...zeroCounters, discards: {} };

test("looks take at most 1 % of the time, and come at most each second and at least each half minute", () => {
  expect([0, 1, 10, 25, 200, 300, 5000].map(pauseAfter)).toEqual([
    1000, 1000, 1000, 2500, 20_000, 30_000, 30_000,
  ]);
});

test("sessions with more frames at the second look are reported, and only those that are asked for", () => {
  vi.useFakeTimers();
  let sessions: readonly SessionCounters[] = [];
  let isWanted = true;
  let looks = 0;
  const told: number[] = [];
  const signs = new PeerActivity({
    clock: { nowMs: () => 0 },
    isNeeded: () => isWanted,
    readCounters: () => {
      looks += 1;
      return sessions;
    },
    received: (localSessionId) => told.push(localSessionId),
  });
  const counted = (...frames: readonly number[]) =>
    frames.map((receivedFrames, index) => ({ ...none, localSessionId: index + 1, receivedFrames }));
  const turn = (...frames: readonly number[]) => {
    sessions = counted(...frames);
    told.length = 0;
    vi.advanceTimersByTime(1000);
    return [...told];
  };
  expect([turn(0, 0, 0), turn(5, 0, 1), turn(5, 2, 2), turn(5, 2, 2)]).toEqual([[], [1, 3], [2, 3], []]);
  signs.forget(2);
  expect(turn(5, 2, 2)).toEqual([2]);
  isWanted = false;
  expect(turn(9, 9, 9)).toEqual([]);
  expect(looks).toBe(5);
  isWanted = true;
  expect(turn(9, 9, 9)).toEqual([1, 2, 3]);
  signs.close();
  expect(turn(10, 10, 10)).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});
