import type { AvpValues } from "../wire/avp-table.ts";
import { printable } from "./describe.ts";
import type { LcceIdentity } from "./settings.ts";

/** What a peer said of itself in its SCCRQ or SCCRP (RFC 3931 §5.4.3). */
export interface PeerIdentity {
  readonly hostName: string | undefined;
  readonly routerId: number | undefined;
  readonly vendorName: string | undefined;
  readonly pseudowireTypes: readonly number[];
  /** Whether it wants to know us by a Challenge of RFC 2661, which we do not answer. */
  readonly challenges: boolean;
}

const CHALLENGE = "Challenge (v2)";

/** `ignored` names the AVPs that were passed over, as the decoder does. */
export function readIdentity(avps: AvpValues, ignored: readonly string[]): PeerIdentity {
  const { hostName, routerId, vendorName, pseudowireCapabilitiesList } = avps;
  return {
    hostName: hostName === undefined ? undefined : printable(hostName),
    routerId,
    vendorName: vendorName === undefined ? undefined : printable(vendorName),
    pseudowireTypes: pseudowireCapabilitiesList ?? [],
    challenges: ignored.includes(CHALLENGE),
  };
}

/** Who we are, as AVPs of SCCRQ and SCCRP alike; the nonce only with authentication on (RFC 3931 §6.1, §6.2). */
export function introductionOf(
  { hostName, routerId, vendorName }: LcceIdentity,
  connection: { nonce: Uint8Array | undefined; controlConnectionId: number; receiveWindowSize: number },
): AvpValues {
  const { nonce, controlConnectionId, receiveWindowSize } = connection;
  return {
    ...(nonce === undefined ? {} : { controlMessageAuthenticationNonce: nonce }),
    hostName,
    routerId,
    assignedControlConnectionId: controlConnectionId,
    pseudowireCapabilitiesList: [0x0005, 0x0004],
    receiveWindowSize,
    vendorName,
  };
}

/** An introduction of which the optional AVPs, which say the usual, give way until it fits; all of it if that is of no use. */
export function shortenedUntil(fits: (avps: AvpValues) => boolean, all: AvpValues): AvpValues {
  const { vendorName: _vendorName, ...shorter } = all;
  const { receiveWindowSize: _receiveWindowSize, ...shortest } = shorter;
  return [all, shorter, shortest].find(fits) ?? all;
}
