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
 * circuit; the path MTU in octets where it was measured; and where the MSS is clamped, frames are fragmented,
 * or packets too big are answered, the longest frame that the path takes whole, as far as is known.
 */
export function attachmentFor(
  { isUp: active }: CircuitDeviceState,
  { config }: AttachedPseudowire,
  { session }: WantedSession,
  known: PathMtuKnowledge | undefined,
): AttachmentCircuit {
  const attachment = attachmentOf(config);
  const status = hasControlChannel(session) ? { active } : {};
  const measured = known?.measuredOctets === undefined ? {} : { pathMtuOctets: known.measuredOctets };
  const isNeeded =
    attachment.mssClamp === "auto" ||
    attachment.packetTooBig === "answer" ||
    session.transmitFragments !== undefined;
  if (known?.octets === undefined || !isNeeded) return { ...attachment, ...status, ...measured };
  const wholeFrameOctets = Math.max(0, known.octets - overheadOctets(session));
  return { ...attachment, ...status, ...measured, wholeFrameOctets };
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
  const { pathMtu } = wanted;
  return known?.octets !== pathMtu?.octets || known?.measuredOctets !== pathMtu?.measuredOctets;
}
