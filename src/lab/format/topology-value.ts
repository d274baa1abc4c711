import { readMapping } from "../../config/yaml-text.ts";
import { textKeys } from "./parse-topology.ts";

/**
 * What a topology file says, as its reader reads it, be it a valid topology or not; undefined where it is no
 * mapping, or has keys twice.
 */
export function topologyValue(text: string): unknown {
  const read = readMapping(text, {
    empty: "",
    noMapping: "",
    textKeys,
    examine: ({ value, broken }) => (broken === undefined ? { valid: value } : { found: [] }),
  });
  return "valid" in read ? read.valid : undefined;
}
