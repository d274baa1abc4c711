import { deleteInterfacePair } from "../../../os/interface-pairs.ts";
import { type Cable, DETOUR_MTU, havePair, hidden, indexOf } from "./hidden-interfaces.ts";

/** It is of no device but of the plane, and no device is called so. */
const OF_THE_PLANE = "";

export function networkDetourNames(owner: string): { readonly near: string; readonly far: string } {
  return {
    near: hidden("networkNear", owner, OF_THE_PLANE),
    far: hidden("networkFar", owner, OF_THE_PLANE),
  };
}

/**
 * Makes the cable in which messages of a network within this machine are cut and finished (forwarding/ebpf/network-detour.ts), one for all
 * sessions, or takes over what a crashed daemon left. Rejects with SystemError.
 */
export async function openNetworkDetour(owner: string): Promise<Cable> {
  const { near, far } = networkDetourNames(owner);
  await havePair(
    { name: near, mtu: DETOUR_MTU, withoutIpv6: true, offloads: "none" },
    { name: far, mtu: DETOUR_MTU, withoutIpv6: true },
  );
  return { near: indexOf(near), far: indexOf(far) };
}

/** What is gone already is no error. Rejects with SystemError. */
export function closeNetworkDetour(owner: string): Promise<void> {
  return deleteInterfacePair(networkDetourNames(owner).near);
}
