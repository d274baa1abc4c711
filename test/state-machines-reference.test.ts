import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { controlConnectionTable } from "../src/control/control-connection-table.ts";
import { pathMtuTable } from "../src/control/path-mtu-table.ts";
import { sessionTable } from "../src/control/session-table.ts";
import type { AnyStateTable, Transition } from "../src/control/state-table.ts";

const file = new URL("../docs/state-machines.md", import.meta.url);

interface Arrow {
  readonly from: string;
  readonly event: string;
  readonly transition: Transition<string, string>;
}

function arrowsOf(table: AnyStateTable): readonly Arrow[] {
  return Object.entries(table).flatMap(([from, row]) =>
    Object.entries(row).flatMap(([event, transition]) =>
      transition === undefined ? [] : [{ from, event, transition }],
    ),
  );
}

/** Transitions with the same ends and the same actions, as one arrow with all their events. */
function merged(arrows: readonly Arrow[]): ReadonlyMap<string, readonly Arrow[]> {
  const groups = new Map<string, Arrow[]>();
  for (const arrow of arrows) {
    const key = `${arrow.from} ${arrow.transition.to} ${arrow.transition.actions.join()}`;
    groups.set(key, [...(groups.get(key) ?? []), arrow]);
  }
  return groups;
}

/** Mermaid takes no hyphens in the names of states. */
const id = (state: string) => state.replace(/-/g, "_");

function diagram(table: AnyStateTable, first = "idle"): string {
  const changes = arrowsOf(table).filter(({ from, transition }) => from !== transition.to);
  const arrows = [...merged(changes).values()].map((group) => {
    const [one] = group;
    if (one === undefined) return "";
    const events = group.map(({ event }) => event).join(", ");
    const { to, actions } = one.transition;
    return `  ${id(one.from)} --> ${id(to)} : ${events} / ${actions.join(", ")}`;
  });
  const states = Object.keys(table).map((state) => `  state "${state}" as ${id(state)}`);
  return ["```mermaid", "stateDiagram-v2", ...states, `  [*] --> ${first}`, ...arrows, "```"].join("\n");
}

function rows(table: AnyStateTable): string {
  return [
    "| state | event | next state | actions | beyond the RFC because |",
    "|---|---|---|---|---|",
    ...arrowsOf(table).map(({ from, event, transition: { to, actions, why } }) => {
      const next = from === to ? "" : to;
      return `| ${from} | \`${event}\` | ${next} | ${actions.join(", ")} | ${why ?? ""} |`;
    }),
  ].join("\n");
}

function reference(): string {
  return `# State machines

Made from \`src/control/control-connection-table.ts\`, \`src/control/session-table.ts\` and
\`src/control/path-mtu-table.ts\` by \`npm run docs\`; do not edit. The diagrams show the transitions to
another state, as "events / actions"; the tables show all. An event is a received message, or what its name
says; \`-bad\` is a message that is not acceptable, \`-last\` leaves no size to try. A pair of state and event
that is not here cannot happen.

## Control connection (RFC 3931 §7.2)

${diagram(controlConnectionTable)}

${rows(controlConnectionTable)}

## Session (RFC 3931 §7.3)

The sender of an ICRQ goes through \`wait-reply\`, its recipient through \`wait-connect\`.

${diagram(sessionTable)}

${rows(sessionTable)}

## Path MTU search (RFC 8899 §5.2)

Each established control connection has one (\`src/control/path-mtu.ts\`).

${diagram(pathMtuTable, "disabled")}

${rows(pathMtuTable)}
`;
}

test("docs/state-machines.md is what the state tables say", () => {
  if (process.env["UPDATE_DOCS"] !== undefined) writeFileSync(file, reference());
  expect(readFileSync(file, "utf8")).toBe(reference());
});
