/**
 * TABLE: every reason for which forwarding gives up a frame or a data message. A row's index is the place of
 * its count in the memory of both planes. To add a reason, add a row, at any place, and count it in each
 * plane that meets it. `layoutVersion` (ebpf/plane/plane-maps.ts) is a digest of the rows in their order, so
 * that a daemon never adopts pinned maps in which the counts have other places.
 */
export const discardReasons = [
  // From the packet-switched network.
  { name: "truncated", help: "datagram ends inside the header, cookie, sublayer or frame" },
  { name: "bad-version", help: "UDP datagram whose version is not 3 (RFC 3931 §4.1.2.1)" },
  { name: "unknown-session", help: "data message for a session id that is not ours (RFC 3931 §4.5)" },
  { name: "wrong-peer", help: "data message for a known session from another address than the peer's" },
  { name: "wrong-cookie", help: "data message whose cookie is not the one assigned (RFC 3931 §4.5)" },
  { name: "out-of-sequence", help: "data message older than what was already delivered (RFC 3931 §4.6.1)" },
  {
    name: "vccv",
    help: "VCCV channel message that this session did not negotiate, or of an unknown version (RFC 5085 §6)",
  },
  {
    name: "fragment",
    help: "pseudowire fragment, which this session did not negotiate, or without a number (RFC 4623 §4)",
  },
  {
    name: "reassembly-lost",
    help:
      "pseudowire fragment of a frame of which others did not come in order, or not within a second " +
      "(RFC 4623 §4); each fragment counts",
  },
  {
    name: "reassembly-too-long",
    help: "pseudowire fragment of a frame longer than our MRRU (RFC 4623 §5.3); each fragment counts",
  },
  {
    name: "reassembly-overflow",
    help: "pseudowire fragment given up as too many sessions had incomplete frames; each fragment counts",
  },
  { name: "untagged", help: "frame without a VLAN tag on a VLAN pseudowire (RFC 4719 §3.1)" },
  { name: "circuit-down", help: "frame for an attachment circuit that is down or gone" },
  {
    name: "circuit-error",
    help:
      "frame that the kernel refused to send on the attachment circuit, " +
      "or that is longer than its interface takes",
  },
  // From the attachment circuit.
  { name: "runt", help: "frame shorter than an Ethernet header" },
  { name: "oversize", help: "frame longer than the pseudowire's MTU allows" },
  {
    name: "not-established",
    help:
      "frame for a pseudowire whose session is not established, " +
      "or whose peer says that its circuit is down or in standby (RFC 5641 §2)",
  },
  { name: "no-pseudowire", help: "frame of a VLAN, or from a port, that no pseudowire carries" },
  { name: "link-local", help: "frame to a reserved group address that the policy keeps on this side" },
  {
    name: "too-big-answered",
    help:
      "packet too long for the pseudowire or its path that must not be fragmented: " +
      "its sender was told by ICMP (`packet_too_big`)",
  },
  { name: "path-mtu", help: "data message longer than the path to the peer takes (fragmentation is off)" },
  {
    name: "peer-mrru",
    help: "frame too long for one message, and longer than the peer puts together of fragments (its MRRU)",
  },
  { name: "psn-error", help: "data message that the kernel refused to send to the peer" },
  {
    name: "psn-overflow",
    help: "what the kernel dropped at our socket: we read too slowly, or a UDP checksum was wrong",
  },
  { name: "bad-offload", help: "GSO packet from the circuit that cannot be segmented into frames" },
  {
    name: "control-overflow",
    help: "control messages that came faster than they could be handled (over IP as the kernel counts them)",
  },
  { name: "circuit-overflow", help: "frames that the kernel dropped because we read too slowly" },
  {
    name: "psn-congestion",
    help: "data message that found no room in the queue to the peer: it leaves more slowly than frames come",
  },
  {
    name: "circuit-congestion",
    help:
      "frame that found no room in the queue of the attachment circuit: " +
      "it takes them more slowly than they come",
  },
  { name: "standby", help: "data message of a peer whose circuit is in standby (RFC 5641 §2)" },
  {
    name: "channel-overflow",
    help:
      "VCCV channel message over the rate that a session may receive, " +
      "or that came faster than it could be handled (RFC 5085 §10)",
  },
  {
    name: "unknown-channel-type",
    help: "VCCV channel message of a type that no protocol here takes (RFC 5085 §6)",
  },
  {
    name: "bad-channel-message",
    help: "VCCV channel message that is damaged, or no ICMP echo request or reply (RFC 5085 §6.2.1)",
  },
] as const;

export type DiscardReason = (typeof discardReasons)[number]["name"];

/** Index of each reason in `discardReasons`, and so in the shared counters. */
export const discardIndex = Object.fromEntries(
  discardReasons.map((row, index) => [row.name, index]),
) as Readonly<Record<DiscardReason, number>>;
