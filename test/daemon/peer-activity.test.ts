import { expect, test, vi } from "vitest";
import { PeerActivity, pauseAfter } from "../../src/daemon/peer-activity.ts";
import { zeroCounters } from "../../src/forwarding/counters-table.ts";
import type { SessionCounters } from "../../src/forwarding/plane.ts";

const none = { ...zeroCounters, discards: {} };

test("looks take at most 1 % of the time, and come twice a second at most, twice a minute at least", () => {
  expect([0, 1, 10, 25, 200, 300, 5000].map(pauseAfter)).toEqual([
    500, 500, 1000, 2500, 20_000, 30_000, 30_000,
  ]);
});

test("sessions with more frames at the second look are reported, and only those that are asked for", () => {
  vi.useFakeTimers();
  let sessions: readonly SessionCounters[] = [];
  let isWanted = true;
  let looks = 0;
  const told: number[] = [];
  const sent: number[] = [];
  const signs = new PeerActivity({
    clock: { nowMs: () => 0 },
    isNeeded: () => isWanted,
    readCounters: () => {
      looks += 1;
      return sessions;
    },
    told: (sign, localSessionId) => {
      if (sign === "data-received") told.push(localSessionId);
      if (sign === "data-sent") sent.push(localSessionId);
    },
  });
  const counted = (...frames: readonly number[]) =>
    frames.map((receivedFrames, index) => ({ ...none, localSessionId: index + 1, receivedFrames }));
  const turn = (...frames: readonly number[]) => {
    sessions = counted(...frames);
    told.length = 0;
    vi.advanceTimersByTime(500);
    return [...told];
  };
  expect([turn(0, 0, 0), turn(5, 0, 1), turn(5, 2, 2), turn(5, 2, 2)]).toEqual([[], [1, 3], [2, 3], []]);
  expect(sent).toEqual([]);
  sessions = [3, 0].map((transmittedFrames, index) => ({
    ...none,
    localSessionId: index + 1,
    transmittedFrames,
  }));
  vi.advanceTimersByTime(1000);
  expect(sent).toEqual([1]);
  signs.forget(2);
  turn(5, 2, 2);
  told.length = 0;
  signs.forget(2);
  expect(turn(5, 2, 2)).toEqual([2]);
  isWanted = false;
  expect(turn(9, 9, 9)).toEqual([]);
  expect(looks).toBe(8);
  isWanted = true;
  expect(turn(9, 9, 9)).toEqual([1, 2, 3]);
  signs.close();
  expect(turn(10, 10, 10)).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test("a session that had data at the last look and has none at this one is reported once", () => {
  vi.useFakeTimers();
  let sessions: readonly SessionCounters[] = [];
  const told: string[] = [];
  const signs = new PeerActivity({
    clock: { nowMs: () => 0 },
    isNeeded: () => true,
    readCounters: () => sessions,
    told: (sign, localSessionId) => told.push(`${sign.replace("data-", "")} ${localSessionId}`),
  });
  const turn = (...frames: readonly number[]) => {
    sessions = frames.map((receivedFrames, index) => ({
      ...none,
      localSessionId: index + 1,
      receivedFrames,
    }));
    told.length = 0;
    vi.advanceTimersByTime(500);
    return told.join(", ");
  };
  expect([turn(0, 0), turn(1, 0), turn(1, 0)]).toEqual(["", "received 1", "stopped 1"]);
  expect([turn(2, 5), turn(3, 6), turn(3, 7)]).toEqual([
    "received 1, received 2",
    "received 1, received 2",
    "received 2, stopped 1",
  ]);
  expect([turn(3, 7), turn(3, 7)]).toEqual(["stopped 2", ""]);
  turn(4, 8);
  turn(5, 9);
  signs.forget(1);
  expect(turn(0, 9)).toBe("stopped 2");
  signs.close();
  vi.useRealTimers();
});
