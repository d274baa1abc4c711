import { z } from "zod";
import { lcceRows, logRows, topRows } from "./node-rows.ts";
import { circuitRows, pseudowireRows, staticRows } from "./pseudowire-rows.ts";
import { schemasOf } from "./rows.ts";
import { tunnelRows } from "./tunnel-rows.ts";
import { nameRule } from "./value-schemas.ts";

/**
 * The schema of the configuration file, made of the rows of `*-rows.ts`. The validator, docs/configuration.md
 * and the JSON Schema are made from it; `Config`, the plan of a reload and the settings of the daemon from
 * the same rows. To add a key, add a row.
 */

const wantedCircuit = ({ code, input }: { readonly code: string; readonly input?: unknown }) =>
  code === "invalid_type" && (typeof input === "string" || input === null)
    ? "wanted { interface: NAME }, or { tap: NAME } for a device that is made"
    : undefined;

export const circuitFields = z.strictObject(schemasOf(circuitRows), { error: wantedCircuit });

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
  ...schemasOf(tunnelRows),
  pseudowires: z
    .record(nameRule, pseudowireFields)
    .default({})
    .describe("The pseudowires, by name; no two of a file share one."),
});

export const configFields = z.strictObject({
  lcce: z.strictObject(schemasOf(lcceRows)).prefault({}).describe("This node."),
  log: z.strictObject(schemasOf(logRows)).prefault({}).describe("Logging, to standard error."),
  ...schemasOf(topRows),
  tunnels: z.record(nameRule, tunnelFields).describe("The tunnels, by name."),
});

export type RawConfig = z.output<typeof configFields>;
export type RawTunnel = z.output<typeof tunnelFields>;
export type RawPseudowire = z.output<typeof pseudowireFields>;
export type RawCircuit = z.output<typeof circuitFields>;
