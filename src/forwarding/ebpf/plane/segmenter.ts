import { SystemError } from "../../../os/errors.ts";
import { processorCount } from "../../../os/processors.ts";
import { ensurePair, hiddenName, interfaceIndexOf, VETH_MTU } from "./hidden-interfaces.ts";
import type { Hook } from "./program-attachments.ts";

/** Where packets go in, by an interface index, and where a program meets those that come out. */
export interface SegmenterPath {
  readonly entry: number;
  readonly exit: Hook;
}

/**
 * The two ways of a device's TCP over IP protocol 115: in one, GSO packets are cut into packets, whose checksums are left to the next
 * device; in the other, segments from the peer are joined.
 */
export interface Segmenter {
  readonly segment: SegmenterPath;
  readonly coalesce: SegmenterPath;
}

const end = { mtu: VETH_MTU, withoutIpv6: true } as const;
/** What is sent into it is cut. */
const segmenting = { ...end, offloads: "checksums" } as const;

/**
 * Makes it. Both ways are one veth pair, behind which what was cut is spread over processors. With one processor alone there is
 * nothing to spread over, and the queue behind the cable is saved by a netkit pair, if the kernel has such. Rejects with SystemError.
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

/** Whether there is such a pair now: not on a kernel that has none. */
async function ensureNetkitPair(entry: string, exit: string): Promise<boolean> {
  try {
    await ensurePair({ ...segmenting, name: entry }, { ...end, name: exit }, "netkit");
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === "ENOTSUP") return false;
    throw error;
  }
}
