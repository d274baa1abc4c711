import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { PsnEndpoint, SuperFrames } from "../../plane.ts";

/** What of the way to a peer decides how super-frames leave. */
export interface WayOut {
  readonly interfaceName: string;
  /** Whether packets leave by the interface cut and with finished checksums, whatever it was given. */
  readonly finishes: boolean;
}

/** How programs send the super-frames of a session. Numbers are for each frame, and one that needs no cutting must not overtake those that do. */
export function superFramesOf(
  { transmitSequencing }: Pick<SessionParameters, "transmitSequencing">,
  { superFrames }: Pick<PsnEndpoint, "superFrames">,
  route: WayOut,
): SuperFrames {
  if (superFrames === "cut") return { choice: "cut", reason: "super_frames: cut" };
  // Who receives such a packet, and is no program like ours, can make nothing of it.
  if (superFrames === "auto" && !route.finishes)
    return { choice: "cut", reason: `${route.interfaceName} ${VIRTUAL}` };
  if (transmitSequencing === "all") return { choice: "cut", reason: "sequencing: all numbers each frame" };
  if (superFrames === "whole") return { choice: "whole", reason: "super_frames: whole" };
  return { choice: "whole", reason: `${route.interfaceName} cuts them, and finishes checksums` };
}

const VIRTUAL =
  "is virtual: no hardware, nor a VLAN, bond or bridge of hardware alone; it would hand them on as they are";
