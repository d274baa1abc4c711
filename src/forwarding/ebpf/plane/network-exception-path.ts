import { deleteInterfacePair } from "../../../os/interface-pairs.ts";
import { ensurePair, hiddenName, interfaceIndexOf, VETH_MTU, type VethPair } from "./hidden-interfaces.ts";

/** It is of no device but of the plane, and no device is called so. */
const OF_THE_PLANE = "";

export function networkExceptionPathNames(owner: string): { readonly entry: string; readonly exit: string } {
  return {
    entry: hiddenName("networkEntry", owner, OF_THE_PLANE),
    exit: hiddenName("networkExit", owner, OF_THE_PLANE),
  };
}

/**
 * Makes the cable in which messages of a network within this machine are cut and finished (forwarding/ebpf/network-exception path.ts), one for all
 * sessions, or takes over what a crashed daemon left. Rejects with SystemError.
 */
export async function openNetworkExceptionPath(owner: string): Promise<VethPair> {
  const { entry, exit } = networkExceptionPathNames(owner);
  await ensurePair(
    { name: entry, mtu: VETH_MTU, withoutIpv6: true, offloads: "none" },
    { name: exit, mtu: VETH_MTU, withoutIpv6: true },
  );
  return { entry: interfaceIndexOf(entry), exit: interfaceIndexOf(exit) };
}

/** What is gone already is no error. Rejects with SystemError. */
export function closeNetworkExceptionPath(owner: string): Promise<void> {
  return deleteInterfacePair(networkExceptionPathNames(owner).entry);
}
