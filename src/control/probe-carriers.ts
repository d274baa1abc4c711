/**
 * By what a probe of the path MTU travels, the preferred first: an ICMP echo request in the control channel
 * of a session (VCCV), which takes the way of the frames and comes back; a padded HELLO of the control
 * connection; or an ICMP echo request to the peer's address, which needs neither.
 */
export const probeCarriers = ["vccv", "hello", "echo"] as const;
export type ProbeCarrier = (typeof probeCarriers)[number];

/** Carriers of ICMP echo requests. */
export type EchoCarrier = Exclude<ProbeCarrier, "hello">;

/** Whether probes go better by one carrier than by another. */
export function isPreferred(one: ProbeCarrier, other: ProbeCarrier): boolean {
  return probeCarriers.indexOf(one) < probeCarriers.indexOf(other);
}
