import type { DscpChoice } from "../wire/dscp.ts";
import type { Encapsulation, PsnPath, SequenceRule, SessionParameters } from "../wire/session-parameters.ts";
import type { DiscardReason } from "./discard-reasons.ts";

export type UdpChecksum = "auto" | "full" | "zero";

/** A local address (and port) of this LCCE on the packet-switched network. */
export interface PsnEndpoint {
  readonly encapsulation: Encapsulation;
  readonly address: string;
  /** UDP port; 0 asks for any free one, and is the only value with "ip". */
  readonly port: number;
  /**
   * Of the UDP datagrams of data messages. "full": every one has a checksum. "zero": none needs one, and over IPv6 none is asked
   * of the peer's (RFC 6935 §5). "auto": "zero" over IPv4, where each end may choose (RFC 3931 §4.1.2.3), "full" over IPv6.
   */
  readonly checksum: UdpChecksum;
  /** Who segments GSO packets: "offload" the interface to the peer, "segment" we do; "auto": the interface, where it can. */
  readonly gso: "auto" | "offload" | "segment";
  /** Whether control messages come in here; else it is for static sessions alone. */
  readonly control: boolean;
  /** Code point of control messages. */
  readonly controlDscp: number;
  /** "outer": datagrams over the path MTU are fragmented by IP (DF clear). "none": DF set, and they are counted as `path-mtu`. */
  readonly fragmentation: "outer" | "none";
}

/** The device that carries attached hosts. Several pseudowires may share it, one VLAN each. */
export interface CircuitDevice {
  /** "tap": we create it and remove it. "interface": it exists and stays. */
  readonly kind: "tap" | "interface";
  /** Linux interface name, at most 15 octets. */
  readonly name: string;
  /** MTU in octets (layer 3) to give a TAP device; an interface is left as it is. */
  readonly mtu: number;
  /** Interfaces used instead of the device, whose own frames eBPF programs take: one to send by, one to receive from. */
  readonly proxyInterfaces?: { readonly transmit: string; readonly receive: string };
}

/** What becomes of frames to 01-80-C2-00-00-00..0F (STP, LACP, LLDP, PAUSE): "no-pause" keeps only PAUSE on this side. */
export type LinkLocalPolicy = "forward" | "no-pause" | "block";

/** The part of a circuit device that one pseudowire carries, and how. */
export interface CircuitAttachment {
  readonly device: string;
  /** Absent: the whole port. */
  readonly vlan?: {
    /** VLAN ID of the frames on the circuit, 0 to 4094. */
    readonly id: number;
    /** VLAN ID of the frames as they cross the pseudowire. What arrives with any VLAN ID leaves on the circuit with `id`. */
    readonly idOnPseudowire: number;
    /** EtherType of the tag: 0x8100 (802.1Q) or 0x88a8 (802.1ad). */
    readonly protocol: 0x8100 | 0x88a8;
  };
  readonly linkLocal: LinkLocalPolicy;
  /** Code point of the outer IP header of data messages; "copy": of the frame's own IP header, and 0 for what is not IP. */
  readonly dscp: DscpChoice;
  /** Of what the peer numbers; default `usualSequenceRule`. */
  readonly sequenceRule?: SequenceRule;
  /** Largest layer-3 payload in octets: a frame may have 14 octets more, and 4 more for each of up to two tags. */
  readonly mtu: number;
}

/** What passed and what was given up for one session since it was added. */
export interface SessionCounters {
  readonly localSessionId: number;
  /** Frames from the peer delivered to the circuit. */
  readonly receivedFrames: number;
  readonly receivedOctets: number;
  /** Frames from the circuit sent to the peer. */
  readonly transmittedFrames: number;
  readonly transmittedOctets: number;
  /** Only reasons that occurred. */
  readonly discards: Partial<Record<DiscardReason, number>>;
}

export interface PlaneCounters {
  readonly sessions: readonly SessionCounters[];
  /** What no session could be charged with. Only reasons that occurred. */
  readonly discards: Partial<Record<DiscardReason, number>>;
}

/** Who segments the GSO packets of hosts and finishes their checksums on the way to the peer, and why. */
export interface GsoHandling {
  readonly choice: "offload" | "segment";
  readonly reason: string;
}

export interface Carrier {
  readonly plane: "userspace" | "ebpf";
  /** Where programs in the kernel carry it. */
  readonly gso?: GsoHandling | undefined;
  /** Why not by programs in the kernel, where they were wanted. */
  readonly reason?: string;
}

/** What a plane tells its owner, on the main thread. */
export interface PlaneEvents {
  /** The plane itself broke and forwards no more; `error` says why. */
  failed(error: Error): void;
}

/**
 * Carries frames between attachment circuits and the packet-switched network. One plane holds many sessions.
 * Every method that touches the kernel rejects with SystemError, and then nothing has changed.
 */
export interface ForwardingPlane {
  readonly name: string;
  /** Binds an interface, or creates a TAP device (unconfigured). Resolves to the index of the interface. */
  openCircuit(device: CircuitDevice): Promise<number>;
  /** Gives a TAP device that is open another MTU; all else about it stays. */
  resizeCircuit(device: CircuitDevice): Promise<void>;
  closeCircuit(deviceName: string): Promise<void>;
  /** A session that was removed and is added again, by its local id, counts anew and goes on with its sequence numbers. */
  addSession(session: SessionParameters, attachment: CircuitAttachment): Promise<void>;
  /** Changes what may change while frames flow, of the attachment only `dscp` and `sequenceRule`; sequence state and counters stay. */
  updateSession(session: SessionParameters, attachment: CircuitAttachment): Promise<void>;
  removeSession(localSessionId: number): Promise<void>;
  counters(): PlaneCounters;
  /** How a session's frames travel; of one that is not there, how they would at best. */
  carrier(localSessionId: number): Carrier;
  /** Removes what a former daemon left and nobody adopted; called once all that the configuration names was added. */
  removeLeftovers(): Promise<void>;
  close(): Promise<void>;
}

/** Tells endpoints apart. */
export function endpointKey({
  encapsulation,
  address,
  port,
}: Pick<PsnEndpoint, "encapsulation" | "address" | "port">): string {
  return `${encapsulation} ${address} ${port}`;
}

/** The key of the endpoint at our end of a path. */
export function localEndKey({ encapsulation, localAddress, localPort }: PsnPath): string {
  return endpointKey({ encapsulation, address: localAddress, port: localPort });
}
