/**
 * What other implementations of L2TPv3 can do. The key `peer` of a tunnel takes its defaults from here, and
 * is checked against it; `wirespan peer-config` writes the other end by it.
 */

/** An implementation at the other end. */
export type PeerKind =
  | "wirespan"
  | "linux"
  | "networkd"
  | "vyos"
  | "cisco-ios"
  | "mikrotik"
  | "freertr"
  | "softether"
  | "xcesp-l2tpv3d"
  | "seil"
  | "yamaha";

/** What an implementation can do, as far as it is known. */
export interface PeerAbilities {
  /** What messages call it. */
  readonly title: string;
  /** How it is known: from runs against it, or from what is written of it. */
  readonly known: "tested with each change" | "was run" | "from its documentation";
  readonly control: readonly ("negotiated" | "static")[];
  readonly encapsulations: readonly ("udp" | "ip")[];
  readonly families: readonly (4 | 6)[];
  /** Octets of cookies, in both directions. */
  readonly cookieOctets: readonly (0 | 4 | 8)[];
  /** `with sequencing`: none, unless frames are numbered. */
  readonly sublayer: "none" | "default" | "either" | "with sequencing";
  /** Which frames it can number, and wants numbered: none, all, or also all but IP. */
  readonly sequencing: "none" | "all" | "any";
  /** Whether both directions must have one sublayer. */
  readonly hasOneSublayer: boolean;
  readonly authentication: readonly ("digest" | "integrity" | "none")[];
  /** What `role` of our tunnels may be: an implementation may only answer, or only call. */
  readonly ourRoles: readonly ("either" | "initiator" | "responder")[];
  /** Whether its UDP port may be another one than 1701. */
  readonly canChoosePort: boolean;
  /** Whether one tunnel carries several pseudowires. */
  readonly hasSeveralSessions: boolean;
  /** Whether it calls its pseudowires by numbers. */
  readonly hasNumbersAsEndIds: boolean;
  /** The highest session id that its configuration takes. */
  readonly highestSessionId: number;
  /** Keys that its tunnels and their pseudowires have by default. */
  readonly sets: {
    readonly tunnel: Readonly<Record<string, string>>;
    readonly pseudowire: Readonly<Record<string, string | number>>;
  };
}

const ANY_ID = 0xffff_ffff;

/** An implementation of static sessions alone, by the Linux kernel. */
const kernel: PeerAbilities = {
  title: "the Linux kernel",
  known: "tested with each change",
  control: ["static"],
  encapsulations: ["udp", "ip"],
  families: [4, 6],
  cookieOctets: [0, 4, 8],
  sublayer: "either",
  sequencing: "all",
  hasOneSublayer: true,
  authentication: ["none"],
  ourRoles: ["either", "initiator", "responder"],
  canChoosePort: true,
  hasSeveralSessions: true,
  hasNumbersAsEndIds: false,
  highestSessionId: ANY_ID,
  sets: { tunnel: { control: "static" }, pseudowire: {} },
};

/** An implementation of control connections over UDP, without cookies, sublayer and digests. */
const plain: PeerAbilities = {
  ...kernel,
  known: "from its documentation",
  control: ["negotiated"],
  encapsulations: ["udp"],
  cookieOctets: [0],
  sublayer: "none",
  sequencing: "none",
  canChoosePort: false,
  sets: { tunnel: { encapsulation: "udp" }, pseudowire: { cookie: 0 } },
};

/** TABLE: the implementations, with what each can do. */
export const peerTable = {
  wirespan: {
    ...kernel,
    title: "Wirespan",
    control: ["negotiated", "static"],
    sequencing: "any",
    hasOneSublayer: false,
    authentication: ["digest", "integrity", "none"],
    sets: { tunnel: {}, pseudowire: {} },
  },
  linux: kernel,
  networkd: {
    ...kernel,
    title: "systemd-networkd",
    known: "from its documentation",
    cookieOctets: [0],
    sequencing: "none",
  },
  vyos: {
    ...kernel,
    title: "VyOS",
    known: "from its documentation",
    cookieOctets: [0],
    sublayer: "default",
    sequencing: "none",
    hasSeveralSessions: false,
    // As its own check has it, a digit short.
    highestSessionId: 429_496_729,
    sets: { tunnel: { control: "static" }, pseudowire: { sublayer: "default" } },
  },
  "cisco-ios": {
    ...kernel,
    title: "Cisco IOS",
    known: "from its documentation",
    control: ["negotiated", "static"],
    encapsulations: ["ip"],
    families: [4],
    sublayer: "with sequencing",
    authentication: ["digest", "none"],
    hasNumbersAsEndIds: true,
    sets: { tunnel: { encapsulation: "ip" }, pseudowire: { cookie: 0 } },
  },
  mikrotik: {
    ...plain,
    title: "MikroTik RouterOS",
    control: ["negotiated", "static"],
    encapsulations: ["udp", "ip"],
    cookieOctets: [0, 4, 8],
    sublayer: "either",
    authentication: ["integrity", "none"],
    hasSeveralSessions: false,
    sets: { tunnel: {}, pseudowire: { cookie: 0 } },
  },
  freertr: {
    ...plain,
    title: "freeRtr",
    known: "was run",
    encapsulations: ["ip"],
    sets: { tunnel: { encapsulation: "ip" }, pseudowire: { cookie: 0 } },
  },
  softether: {
    ...plain,
    title: "SoftEther",
    known: "was run",
    ourRoles: ["initiator"],
    sets: { tunnel: { encapsulation: "udp", role: "initiator" }, pseudowire: { cookie: 0 } },
  },
  "xcesp-l2tpv3d": {
    ...plain,
    title: "xcesp-l2tpv3d",
    known: "was run",
    families: [4],
    cookieOctets: [0, 4, 8],
    sublayer: "either",
    ourRoles: ["responder"],
    sets: { tunnel: { encapsulation: "udp", role: "responder" }, pseudowire: {} },
  },
  seil: {
    ...plain,
    title: "SEIL",
    encapsulations: ["ip"],
    cookieOctets: [0, 4, 8],
    sets: { tunnel: { encapsulation: "ip" }, pseudowire: { cookie: 0 } },
  },
  yamaha: { ...plain, title: "Yamaha RTX", families: [4], hasSeveralSessions: false },
} as const satisfies Readonly<Record<PeerKind, PeerAbilities>>;

/** The implementations, by the names that the file has for them. */
export const peerKinds = Object.keys(peerTable) as [PeerKind, ...PeerKind[]];

/** What an implementation can do. */
export function abilitiesOf(kind: PeerKind): PeerAbilities {
  return peerTable[kind];
}
