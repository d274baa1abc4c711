import type { PlanStep } from "../config/plan.ts";
import type { UnknownPeerReason } from "../control/unknown-peers.ts";
import type { CounterValues } from "../forwarding/counters-table.ts";
import type { MssClampChoice } from "../forwarding/mss.ts";
import type { PacketTooBigChoice } from "../forwarding/too-big.ts";
import type { ChannelStatus, Encapsulation, L2SpecificSublayer } from "../wire/session-parameters.ts";
import type { BridgeStatus } from "./bridge-status.ts";
import type { ChangeStatus } from "./change-history.ts";
import type { FrameLoss } from "./frame-loss.ts";

/** Version of the API and of what its answers hold: it grows when a key changes its meaning or goes. */
export const API_VERSION = 1;

/** The status of a daemon: what `GET /v1/status` answers, kept stable (docs/operating.md). */
export interface StatusReport {
  readonly apiVersion: number;
  readonly version: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly hostName: string;
  readonly routerId: string;
  /** The configuration file, and for how long it is in force as it was then. */
  readonly configuration?:
    | {
        readonly file: string;
        readonly readForMs: number;
        /** When the configuration before comes back, unless this one is confirmed. */
        readonly revertsInMs?: number;
        /** Whether the file was not confirmed, and what runs is the configuration before. */
        readonly undone?: boolean;
      }
    | undefined;
  readonly plane: { readonly name: string; readonly reason: string };
  readonly controlConnections: readonly ControlConnectionStatus[];
  readonly pseudowires: readonly PseudowireStatus[];
  /** Bridges of the file and those that circuits name, with their ports. */
  readonly bridges?: readonly BridgeStatus[];
  /** Data messages and frames discarded that belong to no session, by reason. */
  readonly discards: Readonly<Record<string, number>>;
  /** Control messages given up, by reason. */
  readonly control: Readonly<Record<string, number>>;
  /** How long ago `discards` and `control` were cleared; absent where they were not. */
  readonly clearedAgoMs?: number | undefined;
  /** The last few senders of SCCRQs that no tunnel takes, within an hour; absent where there is none. */
  readonly unknownPeers?: readonly UnknownPeerStatus[] | undefined;
  /** How many other senders there were; absent where there is none. */
  readonly otherUnknownPeers?: number | undefined;
  /** The addresses of `http.listen`; absent where there is none. */
  readonly http?: readonly HttpListenerStatus[] | undefined;
  /**
   * Lines that the log could not write, and why the last of them; and lines that were left out because there
   * were too many of a kind.
   */
  readonly log: {
    readonly lostLines: number;
    readonly reason?: string | undefined;
    readonly leftOutLines: number;
  };
}

/** An address at which the daemon listens for HTTP, or waits to. */
export interface HttpListenerStatus {
  readonly listen: string;
  readonly isOpen: boolean;
  /** Why it is not open. */
  readonly problem?: string | undefined;
  readonly nextAttemptInMs?: number | undefined;
  /** What looks wrong though it is open: the token could not be read again, and the former one counts. */
  readonly note?: string | undefined;
}

/**
 * Who sent SCCRQs that no tunnel is for, or that failed authentication by the secret of a tunnel of `any`:
 * what it says of itself proves nothing.
 */
export interface UnknownPeerStatus {
  readonly hostName?: string | undefined;
  readonly address: string;
  readonly sccrqs: number;
  readonly firstAgoMs: number;
  readonly lastAgoMs: number;
  /** Why the last of them was not taken: a reason of the discarded control messages. */
  readonly reason: UnknownPeerReason;
  /** The tunnel of `any` whose secret was tried; absent where there was none to try. */
  readonly tunnel?: string | undefined;
}

/** The state of tunnels and pseudowires that have `enabled: false` in the file. */
export const DISABLED = "disabled";
/** State of a tunnel or pseudowire that an operator closed. */
export const ADMIN_DOWN = "admin-down";

/** Whether a tunnel or pseudowire is one that should be up: the file does not say `enabled: false` of it. */
export function isWanted({ state }: { readonly state: string }): boolean {
  return state !== DISABLED;
}

/**
 * A control connection, or what stands for it of a static tunnel, which has nothing of its ups and downs.
 */
