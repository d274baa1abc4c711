import type { Config } from "./config.ts";
import type { Issue } from "./issues.ts";

/** What a file that is in order will hardly be meant to say, and what to write instead. */
export function adviceOn({ tunnels }: Config): readonly Issue[] {
  return tunnels.flatMap(({ name, pseudowires }) =>
    pseudowires.length > 0
      ? []
      : [
          {
            path: ["tunnels", name],
            message:
              "carries no frames without pseudowires: give it " +
              "pseudowires: { NAME: { circuit: { interface: eth1 } } }, with one NAME at both ends",
          },
        ],
  );
}
