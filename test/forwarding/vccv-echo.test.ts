import { expect, test } from "vitest";
import { fromHex, toHex } from "../../src/bytes/hex.ts";
import type { ChannelEffect } from "../../src/forwarding/channel.ts";
import { decapsulateChannel } from "../../src/forwarding/encapsulation.ts";
import { vccvEcho } from "../../src/forwarding/vccv-echo.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { sessionParameters } from "../support/sessions.ts";
import { channelVectors } from "../vectors/channel-vectors.ts";
import { vccvVectors } from "../vectors/vccv-vectors.ts";

const session = sessionParameters({
  ...{ receiveSublayer: "default", transmitSublayer: "default" },
  ...{ vccvControlChannel: "l2-specific-sublayer", vccvEcho: true },
});
const protocol = vccvEcho.create(session, undefined, new SeededRandom(1));

/** What is done with a message of the channel. */
function effectsOf(channelType: number, payload: Uint8Array): readonly ChannelEffect[] {
  return protocol?.handle({ kind: "message", message: { channelType, payload } }, 0) ?? [];
}
const bad = [{ kind: "discard", reason: "bad-channel-message" }];
const vectorOf = (id: string) => channelVectors.channel.find((vector) => vector.id === id);

test.each([
  ["OC-01", "OC-02"],
  ["OC-03", "OC-04"],
])("RFC 5085 §6.2.1: the request %s is answered by %s, in the channel of its session", (asked, answer) => {
  const [request, reply] = [vectorOf(asked), vectorOf(answer)];
  const [effect] = effectsOf(request?.channel_type ?? 0, fromHex(request?.channel_message_hex ?? ""));
  expect(effect?.kind).toBe("send");
  if (effect?.kind !== "send") return;
  expect(effect.message.channelType).toBe(reply?.channel_type);
  expect(toHex(effect.message.payload)).toBe(reply?.channel_message_hex);
});

test.each(["OC-02", "OC-04"])("the reply %s is for the main thread", (id) => {
  const { channel_type, channel_message_hex } = vectorOf(id) ?? { channel_type: 0, channel_message_hex: "" };
  const message = { channelType: channel_type, payload: fromHex(channel_message_hex) };
  expect(effectsOf(channel_type, message.payload)).toEqual([{ kind: "deliver", message }]);
});

const { sid, cookie } = channelVectors.lcce.B;
const atB = { ...session, localSessionId: sid, receiveCookie: fromHex(cookie) };

test.each(vccvVectors.drop)("$id: $why", ({ id, payload_hex }) => {
  const message = decapsulateChannel(fromHex(payload_hex), atB);
  expect(message).toBeDefined();
  const effects = message && effectsOf(message.channelType, message.payload);
  // A NAT between the ends may have changed the outer addresses: these two are answered.
  if (["OD-03", "OD-04"].includes(id)) expect(effects?.[0]?.kind).toBe("send");
  else expect(effects).toEqual(bad);
});

test("a session that did not agree on it has none", () => {
  const { vccvEcho: _echo, ...without } = session;
  expect(vccvEcho.create(without, undefined, new SeededRandom(1))).toBeUndefined();
});

test("damaged messages are counted, each once, and nothing else comes of them", () => {
  const random = new SeededRandom(3);
  for (const id of ["OC-01", "OC-03"]) {
    const { channel_type, channel_message_hex } = vectorOf(id) ?? {
      channel_type: 0,
      channel_message_hex: "",
    };
    for (let round = 0; round < 500; round += 1) {
      const octets = fromHex(channel_message_hex);
      octets.set(random.octets(4), round % (octets.length - 4));
      const effects = effectsOf(channel_type, octets.slice(0, round % 3 === 0 ? octets.length : round % 60));
      expect(effects).toHaveLength(1);
    }
  }
});

test("it has no deadline, and does nothing by itself", () => {
  expect(protocol?.deadlineMs).toBeUndefined();
  expect(protocol?.handle({ kind: "begin", circuitActive: true }, 0)).toEqual([]);
});
