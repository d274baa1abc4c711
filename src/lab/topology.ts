import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

/** Where the topologies of this package are. */
const directory = new URL("../../lab/topologies/", import.meta.url);

const topologyFields = z.strictObject({
  title: z.string(),
  wan: z.strictObject({ a: z.string(), b: z.string(), mtu: z.int().min(576).max(65_535) }),
  /** VLANs of both offices; each has one host on each. */
  vlans: z.array(z.int().min(1).max(4094)).min(1).max(16),
  secret: z.string(),
  /** Configurations of the two LCCEs. */
  a: z.record(z.string(), z.unknown()),
  b: z.record(z.string(), z.unknown()),
});

/** Two offices joined through a WAN. */
export type Topology = z.output<typeof topologyFields>;

export function topologyNames(): readonly string[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => file.replace(/\.yaml$/, "")).sort();
}

/** Reads a topology by name. Throws for an unknown name, and for one that is not in order. */
export function readTopology(name: string): Topology {
  if (!topologyNames().includes(name)) {
    throw new Error(
      `read topology ${name}: there is none of this name; there are ${topologyNames().join(", ")}`,
    );
  }
  return topologyFields.parse(parse(readFileSync(new URL(`${name}.yaml`, directory), "utf8")));
}
