import type { PseudowireStatus, StatusReport } from "../daemon/status.ts";

/** How much passes a pseudowire, or several, in each direction. */
export interface Rates {
  readonly receivedFramesPerSecond: number;
  readonly receivedBitsPerSecond: number;
  readonly transmittedFramesPerSecond: number;
  readonly transmittedBitsPerSecond: number;
}

const rateNames = [
  ["receivedFramesPerSecond", "receivedFrames", 1],
  ["receivedBitsPerSecond", "receivedOctets", 8],
  ["transmittedFramesPerSecond", "transmittedFrames", 1],
  ["transmittedBitsPerSecond", "transmittedOctets", 8],
] as const;

const none: Rates = {
  receivedFramesPerSecond: 0,
  receivedBitsPerSecond: 0,
  transmittedFramesPerSecond: 0,
  transmittedBitsPerSecond: 0,
};

/**
 * The rates of each pseudowire between two reports, by its name. None of one whose session is another or
 * whose counters began again meanwhile; none at all if the reports are of different daemons.
 */
export function ratesBetween(before: StatusReport, after: StatusReport): ReadonlyMap<string, Rates> {
  const seconds = (after.uptimeMs - before.uptimeMs) / 1000;
  if (before.pid !== after.pid || seconds <= 0) return new Map();
  const earlier = new Map(before.pseudowires.map((one) => [one.name, one]));
  return new Map(
    after.pseudowires.flatMap((now) => {
      const then = earlier.get(now.name);
      const rates = then === undefined ? undefined : ratesOf(then, now, seconds);
      return rates === undefined ? [] : [[now.name, rates] as const];
    }),
  );
}

function ratesOf(then: PseudowireStatus, now: PseudowireStatus, seconds: number): Rates | undefined {
  if (then.localSessionId !== now.localSessionId) return undefined;
  const rates = { ...none };
  for (const [name, counter, factor] of rateNames) {
    const more = now[counter] - then[counter];
    if (more < 0) return undefined;
    rates[name] = (more * factor) / seconds;
  }
  return rates;
}

/** The rates of several pseudowires together. */
export function sumOfRates(all: Iterable<Rates>): Rates {
  const sum = { ...none };
  for (const rates of all) for (const [name] of rateNames) sum[name] += rates[name];
  return sum;
}
