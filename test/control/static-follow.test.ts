import { expect, test } from "vitest";
import { StaticFollow } from "../../src/control/static-follow.ts";

/** When a static tunnel follows its peer, in virtual time. */

/** Hints each second, as a plane tells them, from `fromMs` to before `toMs`; what they lead to. */
function each(
  follow: StaticFollow,
  [fromMs, toMs]: readonly [number, number],
  received: (nowMs: number) => number,
  messages = 50,
): readonly string[] {
  const verdicts: string[] = [];
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 1000)
    verdicts.push(follow.heard(messages, received(nowMs), nowMs));
  return verdicts;
}

test("a peer that talks from elsewhere, and no more from where it was, is followed after 3 s", () => {
  const follow = new StaticFollow();
  expect(each(follow, [100_000, 104_000], () => 7)).toEqual([
    ...["not silent", "not silent", "not silent", "move"],
  ]);
  expect(follow).toMatchObject({ moves: 1, movedMs: 103_000 });
});

test("also if nothing ever came from where the file has it", () => {
  expect(each(new StaticFollow(), [0, 4000], () => 0).at(-1)).toBe("move");
});

test("a replay moves nothing while the peer is heard at least every 3 s", () => {
  const follow = new StaticFollow();
  const heardEach = (pauseMs: number) => (nowMs: number) => Math.floor(nowMs / pauseMs);
  expect(new Set(each(follow, [0, 600_000], heardEach(2900)))).toEqual(new Set(["not silent"]));
  expect(follow.moves).toBe(0);
});

test("what came just before a hint counts from the hint on, however long ago the last look was", () => {
  const follow = new StaticFollow();
  expect(follow.heard(50, 7, 0)).toBe("not silent");
  // In the hour without hints the peer talked; the last message may be of just now.
  expect(follow.heard(50, 5000, 3_600_000)).toBe("not silent");
  expect(follow.heard(50, 5000, 3_602_999)).toBe("not silent");
  expect(follow.heard(50, 5000, 3_603_000)).toBe("move");
});

test("counters that begin anew are no silence", () => {
  const follow = new StaticFollow();
  follow.heard(50, 7, 0);
  expect(follow.heard(50, 0, 5000)).toBe("not silent");
});

test("fewer than 3 messages in a second are not followed", () => {
  const follow = new StaticFollow();
  expect(new Set(each(follow, [3000, 60_000], () => 7, 2))).toEqual(new Set(["not silent", "few"]));
  expect(follow.heard(3, 7, 60_000)).toBe("move");
});

test("at most ten moves in a minute, each with its 3 s of silence; then it goes on", () => {
  const follow = new StaticFollow();
  // Two that take turns, never both at once: whoever is elsewhere is told of.
  const verdicts = each(follow, [0, 120_000], () => 7);
  const moves = verdicts.flatMap((verdict, second) => (verdict === "move" ? [second] : []));
  expect(moves.slice(0, 11)).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 63]);
  for (const start of moves)
    expect(moves.filter((at) => at >= start && at < start + 60).length).toBeLessThan(11);
  expect(verdicts.slice(33, 63)).toEqual(new Array(30).fill("held"));
});
