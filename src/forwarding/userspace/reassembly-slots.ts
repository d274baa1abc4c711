/**
 * TABLE: places for frames that are put together of fragments, by the longest frame that they take, tags
 * included. All sessions share them: how many frames may be incomplete at a time, whatever peers send. The
 * smallest is for hosts with an MTU of 1500, the next for one of 9000, the last for anything.
 */
export const slotKinds = [
  { octets: 2016, count: 1024 },
  { octets: 9216, count: 128 },
  { octets: 65_536, count: 32 },
] as const;

/**
 * Octets in front of a frame: the virtio-net header that goes to the circuit. The frame starts at 2 modulo 4,
 * and so its IP header at 0.
 */
export const SLOT_HEADROOM_OCTETS = 18;

/** Octets from one place of a kind to the next. */
export function slotOctets({ octets }: (typeof slotKinds)[number]): number {
  return (SLOT_HEADROOM_OCTETS + octets + 63) & ~63;
}

/** Octets of all places. */
export const REASSEMBLY_OCTETS = slotKinds.reduce((sum, kind) => sum + kind.count * slotOctets(kind), 0);
