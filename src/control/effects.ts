import type { ChannelStatus, PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import type { ControlDiscardReason } from "./control-discards.ts";
import type { PeerSettings, PseudowireSettings } from "./settings.ts";

/** Everything that can happen to the control plane. */
export type Input =
  /**
   * A control message: octets from the T bit on, the zero word of IP already taken off. `Lcce` keeps no
   * reference.
   */
  | { readonly kind: "datagram"; readonly path: PsnPath; readonly octets: Uint8Array }
  /** Adds a peer: a control connection is opened, and re-established whenever it ends. */
  | { readonly kind: "open-connection"; readonly peer: PeerSettings }
  /** New timers and limits for a peer; other changes need close and open. */
  | { readonly kind: "update-connection"; readonly peer: PeerSettings }
  /** New names of peers, by their current names; names are local. */
  | { readonly kind: "rename-connections"; readonly newNames: ReadonlyMap<string, string> }
  /** Removes a peer: StopCCN with result 1 by the operator, 6 when we go out of service (RFC 3931 §5.4.2). */
  | { readonly kind: "close-connection"; readonly peer: string; readonly resultCode: 1 | 6 }
  | {
      readonly kind: "open-session";
      readonly peer: string;
      readonly pseudowire: PseudowireSettings;
      readonly circuitActive: boolean;
      /** Default false. */
      readonly standby?: boolean;
    }
  | { readonly kind: "close-session"; readonly pseudowire: string }
  | { readonly kind: "circuit-status"; readonly pseudowire: string; readonly active: boolean }
  /** Whether our end of a pseudowire stands by, as its forwarder says; default false (RFC 5641 §2). */
  | { readonly kind: "pseudowire-standby"; readonly pseudowire: string; readonly standby: boolean }
  /**
   * A protocol on a session's control channel says something else of the session. One that is down is
   * signalled as a fault of the network (RFC 5641 §3).
   */
  | { readonly kind: "channel-status"; readonly localSessionId: number; readonly status: ChannelStatus }
  /** A data message was received for a session: the peer is alive, no HELLO is needed (RFC 3931 §4.4). */
  | { readonly kind: "data-received"; readonly localSessionId: number }
  /** The data plane could not perform `forwarding-add` or `forwarding-update`. */
  | { readonly kind: "forwarding-failed"; readonly localSessionId: number; readonly problem: string }
  /** A session id in use outside signalling (a static session). */
  | { readonly kind: "reserve-session-id" | "release-session-id"; readonly localSessionId: number };

/** Everything that the control plane asks its caller to do. */
export type Effect =
  | { readonly kind: "transmit"; readonly path: PsnPath; readonly octets: Uint8Array }
  | { readonly kind: "forwarding-add" | "forwarding-update"; readonly session: SessionParameters }
  | { readonly kind: "forwarding-remove"; readonly localSessionId: number; readonly pseudowire: string }
  | { readonly kind: "report"; readonly event: ReportedEvent };

/** Events for the log; the caller need not act on them. */
export type ReportedEvent =
  | {
      readonly event: "control-connection";
      readonly peer: string;
      readonly localControlConnectionId: number;
      readonly from: string;
      readonly cause: string;
      readonly to: string;
      readonly detail?: string;
    }
  | {
      readonly event: "session";
      readonly peer: string;
      readonly pseudowire: string;
      readonly localSessionId: number;
      readonly from: string;
      readonly cause: string;
      readonly to: string;
      readonly detail?: string;
    }
  /**
   * A message from a peer's address was refused: it failed authentication, or its SCCRQ is not acceptable.
   */
  | {
      readonly event: "refused";
      readonly peer: string;
      readonly path: PsnPath;
      readonly isAuthentication: boolean;
      readonly detail: string;
    }
  | { readonly event: "discard"; readonly reason: ControlDiscardReason; readonly path: PsnPath };
