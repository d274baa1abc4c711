import type { DiscardReason } from "./discard-reasons.ts";

/** A frame of a capture, or a packet. A source may change it at its next call of `peek` after `skip`. */
export interface CapturedFrame {
  /** Since 1970, UTC. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Its first octets, as many as are kept; a view, not a copy. */
  readonly octets: Uint8Array;
  readonly originalOctets: number;
  /** "inbound": taken from the circuit, or from the network; "outbound": sent there. */
  readonly direction: "inbound" | "outbound";
  /** Why it was discarded, if it was. */
  readonly discarded?: DiscardReason | undefined;
}

/** Where captured frames wait to be read: bounded, and what it has no room for is dropped and counted. */
export interface FrameSource {
  /** The oldest frame that waits; the same one until `skip`. */
  peek(): CapturedFrame | undefined;
  /** Gives the memory of that frame back. */
  skip(): void;
  /** Frames that were wanted since it was opened, and those of them that were dropped. */
  readonly received: number;
  readonly dropped: number;
}

/** What identifies the frames of a circuit: a device, and the outer tag of one VLAN (`AttachmentCircuit`). */
export interface MirroredCircuit {
  readonly device: string;
  readonly vlan?: { readonly id: number; readonly protocol: number };
}

/** What is wanted of the frames of a pseudowire. */
export interface FramesWanted {
  readonly pseudowire: string;
  readonly circuit: MirroredCircuit;
  /** Octets that are kept of each frame. */
  readonly snapOctets: number;
  /** A filter of classic BPF for Ethernet frames (packet-filter.ts); absent: all frames. */
  readonly filter?: Uint32Array | undefined;
}

/** Which frames a plane gives to a capture beside those that it discarded: others are seen elsewhere. */
export interface RecordingScope {
  readonly fromCircuit: boolean;
  readonly toCircuit: boolean;
}

/** Frames of a pseudowire that a plane gives to a capture. */
export interface FrameRecording extends FrameSource {
  /** Other frames from now on. */
  setScope(scope: RecordingScope): Promise<void>;
  close(): Promise<void>;
}

/** What makes recordings: the last plane of a stack, which has every session. */
export interface FrameRecordings {
  open(wanted: FramesWanted, scope: RecordingScope): Promise<FrameRecording>;
}

/** Where frames of a circuit can be copied before a plane takes them from the planes below. */
export interface MirrorPlace {
  /** Index of the circuit's interface: a mirror of another one has to be opened again. */
  readonly interfaceIndex: number;
  /** Whether a mirror sees what other planes send to the circuit. */
  readonly seesOthers: boolean;
  /** Throws OperationalError. */
  open(wanted: FramesWanted): FrameSource & Disposable;
}
