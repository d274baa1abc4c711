/**
 * By what a probe of the path MTU travels: an ICMP echo request in the control channel of a session (VCCV),
 * which takes the way of the frames and comes back; a padded HELLO of the control connection, whose
 * acknowledgement is authenticated where there is a secret; or an ICMP echo request to the peer's address,
 * which needs neither.
 */
export type ProbeCarrier = "vccv" | "hello" | "echo";

/** Carriers of ICMP echo requests. */
export type EchoCarrier = Exclude<ProbeCarrier, "hello">;
