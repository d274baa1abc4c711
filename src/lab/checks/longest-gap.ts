/** An answer to one of a series of pings. */
export interface PingAnswer {
  /** icmp_seq, from 1. */
  readonly sequence: number;
  /** When it came, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** The longest time without an answer in a series of pings. */
export interface PingGap {
  /** From the last answer before it to the first one after it. */
  readonly timeMs: number;
  /** Pings in a row without an answer. */
  readonly missing: number;
}

const ANSWER = /^\[(\d+\.\d+)\] .*icmp_seq=(\d+) .*time=/;

/** The answer that a line of `ping -D` tells of; undefined for other lines. */
export function answerOf(line: string): PingAnswer | undefined {
  const found = ANSWER.exec(line);
  return found === null || line.includes("DUP!")
    ? undefined
    : { sequence: Number(found[2]), timeMs: Number(found[1]) * 1000 };
}

/**
 * The longest gap of answers from one time to another. Both ends count as answers: what did not come until
 * the end is missing. Pings are counted by their sequence numbers, so that late answers are not missing.
 */
export function longestGap(
  answers: readonly PingAnswer[],
  fromMs: number,
  toMs: number,
  intervalMs: number,
): PingGap {
  const within = answers.filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs);
  const times = [fromMs, ...within.map(({ timeMs }) => timeMs).sort((a, b) => a - b), toMs];
  const timeMs = Math.max(...times.map((time, index) => time - (times[index - 1] ?? time)));
  const before = answers.filter((answer) => answer.timeMs < fromMs);
  const highest = before.reduce((most, { sequence }) => Math.max(most, sequence), 0);
  const sequences = within.map(({ sequence }) => sequence).sort((a, b) => a - b);
  const runs = sequences.map((sequence, index) => sequence - (sequences[index - 1] ?? highest) - 1);
  // Of a run that began before, those before are none of this time's.
  const first = Math.min(runs[0] ?? 0, Math.floor(((times[1] ?? toMs) - fromMs) / intervalMs));
  const sinceLast = Math.floor((toMs - (times.at(-2) ?? fromMs)) / intervalMs) - 1;
  return { timeMs, missing: Math.max(0, first, sinceLast, ...runs.slice(1)) };
}
