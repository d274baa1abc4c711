import { z } from "zod";
import { bridgeRows, memberRows, portRows } from "./bridge-rows.ts";
import { httpRows } from "./http-rows.ts";
import { lcceRows, logRows, metricsRows, topRows } from "./node-rows.ts";
import { presetRows } from "./peer-rows.ts";
import { circuitRows, pseudowireRows, staticRows } from "./pseudowire-rows.ts";
import { schemasOf } from "./rows.ts";
import { tunnelRows } from "./tunnel-rows.ts";
import { deviceName, include, nameRule } from "./value-schemas.ts";

/**
 * The schema of the configuration file, made of the rows of `*-rows.ts`. The validator, docs/configuration.md
 * and the JSON Schema are made from it; `Config`, the plan of a reload and the settings of the daemon from
 * the same rows. To add a key, add a row.
 */

const wantedCircuit = ({ code, input }: { readonly code: string; readonly input?: unknown }) =>
  code === "invalid_type" && (typeof input === "string" || input === null)
    ? "wanted { interface: NAME }, or { tap: NAME } for a device that is made"
    : undefined;

export const portFields = z.strictObject(schemasOf(portRows));

export const memberFields = z.strictObject({ ...schemasOf(portRows), ...schemasOf(memberRows) });

export const bridgeFields = z.strictObject({
  ...schemasOf(bridgeRows),
  interfaces: z
    .record(deviceName, memberFields)
    .default({})
    .describe("Interfaces that are put into the bridge, by name, each with its keys as a port: `eth1: {}`."),
});

export const circuitFields = z.strictObject(
  {
    ...schemasOf(circuitRows),
    port: portFields.optional().describe("The device as a port of `bridge`. Reloadable."),
  },
  { error: wantedCircuit },
);

export const staticFields = z.strictObject(schemasOf(staticRows));

export const pseudowireFields = z.strictObject({
  circuit: circuitFields.describe(
    "Attachment circuit: an interface or a TAP device, whole or one VLAN of it.",
  ),
  ...schemasOf(pseudowireRows),
  static: staticFields
    .optional()
    .describe("Ids and cookies agreed by hand; required with `control: static`, else not allowed."),
});

export const tunnelFields = z.strictObject({
  ...schemasOf(presetRows),
  ...schemasOf(tunnelRows),
  pseudowires: z
    .record(nameRule, pseudowireFields)
    .default({})
    .describe("The pseudowires, by name; no two of a file share one."),
});

/** The keys of a mapping as defaults: none is required, and none has a default of its own. */
function asDefaults<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.entries(shape).map(([key, schema]) => {
    const inner = schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : (schema as z.ZodType);
    return [key, inner.optional().describe((schema as z.ZodType).description ?? "")] as const;
  });
  return Object.fromEntries(keys) as unknown as { [Key in keyof Shape]: z.ZodOptional };
}

export const tunnelDefaults = z.strictObject(
  asDefaults({ ...schemasOf(presetRows), ...schemasOf(tunnelRows) }),
);

export const pseudowireDefaults = z.strictObject({
  ...asDefaults(pseudowireFields.shape),
  circuit: z
    .strictObject(
      {
        ...asDefaults(circuitFields.shape),
        port: z.strictObject(asDefaults(portFields.shape)).optional().describe("The device as a port."),
      },
      { error: wantedCircuit },
    )
    .optional()
    .describe("Keys of circuits."),
  static: z.strictObject(asDefaults(staticFields.shape)).optional().describe("Keys of `static`."),
});

export const defaultsFields = z.strictObject({
  tunnel: tunnelDefaults
    .optional()
    .describe(
      "Keys of all tunnels that do not have them, each with its whole value: a tunnel with a `secret` " +
        "of its own takes nothing of this one. All keys of a tunnel but `pseudowires`.",
    ),
  pseudowire: pseudowireDefaults
    .optional()
    .describe(
      "Keys of all pseudowires that do not have them. `circuit`, its `port` and `static` are merged key by " +
        "key: a circuit may name its `tap` and take `bridge` from here. One with an `interface` takes no " +
        "`tap`, `bridge` and `port`, and one with a `tap` no `interface`; `static` is for pseudowires that " +
        "have it.",
    ),
});

export const configFields = z.strictObject({
  lcce: z.strictObject(schemasOf(lcceRows)).prefault({}).describe("This node."),
  log: z.strictObject(schemasOf(logRows)).prefault({}).describe("Logging, to standard error."),
  ...schemasOf(topRows),
  http: z
    .strictObject(schemasOf(httpRows))
    .prefault({})
    .describe("A listener over HTTP for what may be read, beside the control socket."),
  metrics: z
    .strictObject(schemasOf(metricsRows))
    .prefault({})
    .describe("Metrics for Prometheus, at `/metrics`."),
  bridges: z
    .record(deviceName, bridgeFields)
    .default({})
    .describe(
      "Bridges of the kernel that we make or use, by name. Pseudowires are put into one by " +
        "the `bridge` of their circuit.",
    ),
  include: include
    .optional()
    .describe(
      "Further files with `tunnels:`, `bridges:` and `include:` of their own: a path, or a list of them, " +
        "as seen from the file that has the key. A directory stands for its files that end in `.yaml` or " +
        "`.yml`, and `*` in the last part of a path for any characters; they are read in the order of " +
        "their names, each once. `lcce`, `log`, `defaults` and all others hold for the whole " +
        "configuration, and stand in the main file alone; anchors hold for the file that they are in. " +
        "A reload reads all anew.",
    ),
  defaults: defaultsFields
    .optional()
    .describe("What holds for every tunnel and pseudowire that does not say otherwise."),
  tunnels: z.record(nameRule, tunnelFields).describe("The tunnels, by name."),
});

export type RawConfig = z.output<typeof configFields>;
export type RawBridge = z.output<typeof bridgeFields>;
export type RawPort = z.output<typeof portFields>;
export type RawTunnel = z.output<typeof tunnelFields>;
export type RawPseudowire = z.output<typeof pseudowireFields>;
export type RawCircuit = z.output<typeof circuitFields>;
