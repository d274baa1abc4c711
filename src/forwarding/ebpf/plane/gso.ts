import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { GsoHandling, PsnEndpoint } from "../../plane.ts";

/** What of the way to a peer decides how GSO packets leave. */
export interface OutgoingInterface {
  readonly interfaceName: string;
  /** Whether packets leave by the interface cut and with finished checksums, whatever it was given. */
  readonly completesOffloads: boolean;
}

/** How programs send the GSO packets of a session. Numbers are for each frame, and one that needs no cutting must not overtake those that do. */
export function gsoHandling(
  { transmitSequencing }: Pick<SessionParameters, "transmitSequencing">,
  { gso }: Pick<PsnEndpoint, "gso">,
  route: OutgoingInterface,
): GsoHandling {
  if (gso === "segment") return { choice: "segment", reason: "gso: segment" };
  // Who receives such a packet, and is no program like ours, can make nothing of it.
  if (gso === "auto" && !route.completesOffloads)
    return { choice: "segment", reason: `${route.interfaceName} ${VIRTUAL}` };
  if (transmitSequencing === "all")
    return { choice: "segment", reason: "sequencing: all numbers each frame" };
  if (gso === "offload") return { choice: "offload", reason: "gso: offload" };
  return { choice: "offload", reason: `${route.interfaceName} segments them and finishes checksums` };
}

const VIRTUAL =
  "is virtual: no hardware, nor a VLAN, bond or bridge of hardware alone; it would hand them on as they are";
