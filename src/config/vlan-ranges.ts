import { z } from "zod";

/** VLAN IDs of a port as the file has them: a list of numbers and ranges such as "20-29". */

const WANTED = "wanted VLAN IDs from 1 to 4094 and ranges such as 20-29";
const number = z.int({ error: WANTED }).min(1).max(4094);
const range = z
  .string({ error: WANTED })
  .regex(/^\d{1,4}-\d{1,4}$/, WANTED)
  .refine((text) => {
    const [first = 0, last = 0] = boundsOf(text);
    return first >= 1 && first <= last && last <= 4094;
  }, WANTED);
/** Most items of a list: each VLAN once is the most that makes sense. */
const MOST_ITEMS = 4094;

export const vlanRanges = z.array(z.union([number, range], { error: WANTED })).max(MOST_ITEMS);

export type RawVlanItem = z.output<typeof vlanRanges>[number];

function boundsOf(text: string): readonly number[] {
  return text.split("-").map(Number);
}

/** The VLAN IDs of a list, each once, ascending. */
export function vlanIds(items: readonly RawVlanItem[]): readonly number[] {
  const ids = items.flatMap((item) => {
    if (typeof item === "number") return [item];
    const [first = 0, last = 0] = boundsOf(item);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return [...new Set(ids)].sort((a, b) => a - b);
}
