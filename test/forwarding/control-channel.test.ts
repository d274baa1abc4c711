import { describe, expect, test } from "vitest";
import { fromHex, hex, toHex } from "../../src/bytes/hex.ts";
import {
  decapsulate,
  decapsulateChannel,
  encapsulateChannel,
  newSequenceState,
} from "../../src/forwarding/encapsulation.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import { attachment, pathOver, sessionParameters } from "../support/sessions.ts";
import { channelVectors } from "../vectors/channel-vectors.ts";

const sublayers = { receiveSublayer: "default", transmitSublayer: "default" } as const;
const withChannel = { ...sublayers, vccvControlChannel: "l2-specific-sublayer" } as const;

/** The session of a vector, seen from its sender and its receiver: ids and cookies are the receiver's. */
function sessionOf(vector: (typeof channelVectors.channel)[number]): SessionParameters {
  const { sid, cookie } = channelVectors.lcce[vector.dst];
  return sessionParameters({
    ...withChannel,
    path: pathOver(vector.transport),
    localSessionId: sid,
    remoteSessionId: sid,
    receiveCookie: fromHex(cookie),
    transmitCookie: fromHex(cookie),
  });
}

describe("RFC 5085 §6: messages of a session's control channel", () => {
  test.each(channelVectors.channel)("$id, $title, both ways", (vector) => {
    const session = sessionOf(vector);
    const message = { channelType: vector.channel_type, payload: fromHex(vector.channel_message_hex) };
    expect(toHex(encapsulateChannel(message, session) ?? hex``)).toBe(vector.payload_hex);
    expect(decapsulateChannel(fromHex(vector.payload_hex), session)).toEqual(message);
  });

  test.each(channelVectors.channel)("$id is given up by name where no channel was negotiated", (vector) => {
    const { vccvControlChannel: _none, ...session } = sessionOf(vector);
    const octets = fromHex(vector.payload_hex);
    expect(decapsulateChannel(octets, session)).toBeUndefined();
    expect(decapsulate(octets, session, attachment(), newSequenceState())).toBe("vccv");
    expect(encapsulateChannel({ channelType: 7, payload: hex`00` }, session)).toBeUndefined();
    const none = { ...session, vccvControlChannel: "none" } as const;
    expect(decapsulateChannel(octets, none)).toBeUndefined();
  });
});

const session = sessionParameters({
  ...withChannel,
  receiveCookie: hex`a0a1a2a3`,
  receiveSequencing: "all",
});

/** A message of the channel to that session, with this sublayer. */
function arriving(word: string, cookie = "a0a1a2a3", id = "0a0a0001"): Uint8Array {
  return fromHex(`00030000${id}${cookie}${word}20400318`);
}

const message = { channelType: 7, payload: hex`20400318` };

describe("what a channel message is taken for", () => {
  test("RFC 5085 §6.1: bits between V and the version are ignored, and no number is read", () => {
    const state = newSequenceState();
    for (const word of ["80000007", "f0000007"])
      expect(decapsulateChannel(arriving(word), session)).toEqual(message);
    expect(decapsulate(arriving("f0800007"), session, attachment(), state)).toBe("vccv");
    expect(state).toEqual(newSequenceState());
  });

  test("another version is none that was negotiated", () => {
    expect(decapsulateChannel(arriving("81000007"), session)).toBeUndefined();
    expect(decapsulate(arriving("81000007"), session, attachment(), newSequenceState())).toBe("vccv");
  });

  test("RFC 3931 §4.5: session and cookie are checked before", () => {
    for (const [octets, reason] of [
      [arriving("80000007", "a0a1a2a2"), "wrong-cookie"],
      [arriving("80000007", "a0a1a2a3", "0a0a0002"), "unknown-session"],
      [arriving("80000007").subarray(0, 15), "truncated"],
    ] as const) {
      expect(decapsulateChannel(octets, session)).toBeUndefined();
      expect(decapsulate(octets, session, attachment(), newSequenceState())).toBe(reason);
    }
  });

  test("a frame is none", () => {
    expect(decapsulateChannel(arriving("00000007"), session)).toBeUndefined();
  });

  test("an empty message is one", () => {
    expect(decapsulateChannel(arriving("80000021").subarray(0, 16), session)).toEqual({
      channelType: 0x21,
      payload: hex``,
    });
  });

  test("RFC 5641 §2: the channel is open in standby, and while the peer's circuit is down", () => {
    const closed = { ...session, receiveAllowed: false, transmitAllowed: false };
    expect(decapsulateChannel(arriving("80000007"), closed)).toEqual(message);
    expect(encapsulateChannel(message, closed)).toBeDefined();
  });
});
