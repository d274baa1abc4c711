/** Numbers of linux/bpf.h and linux/pkt_cls.h that programs and those who load them need. */

/** TABLE: kinds of maps (enum bpf_map_type). */
export const mapKinds = {
  hash: 1,
  array: 2,
  programArray: 3,
  perCpuHash: 5,
  perCpuArray: 6,
  lruHash: 9,
} as const;
export type MapKind = keyof typeof mapKinds;

/** Whether each CPU has a value of its own for every key. */
export function isPerCpu(kind: MapKind): boolean {
  return kind === "perCpuHash" || kind === "perCpuArray";
}

/** TABLE: kinds of programs (enum bpf_prog_type). */
export const programKinds = {
  trafficControl: 3,
  /** At the driver (XDP), which has just received the packet. */
  expressDataPath: 6,
} as const;
export type ProgramKind = keyof typeof programKinds;

/** TABLE: where a program can be attached to an interface (enum bpf_attach_type). */
export const attachPoints = {
  ingress: 46,
  egress: 47,
  /** As the primary device of a netkit pair sends; by a link alone. Linux 6.7 and later. */
  netkit: 54,
} as const;
export type AttachPoint = keyof typeof attachPoints;

/** TABLE: what a program at traffic control gives back (linux/pkt_cls.h, enum tcx_action_base). */
export const verdicts = {
  /** No opinion: the next program decides. */
  next: -1,
  /** Goes on its way. */
  pass: 0,
  drop: 2,
  /** Goes where a helper such as redirect said; the helper gives this number back. */
  redirect: 7,
} as const;

/** TABLE: what a program at the express data path gives back (enum xdp_action). */
export const expressVerdicts = {
  drop: 1,
  /** Goes on its way into the kernel. */
  pass: 2,
} as const;

/** TABLE: how map_update_elem and its system call store. */
export const updateModes = {
  any: 0,
  onlyNew: 1,
  onlyExisting: 2,
} as const;
export type UpdateMode = keyof typeof updateModes;

/** TABLE: flags of redirect and redirect_peer. */
export const redirectFlags = {
  /** As if the interface had received the packet. */
  ingress: 1,
} as const;

/**
 * TABLE: what csum_level is asked for; the answer is negative where nobody verified the packet's checksums.
 */
export const checksumLevels = {
  query: 0,
  increase: 1,
  decrease: 2,
  reset: 3,
} as const;

/** TABLE: modes of skb_adjust_room: behind which header room is made. */
export const adjustRoomModes = {
  network: 0,
  link: 1,
} as const;

/**
 * TABLE: flags of skb_adjust_room, to be joined by `|`; as bigints, since one of them has the uppermost
 * octet.
 */
export const adjustRoomFlags = {
  fixedGso: 1n << 0n,
  encapsulatedInIpv4: 1n << 1n,
  encapsulatedInIpv6: 1n << 2n,
  encapsulatedInGre: 1n << 3n,
  encapsulatedInUdp: 1n << 4n,
  noChecksumReset: 1n << 5n,
  innerEthernet: 1n << 6n,
  /** Linux 6.3 and later. */
  decapsulatedFromIpv4: 1n << 7n,
  /** Linux 6.3 and later. */
  decapsulatedFromIpv6: 1n << 8n,
} as const;

/** The flag of skb_adjust_room for an inner link header of `octets`, at most 255. */
export function innerLinkHeader(octets: number): bigint {
  return BigInt(octets & 0xff) << 56n;
}
