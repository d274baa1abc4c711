/** Something that takes room along a line, and where its middle should be. */
export interface Wanted {
  readonly middle: number;
  readonly width: number;
}

/**
 * Places things in a row as near to where they should be as room allows, in the order of their wanted places;
 * returns the middle of each.
 */
export function spread(wanted: readonly Wanted[], gap: number): readonly number[] {
  const order = wanted.map((one, index) => ({ ...one, index })).sort((a, b) => a.middle - b.middle);
  /** Things that touch, with the offset of each one's middle from the left. */
  const clusters: {
    left: number;
    width: number;
    items: { index: number; offset: number; wish: number }[];
  }[] = [];
  for (const { middle, width, index } of order) {
    let cluster = {
      left: middle - width / 2,
      width,
      items: [{ index, offset: width / 2, wish: middle }],
    };
    for (let before = clusters.at(-1); before !== undefined; before = clusters.at(-1)) {
      if (before.left + before.width + gap <= cluster.left) break;
      clusters.pop();
      const shift = before.width + gap;
      const items = [
        ...before.items,
        ...cluster.items.map((item) => ({ ...item, offset: item.offset + shift })),
      ];
      const left = items.reduce((sum, item) => sum + item.wish - item.offset, 0) / items.length;
      cluster = { left, width: shift + cluster.width, items };
    }
    clusters.push(cluster);
  }
  const middles = wanted.map(({ middle }) => middle);
  for (const { left, items } of clusters)
    for (const { index, offset } of items) middles[index] = Math.round(left + offset);
  return middles;
}

/** A stretch along a line. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** The level of each stretch: beyond those of all stretches before it that it overlaps. */
export function levelsOf(stretches: readonly Stretch[], gap: number): readonly number[] {
  const placed: (Stretch & { readonly level: number })[] = [];
  for (const stretch of stretches) {
    const overlapped = placed.filter(({ from, to }) => to + gap > stretch.from && stretch.to + gap > from);
    placed.push({ ...stretch, level: Math.max(-1, ...overlapped.map(({ level }) => level)) + 1 });
  }
  return placed.map(({ level }) => level);
}
