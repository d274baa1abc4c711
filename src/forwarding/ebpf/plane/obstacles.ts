import { isIPv6 } from "node:net";
import { ETHERNET_HEADER_OCTETS, TAG_OCTETS } from "../../../wire/ethernet.ts";
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { CircuitAttachment, PsnEndpoint } from "../../plane.ts";
import { headerPlaces } from "../programs/options.ts";

/** What is known of the way to a peer. */
export interface WayToPeer {
  readonly route: {
    /** Interface through which the peer is reached. */
    readonly interfaceName: string;
    /** Kind of its hardware, such as "ETHER". */
    readonly hardware: string;
    readonly isLocal: boolean;
    /** Octets of the longest packet, IP header included, that goes this way unfragmented. */
    readonly mtu: number;
  };
  /** Whether IPsec policies hold for what goes this way. */
  readonly hasPolicies: boolean;
}

/** A session as it is to be carried. */
export interface Wanted {
  readonly session: SessionParameters;
  readonly attachment: Pick<CircuitAttachment, "mtu">;
}

interface Obstacle {
  readonly holds: (wanted: Wanted, endpoint: PsnEndpoint, way: WayToPeer) => boolean;
  readonly words: (wanted: Wanted, way: WayToPeer) => string;
}

/** Tags that a frame may have on top of its circuit's MTU. */
const MOST_TAGS = 2;

/** Why a session is not carried by programs where IPsec policies hold for its packets. */
export const POLICY_WORDS =
  "IPsec policies hold for its packets (ip xfrm policy), which programs would pass by";

/** Whether a session numbers what it sends, or what of it is not IP (RFC 3931 §4.6.1). */
export function numbersFrames({ transmitSublayer, transmitSequencing }: SessionParameters): boolean {
  return transmitSublayer !== "none" && transmitSequencing !== "none";
}

/** Whether numbers of its data messages are kept, in one direction or both. */
export function keepsNumbers(session: SessionParameters): boolean {
  return (
    numbersFrames(session) || (session.receiveSublayer !== "none" && session.receiveSequencing !== "none")
  );
}

/** Octets of the longest outer IP packet of a session: a frame as long as its circuit's MTU allows, behind two tags. */
function longestPacket({ session, attachment }: Wanted): number {
  const { path, transmitCookie, transmitSublayer } = session;
  const header = headerPlaces({
    family: isIPv6(path.remoteAddress) ? 6 : 4,
    encapsulation: path.encapsulation,
    cookieOctets: transmitCookie.length as 0 | 4 | 8,
    sublayer: transmitSublayer !== "none",
  }).frame;
  return header + ETHERNET_HEADER_OCTETS + MOST_TAGS * TAG_OCTETS + attachment.mtu;
}

/** TABLE: what keeps a session in user space. */
const obstacles: readonly Obstacle[] = [
  {
    holds: ({ session: { path } }, { checksum }) =>
      path.encapsulation === "udp" &&
      (checksum === "full" || (checksum === "auto" && isIPv6(path.remoteAddress))),
    words: ({ session: { path } }) =>
      isIPv6(path.remoteAddress)
        ? "UDP over IPv6 carries checksums, which programs cannot make; `udp_checksum: zero` at both ends does without"
        : "`udp_checksum: full` asks for checksums, which programs cannot make",
  },
  {
    holds: (_wanted, _endpoint, { route }) => route.isLocal,
    words: ({ session: { path } }) => `the peer ${path.remoteAddress} is this very machine`,
  },
  {
    holds: (_wanted, _endpoint, { route }) => route.hardware !== "ETHER",
    words: ({ session: { path } }, { route: { interfaceName } }) =>
      `the way to ${path.remoteAddress} is through ${interfaceName}, which is no Ethernet interface`,
  },
  {
    holds: (_wanted, _endpoint, { hasPolicies }) => hasPolicies,
    words: () => POLICY_WORDS,
  },
  {
    // Programs fragment nothing: what is too long would go by a socket, and have numbers that know nothing of theirs.
    holds: (wanted, { fragmentation }, { route }) =>
      numbersFrames(wanted.session) && fragmentation === "outer" && longestPacket(wanted) > route.mtu,
    words: (wanted, { route: { mtu } }) =>
      `frames that IP must fragment would have sequence numbers of their own; a path MTU of ${longestPacket(wanted)} does without, this one is ${mtu}`,
  },
];

/** Why programs in the kernel cannot carry a session; undefined if they can. */
export function obstacleTo(wanted: Wanted, endpoint: PsnEndpoint, way: WayToPeer): string | undefined {
  return obstacles.find(({ holds }) => holds(wanted, endpoint, way))?.words(wanted, way);
}
