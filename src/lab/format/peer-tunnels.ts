import type { TunnelConfig } from "../../config/config.ts";
import type { LcceConfiguration } from "./check-wirespan.ts";
import { outsideAddresses } from "./reachable.ts";
import type { LabLcce, Topology } from "./topology.ts";

/** Tunnels of two LCCEs of a topology that are the two ends of one. */

/** A tunnel of an LCCE. */
export interface TunnelEnd {
  readonly of: LcceConfiguration;
  readonly tunnel: TunnelConfig;
}

/** The pairs of tunnels that lead to each other, each once; without those that may be one of several. */
export function peerTunnels(
  topology: Topology,
  configurations: readonly LcceConfiguration[],
): readonly (readonly [TunnelEnd, TunnelEnd])[] {
  const ends = configurations.flatMap((of) => of.config.tunnels.map((tunnel): TunnelEnd => ({ of, tunnel })));
  const outside = new Map(
    configurations.map(({ lcce }) => [lcce, new Set(outsideAddresses(lcce, topology))]),
  );
  const peerOf = (end: TunnelEnd) => onlyPeer(end, ends, outside);
  return ends.flatMap((end, index) => {
    const peer = peerOf(end);
    const isPair = peer !== undefined && peerOf(peer) === end && index < ends.indexOf(peer);
    return isPair ? [[end, peer] as const] : [];
  });
}

type Outside = ReadonlyMap<LabLcce, ReadonlySet<string>>;

function onlyPeer(end: TunnelEnd, ends: readonly TunnelEnd[], outside: Outside): TunnelEnd | undefined {
  const leadsTo = (from: TunnelEnd, to: TunnelEnd) =>
    facesAddress(from.tunnel, to.tunnel) ||
    facesOutside(from.tunnel, outside.get(to.of.lcce)) ||
    awaits(from.tunnel, to);
  const facing = ends.filter((one) => one.of !== end.of && leadsTo(end, one) && leadsTo(one, end));
  if (facing.length < 2) return facing[0];
  // Several between the same addresses differ in encapsulation, in having a control connection, or in ports.
  const like = facing.filter(({ tunnel }) => isLike(end.tunnel, tunnel));
  return like.length === 1 ? like[0] : undefined;
}

function facesAddress({ remote }: TunnelConfig, { local }: TunnelConfig): boolean {
  return remote.kind === "address" && local.kind === "address" && remote.address === local.address;
}

/** Whether a tunnel to a peer of any address may be for this one, by the names that it asks for. */
function awaits({ remote, control }: TunnelConfig, { of }: TunnelEnd): boolean {
  if (remote.kind !== "any") return false;
  const { hostName, routerId } = of.config.lcce;
  const { peerHostName = hostName, peerRouterId = routerId } = control ?? {};
  return peerHostName === hostName && peerRouterId === routerId;
}

function facesOutside({ remote }: TunnelConfig, outside: ReadonlySet<string> | undefined): boolean {
  return remote.kind === "address" && outside?.has(remote.address) === true;
}

function isLike(one: TunnelConfig, other: TunnelConfig): boolean {
  const fits = (local: number, remote: number) =>
    local === 0 || local === remote || one.remote.kind === "any" || other.remote.kind === "any";
  return (
    one.encapsulation === other.encapsulation &&
    (one.control === undefined) === (other.control === undefined) &&
    fits(one.localPort, other.remotePort) &&
    fits(other.localPort, one.remotePort)
  );
}
