import type { DscpChoice } from "../wire/dscp.ts";
import type { ChannelStatus, PsnPath, SequenceRule, SessionParameters } from "../wire/session-parameters.ts";
import type { CounterValues } from "./counters-table.ts";
import type { DiscardReason } from "./discard-reasons.ts";
import type { FrameRecordings, MirrorPlace } from "./frame-source.ts";
import type { MssClampChoice } from "./mss.ts";
import type { PacketTooBigChoice } from "./too-big.ts";

/** The device that carries attached hosts. Several pseudowires may share it, one VLAN each. */
export interface CircuitDevice {
  /** "tap": we create it and remove it. "interface": it exists and stays. */
  readonly kind: "tap" | "interface";
  /** Linux interface name, at most 15 octets. */
  readonly name: string;
  /** MTU in octets (layer 3) to give a TAP device; an interface is left as it is. */
  readonly mtu: number;
  /**
   * Interfaces used in place of the device by the plane below one that takes its frames (exception-path.ts).
   */
  readonly proxyInterfaces?: { readonly transmit: string; readonly receive: string };
}

/**
 * What becomes of frames to 01-80-C2-00-00-00..0F (STP, LACP, LLDP, PAUSE): "no-pause" keeps only PAUSE on
 * this side.
 */
export type LinkLocalPolicy = "forward" | "no-pause" | "block";

/**
 * What the configuration of a pseudowire says to protocols on its control channel: the options of each, by
 * the protocol's name. `channelOptions` (channel.ts) makes them as the protocol's row types them.
 */
export type ChannelOptions = Readonly<Record<string, object>>;

/** What one pseudowire has of a circuit device: the port or one VLAN, and how its frames pass (RFC 4664). */
export interface AttachmentCircuit {
  readonly device: string;
  /** Absent: the whole port. */
  readonly vlan?: {
    /** VLAN ID of the frames on the circuit, 0 to 4094. */
    readonly id: number;
    /**
     * VLAN ID of the frames as they cross the pseudowire. What arrives with any VLAN ID leaves on the circuit
     * with `id`.
     */
    readonly idOnPseudowire: number;
    /** EtherType of the tag: 0x8100 (802.1Q) or 0x88a8 (802.1ad). */
    readonly protocol: 0x8100 | 0x88a8;
  };
  readonly linkLocal: LinkLocalPolicy;
  /**
   * Code point of the outer IP header of data messages; "copy": of the frame's own IP header, and 0 for what
   * is not IP.
   */
  readonly dscp: DscpChoice;
  /** Of what the peer numbers; default `defaultSequenceRule`. */
  readonly sequenceRule?: SequenceRule;
  /** For protocols on the control channel, as long as the session is there; default none. */
  readonly channelOptions?: ChannelOptions;
  /** Whether it is up, for protocols on the control channel, which may tell the peer; default true. */
  readonly active?: boolean;
  /**
   * Largest layer-3 payload in octets: a frame may have 14 octets more, and 4 more for each of up to two
   * tags.
   */
  readonly mtu: number;
  /**
   * Largest IP packet, header included, that the path to the peer takes, in octets: as it was measured, and
   * whatever the kernel was told of the path; or else as the kernel knows it. Absent: the route says it.
   */
  readonly pathMtuOctets?: number;
  /** To what the MSS of TCP is lowered, in both directions (mss.ts); default "off". */
  readonly mssClamp?: MssClampChoice;
  /**
   * Octets of the longest frame, its tags included, that crosses the path to the peer without being
   * fragmented; absent where that is not known. It changes with the path MTU.
   */
  readonly wholeFrameOctets?: number;
  /** Whether packets that are too long are answered by ICMP (too-big.ts); default "off". */
  readonly packetTooBig?: PacketTooBigChoice;
}

/** What passed and what was given up for one session since it was added. */
export interface SessionCounters extends CounterValues {
  readonly localSessionId: number;
  /** Only reasons that occurred. */
  readonly discards: Partial<Record<DiscardReason, number>>;
}

export interface PlaneCounters {
  readonly sessions: readonly SessionCounters[];
  /** Discards that belong to no session. Only reasons that occurred. */
  readonly discards: Partial<Record<DiscardReason, number>>;
}

/** Who segments the GSO packets of hosts and finishes their checksums on the way to the peer, and why. */
export interface GsoHandling {
  readonly choice: "offload" | "segment";
  readonly reason: string;
}

