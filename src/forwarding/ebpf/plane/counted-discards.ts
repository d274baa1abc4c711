import type { DiscardReason } from "../../discard-reasons.ts";
import { decapsulationDiscards } from "../programs/decapsulate-program.ts";
import { encapsulationDiscards } from "../programs/encapsulate-program.ts";

/** The discard reasons that programs count. */
export const countedByPrograms: ReadonlySet<DiscardReason> = new Set([
  ...encapsulationDiscards,
  ...decapsulationDiscards,
]);
