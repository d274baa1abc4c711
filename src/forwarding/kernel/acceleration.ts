import { isIPv6 } from "node:net";
import type { SessionParameters } from "../../wire/session-parameters.ts";
import type { PsnEndpoint } from "../plane.ts";

/** What is known of the way to a peer. */
export interface WayToPeer {
  readonly route: {
    /** Interface through which the peer is reached. */
    readonly interfaceName: string;
    /** Kind of its hardware, such as "ETHER". */
    readonly hardware: string;
    readonly isLocal: boolean;
  };
  /** Whether IPsec policies hold for what goes this way. */
  readonly hasPolicies: boolean;
}

interface Obstacle {
  readonly holds: (session: SessionParameters, endpoint: PsnEndpoint, way: WayToPeer) => boolean;
  readonly words: (session: SessionParameters, way: WayToPeer) => string;
}

/** Why a session is not carried by programs where IPsec policies hold for its packets. */
export const POLICY_WORDS =
  "IPsec policies hold for its packets (ip xfrm policy), which programs would pass by";

/** TABLE: what keeps a session in user space. */
const obstacles: readonly Obstacle[] = [
  {
    holds: ({ path }, { checksum }) =>
      path.encapsulation === "udp" &&
      (checksum === "full" || (checksum === "auto" && isIPv6(path.remoteAddress))),
    words: ({ path }) =>
      isIPv6(path.remoteAddress)
        ? "UDP over IPv6 carries checksums, which programs cannot make; `udp_checksum: zero` at both ends does without"
        : "`udp_checksum: full` asks for checksums, which programs cannot make",
  },
  {
    holds: (_session, _endpoint, { route }) => route.isLocal,
    words: ({ path }) => `the peer ${path.remoteAddress} is this very machine`,
  },
  {
    holds: (_session, _endpoint, { route }) => route.hardware !== "ETHER",
    words: ({ path }, { route: { interfaceName } }) =>
      `the way to ${path.remoteAddress} is through ${interfaceName}, which is no Ethernet interface`,
  },
  {
    holds: (_session, _endpoint, { hasPolicies }) => hasPolicies,
    words: () => POLICY_WORDS,
  },
];

/** Why programs in the kernel cannot carry a session; undefined if they can. */
export function obstacleTo(
  session: SessionParameters,
  endpoint: PsnEndpoint,
  way: WayToPeer,
): string | undefined {
  return obstacles.find(({ holds }) => holds(session, endpoint, way))?.words(session, way);
}
