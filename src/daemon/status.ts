import type { CounterValues } from "../forwarding/counters-table.ts";
import type { ChannelStatus } from "../wire/session-parameters.ts";

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
  readonly plane: { readonly name: string; readonly reason: string };
  readonly controlConnections: readonly ControlConnectionStatus[];
  readonly pseudowires: readonly PseudowireStatus[];
  /** Data messages and frames discarded that belong to no session, by reason. */
  readonly discards: Readonly<Record<string, number>>;
  /** Control messages given up, by reason. */
  readonly control: Readonly<Record<string, number>>;
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

export interface ControlConnectionStatus {
  readonly tunnel: string;
  /**
   * A state of RFC 3931 §7.2, "static", or "waiting" for what the tunnel cannot be opened without, such as
   * its address.
   */
  readonly state: string;
  readonly encapsulation: "udp" | "ip";
  readonly local: string;
  readonly remote: string;
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
  /** What looks wrong though it may be up; empty as a rule. */
  readonly notes?: readonly string[];
  readonly nextAttemptInMs?: number | undefined;
  readonly sent: number;
  readonly received: number;
  readonly retransmitted: number;
}

/** A pseudowire, with the counters of its session. */
export interface PseudowireStatus extends CounterValues {
  readonly name: string;
  readonly tunnel: string;
  /** A state of RFC 3931 §7.3, or "wait-control-conn". */
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
  readonly localCircuit: string;
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
}

export interface ReloadReport {
  readonly changed: boolean;
  readonly plan: string;
  /** What is wrong with the file; or else what waits, or was left as it is. */
  readonly problems: readonly string[];
  /** Whether the file is not in order, and nothing was changed. */
  readonly refused: boolean;
}
