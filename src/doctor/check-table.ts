import { addOnChecks } from "./add-on-check.ts";
import { circuitChecks } from "./circuit-check-table.ts";
import { daemonChecks } from "./daemon-check-table.ts";
import { fileChecks } from "./file-check-table.ts";
import { firewallChecks } from "./firewall-check-table.ts";
import { machineChecks } from "./machine-check-table.ts";
import { networkChecks } from "./network-check-table.ts";
import type { CheckRow } from "./outcome.ts";
import { peerChecks } from "./peer-check-table.ts";

/** TABLE: all checks of `wirespan doctor` by their names, which are stable (docs/doctor.md). */
export const checkTable = {
  ...fileChecks,
  ...addOnChecks,
  ...machineChecks,
  ...networkChecks,
  ...firewallChecks,
  ...peerChecks,
  ...circuitChecks,
  ...daemonChecks,
} as const satisfies Readonly<Record<string, CheckRow>>;

export type CheckName = keyof typeof checkTable;

/** The names in the order of the table. */
export const doctorChecks = Object.keys(checkTable) as readonly CheckName[];
