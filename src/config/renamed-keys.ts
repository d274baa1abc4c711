/** A key of the configuration that has another name today; its values may have other names too. */
interface RenamedKey {
  /** Depth of the mapping that the key was in: 2 for a tunnel, 4 for a pseudowire. */
  readonly depth: number;
  readonly key: string;
  readonly newKey: string;
  /** The values there were, with those of today in their place. */
  readonly values: Readonly<Record<string, string>>;
}

/** TABLE: keys that were renamed. The old name is refused with an error that says what to write instead. */
const renamedKeys: readonly RenamedKey[] = [
  {
    depth: 2,
    key: "super_frames",
    newKey: "gso",
    values: { auto: "auto", whole: "offload", cut: "segment" },
  },
];

/**
 * What to write instead of a key that was renamed: its new name and value, or the values that there are for
 * one that is none; undefined for any other key. `path` is that of the mapping, `value` what stands under the
 * key.
 */
export function replacementOf(key: string, path: readonly PropertyKey[], value: unknown): string | undefined {
  const renamed = renamedKeys.find((row) => row.key === key && row.depth === path.length);
  if (renamed === undefined) return undefined;
  const { newKey, values } = renamed;
  const known = Object.values(values);
  const newValue =
    typeof value === "string" ? (values[value] ?? known.find((one) => one === value)) : undefined;
  return newValue === undefined
    ? `\`${newKey}\` with one of ${known.join(", ")}`
    : `\`${newKey}: ${newValue}\``;
}
