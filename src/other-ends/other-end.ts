import { toHex } from "../bytes/hex.ts";
import { canonicalAddress, dottedQuad } from "../bytes/ip-address.ts";
import type { Config, PseudowireConfig, TunnelConfig } from "../config/config.ts";
import { type LocalEnd, localText, type RemoteEnd, remoteText } from "../config/ends.ts";

/** A tunnel as its other end sees it: all that the two ends say differently is exchanged. */
export interface OtherEnd {
  /** The tunnel as we have it. */
  readonly ours: TunnelConfig;
  /** Its own address; undefined where nobody said it. */
  readonly local: string | undefined;
  /** Our address, or a DNS name of ours; undefined where nobody said it. */
  readonly remote: string | undefined;
  /** Its own UDP port, and ours; 0 over IP, and where any free one is taken. */
  readonly localPort: number;
  readonly remotePort: number;
  /** What we call ourselves. */
  readonly remoteHostName: string;
  readonly remoteRouterId: string;
  /** What we want it to call itself. */
  readonly hostName: string | undefined;
  readonly routerId: string | undefined;
  /** Who opens the control connection, in its words. */
  readonly role: "either" | "initiator" | "responder";
  readonly pseudowires: readonly OtherPseudowire[];
}

/** A pseudowire as its other end sees it. */
export interface OtherPseudowire {
  readonly ours: PseudowireConfig;
  /** What both ends call it: text, or a number that goes as 4 octets. */
  readonly endId: string | number;
  /** The VLAN ID of its frames between the ends; undefined where whole ports are carried. */
  readonly vlan: { readonly id: number; readonly protocol: 0x8100 | 0x88a8 } | undefined;
  readonly session: OtherSession | undefined;
}

type Sublayer = "none" | "default";
type Sequencing = "none" | "non-ip" | "all";

/** A static session of the other end. Cookies are hexadecimal digits, empty for none. */
export interface OtherSession {
  readonly localSessionId: number;
  readonly remoteSessionId: number;
  readonly receiveCookie: string;
  readonly transmitCookie: string;
  readonly sublayer: Sublayer;
  readonly transmitSublayer: Sublayer;
  readonly sequencing: Sequencing;
  readonly transmitSequencing: Sequencing;
}

/** Addresses that the file leaves open, as its caller gives them. */
export interface GivenAddresses {
  readonly ours?: string | undefined;
  readonly theirs?: string | undefined;
}

const exchangedRole = { either: "either", initiator: "responder", responder: "initiator" } as const;

/** The other end of a tunnel. */
export function otherEndOf({ lcce }: Config, ours: TunnelConfig, given: GivenAddresses): OtherEnd {
  const { control } = ours;
  const routerId = control?.peerRouterId;
  return {
    ours,
    local: given.theirs ?? addressIn(ours.remote),
    remote: given.ours ?? addressIn(ours.local),
    localPort: ours.remotePort,
    remotePort: ours.localPort,
    remoteHostName: lcce.hostName,
    remoteRouterId: dottedQuad(lcce.routerId),
    hostName: control?.peerHostName,
    routerId: routerId === undefined ? undefined : dottedQuad(routerId),
    role: exchangedRole[control?.role ?? "either"],
    pseudowires: ours.pseudowires.map(otherPseudowireOf),
  };
}

/** The address of an end that the file says; a name of DNS is looked up by whoever uses it. */
function addressIn(end: LocalEnd | RemoteEnd): string | undefined {
  if (end.kind !== "address") return undefined;
  return "prefixes" in end ? remoteText(end) : localText(end);
}

function otherPseudowireOf(ours: PseudowireConfig): OtherPseudowire {
  const { vlan } = ours.circuit;
  const { staticSession: session, sublayer, sequencing } = ours;
  return {
    ours,
    endId: endIdValue(ours.remoteEndId),
    vlan: vlan && { id: vlan.idOnPseudowire, protocol: vlan.protocol },
    session: session && {
      localSessionId: session.remoteSessionId,
      remoteSessionId: session.localSessionId,
      receiveCookie: toHex(session.transmitCookie),
      transmitCookie: toHex(session.receiveCookie),
      sublayer: session.transmitSublayer,
      transmitSublayer: sublayer,
      sequencing: session.transmitSequencing,
      transmitSequencing: sequencing,
    },
  };
}

/** What a Remote End ID is in a file: the same octets. */
function endIdValue(octets: Uint8Array): string | number {
  const text = new TextDecoder().decode(octets);
  const isText = !/[\p{Cc}\ufffd]/u.test(text);
  return isText || octets.length !== 4
    ? text
    : new DataView(octets.buffer, octets.byteOffset, octets.length).getUint32(0);
}

/** The family of an address; undefined for a name. */
export function addressFamily(address: string): 4 | 6 | undefined {
  return canonicalAddress(address)?.family;
}
