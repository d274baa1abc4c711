import type { DataSequencing, Encapsulation } from "../../../wire/session-parameters.ts";

/** Options of a program: what is decided when it is made, and not while it runs. */
export interface ProgramOptions {
  /** Version of the outer IP header. */
  readonly family: 4 | 6;
  readonly encapsulation: Encapsulation;
  readonly cookieOctets: 0 | 4 | 8;
  readonly sublayer: boolean;
  /**
   * Which frames get numbers; of received ones, only whether numbers are checked. "none" without a sublayer.
   */
  readonly sequencing: DataSequencing;
  /** Whether circuits are whole ports, or VLANs by their outer tag. */
  readonly vlan: "port" | "vlan";
  /**
   * Whether the outer IP header gets the frame's own code point; default false. Used by encapsulation only.
   */
  readonly copiesDscp?: boolean;
  /**
   * Whether messages of the session's control channel (V bit) pass to the socket; default false: they are
   * discarded. Used by decapsulation only, with a sublayer.
   */
  readonly controlChannel?: boolean;
  /** Whether the MSS of TCP is lowered; default false. */
  readonly clampsMss?: boolean;
  /**
   * Whether the kernel must read the protocol of every decapsulated frame from its octets, for it cannot be
   * told (before Linux 6.3); default false. A property of the kernel, and no part of the variant.
   */
  readonly readsProtocol?: boolean;
  /**
   * Where the kernel keeps a packet's tx_flags, by which time stamps are requested (time-stamps.ts); default
   * unknown. A property of the kernel, and no part of the variant.
   */
  readonly packetOffsets?: { readonly end: number; readonly txFlags: number } | undefined;
  /**
   * Number of processors over which packets that leave a segmenter are spread; default 1. A property of the
   * machine, and no part of the variant.
   */
  readonly processors?: number;
}

/** File descriptors of the maps that programs share, laid out by map-layout.ts. */
export interface ProgramMaps {
  readonly circuits: number;
  readonly peers: number;
  readonly counters: number;
  readonly sequences: number;
  readonly routes: number;
}

/** Octets of an Ethernet header, with which every packet begins at traffic control. */
export const LINK_OCTETS = 14;
const UDP_OCTETS = 8;

/** Offsets of the headers in front of the frame, in octets from the outer IP header on. */
export function headerOffsets({
  family,
  encapsulation,
  cookieOctets,
  sublayer,
}: Pick<ProgramOptions, "family" | "encapsulation" | "cookieOctets" | "sublayer">) {
  const udp = family === 4 ? 20 : 40;
  const message = encapsulation === "udp" ? udp + UDP_OCTETS : udp;
  const sessionId = encapsulation === "udp" ? message + 4 : message;
  const cookie = sessionId + 4;
  const sublayerAt = cookie + cookieOctets;
  return { udp, message, sessionId, cookie, sublayer: sublayerAt, frame: sublayerAt + (sublayer ? 4 : 0) };
}

/**
 * The variant of a program: one number for its options. A session's entry names its variant, and programs of
 * other variants pass its packets.
 */
export function variantOf(options: ProgramOptions): number {
  const sequencing = options.sublayer ? { none: 0, "non-ip": 1, all: 2 }[options.sequencing] : 0;
  return (
    (options.family === 6 ? 1 : 0) +
    (options.encapsulation === "ip" ? 2 : 0) +
    (options.cookieOctets / 4) * 4 +
    (options.sublayer ? 16 : 0) +
    sequencing * 32 +
    (options.vlan === "vlan" ? 128 : 0) +
    (options.copiesDscp === true ? 256 : 0) +
    (options.controlChannel === true ? 512 : 0) +
    (options.clampsMss === true ? 1024 : 0)
  );
}

/** The variant of circuits whose session no program carries; no options have it. */
export const PUNT_VARIANT = 255;

/** Whether TCP goes through the segmenter, if the session's entry has one. */
export function usesSegmenter({ encapsulation, sequencing }: ProgramOptions): boolean {
  return encapsulation === "ip" && sequencing !== "all";
}

/**
 * Every combination of options of an encapsulating program, but of two that share no lines: one at a time.
 */
export function everyEncapsulation(): readonly ProgramOptions[] {
  return everyOption()
    .flatMap((options) => [options, { ...options, copiesDscp: true }, ...clamping(options)])
    .flatMap((options) => (usesSegmenter(options) ? [options, { ...options, processors: 4 }] : [options]));
}

/** Every combination of options of a decapsulating program, but of two that share no lines: one at a time. */
export function everyDecapsulation(): readonly ProgramOptions[] {
  return everyOption().flatMap((options) => [
    options,
    ...clamping(options),
    { ...options, readsProtocol: true },
    ...(options.sublayer ? [{ ...options, controlChannel: true }] : []),
  ]);
}

/**
 * The same with the MSS clamped. A cookie only shifts those lines, which are many for the verifier: the
 * longest stands for all.
 */
function clamping(options: ProgramOptions): readonly ProgramOptions[] {
  return options.cookieOctets === 8 ? [{ ...options, clampsMss: true }] : [];
}

/** Every combination of the options of both directions: without a sublayer there are no numbers. */
export function everyOption(): readonly ProgramOptions[] {
  const layers = [
    { sublayer: false, sequencing: "none" },
    { sublayer: true, sequencing: "none" },
    { sublayer: true, sequencing: "non-ip" },
    { sublayer: true, sequencing: "all" },
  ] as const;
  return ([4, 6] as const).flatMap((family) =>
    (["udp", "ip"] as const).flatMap((encapsulation) =>
      ([0, 4, 8] as const).flatMap((cookieOctets) =>
        layers.flatMap((layer) =>
          (["port", "vlan"] as const).map((vlan) => ({
            family,
            encapsulation,
            cookieOctets,
            ...layer,
            vlan,
          })),
        ),
      ),
    ),
  );
}