export interface ControlConnectionStatus extends Partial<ChangeStatus> {
  readonly tunnel: string;
  /**
   * A state of RFC 3931 §7.2, "static", "waiting" for what the tunnel cannot be opened without, such as its
   * address, "disabled" by the file, or "admin-down" where an operator closed it.
   */
  readonly state: string;
  readonly encapsulation: "udp" | "ip";
  readonly local: string;
  readonly remote: string;
  /** Since when the two ends are these, and how often they changed while the connection was up. */
  readonly pathForMs?: number | undefined;
  readonly pathMoves?: number | undefined;
  /** The ends before the last change. */
  readonly formerLocal?: string | undefined;
  readonly formerRemote?: string | undefined;
  /** What tells that a NAT is between us and the peer; absent where nothing does. */
  readonly nat?: string | undefined;
  /** Where our address comes from: "interface NAME" or "route"; absent where the file has it. */
  readonly localFrom?: string | undefined;
  /**
   * The peer's name: its addresses, the one in use first; how long ago they were answered, and when it is
   * asked again; what failed the last time; and what was not answered beside an answer, as "no AAAA: ...".
   */
  readonly remoteName?:
    | {
        readonly name: string;
        readonly addresses: readonly string[];
        readonly answeredForMs?: number | undefined;
        readonly nextQueryInMs?: number | undefined;
        readonly problem?: string | undefined;
        readonly unanswered?: string | undefined;
      }
    | undefined;
  readonly localControlConnectionId?: number | undefined;
  readonly remoteControlConnectionId?: number | undefined;
  readonly peerHostName?: string | undefined;
  readonly peerRouterId?: string | undefined;
  readonly peerVendorName?: string | undefined;
  /**
   * By a secret: "hmac-md5" or "hmac-sha1"; "integrity", which finds damage and authenticates nobody; "none".
   */
  readonly authentication: string;
  readonly establishedForMs?: number | undefined;
  readonly whyNot?: string | undefined;
  /** For how long it is not up, whatever the reasons were; there with `whyNot`. */
  readonly downForMs?: number | undefined;
  /** What looks wrong though it may be up; empty as a rule. */
  readonly notes?: readonly string[];
  readonly nextAttemptInMs?: number | undefined;
  /** The largest packet that the path to the peer takes; absent without a route. */
  readonly pathMtu?: PathMtuStatus | undefined;
  /** Why nothing can be known of it yet, as text: with `remote: any` no peer came. */
  readonly pathMtuUnknown?: string | undefined;
  readonly sent: number;
  readonly received: number;
  readonly retransmitted: number;
  /** How long ago these counts were cleared; absent where they were not. */
  readonly clearedAgoMs?: number | undefined;
}

/** A path MTU, and how it is known. */
export interface PathMtuStatus {
  /** In octets, with the IP header. */
  readonly octets: number;
  /**
   * "measured" by probes that the peer acknowledged; or assumed: what the kernel has of a router
   * ("reported"), or else the MTU of the "interface", or of the route where that is less.
   */
  readonly source: "measured" | "reported" | "interface";
  /** What a router told the kernel, where more was measured: it may be forged, and counts for nothing. */
  readonly reportedOctets?: number | undefined;
  /** How it is measured, and how long ago the last time. */
  readonly by?: "VCCV echo" | "HELLO" | "ICMP echo" | undefined;
  readonly measuredAgoMs?: number | undefined;
  /** The state of the search (RFC 8899 §5.2); absent where there is none. */
  readonly search?: string | undefined;
}

