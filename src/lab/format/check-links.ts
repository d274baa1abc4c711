import type { Issue } from "../../config/issues.ts";
import { conditionProblems } from "../links/conditions.ts";
import { checkPoint } from "./check-names.ts";
import { conditionsOfLink } from "./expand-links.ts";
import { splitPoint } from "./points.ts";
import { reported, type Scope } from "./scope.ts";
import { nodesOf } from "./topology.ts";

/** Links: that they are there, and that their conditions go together. */

/** Issues of links. */
export function checkLinks(scope: Scope): readonly Issue[] {
  return reported((report) => {
    for (const [link, entry] of Object.entries(scope.raw.links)) {
      const path = ["links", link];
      const [, port] = splitPoint(link);
      if (port === undefined)
        report(path, `${link} is no link: write NODE.PORT${exampleOf(scope)}`, "at key");
      else checkPoint(scope, path, link, (at, message) => report(at, message, "at key"));
      const told = new Set<string>();
      const { out, in: inward } = conditionsOfLink(entry);
      for (const [direction, conditions] of [
        ["out", out],
        ["in", inward],
      ] as const) {
        for (const { key, message } of conditionProblems(conditions)) {
          // What is wrong both ways stands once.
          const own =
            (entry[direction] as Readonly<Record<string, unknown>> | undefined)?.[key] !== undefined;
          if (!own && told.has(key)) continue;
          report(own ? [...path, direction, key] : [...path, key], message);
          told.add(key);
        }
      }
    }
  });
}

function exampleOf({ topology }: Scope): string {
  const [node] = nodesOf(topology);
  const port = node?.ports[0]?.name;
  return node === undefined || port === undefined ? "" : `, such as ${node.name}.${port}`;
}
