/** Outcome of a tie, seen from us. */
export type TieOutcome = "won" | "lost" | "equal" | "none";

/**
 * Judges a collision by tie breaker values of 8 octets, compared as unsigned numbers; the lower wins, and a side that
 * sent none loses to one that did. "none" when neither has a value: what follows differs between control connections
 * and sessions (RFC 3931 §5.4.3, §5.4.4).
 */
export function judgeTie(ours: Uint8Array | undefined, theirs: Uint8Array | undefined): TieOutcome {
  if (ours === undefined) return theirs === undefined ? "none" : "lost";
  if (theirs === undefined) return "won";
  for (let index = 0; index < 8; index += 1) {
    const difference = (ours[index] ?? 0) - (theirs[index] ?? 0);
    if (difference !== 0) return difference < 0 ? "won" : "lost";
  }
  return "equal";
}