/** A pseudowire, with the counters of its session. */
export interface PseudowireStatus extends CounterValues, Partial<ChangeStatus> {
  readonly name: string;
  readonly tunnel: string;
  /** A state of RFC 3931 §7.3, "wait-control-conn", "disabled" by the file, or "admin-down" by hand. */
  readonly state: string;
  readonly type: string;
  readonly circuit: string;
  readonly localSessionId?: number | undefined;
  readonly remoteSessionId?: number | undefined;
  readonly receiveCookieOctets?: number | undefined;
  readonly transmitCookieOctets?: number | undefined;
  readonly receiveSublayer?: string | undefined;
  readonly transmitSublayer?: string | undefined;
  readonly receiveSequencing?: string | undefined;
  readonly transmitSequencing?: string | undefined;
  readonly frameSize?: FrameSizeStatus | undefined;
  /** What the two ends announced of pseudowire fragments; absent without `fragmentation: pseudowire`. */
  readonly fragments?: FragmentStatus | undefined;
  /** The session's control channel; absent where the two ends agreed on none. */
  readonly vccv?: VccvStatus | undefined;
  readonly localCircuit: string;
  /** What of the device is off because the other end is down (`follow_peer`), such as "carrier off". */
  readonly heldDown?: string | undefined;
  /**
   * Where the circuit has several pseudowires, or this one signals standby: all of them, the preferred one
   * first; the one that has the frames of the circuit, unless none has a session; and whether this one stands
   * by.
   */
  readonly forwarder?:
    | { readonly members: readonly string[]; readonly active?: string | undefined; readonly standby: boolean }
    | undefined;
  readonly remoteCircuit?: string | undefined;
  /** What a protocol on the session's control channel says of it; absent where none says anything. */
  readonly channelStatus?: ChannelStatus | undefined;
  readonly whyNot?: string | undefined;
  /** For how long it is not up, whatever the reasons were; there with `whyNot` where it is known. */
  readonly downForMs?: number | undefined;
  /** What looks wrong though it may be up; empty as a rule. */
  readonly notes?: readonly string[];
  readonly establishedForMs?: number | undefined;
  /** How frames travel: "ebpf" or "userspace"; absent without a session. */
  readonly plane?: string | undefined;
  /** Why programs in the kernel do not forward it. */
  readonly planeReason?: string | undefined;
  /** Who segments GSO packets to the peer (`gso`), and why; absent where eBPF does not forward it. */
  readonly gso?: { readonly choice: "offload" | "segment"; readonly reason: string } | undefined;
  readonly discards: Readonly<Record<string, number>>;
  /** How long ago its counters were cleared; absent where they were not. */
  readonly clearedAgoMs?: number | undefined;
}

/** The control channel of a session (RFC 5085): how its messages are told, and what it is used for. */
export interface VccvStatus {
  readonly channel: "l2-specific-sublayer";
  readonly checks: readonly "ICMP echo"[];
}

/** Pseudowire fragments of a session (RFC 4623), in octets. */
export interface FragmentStatus {
  /** The longest frame that we put together. */
  readonly receiveMrru?: number | undefined;
  /** The longest data message, and frame, that the peer takes in fragments; absent where it gets none. */
  readonly peerMru?: number | undefined;
  readonly peerMrru?: number | undefined;
}

/** What decides how long the data messages are that we send, and what becomes of long ones. */
export interface FrameSizeStatus {
  /** Largest layer-3 payload that the pseudowire takes, and the MTU of its interface, in octets. */
  readonly mtu: number;
  readonly deviceMtu?: number | undefined;
  /** Tags that every frame has on the pseudowire: 1 where it carries one VLAN. */
  readonly tags: 0 | 1;
  /** Of the path to the peer; absent while its address is not known. */
  readonly ipVersion?: 4 | 6 | undefined;
  readonly encapsulation: Encapsulation;
  readonly cookieOctets: number;
  readonly sublayer: L2SpecificSublayer;
  /**
   * Whether cookie and sublayer are those of a session; otherwise they are what we ask the peer for, which
   * asks for its own.
   */
  readonly agreed: boolean;
  /** Of the session: "outer" too where the tunnel has "pseudowire" and the peer takes no fragments. */
  readonly fragmentation: "outer" | "none" | "pseudowire";
  readonly mssClamp: MssClampChoice;
  readonly packetTooBig: PacketTooBigChoice;
}

/** How a reload is wanted. */
export interface ReloadRequest {
  /** To report what it would do, and do nothing. */
  readonly dryRun?: boolean;
  /** In ms: to go back unless it is confirmed within this time after it was applied. */
  readonly confirmMs?: number;
}

export interface ReloadReport {
  readonly changed: boolean;
  readonly plan: string;
  /** What is wrong with the file; or else what waits, or was left as it is. */
  readonly problems: readonly string[];
  /** Whether the file is not in order, and nothing was changed. */
  readonly refused: boolean;
  /** What it consists of, and which pseudowires lose frames by it; absent where the file is not in order. */
  readonly steps?: readonly PlanStep[];
  readonly frameLoss?: readonly FrameLoss[];
  /** What waits for the next start of the daemon, a line for each key. */
  readonly nextStart?: readonly string[];
  /** Whether nothing was done, and this is what would be. */
  readonly dryRun?: boolean;
  /** Within what time it is to be confirmed, in ms, or else is undone. */
  readonly confirmWithinMs?: number;
}
