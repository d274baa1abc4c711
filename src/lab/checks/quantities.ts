/** Times, sizes and rates as a topology writes them. */

const multiples: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };

/** Milliseconds of a time such as `500ms` or `5s`. */
export function millisecondsOf(text: string): number {
  return Number.parseFloat(text) * (text.endsWith("ms") ? 1 : 1000);
}

/** Octets of a size such as `10MB`. */
export function octetsOf(text: string): number {
  const unit = text.replace(/^\d+/, "").charAt(0).toLowerCase();
  return Number.parseInt(text, 10) * (multiples[unit] ?? 1);
}

/** Bits a second of a rate such as `8mbit`. */
export function bitsPerSecondOf(text: string): number {
  const unit = text.replace(/^[\d.]+/, "").charAt(0);
  return Number.parseFloat(text) * (multiples[unit] ?? 1);
}

/** A rate as people read it. */
export function rateText(bitsPerSecond: number): string {
  const [unit, factor] =
    bitsPerSecond >= 1e9 ? ["Gbit/s", 1e9] : bitsPerSecond >= 1e6 ? ["Mbit/s", 1e6] : ["kbit/s", 1e3];
  return `${(bitsPerSecond / factor).toFixed(2)} ${unit}`;
}

/** A time as people read it. */
export function timeText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
}
