/** What is said of a pseudowire. */
export interface Said {
  readonly name: string;
  readonly tunnel: string;
  readonly text: string;
  /** For how long it holds, in ms. */
  readonly forMs?: number | undefined;
}

/** So many pseudowires with the same text have a line each; more share one. */
const MOST_ALONE = 3;

/**
 * Lines of what is said of pseudowires: those of a tunnel of which the same is said share one, where they are
 * many. `timeText` writes down for how long it holds; `isMost` where that is the longest time of several.
 */
export function groupedLines(
  all: readonly Said[],
  timeText: (forMs: number | undefined, isMost: boolean) => string = () => "",
): readonly string[] {
  const groups = new Map<string, Said[]>();
  for (const said of all) {
    const key = JSON.stringify([said.tunnel, said.text]);
    const others = groups.get(key);
    if (others === undefined) groups.set(key, [said]);
    else others.push(said);
  }
  return [...groups.values()].flatMap((group) =>
    group.length <= MOST_ALONE
      ? group.map(
          ({ name, tunnel, text, forMs }) =>
            `  pseudowire ${name} of tunnel ${tunnel}: ${text}${timeText(forMs, false)}`,
        )
      : [groupLine(group, timeText)],
  );
}

function groupLine(
  group: readonly Said[],
  timeText: (forMs: number | undefined, isMost: boolean) => string,
): string {
  const names = group.slice(0, MOST_ALONE).map(({ name }) => name);
  const [{ tunnel, text } = { tunnel: "", text: "" }] = group;
  const known = group.flatMap(({ forMs }) => (forMs === undefined ? [] : [forMs]));
  const most = known.length === 0 ? undefined : known.reduce((a, b) => Math.max(a, b));
  const others = group.length - names.length;
  return (
    `  pseudowires ${names.join(", ")} and ${others} more of tunnel ${tunnel}: ` +
    `${text}${timeText(most, true)}`
  );
}
