import { interfaceIndexOf } from "../../../os/interface-index.ts";
import { deleteInterfacePair } from "../../../os/interface-pairs.ts";
import { ensurePair, hiddenName, VETH_MTU, type VethPair } from "./hidden-interfaces.ts";

/** In place of a device's name: the pair belongs to the whole plane, and no device has an empty name. */
const OF_THE_PLANE = "";

export function networkExceptionPathNames(owner: string): { readonly entry: string; readonly exit: string } {
  return {
    entry: hiddenName("networkEntry", owner, OF_THE_PLANE),
    exit: hiddenName("networkExit", owner, OF_THE_PLANE),
  };
}

/**
 * Creates the network exception path, one for all sessions, or adopts the one that a crashed daemon left;
 * what it is for is told in ebpf/programs/network-exception-path.ts. Rejects with SystemError.
 */
export async function openNetworkExceptionPath(owner: string): Promise<VethPair> {
  const { entry, exit } = networkExceptionPathNames(owner);
  await ensurePair(
    { name: entry, mtu: VETH_MTU, withoutIpv6: true, offloads: "none" },
    { name: exit, mtu: VETH_MTU, withoutIpv6: true },
  );
  return { entry: interfaceIndexOf(entry), exit: interfaceIndexOf(exit) };
}

/** Removes it; one that is gone already is no error. Rejects with SystemError. */
export function closeNetworkExceptionPath(owner: string): Promise<void> {
  return deleteInterfacePair(networkExceptionPathNames(owner).entry);
}
