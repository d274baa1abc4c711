/** A number with what it counts, such as "1 frame" and "2 frames". */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
