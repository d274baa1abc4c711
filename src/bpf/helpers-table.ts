/**
 * TABLE: helpers of programs at traffic control, and their numbers (enum bpf_func_id of linux/bpf.h), by the
 * kernel's own names. What each does is in bpf-helpers(7); arguments are in arg1, arg2 and so on. Numbers
 * never change. Those that change packets make all pointers into them invalid.
 */
export const helpers = {
  /** pointer to the value of a key, or null: (map, key) */
  map_lookup_elem: 1,
  /** stores a value: (map, key, value, flags) */
  map_update_elem: 2,
  /** (map, key) */
  map_delete_elem: 3,
  /** nanoseconds since boot, without time asleep: () */
  ktime_get_ns: 5,
  /** a line for /sys/kernel/tracing/trace_pipe: (format, octets, ...) */
  trace_printk: 6,
  /** () */
  get_prandom_u32: 7,
  /** () */
  get_smp_processor_id: 8,
  /** writes into the packet: (skb, offset, from, octets, flags) */
  skb_store_bytes: 9,
  /** updates an IPv4 header checksum: (skb, offset, from, to, size) */
  l3_csum_replace: 10,
  /** updates a TCP or UDP checksum: (skb, offset, from, to, flags) */
  l4_csum_replace: 11,
  /** goes on in another program and never returns: (context, program array, index) */
  tail_call: 12,
  /** sends a copy: (skb, interface, flags) */
  clone_redirect: 13,
  /** (skb) */
  get_cgroup_classid: 17,
  /** (skb, TPID in network order, TCI) */
  skb_vlan_push: 18,
  /** (skb) */
  skb_vlan_pop: 19,
  /** (skb, key, size, flags) */
  skb_get_tunnel_key: 20,
  /** (skb, key, size, flags) */
  skb_set_tunnel_key: 21,
  /** the verdict that sends the packet to an interface: (interface, flags) */
  redirect: 23,
  /** (skb) */
  get_route_realm: 24,
  /** copies out of the packet: (skb, offset, to, octets) */
  skb_load_bytes: 26,
  /** sum of what a change does to a checksum: (from, octets, to, octets, seed) */
  csum_diff: 28,
  /** (skb, EtherType in network order, flags) */
  skb_change_proto: 31,
  /** (skb, type) */
  skb_change_type: 32,
  /** the hash of the packet's flow: (skb) */
  get_hash_recalc: 34,
  /** sets the packet's length: (skb, octets, flags) */
  skb_change_tail: 38,
  /** makes the first octets reachable directly: (skb, octets) */
  skb_pull_data: 39,
  /** (skb, sum) */
  csum_update: 40,
  /** (skb) */
  set_hash_invalid: 41,
  /** makes room in front of the packet: (skb, octets, flags) */
  skb_change_head: 43,
  /** (skb, hash) */
  set_hash: 48,
  /** makes or removes room behind the link header: (skb, octets, mode, flags) */
  skb_adjust_room: 50,
  /** (map, key, flags) */
  redirect_map: 51,
  /** (skb, offset, to, octets, from the link or network header) */
  skb_load_bytes_relative: 68,
  /** looks up routes and neighbours: (context, parameters, octets, flags) */
  fib_lookup: 69,
  /** (skb) */
  skb_cgroup_id: 79,
  /** (lock in a map's value) */
  spin_lock: 93,
  /** (lock in a map's value) */
  spin_unlock: 94,
  /** (skb) */
  skb_ecn_set_ce: 97,
  /** copies memory of the kernel's: (to, octets, address) */
  probe_read_kernel: 113,
  /** nanoseconds since boot: () */
  ktime_get_boot_ns: 125,
  /** (skb, level) */
  csum_level: 135,
  /** the verdict that sends by a neighbour's address: (interface, next hop or null, octets, flags) */
  redirect_neigh: 152,
  /** the verdict that lets the packet come in at the other end of a veth pair: (interface, flags) */
  redirect_peer: 155,
  /** as ktime_get_ns, cheaper and to a tick: () */
  ktime_get_coarse_ns: 160,
  /** (context, interface, in and out: octets, change, flags) */
  check_mtu: 163,
  /** (skb, time, type) */
  skb_set_tstamp: 192,
  /** (map, key, CPU) */
  map_lookup_percpu_elem: 195,
} as const;
export type HelperName = keyof typeof helpers;

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(helpers).map(([name, number]) => [number, name]),
);

/** The name of a helper; undefined where the table does not have it. */
export function helperName(number: number): string | undefined {
  return names.get(number);
}
