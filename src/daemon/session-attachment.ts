import { hasControlChannel } from "../forwarding/encapsulation.ts";
import type { AttachmentCircuit } from "../forwarding/plane.ts";
import {
  type AttachedPseudowire,
  type CircuitDeviceState,
  lockedPseudowireOf,
  type WantedSession,
} from "./circuit-device-state.ts";
import { overheadOctets } from "./frame-size.ts";
import { attachmentOf } from "./settings.ts";
import type { PathMtuKnowledge } from "./tunnel-path-mtus.ts";

/**
 * What a session has of its device and of its path now: where it has a control channel, the status of the
 * circuit; the path MTU in octets, as far as is known; and where the MSS is clamped, frames are fragmented,
 * or packets too big are answered, the longest frame that the path takes whole.
 */
export function attachmentFor(
  { isUp: active }: CircuitDeviceState,
  { config }: AttachedPseudowire,
  { session }: WantedSession,
  known: PathMtuKnowledge | undefined,
): AttachmentCircuit {
  const attachment = attachmentOf(config);
  const status = hasControlChannel(session) ? { active } : {};
  if (known?.octets === undefined) return { ...attachment, ...status };
  const { octets: pathMtuOctets } = known;
  const isNeeded =
    attachment.mssClamp === "auto" ||
    attachment.packetTooBig === "answer" ||
    session.transmitFragments !== undefined;
  if (!isNeeded) return { ...attachment, ...status, pathMtuOctets };
  const wholeFrameOctets = Math.max(0, pathMtuOctets - overheadOctets(session));
  return { ...attachment, ...status, pathMtuOctets, wholeFrameOctets };
}

/** Whether the path of a session that the plane has takes longer or shorter packets than the plane knows. */
export function hasOtherPathMtu(
  circuit: CircuitDeviceState,
  wanted: WantedSession,
  known: PathMtuKnowledge | undefined,
): boolean {
  // One that is about to be removed is not to come back.
  if (circuit.sessions.get(wanted.session.localSessionId) !== wanted) return false;
  if (lockedPseudowireOf(circuit, wanted) === undefined) return false;
  return known?.octets !== wanted.pathMtu?.octets;
}
