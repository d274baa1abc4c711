/** Frames that were sent and that arrived. */
export interface Sent {
  readonly sent: number;
  readonly arrived: number;
}

const LOSS_ALLOWED = 0.01;

export function isClean({ sent, arrived }: Sent): boolean {
  return sent > 0 && arrived >= sent * (1 - LOSS_ALLOWED);
}

/**
 * The highest rate with a loss of at most 1 %, by bisection in `steps`; 0 where none was found. `flood` is
 * the result of sending at full speed for `seconds`, where the search begins; `send` sends that long at a
 * rate.
 */
export async function highestCleanRate(
  flood: Sent,
  seconds: number,
  steps: number,
  send: (rate: number) => Promise<Sent>,
): Promise<number> {
  if (isClean(flood)) return flood.arrived / seconds;
  let clean = 0;
  let tooFast = flood.sent / seconds;
  // A receiver that is not flooded often takes about as much as it does when flooded.
  let rate = flood.arrived / seconds;
  for (let step = 0; step < steps && rate >= 1; step += 1) {
    const found = await send(rate);
    if (isClean(found)) clean = Math.max(clean, found.arrived / seconds);
    else tooFast = Math.min(tooFast, rate);
    rate = (clean + tooFast) / 2;
  }
  return clean;
}
