import { plainAddresses } from "../../bytes/subnets.ts";
import type { LabLcce, Topology } from "./topology.ts";

/** Addresses by which LCCEs reach each other. */

/** The addresses by which others reach an LCCE: its own, and those of routers that translate for it. */
export function reachableAddresses(lcce: LabLcce, topology: Topology): ReadonlySet<string> {
  return new Set([...lcce.ports.flatMap(plainAddresses), ...outsideAddresses(lcce, topology)]);
}

/** The addresses of the routers that translate for an LCCE, at their outer sides. */
export function outsideAddresses(lcce: LabLcce, { routers }: Topology): readonly string[] {
  const behind = new Set(lcce.ports.map(({ segment }) => segment));
  return routers.flatMap(({ nat, ports }) => {
    if (nat === undefined || !ports.some(({ segment }) => segment !== nat.out && behind.has(segment)))
      return [];
    return ports.filter(({ segment }) => segment === nat.out).flatMap(plainAddresses);
  });
}
