import type { ChannelStatus, PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import type { ControlDiscardReason } from "./control-discards.ts";
import type { PathLimits } from "./path-mtu.ts";
import type { FoundPathMtu } from "./path-mtu-memory.ts";
import type { EchoRequest } from "./path-prober.ts";
import type { PeerSettings, PseudowireSettings } from "./settings.ts";
import type { UnknownCall } from "./unknown-peers.ts";

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
  /** No data was received for a session since the last look at the counters, but some before that. */
  | { readonly kind: "data-stopped"; readonly localSessionId: number }
  /** A data message was sent for a session: no HELLO is needed to keep a NAT's mapping. */
  | { readonly kind: "data-sent"; readonly localSessionId: number }
  /**
   * A data message of a session, of so many octets, came from another address or port than the peer's, with
   * the right cookie. That may be a recording: a hint to ask there, and no more.
   */
  | {
      readonly kind: "data-elsewhere";
      readonly localSessionId: number;
      readonly path: PsnPath;
      readonly octets: number;
    }
  /**
   * The ends of a peer's path are others now. Where our own end changed, the connection and its sessions move
   * at once; an address that the peer's name has now is asked first. The next attempt takes the path.
   */
  | { readonly kind: "change-path"; readonly peer: string; readonly path: PsnPath }
  /** The data plane could not perform `forwarding-add` or `forwarding-update`. */
  | { readonly kind: "forwarding-failed"; readonly localSessionId: number; readonly problem: string }
  /**
   * What limits packets to a peer: the MTU of the interface that they leave by, and what the kernel learned
   * from routers, if anything. Without this input no path MTU is searched for.
   */
  | {
      readonly kind: "path-limits";
      readonly peer: string;
      readonly limits: PathLimits;
    }
  /** A reply to an `echo-request` of this peer came, of as many octets, whose data end with this nonce. */
  | { readonly kind: "echo-reply"; readonly peer: string; readonly nonce: Uint8Array }
  /** A session id in use outside signalling (a static session). */
  | { readonly kind: "reserve-session-id" | "release-session-id"; readonly localSessionId: number };

/** Everything that the control plane asks its caller to do. */
export type Effect =
  /** With `isProbe`, IP must neither fragment the packet nor hold it back by a path MTU that it knows. */
  | {
      readonly kind: "transmit";
      readonly path: PsnPath;
      readonly octets: Uint8Array;
      readonly isProbe?: true;
    }
  /**
   * To be sent with DF, as a probe: by "vccv" in the control channel of `session`. A reply counts only by the
   * same channel, or from the address that was asked.
   */
  | ({
      readonly kind: "echo-request";
      readonly peer: string;
      readonly session?: SessionParameters;
    } & EchoRequest)
  | { readonly kind: "forwarding-add" | "forwarding-update"; readonly session: SessionParameters }
  | { readonly kind: "forwarding-remove"; readonly localSessionId: number; readonly pseudowire: string }
  | { readonly kind: "report"; readonly event: ReportedEvent };

/** What happened to the path of a connection. */
export type PathChange = "moved" | "refuted" | "held" | "doubted";

/** The Result Code of the peer's StopCCN or CDN (RFC 3931 §5.4.2); `words` begin its message. */
export interface PeerResult {
  readonly resultCode: number;
  readonly errorCode?: number;
  readonly words?: string;
}

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
      /** Of a StopCCN. */
      readonly result?: PeerResult;
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
      /** Where the cause is that its connection ended: the cause of that. */
      readonly connectionCause?: string;
      /** Of a CDN. */
      readonly result?: PeerResult;
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
  /**
   * The path of a connection moved to `path`; or it was tried and does not lead to the peer; or it moved so
   * often that it stays for a while; or the peer's data stopped, and it does not answer by it.
   */
  | {
      readonly event: "path";
      readonly peer: string;
      readonly localControlConnectionId: number;
      readonly change: PathChange;
      readonly path: PsnPath;
      /** The path before, where it moved. */
      readonly former?: PsnPath;
      readonly detail: string;
    }
  /**
   * The largest packet that the path to a peer is known to take, header included, is another; undefined: it
   * is not known.
   */
  | ({
      readonly event: "path-mtu";
      readonly peer: string;
    } & FoundPathMtu)
  | {
      readonly event: "discard";
      readonly reason: ControlDiscardReason;
      readonly path: PsnPath;
    }
  /** An SCCRQ was discarded that is for no peer, or failed authentication by one of any address. */
  | ({
      readonly event: "unknown-peer";
      readonly path: PsnPath;
    } & UnknownCall);
