import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { AttachmentCircuit } from "../../plane.ts";

/** What programs do with frames of a circuit, as bits of its value: what they test while they run. */

/** TABLE: bits of `policy`. */
export const policyBits = {
  transmitAllowed: 1,
  blockLinkLocal: 2,
  blockPause: 4,
  /**
   * Frames too long for `packetOctets` take the exception path to the socket, so that IP fragments them, and
   * are no discard.
   */
  fragmentOuter: 8,
  /**
   * GSO packets, and frames with partial checksums, take the exception path before they are encapsulated.
   */
  segment: 16,
  /**
   * TCP goes through the segmenter, encapsulated: GSO packets over IP protocol 115, and single frames too, so
   * that a flow stays in order.
   */
  segmenter: 32,
  /** Frames come from the host itself, and no interface has sent them yet. */
  unsent: 64,
  /**
   * Frames too long for `packetOctets`, or for the pseudowire, take the exception path to the userspace
   * plane, which answers them (`packet_too_big`), or does with them what the program would.
   */
  answersTooBig: 128,
} as const;

/** What decides about it of where a session is placed, of `Placement`. */
interface PolicyPlacement {
  readonly fragmentation: "outer" | "none" | "pseudowire";
  readonly segment: boolean;
  readonly segmenter?: object | undefined;
  readonly unsent?: boolean;
}

/** `policy` of the circuit's value of a session. */
export function policyOf(
  session: SessionParameters,
  attachment: AttachmentCircuit,
  placement: PolicyPlacement,
): number {
  return (
    (session.transmitAllowed ? policyBits.transmitAllowed : 0) +
    (attachment.linkLocal === "block" ? policyBits.blockLinkLocal : 0) +
    (attachment.linkLocal === "no-pause" ? policyBits.blockPause : 0) +
    (placement.fragmentation === "outer" ? policyBits.fragmentOuter : 0) +
    (placement.segment ? policyBits.segment : 0) +
    (placement.segmenter === undefined ? 0 : policyBits.segmenter) +
    (placement.unsent === true ? policyBits.unsent : 0) +
    (attachment.packetTooBig === "answer" ? policyBits.answersTooBig : 0)
  );
}
