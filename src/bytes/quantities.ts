/** Counts and rates as they are shown. */

const prefixes = ["", "k", "M", "G", "T", "P"];

/** Three digits and the prefix of a power of 1000. */
function threeDigits(value: number): string {
  let scaled = value;
  let power = 0;
  while (scaled >= 999.5 && power < prefixes.length - 1) {
    scaled /= 1000;
    power += 1;
  }
  const digits = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return `${scaled.toFixed(power === 0 ? 0 : digits)}${prefixes[power]}`;
}

/** A count in six characters at most: five digits exactly, more of them rounded, such as 1.23M. */
export function shortCount(count: number): string {
  return count < 100_000 ? String(count) : threeDigits(count);
}

/** A rate in five characters at most, such as 940, 9.40k or 940M. */
export function shortRate(perSecond: number): string {
  if (perSecond > 0 && perSecond < 10) return perSecond.toFixed(1).replace(/\.0$/, "");
  return threeDigits(perSecond);
}

/** A rate with its unit, such as "9.40 Mbit/s" and "0.3 /s". */
export function rateWithUnit(perSecond: number, unit = "bit/s"): string {
  const [, number = "0", prefix = ""] = /^([\d.]+)(\D?)$/.exec(shortRate(perSecond)) ?? [];
  return `${number} ${prefix}${unit}`;
}
