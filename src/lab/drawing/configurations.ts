import { readFileSync } from "node:fs";
import { parse, YAMLError } from "yaml";
import { ignoreErrno } from "../../os/errors.ts";
import { type Topology, wirespansOf } from "../format/topology.ts";

/** The configurations of a topology's Wirespans as their files say them, by the names of the LCCEs. */
export type LcceConfigurations = ReadonlyMap<string, unknown>;

/** Reads the configurations of all Wirespans; none of one whose file cannot be read. */
export function readConfigurations(topology: Topology): LcceConfigurations {
  return new Map(
    wirespansOf(topology).map(({ name, wirespan }) => [
      name,
      wirespan?.kind === "file" ? readYaml(wirespan.file) : wirespan?.config,
    ]),
  );
}

/** What a file says; undefined where it is no YAML: `wirespan check` tells more of that than a picture. */
function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (!(error instanceof YAMLError)) ignoreErrno(error);
    return undefined;
  }
}
