/**
 * Storms: frames that a bridge sends to all its ports, so that a loop or a faulty host fills every site. Each
 * port may have limits in frames a second.
 */

/**
 * TABLE: the kinds of frames that are limited, and the reasons under which what is more is counted. A row's
 * index is its place in the memory of the program. `label` is for people.
 */
export const stormKinds = [
  {
    kind: "broadcast",
    label: "broadcast",
    reason: "broadcast-storm",
    help: "frame to ff-ff-ff-ff-ff-ff beyond the limit of its port",
  },
  {
    kind: "multicast",
    label: "multicast",
    reason: "multicast-storm",
    help: "frame to a group beyond the limit of its port",
  },
  {
    kind: "unknownUnicast",
    label: "unknown unicast",
    reason: "unknown-unicast-storm",
    help: "frame to an address that sent nothing within `ageing_s`, beyond the limit of its port",
  },
] as const;
export type StormKind = (typeof stormKinds)[number]["kind"];
export type StormReason = (typeof stormKinds)[number]["reason"];

/** Frames a second of each kind; one that is absent has no limit. */
export type StormLimits = Readonly<Partial<Record<StormKind, number>>>;

/** Frames that were dropped since the port has limits. */
export type StormDiscards = Readonly<Record<StormReason, number>>;

/** Frames that pass at once after a pause: what comes in this time, and never fewer than this. */
const BURST_MS = 50;
const LEAST_BURST_FRAMES = 8;

export function burstFrames(framesPerSecond: number): number {
  return Math.max(LEAST_BURST_FRAMES, Math.ceil((framesPerSecond * BURST_MS) / 1000));
}
