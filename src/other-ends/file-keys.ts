/** Keys of a file with their values. */
export type FileKeys = Record<string, unknown>;

/** Keys without those that are undefined. */
export function withoutGaps(keys: Readonly<FileKeys>): FileKeys {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
}
