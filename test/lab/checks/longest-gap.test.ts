import { describe, expect, test } from "vitest";
import { answerOf, longestGap, type PingAnswer } from "../../../src/lab/checks/longest-gap.ts";

test.each([
  ["[1764427200.123456] 64 bytes from 10.0.0.2: icmp_seq=7 ttl=64 time=0.123 ms", 7],
  ["[1764427200.123456] 64 bytes from fd00::2: icmp_seq=65535 ttl=64 time=12 ms", 65_535],
  ["[1764427200.123456] 64 bytes from 10.0.0.2: icmp_seq=7 ttl=64 time=0.2 ms (DUP!)", undefined],
  ["[1764427200.123456] From 10.0.0.1 icmp_seq=7 Destination Host Unreachable", undefined],
  ["PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.", undefined],
])("%s", (line, sequence) => {
  const wanted = sequence === undefined ? undefined : { sequence, timeMs: 1_764_427_200_123.456 };
  expect(answerOf(line)).toEqual(wanted);
});

/** Pings sent every 10 ms from time 0, each answered 1 ms later but for those that are missing. */
function answers(count: number, isMissing: (sequence: number) => boolean = () => false): PingAnswer[] {
  return Array.from({ length: count }, (_, index) => ({
    sequence: index + 1,
    timeMs: index * 10 + 1,
  })).filter(({ sequence }) => !isMissing(sequence));
}

const between = (from: number, to: number) => (sequence: number) => sequence >= from && sequence <= to;

describe("the longest gap", () => {
  test.each([
    ["nothing is missing", answers(100), 0, 1000, { timeMs: 10, missing: 0 }],
    ["20 in a row are missing", answers(100, between(40, 59)), 0, 1000, { timeMs: 210, missing: 20 }],
    [
      "of two gaps the longer one counts",
      answers(100, (n) => between(10, 14)(n) || between(40, 42)(n)),
      0,
      1000,
      { timeMs: 60, missing: 5 },
    ],
    ["nothing comes any more", answers(50), 0, 1000, { timeMs: 509, missing: 49 }],
    ["nothing came at all", [], 0, 1000, { timeMs: 1000, missing: 99 }],
    [
      "a gap before the time does not count",
      answers(100, between(10, 30)),
      400,
      1000,
      { timeMs: 10, missing: 0 },
    ],
    [
      "of a gap that began before the time, its rest counts",
      answers(100, between(30, 59)),
      400,
      1000,
      { timeMs: 191, missing: 19 },
    ],
    [
      "answers that come late are not missing, but the time was without any",
      answers(100).map((answer) => (between(40, 59)(answer.sequence) ? { ...answer, timeMs: 591 } : answer)),
      0,
      1000,
      { timeMs: 210, missing: 0 },
    ],
  ])("%s", (_, given, fromMs, toMs, wanted) => {
    expect(longestGap(given, fromMs, toMs, 10)).toEqual(wanted);
  });
});