/** The planes there are, the fastest first. */
export const planeNames = ["ebpf", "userspace"] as const;
export type PlaneName = (typeof planeNames)[number];

/** The plane that forwards a session, and why that one. */
export interface ForwardedBy {
  readonly plane: PlaneName;
  /** Where eBPF forwards it. */
  readonly gso?: GsoHandling | undefined;
  /** Why no faster plane forwards it, where there is one. */
  readonly reason?: string;
  /** Whether that is because calls of the kernel failed, and not the case by design. */
  readonly isFailure?: true;
}

/** What planes tell their owner, on the main thread. */
export interface PlaneEvents {
  /** A plane itself broke and forwards no more; `error` says why. */
  failed(error: Error): void;
  /**
   * A message of a session's control channel came in that no protocol of the plane's own takes (RFC 5085).
   * Without a listener it is counted as `unknown-channel-type`.
   */
  channel?(localSessionId: number, channelType: number, payload: Uint8Array): void;
  /** An ICMP echo reply came in by a session's control channel, as a whole IP packet (`decodeEchoPacket`). */
  echoReply?(localSessionId: number, channelType: number, payload: Uint8Array): void;
  /**
   * A protocol on a session's control channel says something else of the session than before. Of what it
   * said in quick succession, the last is told.
   */
  channelStatus?(localSessionId: number, status: ChannelStatus): void;
  /**
   * A data message came to the local end of a session's path from elsewhere than its peer, with the
   * session's cookie of 8 octets (`isHintOfPeer`). It was discarded as `wrong-peer`. `path` has the address
   * and port that it came from, `octets` are those of the UDP datagram's or IP packet's payload. `messages`
   * is how many came from there within one second, as far as is known; 1 at first. Told at most once a second
   * for each session, of one sender.
   */
  elsewhere?(localSessionId: number, path: PsnPath, octets: number, messages: number): void;
}

/** A circuit device that a plane has opened. */
export interface OpenedCircuit {
  readonly interfaceIndex: number;
  /** What the planes below open: the same device, or proxy interfaces for it. */
  readonly below: CircuitDevice;
}

/**
 * One way of forwarding frames between attachment circuits and the packet-switched network, a member of a
 * `PlaneStack`, where the methods of both are described. Every method that calls the kernel rejects with an
 * OperationalError, and then nothing has changed; `updateSession` and `removeSession` of sessions that it
 * does not have do nothing.
 */
export interface DataPlane {
  readonly name: PlaneName;
  /** The discard reasons that it can count. */
  readonly counts: ReadonlySet<DiscardReason>;
  /** Rejects where the plane cannot use the device: then those below it have it alone. */
  openCircuit(device: CircuitDevice): Promise<OpenedCircuit>;
  resizeCircuit(device: CircuitDevice): Promise<void>;
  closeCircuit(deviceName: string): Promise<void>;
  /**
   * Why it cannot forward a session as things are; undefined if it can. The reason stands in status and log.
   */
  obstacle(session: SessionParameters, attachment: AttachmentCircuit): Promise<string | undefined>;
  /** Rejects also where an obstacle came up since it was asked. */
  addSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void>;
  updateSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void>;
  /**
   * Leaves a session, which it may have forwarded so far, to the planes below, with the frames of its
   * circuit.
   */
  passSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void>;
  removeSession(localSessionId: number): Promise<void>;
  bindCircuit(attachment: AttachmentCircuit, localSessionId: number): Promise<void>;
  /**
   * Sessions for which what `obstacle` looked at has changed since, or for which calls of the kernel failed
   * a while ago.
   */
  outdated(): Promise<readonly number[]>;
  /** `outdated` may have another answer from now on. */
  watch(changed: () => void): void;
  /** Who segments the GSO packets of a session that it forwards. */
  gsoHandling(localSessionId: number): GsoHandling | undefined;
  counters(): PlaneCounters;
  /** Those of one session; undefined for one that it has not. */
  sessionCounters(localSessionId: number): SessionCounters | undefined;
  removeLeftovers(): Promise<void>;
  /**
   * Where frames of a device can be copied before they reach the planes below; absent, or undefined, where
   * the plane takes none from them.
   */
  mirrorPlace?(deviceName: string): MirrorPlace | undefined;
  close(): Promise<void>;
}

/** The last plane of a stack, which has every session, and so the control channels. */
export interface LastPlane extends DataPlane {
  /** Frames of sessions for captures. */
  readonly recordings: FrameRecordings;
  sendChannel(localSessionId: number, channelType: number, payload: Uint8Array): void;
}
