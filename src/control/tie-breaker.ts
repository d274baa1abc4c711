/** Outcome of a tie, seen from us. */
export type TieOutcome = "won" | "lost" | "equal";

/**
 * Resolves a collision by tie breaker values of 8 octets, compared as unsigned numbers: the lower wins. We
 * always send one, so a peer that sent none has lost (RFC 3931 §5.4.3, §5.4.4).
 */
export function compareTieBreakers(ours: Uint8Array, theirs: Uint8Array | undefined): TieOutcome {
  if (theirs === undefined) return "won";
  const difference = numberOf(ours) - numberOf(theirs);
  if (difference === 0n) return "equal";
  return difference < 0n ? "won" : "lost";
}

function numberOf(octets: Uint8Array): bigint {
  return new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0);
}
