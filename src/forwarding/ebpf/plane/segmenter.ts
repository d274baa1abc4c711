import { SystemError } from "../../../os/errors.ts";
import { processorCount } from "../../../os/processors.ts";
import { DETOUR_MTU, havePair, hidden, indexOf } from "./hidden-interfaces.ts";
import type { Place } from "./program-attachments.ts";

/** Where packets go in, by an interface index, and where a program meets those that come out. */
export interface Passage {
  readonly into: number;
  readonly out: Place;
}

/**
 * The two ways of a device's TCP over IP protocol 115: in one, super-frames are cut into packets, whose checksums are left to the next
 * device; in the other, segments from the peer are joined.
 */
export interface Cutter {
  readonly cut: Passage;
  readonly join: Passage;
}

const end = { mtu: DETOUR_MTU, silent: true } as const;
/** What is sent into it is cut. */
const cutting = { ...end, offloads: "checksums" } as const;

/**
 * Makes it. Both ways are one virtual cable, behind which what was cut is spread over processors. With one processor alone there is
 * nothing to spread over, and the queue behind the cable is saved by a netkit pair, if the kernel has such. Rejects with SystemError.
 */
export async function openCutter(device: string, owner: string): Promise<Cutter> {
  const name = (kind: Parameters<typeof hidden>[0]) => hidden(kind, owner, device);
  const [near, far] = [name("cutterNear"), name("cutterFar")];
  if (processorCount() === 1 && (await haveNetkit(near, far))) {
    const [joinNear, joinFar] = [name("joinerNear"), name("joinerFar")];
    await havePair({ ...end, name: joinNear, gro: true }, { ...cutting, name: joinFar });
    const into = indexOf(near);
    return {
      cut: { into, out: { interfaceIndex: into, at: "netkit" } },
      join: joinBetween(joinFar, joinNear),
    };
  }
  await havePair({ ...cutting, name: near, gro: true }, { ...cutting, name: far, steersReceived: true });
  return {
    cut: { into: indexOf(near), out: { interfaceIndex: indexOf(far), at: "ingress" } },
    join: joinBetween(far, near),
  };
}

function joinBetween(into: string, out: string): Passage {
  return { into: indexOf(into), out: { interfaceIndex: indexOf(out), at: "ingress" } };
}

/** Whether there is such a pair now: not on a kernel that has none. */
async function haveNetkit(near: string, far: string): Promise<boolean> {
  try {
    await havePair({ ...cutting, name: near }, { ...end, name: far }, "netkit");
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === "ENOTSUP") return false;
    throw error;
  }
}
