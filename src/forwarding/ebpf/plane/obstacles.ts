import { isIPv6 } from "node:net";
import { ETHERNET_HEADER_OCTETS, TAG_OCTETS } from "../../../wire/ethernet.ts";
import type { SessionParameters } from "../../../wire/session-parameters.ts";
import type { AttachmentCircuit } from "../../plane.ts";
import type { PsnEndpoint } from "../../transport.ts";
import { headerOffsets } from "../programs/options.ts";

/** The route to a peer, as far as obstacles depend on it. */
export interface RouteConditions {
  readonly route: {
    /** Interface through which the peer is reached. */
    readonly interfaceName: string;
    /** Hardware type of that interface, such as "ETHER". */
    readonly hardware: string;
    readonly isLocal: boolean;
    /** Octets of the longest packet, IP header included, that this interface takes. */
    readonly interfaceMtu: number;
    /** The same of the path, as the kernel knows it. */
    readonly mtu: number;
  };
  /** Whether IPsec policies apply to what takes this route. */
  readonly hasPolicies: boolean;
}

/** A session that programs may carry. */
export interface Candidate {
  readonly session: SessionParameters;
  readonly attachment: Pick<AttachmentCircuit, "mtu" | "pathMtuOctets" | "packetTooBig">;
}

interface Obstacle {
  readonly applies: (candidate: Candidate, endpoint: PsnEndpoint, conditions: RouteConditions) => boolean;
  readonly text: (candidate: Candidate, conditions: RouteConditions) => string;
}

/** Tags that a frame may have on top of its circuit's MTU. */
const MOST_TAGS = 2;

/** The reason why programs do not carry a session to whose packets IPsec policies apply. */
export const POLICY_TEXT =
  "IPsec policies hold for its packets (ip xfrm policy), which programs would pass by";

/** Whether a session numbers the frames that it sends, all or those that are not IP (RFC 3931 §4.6.1). */
export function numbersFrames({ transmitSublayer, transmitSequencing }: SessionParameters): boolean {
  return transmitSublayer !== "none" && transmitSequencing !== "none";
}

/** Whether sequence numbers are kept for a session, in one direction or both. */
export function keepsNumbers(session: SessionParameters): boolean {
  return (
    numbersFrames(session) || (session.receiveSublayer !== "none" && session.receiveSequencing !== "none")
  );
}

/**
 * Octets of the longest outer IP packet of a session: with a frame as long as its circuit's MTU allows,
 * behind two tags.
 */
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

/**
 * The largest packet that programs may send to the peer. What the kernel was told of the path, maybe by
 * somebody who forges it, counts only where nothing else is known.
 */
export function pathMtuOf(
  { pathMtuOctets }: Pick<AttachmentCircuit, "pathMtuOctets">,
  { interfaceMtu, mtu }: Pick<RouteConditions["route"], "interfaceMtu" | "mtu">,
): number {
  return Math.min(interfaceMtu, pathMtuOctets ?? mtu);
}

/** TABLE: obstacles, for which the userspace plane carries a session instead of programs. */
const obstacles: readonly Obstacle[] = [
  {
    applies: (_candidate, { fragmentation }) => fragmentation === "pseudowire",
    text: () =>
      "`fragmentation: pseudowire` puts frames together of fragments, which eBPF programs cannot; " +
      "`outer` leaves that to IP",
  },
  {
    applies: ({ session: { path } }, { checksum }) =>
      path.encapsulation === "udp" &&
      (checksum === "full" || (checksum === "auto" && isIPv6(path.remoteAddress))),
    text: ({ session: { path } }) =>
      isIPv6(path.remoteAddress)
        ? "UDP over IPv6 has checksums, which eBPF programs cannot compute; " +
          "`udp_checksum: zero` at both ends avoids them"
        : "`udp_checksum: full` asks for checksums, which eBPF programs cannot compute",
  },
  {
    applies: (_candidate, _endpoint, { route }) => route.isLocal,
    text: ({ session: { path } }) => `the peer ${path.remoteAddress} is this machine itself`,
  },
  {
    applies: (_candidate, _endpoint, { route }) => route.hardware !== "ETHER",
    text: ({ session: { path } }, { route: { interfaceName } }) =>
      `the route to ${path.remoteAddress} is by ${interfaceName}, which is no Ethernet interface`,
  },
  {
    applies: (_candidate, _endpoint, { hasPolicies }) => hasPolicies,
    text: () => POLICY_TEXT,
  },
  {
    // Programs do not fragment: packets over the path MTU would leave by a socket, with numbers that the
    // programs do not know.
    applies: (candidate, { fragmentation }, { route }) =>
      numbersFrames(candidate.session) &&
      fragmentation === "outer" &&
      longestPacket(candidate) > pathMtuOf(candidate.attachment, route),
    text: (candidate, { route }) =>
      "numbered frames that IP must fragment cannot leave by eBPF programs; " +
      `a path MTU of ${longestPacket(candidate)} would avoid fragments, ` +
      `this one is ${pathMtuOf(candidate.attachment, route)}`,
  },
  {
    // The userspace plane answers frames that are too long, and would have to number those that it does not.
    applies: ({ session, attachment }) => numbersFrames(session) && attachment.packetTooBig === "answer",
    text: () => "`packet_too_big: answer` with numbered frames (`sequencing` of the peer) is for user space",
  },
];

/** The reason why programs cannot carry a session; undefined if they can. */
export function obstacleTo(
  candidate: Candidate,
  endpoint: PsnEndpoint,
  conditions: RouteConditions,
): string | undefined {
  return obstacles
    .find(({ applies }) => applies(candidate, endpoint, conditions))
    ?.text(candidate, conditions);
}
