/** Longest name that has room for no more than one mistake. */
const SHORT = 4;

/** Edits that make one text of another: insertions, deletions, replacements, letters that changed places. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  let before: readonly number[] = [];
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, right] of [...b].entries()) {
      const replaced = (row[j] as number) + (left === right ? 0 : 1);
      const areSwapped = i > 0 && j > 0 && left === b[j - 1] && right === a[i - 1];
      const swapped = areSwapped ? (before[j - 1] as number) + 1 : replaced;
      next.push(Math.min(replaced, swapped, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    before = row;
    row = next;
  }
  return row.at(-1) as number;
}

/**
 * The candidate most like `text`, if any is like it at all: half of its letters may differ, but of a short
 * name, of which that is next to nothing, one.
 */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({
    candidate,
    edits: distance(text.toLowerCase(), candidate),
  }));
  ranked.sort((a, b) => a.edits - b.edits);
  const [best] = ranked;
  const most = text.length <= SHORT ? 1 : Math.floor(text.length / 2);
  return best !== undefined && best.edits <= most ? best.candidate : undefined;
}
