/** A time since 1970, UTC. */
export interface CaptureTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const WORD = 0x1_0000_0000;
const NS_A_SECOND = 1_000_000_000;
/** A second in two factors, so that no product has more than 53 bits. */
const FACTORS = [31_250, 32_000] as const;

/** Writes nanoseconds since 1970 as two words, the upper one first. */
export function writeTime(view: DataView, at: number, { seconds, nanoseconds }: CaptureTime): void {
  const product = seconds * FACTORS[0];
  const low = (product % WORD) * FACTORS[1];
  let lower = (low % WORD) + nanoseconds;
  let upper = Math.floor(product / WORD) * FACTORS[1] + Math.floor(low / WORD);
  if (lower >= WORD) {
    upper += 1;
    lower -= WORD;
  }
  view.setUint32(at, upper, true);
  view.setUint32(at + 4, lower, true);
}

/** Reads what `writeTime` wrote. */
export function readTime(view: DataView, at: number): CaptureTime {
  const ns = BigInt(view.getUint32(at, true)) * BigInt(WORD) + BigInt(view.getUint32(at + 4, true));
  return { seconds: Number(ns / BigInt(NS_A_SECOND)), nanoseconds: Number(ns % BigInt(NS_A_SECOND)) };
}
