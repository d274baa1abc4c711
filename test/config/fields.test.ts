import { expect, test } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import {
  bridgeFields,
  circuitFields,
  configFields,
  memberFields,
  pseudowireFields,
  staticFields,
  tunnelFields,
} from "../../src/config/fields.ts";
import { lcceRows, logRows } from "../../src/config/node-rows.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { circuitRows, pseudowireRows } from "../../src/config/pseudowire-rows.ts";
import { tunnelRows } from "../../src/config/tunnel-rows.ts";

interface Schema {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Every mapping of the file: where it stands, and its table. */
const sections: readonly (readonly [readonly string[], z.ZodType])[] = [
  [["lcce"], configFields.shape.lcce],
  [["log"], configFields.shape.log],
  [["bridges", "br0"], bridgeFields],
  [["bridges", "br0", "interfaces", "eth2"], memberFields],
  [["tunnels", "t"], tunnelFields],
  [["tunnels", "t", "pseudowires", "p"], pseudowireFields],
  [["tunnels", "t", "pseudowires", "p", "circuit"], circuitFields],
  [["tunnels", "t", "pseudowires", "p", "static"], staticFields],
];

const rows = sections.flatMap(([path, fields]) => {
  const { properties = {} } = z.toJSONSchema(fields, { io: "input" }) as Schema;
  return Object.entries(properties).map(([key, schema]) => ({
    name: [...path, key].join("."),
    path,
    key,
    schema,
  }));
});

/**
 * What is said of one key's value in a file that is otherwise in order, apart from what other keys have to do
 * with it.
 */
function said(path: readonly string[], key: string, value: unknown): readonly string[] {
  const pseudowire = {
    circuit: { interface: "eth1" },
    static: { local_session_id: 1, remote_session_id: 2 },
  };
  const tunnel = {
    local: "192.0.2.1",
    remote: "192.0.2.2",
    control: "static",
    pseudowires: { p: pseudowire },
  };
  const bridges = { br0: { interfaces: { eth2: {} } } };
  const file = { lcce: {}, log: {}, bridges, tunnels: { t: tunnel } };
  let at = file as Record<string, unknown>;
  for (const step of path) at = at[step] as Record<string, unknown>;
  at[key] = value;
  const { problems } = parseConfig(stringify(file), "f.yaml", { hostName: "h" });
  return problems
    .filter((problem) => problem.path === [...path, key].join("."))
    .map(({ message }) => message);
}

const ranged = rows.filter(
  ({ schema: { type, maximum } }) => (type === "integer" || type === "number") && maximum !== undefined,
);

test.each(ranged)(
  "$name: from its least to its greatest value, and nothing beyond",
  ({ path, key, schema }) => {
    const { type, minimum = 0, maximum = 0 } = schema;
    const step = type === "integer" ? 1 : 0.01;
    const wanted = (value: unknown) =>
      said(path, key, value).filter((message) => message.startsWith("wanted"));
    for (const value of [minimum, maximum]) expect(wanted(value)).toEqual([]);
    expect(wanted(minimum - step)).toEqual([`wanted at least ${minimum}`]);
    expect(wanted(maximum + step)).toEqual([`wanted at most ${maximum}`]);
    for (const huge of [1e300, 2 ** 60]) expect(wanted(huge)).toEqual([`wanted at most ${maximum}`]);
    expect(wanted(-1e300)).toEqual([`wanted at least ${minimum}`]);
    for (const other of ["text", true, [], {}, null, Number.NaN])
      expect(wanted(other)).toEqual([
        expect.stringMatching(`^(wanted a number from ${minimum} to ${maximum}|wanted one VLAN ID: .*)$`),
      ]);
    if (type === "integer")
      expect(wanted(minimum + 0.5)).toEqual([`wanted an integer from ${minimum} to ${maximum}`]);
  },
);

test("the table has ranges to test", () => {
  expect(ranged.length).toBeGreaterThan(12);
});

const choices = rows.filter(({ schema }) => schema.enum !== undefined);

test.each(choices)("$name: one of its values, and no other", ({ path, key, schema }) => {
  const values = schema.enum ?? [];
  const wanted = (value: unknown) =>
    said(path, key, value).filter((message) => message.startsWith("wanted one"));
  for (const value of values) expect(wanted(value)).toEqual([]);
  for (const other of ["other", "", 99, null, [], `${values[0]} `]) {
    expect(wanted(other)).toEqual([
      expect.stringMatching(
        `^wanted one of ${values.join(", ")}` +
          `(: leave out the quotes|; did you mean ${values[0]}\\?|; the size .*)?$`,
      ),
    ]);
  }
});

test.each(rows.filter(({ schema }) => schema.default !== undefined))(
  "$name: its default is allowed",
  (row) => {
    expect(said(row.path, row.key, row.schema.default)).toEqual([]);
  },
);

test.each(rows)("$name has a help text that is a sentence", ({ key, schema }) => {
  const { description = "" } = schema;
  if (key === "secret") return;
  expect(description).toMatch(/^[A-Z`].*\.$/);
});

const reloads = Object.entries({
  lcce: lcceRows,
  log: logRows,
  t: tunnelRows,
  p: pseudowireRows,
  circuit: circuitRows,
}).flatMap(([mapping, table]) =>
  Object.entries(table).map(([key, { reload }]) => ({ mapping, key, reload })),
);

test.each(reloads)("$mapping.$key: the help says how it reloads ($reload)", ({ mapping, key, reload }) => {
  const { schema } = rows.find((row) => row.path.at(-1) === mapping && row.key === key) ?? {};
  expect(schema?.description?.endsWith(" Reloadable.")).toBe(reload === "in place");
  expect(schema?.description?.endsWith("takes effect at the next start.")).toBe(reload === "next start");
});

test("mss_clamp is auto, off, or an MSS", () => {
  const path = ["tunnels", "t", "pseudowires", "p"];
  for (const value of ["auto", "off", 88, 1360, 65_495]) expect(said(path, "mss_clamp", value)).toEqual([]);
  for (const other of ["on", "1360", 87, 65_496, 1.5, null, false])
    expect(said(path, "mss_clamp", other), String(other)).not.toEqual([]);
  expect(said(path, "mss_clamp", "on").join()).toContain("wanted auto, off, or an MSS from 88 to 65495");
});

test.each([
  [["tunnels", "t", "pseudowires", "p"], "dscp", ["copy", "ef", "af41", "cs0", "le", 0, 63]],
  [["tunnels", "t"], "control_dscp", ["cs6", 0, 63]],
] as const)("%j %s is a name or a number of a code point", (path, key, values) => {
  for (const value of values) expect(said(path, key, value)).toEqual([]);
  for (const other of ["EF", "46", "af44", 4.5, null, true])
    expect(said(path, key, other)).toEqual([expect.stringMatching(/^wanted 0 to 63, or one of .*cs6/)]);
  const beyond = [-1, 64].flatMap((other) => said(path, key, other));
  expect(beyond).toEqual(["wanted at least 0", "wanted at most 63"]);
});
