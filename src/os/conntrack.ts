import { withNetlink } from "./netlink.ts";

/** Connection tracking, by which the kernel knows the flows that it translates. */

/** TABLE: NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_DELETE of linux/netfilter/nfnetlink*.h. */
const SUBSYSTEM = 1;
const DELETE = 2;
/** struct nfgenmsg: AF_UNSPEC, version 0, resource 0; without attributes, all connections are meant. */
const everything = new Uint8Array(4);

/**
 * Lets the kernel forget all connections that it tracks in the network namespace of the calling thread.
 * `target` says whose they are, for the NetlinkError that it throws.
 */
export function forgetTrackedConnections(target: string): void {
  const operation = {
    operation: "forget tracked connections",
    target,
    hints: { EPROTONOSUPPORT: "load the module nf_conntrack_netlink", EINVAL: "load nf_conntrack_netlink" },
  };
  withNetlink("netfilter", (netlink) =>
    netlink.request(operation, { type: (SUBSYSTEM << 8) | DELETE, payload: everything }),
  );
}
