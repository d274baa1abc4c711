import type { Config } from "../config/config.ts";

/** The names of what a configuration has; those of pseudowires are unique in a file. */
export function configuredNames({
  tunnels,
}: Pick<Config, "tunnels">): Readonly<Record<"tunnel" | "pseudowire", ReadonlySet<string>>> {
  return {
    tunnel: new Set(tunnels.map(({ name }) => name)),
    pseudowire: new Set(tunnels.flatMap(({ pseudowires }) => pseudowires.map(({ name }) => name))),
  };
}

/** Forgets what is kept under other names than these. */
export function retainNames(kept: Map<string, unknown>, names: ReadonlySet<string>): void {
  for (const name of kept.keys()) if (!names.has(name)) kept.delete(name);
}
