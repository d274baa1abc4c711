import { printableExcerpt } from "../bytes/printable-text.ts";
import type { AvpValues } from "../wire/avp-table.ts";
import type { ControlMessage } from "../wire/message.ts";
import { pseudowireTypeNumber } from "../wire/session-parameters.ts";
import type { LcceIdentity } from "./settings.ts";

/** Identity of a peer, from its SCCRQ or SCCRP (RFC 3931 §5.4.3). */
export interface PeerIdentity {
  readonly hostName: string | undefined;
  readonly routerId: number | undefined;
  readonly vendorName: string | undefined;
  readonly pseudowireTypes: readonly number[];
  /** Whether it sent a Challenge of RFC 2661, which we do not support. */
  readonly challenges: boolean;
}

/** AVPs that SCCRQ and SCCRP have in common. */
type OpeningAvps = ControlMessage<"SCCRP">["avps"] & ControlMessage<"SCCRQ">["avps"];

const CHALLENGE = "Challenge (v2)";

/** `ignored` names the AVPs that were passed over, as the decoder does. */
export function readIdentity(avps: AvpValues, ignored: readonly string[]): PeerIdentity {
  const { hostName, routerId, vendorName, pseudowireCapabilitiesList } = avps;
  return {
    hostName: hostName === undefined ? undefined : printableExcerpt(hostName),
    routerId,
    vendorName: vendorName === undefined ? undefined : printableExcerpt(vendorName),
    pseudowireTypes: pseudowireCapabilitiesList ?? [],
    challenges: ignored.includes(CHALLENGE),
  };
}

/** Our identity as AVPs of SCCRQ and SCCRP; a nonce only with authentication (RFC 3931 §6.1, §6.2). */
export function openingAvpsFor(
  { hostName, routerId, vendorName }: LcceIdentity,
  connection: { nonce: Uint8Array | undefined; controlConnectionId: number; receiveWindowSize: number },
): OpeningAvps {
  const { nonce, controlConnectionId, receiveWindowSize } = connection;
  return {
    ...(nonce === undefined ? {} : { controlMessageAuthenticationNonce: nonce }),
    hostName,
    routerId,
    assignedControlConnectionId: controlConnectionId,
    pseudowireCapabilitiesList: [pseudowireTypeNumber.ethernet, pseudowireTypeNumber["ethernet-vlan"]],
    receiveWindowSize,
    vendorName,
  };
}

/** An SCCRP without as many optional AVPs as it takes to fit; with all of them if nothing helps. */
export function sccrpThatFits(
  fits: (sccrp: ControlMessage<"SCCRP">) => boolean,
  all: OpeningAvps,
): ControlMessage<"SCCRP"> {
  const { vendorName: _vendorName, ...shorter } = all;
  const { receiveWindowSize: _receiveWindowSize, ...shortest } = shorter;
  const messageOf = (avps: OpeningAvps) => ({ name: "SCCRP", avps }) as const;
  return [all, shorter, shortest].map(messageOf).find(fits) ?? messageOf(all);
}
