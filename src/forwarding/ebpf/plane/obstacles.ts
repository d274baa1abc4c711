import { isIPv6 } from "node:net";
import { ETHERNET_HEADER_OCTETS, TAG_OCTETS } from "../../../wire/ethernet.ts";
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { CircuitAttachment, PsnEndpoint } from "../../plane.ts";
import { headerOffsets } from "../programs/options.ts";

/** What is known of the way to a peer. */
export interface RouteConditions {
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
export interface Candidate {
  readonly session: SessionParameters;
  readonly attachment: Pick<CircuitAttachment, "mtu">;
}

interface Obstacle {
  readonly applies: (candidate: Candidate, endpoint: PsnEndpoint, conditions: RouteConditions) => boolean;
  readonly text: (candidate: Candidate, conditions: RouteConditions) => string;
}

/** Tags that a frame may have on top of its circuit's MTU. */
const MOST_TAGS = 2;

/** Why a session is not carried by programs where IPsec policies hold for its packets. */
export const POLICY_TEXT =
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
function longestPacket({ session, attachment }: Candidate): number {
  const { path, transmitCookie, transmitSublayer } = session;
  const header = headerOffsets({
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
    applies: ({ session: { path } }, { checksum }) =>
      path.encapsulation === "udp" &&
      (checksum === "full" || (checksum === "auto" && isIPv6(path.remoteAddress))),
    text: ({ session: { path } }) =>
      isIPv6(path.remoteAddress)
        ? "UDP over IPv6 carries checksums, which programs cannot make; `udp_checksum: zero` at both ends does without"
        : "`udp_checksum: full` asks for checksums, which programs cannot make",
  },
  {
    applies: (_wanted, _endpoint, { route }) => route.isLocal,
    text: ({ session: { path } }) => `the peer ${path.remoteAddress} is this very machine`,
  },
  {
    applies: (_wanted, _endpoint, { route }) => route.hardware !== "ETHER",
    text: ({ session: { path } }, { route: { interfaceName } }) =>
      `the way to ${path.remoteAddress} is through ${interfaceName}, which is no Ethernet interface`,
  },
  {
    applies: (_wanted, _endpoint, { hasPolicies }) => hasPolicies,
    text: () => POLICY_TEXT,
  },
  {
    // Programs fragment nothing: what is too long would go by a socket, and have numbers that know nothing of theirs.
    applies: (candidate, { fragmentation }, { route }) =>
      numbersFrames(candidate.session) && fragmentation === "outer" && longestPacket(candidate) > route.mtu,
    text: (candidate, { route: { mtu } }) =>
      `frames that IP must fragment would have sequence numbers of their own; a path MTU of ${longestPacket(candidate)} does without, this one is ${mtu}`,
  },
];

/** Why programs in the kernel cannot carry a session; undefined if they can. */
export function obstacleTo(
  candidate: Candidate,
  endpoint: PsnEndpoint,
  conditions: RouteConditions,
): string | undefined {
  return obstacles
    .find(({ applies }) => applies(candidate, endpoint, conditions))
    ?.text(candidate, conditions);
}
