import type { PseudowireConfig, TunnelConfig } from "../config/config.ts";
import type { PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import { versionOf } from "./frame-size.ts";
import { isUnspecified } from "./settings.ts";
import type { FrameSizeStatus } from "./status.ts";

/**
 * What decides about the length of data messages, of the session or else of what the file says. `path` is
 * that of the tunnel, as far as it is known; `deviceMtu` that of the circuit's interface.
 */
export function frameSizeStatus(
  tunnel: TunnelConfig,
  pseudowire: PseudowireConfig,
  session:
    | Pick<SessionParameters, "path" | "transmitCookie" | "transmitSublayer" | "transmitFragments">
    | undefined,
  path: PsnPath | undefined,
  deviceMtu: number | undefined,
): FrameSizeStatus {
  const { staticSession } = pseudowire;
  const agreed = session ?? staticSession;
  return {
    mtu: pseudowire.mtu,
    deviceMtu,
    tags: pseudowire.circuit.vlan === undefined ? 0 : 1,
    ipVersion: ipVersionOf(tunnel, session?.path ?? path),
    encapsulation: tunnel.encapsulation,
    cookieOctets: agreed?.transmitCookie.length ?? pseudowire.cookieOctets,
    sublayer: agreed?.transmitSublayer ?? pseudowire.sublayer,
    agreed: agreed !== undefined,
    fragmentation: fragmentationOf(tunnel, session),
    mssClamp: pseudowire.mssClamp,
    packetTooBig: pseudowire.packetTooBig,
  };
}

/** What becomes of long frames of a session: the peer may take no pseudowire fragments. */
function fragmentationOf(
  { fragmentation }: Pick<TunnelConfig, "fragmentation">,
  session: Pick<SessionParameters, "transmitFragments"> | undefined,
): FrameSizeStatus["fragmentation"] {
  const isOuter = fragmentation === "pseudowire" && session?.transmitFragments === undefined;
  return session !== undefined && isOuter ? "outer" : fragmentation;
}

/** The version of IP by the path, or else by the one end that the file has as an address. */
function ipVersionOf({ local, remote }: TunnelConfig, path: PsnPath | undefined): 4 | 6 | undefined {
  if (path !== undefined && !isUnspecified(path.remoteAddress)) return versionOf(path.remoteAddress);
  if (remote.kind === "address") return versionOf(remote.address);
  return local.kind === "address" ? versionOf(local.address) : undefined;
}
