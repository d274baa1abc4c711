/** Numbers and times as the page writes them. */

const units = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** "1.25 Mbit/s": three digits at most. */
export function rateText(perSecond: number, unit = "bit/s"): string {
  for (const [factor, prefix] of units)
    if (perSecond >= factor) return `${digits(perSecond / factor)} ${prefix}${unit}`;
  return `${perSecond < 10 && perSecond > 0 ? perSecond.toFixed(1) : perSecond.toFixed(0)} ${unit}`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** "12 345". */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** "3 d 4 h": two units at most. */
export function timeText(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** Where letters that are not seen, or that turn the direction, would hide what a stranger wrote. */
export function shownText(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
