import netlink from "netlink";

/** TABLE: of linux/netlink.h and linux/xfrm.h. */
const NETLINK_XFRM = 6;
const XFRM_MSG_GETPOLICY = 21;
const DUMP = 0x300;
/** struct xfrm_userpolicy_id, all zero: every policy. */
const POLICY_ID_OCTETS = 64;

/** Whether this network namespace has IPsec policies; a kernel without IPsec has none. */
export async function hasIpsecPolicies(): Promise<boolean> {
  const socket = netlink.createNetlink(NETLINK_XFRM);
  try {
    const [policies] = await socket.request(XFRM_MSG_GETPOLICY, [Buffer.alloc(POLICY_ID_OCTETS)], {
      flags: DUMP,
    });
    return policies.length > 0;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
