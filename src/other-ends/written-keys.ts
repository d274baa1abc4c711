/** Keys of a file that is to be written, with their values. */
export type WrittenKeys = Record<string, unknown>;

/** Keys without those that are undefined. */
export function withoutGaps(keys: Readonly<WrittenKeys>): WrittenKeys {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
}
