import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("../../examples/labs/", import.meta.url);

/** The topologies in examples/labs: those whose tests take longer than those of this package. */
export function exampleLabs(): readonly string[] {
  return readdirSync(folder).map((file) => fileURLToPath(new URL(file, folder)));
}
