import type { DataSequencing, Encapsulation } from "../../../wire/session-parameters.ts";

/** What differs between programs, decided while they are made and not while they run. */
export interface ProgramOptions {
  /** Version of the outer IP header. */
  readonly family: 4 | 6;
  readonly encapsulation: Encapsulation;
  readonly cookieOctets: 0 | 4 | 8;
  readonly sublayer: boolean;
  /** Which frames get numbers; of what is received, only whether numbers count. Without a sublayer there are none. */
  readonly sequencing: DataSequencing;
  /** Whether circuits are whole ports, or VLANs told apart by their outer tag. */
  readonly vlan: "port" | "vlan";
  /** Whether the outer IP header gets the frame's own code point; default false, and nothing that is received asks for it. */
  readonly copiesDscp?: boolean;
  /**
   * Whether the kernel is to read the protocol of every frame that comes out of a tunnel, for it cannot be told (before Linux 6.3);
   * default false. It is of the kernel and not of a session, and of no shape.
   */
  readonly readsProtocol?: boolean;
  /**
   * Where the kernel keeps a packet's wishes, so that those for time stamps are heeded (time-stamps.ts); default nowhere. It is of the kernel,
   * and of no shape.
   */
  readonly packetOffsets?: { readonly end: number; readonly txFlags: number } | undefined;
  /** Among how many processors what comes out of a segmenter is spread; default 1. It is of the machine, and of no shape. */
  readonly processors?: number;
}

/** Descriptors of the maps that programs share, each as map-layout.ts lays it out. */
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

/** Where things stand in what precedes the frame, in octets from the outer IP header on. */
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

/** One number for all options: a session's entry has its own, and a program leaves alone what is not of its kind. */
export function variantOf(options: ProgramOptions): number {
  const sequencing = options.sublayer ? { none: 0, "non-ip": 1, all: 2 }[options.sequencing] : 0;
  return (
    (options.family === 6 ? 1 : 0) +
    (options.encapsulation === "ip" ? 2 : 0) +
    (options.cookieOctets / 4) * 4 +
    (options.sublayer ? 16 : 0) +
    sequencing * 32 +
    (options.vlan === "vlan" ? 128 : 0) +
    (options.copiesDscp === true ? 256 : 0)
  );
}

/** The shape of circuits whose session no program carries; no options have it. */
export const PUNT_VARIANT = 255;

/** Whether TCP goes by the segmenter, if the session's entry has one. */
export function usesSegmenter({ encapsulation, sequencing }: ProgramOptions): boolean {
  return encapsulation === "ip" && sequencing !== "all";
}

/** Every combination that makes an encapsulating program of its own. */
export function everyEncapsulation(): readonly ProgramOptions[] {
  return everyOption()
    .flatMap((options) => [options, { ...options, copiesDscp: true }])
    .flatMap((options) => (usesSegmenter(options) ? [options, { ...options, processors: 4 }] : [options]));
}

/** Every combination that makes a decapsulating program of its own. */
export function everyDecapsulation(): readonly ProgramOptions[] {
  return everyOption().flatMap((options) => [options, { ...options, readsProtocol: true }]);
}

/** Every combination of what both directions have: without a sublayer there is nothing to number. */
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
