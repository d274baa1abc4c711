import { addressOf, adjtimex, lastError } from "./libc.ts";

/** struct timex is 208 octets on 64-bit machines; its first word says what to change: nothing. */
const TIMEX_OCTETS = 256;
/** TIME_ERROR: nobody keeps the clock to a reference. */
const NOT_SYNCHRONISED = 5;

/** Whether somebody keeps this machine's clock to a reference (adjtimex(2)). Throws SystemError. */
export function isClockSynchronised(): boolean {
  const state = adjtimex(addressOf(new Uint8Array(TIMEX_OCTETS)));
  if (state < 0) throw lastError("read the state of the clock", "this machine");
  return state !== NOT_SYNCHRONISED;
}
