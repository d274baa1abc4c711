/** TABLE: reasons to discard a control message. To add a reason, add a row. */
export const controlDiscards = {
  malformed: "header or AVP framing that cannot be read (RFC 3931 §7.1)",
  "unknown-peer": "SCCRQ from an address that no tunnel names, and for none of any address",
  "unknown-connection": "control connection id that is not ours (RFC 3931 §3.2.1)",
  "wrong-path": "control connection id of ours from another address than the peer's",
  "not-answered": "SCCRQ of a peer with which only we open control connections (role: initiator)",
  replayed:
    "SCCRQ that was answered before, of a connection that is no more or from another port: a recording",
  reflected: "SCCRQ of our own, sent back to us",
  "no-room": "too many connections of the peer wait for an SCCCN",
  "wrong-digest": "Message Digest that no secret validates (RFC 3931 §5.4.1)",
  "missing-digest": "no Message Digest although the connection is authenticated (RFC 3931 §4.3)",
  "beyond-nr": "acknowledges a message that was never sent (RFC 3931 §4.2)",
  duplicate: "already received (RFC 3931 §4.2)",
  "ahead-of-window": "further ahead of sequence than our receive window (RFC 3931 §4.2)",
  backlog: "too many messages of ours wait for the peer's acknowledgement (RFC 3931 §4.2)",
  "unknown-session": "session message for no session of ours (RFC 3931 §5.4.4)",
  "unknown-message": "message type we do not know, not mandatory (RFC 3931 §5.4.1)",
  version: "L2TPv2 message that is not an SCCRQ (RFC 3931 §4.7)",
} as const;

export type ControlDiscardReason = keyof typeof controlDiscards;
