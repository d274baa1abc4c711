import { forgetTrackedConnections } from "../../os/conntrack.ts";
import { inNetworkNamespace } from "../../os/network-namespace.ts";
import { namespaceFileOf } from "../nodes.ts";

/** Lets a router forget all flows that its NAT knows, as one does that was restarted. Throws SystemError. */
export function forgetFlows(router: string): void {
  inNetworkNamespace(namespaceFileOf(router), () => forgetTrackedConnections(router));
}
