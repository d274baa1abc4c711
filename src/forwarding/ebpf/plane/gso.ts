import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { GsoHandling } from "../../plane.ts";
import type { PsnEndpoint } from "../../transport.ts";

/** The interface by which a session's packets leave, as far as GSO packets depend on it. */
export interface OutgoingInterface {
  readonly interfaceName: string;
  /** Whether packets leave the interface segmented and with finished checksums, whatever it was given. */
  readonly completesOffloads: boolean;
}

/**
 * Chooses how programs send a session's GSO packets. Where each frame has a sequence number they are
 * segmented first, for a frame that needs no segmenting must not overtake those that do.
 */
export function gsoHandling(
  { transmitSequencing }: Pick<SessionParameters, "transmitSequencing">,
  { gso }: Pick<PsnEndpoint, "gso">,
  route: OutgoingInterface,
): GsoHandling {
  if (gso === "segment") return { choice: "segment", reason: CONFIGURED };
  // A receiver that runs no such program could not use what a virtual interface passes on unsegmented.
  if (gso === "auto" && !route.completesOffloads)
    return { choice: "segment", reason: `${route.interfaceName} ${VIRTUAL}` };
  if (transmitSequencing === "all")
    return { choice: "segment", reason: "sequencing: all numbers each frame" };
  if (gso === "offload") return { choice: "offload", reason: CONFIGURED };
  return { choice: "offload", reason: `${route.interfaceName} segments them and finishes checksums` };
}

const CONFIGURED = "the configuration asks for it";
const VIRTUAL =
  "is virtual: no hardware, nor a VLAN, bond or bridge of hardware alone; it would hand them on as they are";
