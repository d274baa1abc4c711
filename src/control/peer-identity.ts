import type { AvpValues } from "../wire/avp-table.ts";
import { printable } from "./words.ts";

/** What a peer said of itself in its SCCRQ or SCCRP (RFC 3931 §5.4.3). */
export interface PeerIdentity {
  readonly hostName: string | undefined;
  readonly routerId: number | undefined;
  readonly vendorName: string | undefined;
  readonly pseudowireTypes: readonly number[];
}

export function readIdentity(avps: AvpValues): PeerIdentity {
  const { hostName, routerId, vendorName, pseudowireCapabilitiesList } = avps;
  return {
    hostName: hostName === undefined ? undefined : printable(hostName),
    routerId,
    vendorName: vendorName === undefined ? undefined : printable(vendorName),
    pseudowireTypes: pseudowireCapabilitiesList ?? [],
  };
}
