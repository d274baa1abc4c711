import { decodeEchoPacket, encodeEchoPacket } from "../wire/echo-packet.ts";
import type { SessionParameters } from "../wire/session-parameters.ts";
import { ipChannelTypes } from "../wire/vccv.ts";
import type { ChannelEffect, ChannelProtocol, ChannelProtocolKind } from "./channel.ts";
import type { ChannelMessage } from "./encapsulation.ts";

/**
 * ICMP echo in the control channel of a session (RFC 5085 §6.2.1): a request is answered in the channel that
 * it came by, with its addresses exchanged and the same data; a reply is for the main thread, which asks.
 * Addresses are not compared with those of the path: session id and cookie have said whose the message is,
 * and a NAT between the two ends changes the outer addresses alone.
 */
export const vccvEcho: ChannelProtocolKind = {
  name: "vccv-echo",
  channelTypes: Object.values(ipChannelTypes),
  create: (session: SessionParameters): ChannelProtocol | undefined =>
    session.vccvEcho === true ? responder : undefined,
};

/** It remembers nothing, and so is one for all sessions. */
const responder: ChannelProtocol = {
  deadlineMs: undefined,
  handle: (input) => (input.kind === "message" ? [effectOf(input.message)] : []),
};

function effectOf(message: ChannelMessage): ChannelEffect {
  const { channelType, payload } = message;
  const version = channelType === ipChannelTypes[4] ? 4 : 6;
  const packet = decodeEchoPacket(version, payload);
  if (packet === undefined) return { kind: "discard", reason: "bad-channel-message" };
  const { source, destination, echo } = packet;
  if (echo.kind === "reply") return { kind: "deliver", message };
  const reply = { source: destination, destination: source, echo: { ...echo, kind: "reply" } } as const;
  return { kind: "send", message: { channelType, payload: encodeEchoPacket(version, reply) } };
}
