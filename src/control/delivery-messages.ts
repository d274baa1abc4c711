import type { ControlMessage } from "../wire/message.ts";

/** Encodes messages for `Delivery`, which knows neither digests nor identifiers. */
export interface MessageCodec {
  /**
   * Encodes a message, or with undefined an acknowledgement: a ZLB or an ACK (RFC 3931 §6.15). With
   * `paddedTo` the message has so many octets.
   */
  encode(message: ControlMessage | undefined, ns: number, nr: number, paddedTo?: number): Uint8Array;
  /** The same message with the Nr of now and a fresh digest (RFC 3931 §4.2). */
  renumber(octets: Uint8Array, message: ControlMessage, nr: number): Uint8Array;
}

/** Classification of a received message by its Ns and Nr. "hold": ahead of sequence, within our window. */
export type ReceiveVerdict =
  | "deliver"
  | "acknowledgement"
  | "duplicate"
  | "hold"
  | "ahead-of-window"
  | "backlog"
  | "beyond-nr";

/** The sender of a message, which starts its timer for the answer when the message is acknowledged. */
export interface Sender {
  /** The peer acknowledged the message: from now on it is for the peer to answer. */
  acknowledged(): void;
}

/**
 * A probe of the path MTU: a message whose first transmission is padded. It is retransmitted without the
 * padding, so that a size that the path does not take costs the time `waitMs` and not the connection.
 */
export interface Probe {
  /** Octets of the padded message. */
  readonly paddedTo: number;
  /** How long the acknowledgement may take before the message is retransmitted. */
  readonly waitMs: number;
  /**
   * "acknowledged" before any retransmission; "lost": not within `waitMs`; "withdrawn": retransmitted before
   * that, since another message has to go.
   */
  ended(how: "acknowledged" | "lost" | "withdrawn"): void;
}

/** A queued message that was never transmitted, and so has no Ns yet. */
export interface Unsent {
  readonly message: ControlMessage;
  readonly sender: Sender | undefined;
}

export interface Sent extends Unsent {
  readonly ns: number;
  /** As last transmitted. */
  octets: Uint8Array;
  /** Whether the next retransmission is none: it was only transmitted as a probe so far. */
  isUncounted?: boolean;
}

export function isStop({ message }: Unsent): boolean {
  return message.name === "StopCCN";
}
