const collator = new Intl.Collator("en", { numeric: true });

/** Compares names for sorting as people count: lan9 comes before lan10. */
export const byName = (one: string, other: string): number => collator.compare(one, other);
