import { reachableAddresses } from "../format/reachable.ts";
import type { Topology } from "../format/topology.ts";
import type { LcceConfigurations } from "./configurations.ts";
import { type PseudowireEnd, pseudowireEnds } from "./tunnels.ts";

/** A pseudowire of a lab between two LCCEs. */
export interface DrawnPseudowire {
  readonly left: PseudowireEnd;
  /** Absent where the other LCCE is no Wirespan, or its file has no such pseudowire. */
  readonly right: PseudowireEnd | undefined;
  /** Name of the LCCE at the other end; undefined where nobody has the remote address. */
  readonly peer: string | undefined;
  /** Whether the LCCE at the other end is a Wirespan. */
  readonly isPeerWirespan: boolean;
  /** What stands at its line: its name, and VLANs. */
  readonly label: string;
}

/** The pseudowires between the LCCEs, in the order of the file, each one once. */
export function pseudowiresOf(
  topology: Topology,
  configurations: LcceConfigurations,
): readonly DrawnPseudowire[] {
  const ends = pseudowireEnds(configurations);
  const reachable = new Map(topology.lcces.map((lcce) => [lcce.name, reachableAddresses(lcce, topology)]));
  const leadsTo = (end: PseudowireEnd, lcce: string) => reachable.get(lcce)?.has(end.remote) === true;
  const leadsToEnd = (from: PseudowireEnd, to: PseudowireEnd) =>
    from.isOfAny || from.remote === to.local || leadsTo(from, to.lcce);
  const taken = new Set<PseudowireEnd>();
  return ends.flatMap((left) => {
    if (taken.has(left)) return [];
    const right = ends.find(
      (other) =>
        other.lcce !== left.lcce &&
        !taken.has(other) &&
        other.encapsulation === left.encapsulation &&
        other.peerKey === left.key &&
        leadsToEnd(left, other) &&
        leadsToEnd(other, left),
    );
    taken.add(left);
    if (right !== undefined) taken.add(right);
    const peer = topology.lcces.find(({ name }) => name !== left.lcce && leadsTo(left, name));
    const isPeerWirespan = right !== undefined || peer?.wirespan !== undefined;
    return [{ left, right, peer: right?.lcce ?? peer?.name, isPeerWirespan, label: labelOf(left, right) }];
  });
}

function labelOf(left: PseudowireEnd, right: PseudowireEnd | undefined): string {
  const { vlan, isServiceTag } = left;
  const other = right === undefined ? vlan : right.vlan;
  const kind = isServiceTag || right?.isServiceTag === true ? "S-VLAN" : "VLAN";
  if (vlan === undefined && other === undefined) return left.name;
  if (vlan === other) return `${left.name}: ${kind} ${vlan}`;
  return `${left.name}: ${kind} ${vlan ?? "any"} ↔ ${other ?? "any"}`;
}
