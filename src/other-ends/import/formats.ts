/** TABLE: what is read, each format before those that its text may look like; their readers load more. */
export const importFormats = ["ip-json", "cisco-ios", "vyos", "ip-script"] as const;

/** What is read. */
export type ImportFormat = (typeof importFormats)[number];

/** Longest text that is read, in characters. */
export const LONGEST_IMPORT = 4 * 1024 * 1024;
