import { SystemError } from "../../../os/errors.ts";
import { interfaceIndexOf } from "../../../os/interface-index.ts";
import { processorCount } from "../../../os/processors.ts";
import { ensurePair, hiddenName, VETH_MTU } from "./hidden-interfaces.ts";
import type { Hook } from "./program-attachments.ts";

/**
 * One direction through a segmenter: the interface index at which packets enter, and the hook at which a
 * program meets those that leave.
 */
export interface SegmenterPath {
  readonly entry: number;
  readonly exit: Hook;
}

/**
 * The segmenter of a device, for TCP over IP protocol 115: `segment` is the direction to the peer, in which
 * GSO packets are segmented and their checksums left to the next device; `coalesce` is the direction from the
 * peer, in which segments are coalesced (GRO).
 */
export interface Segmenter {
  readonly segment: SegmenterPath;
  readonly coalesce: SegmenterPath;
}

const end = { mtu: VETH_MTU, withoutIpv6: true } as const;
/** For the end at which GSO packets enter: what is sent by it is segmented. */
const segmenting = { ...end, offloads: "checksums" } as const;

/**
 * Creates it. Both directions share one veth pair, behind which segments are spread over processors. On one
 * processor there is nothing to spread, and a netkit pair segments instead, if the kernel has such: it saves
 * the queue behind a veth pair. Rejects with SystemError.
 */
export async function openSegmenter(device: string, owner: string): Promise<Segmenter> {
  const name = (kind: Parameters<typeof hiddenName>[0]) => hiddenName(kind, owner, device);
  const [entry, exit] = [name("segmenterEntry"), name("segmenterExit")];
  if (processorCount() === 1 && (await ensureNetkitPair(entry, exit))) {
    const [from, to] = [name("coalescerEntry"), name("coalescerExit")];
    await ensurePair({ ...end, name: to, gro: true }, { ...segmenting, name: from });
    const index = interfaceIndexOf(entry);
    return {
      segment: { entry: index, exit: { interfaceIndex: index, at: "netkit" } },
      coalesce: pathThrough(from, to),
    };
  }
  await ensurePair(
    { ...segmenting, name: entry, gro: true },
    { ...segmenting, name: exit, steersReceived: true },
  );
  return { segment: pathThrough(entry, exit), coalesce: pathThrough(exit, entry) };
}

function pathThrough(entry: string, exit: string): SegmenterPath {
  return { entry: interfaceIndexOf(entry), exit: { interfaceIndex: interfaceIndexOf(exit), at: "ingress" } };
}

/** Creates a netkit pair. Whether there is one now: the kernel may have none. */
async function ensureNetkitPair(entry: string, exit: string): Promise<boolean> {
  try {
    await ensurePair({ ...segmenting, name: entry }, { ...end, name: exit }, "netkit");
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === "EOPNOTSUPP") return false;
    throw error;
  }
}
