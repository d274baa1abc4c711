import { describe, expect, test } from "vitest";
import {
  CHANNEL_BURST,
  CHANNEL_RATE,
  type ChannelInput,
  type ChannelProtocol,
  type ChannelProtocolKind,
  SessionChannels,
} from "../../src/forwarding/channel.ts";
import type { ChannelMessage } from "../../src/forwarding/encapsulation.ts";
import { sessionParameters } from "../support/sessions.ts";

const HEARTBEAT_TYPE = 0x7ff0;
const INTERVAL_MS = 250;

const message = (channelType: number, ...octets: number[]): ChannelMessage => ({
  channelType,
  payload: Uint8Array.from(octets),
});

/** Sends a number each interval, and answers a message with what it said. */
class Heartbeat implements ChannelProtocol {
  deadlineMs: number | undefined;
  #beats = 0;

  handle(input: ChannelInput, nowMs: number): readonly ChannelMessage[] {
    if (input.kind === "message") return [message(HEARTBEAT_TYPE, ...input.message.payload)];
    this.deadlineMs = nowMs + INTERVAL_MS;
    return input.kind === "begin" ? [] : [message(HEARTBEAT_TYPE, ++this.#beats)];
  }
}

const heartbeat: ChannelProtocolKind = {
  channelTypes: [HEARTBEAT_TYPE],
  create: ({ pseudowire }) => (pseudowire === "silent" ? undefined : new Heartbeat()),
};

const withChannel = (localSessionId: number, pseudowire = "lan") =>
  sessionParameters({
    localSessionId,
    pseudowire,
    receiveSublayer: "default",
    transmitSublayer: "default",
    vccvControlChannel: "l2-specific-sublayer",
  });

/**
 * Channels, and what became of their messages: "sent" or "delivered", the session, the type and the first
 * octet.
 */
function newChannels(kinds: readonly ChannelProtocolKind[] = [heartbeat]) {
  const happened: string[] = [];
  const write =
    (what: string) =>
    (id: number, { channelType, payload }: ChannelMessage) =>
      happened.push(`${what} ${id} ${channelType.toString(16)}: ${payload[0]}`);
  const effects = { send: write("sent"), deliver: write("delivered") };
  return { channels: new SessionChannels(kinds, effects), take: () => happened.splice(0) };
}

describe("a message of a control channel", () => {
  test("goes to the protocol of its type, and else to the main thread", () => {
    const { channels, take } = newChannels();
    channels.add(withChannel(7), 0);
    channels.receive(7, message(HEARTBEAT_TYPE, 9), 1);
    channels.receive(7, message(0x21, 8), 1);
    expect(take()).toEqual(["sent 7 7ff0: 9", "delivered 7 21: 8"]);
  });

  test("goes to the main thread in a session that does not use the protocol", () => {
    const { channels, take } = newChannels();
    channels.add(withChannel(7, "silent"), 0);
    channels.receive(7, message(HEARTBEAT_TYPE, 9), 1);
    expect(take()).toEqual(["delivered 7 7ff0: 9"]);
    expect(channels.nextMs).toBeUndefined();
  });

  test("RFC 5085 §10: is admitted up to a burst, and then at a rate, for each session by itself", () => {
    const { channels } = newChannels();
    channels.add(withChannel(7), 1000);
    channels.add(withChannel(8), 1000);
    const admitted = (id: number, tries: number, nowMs: number) =>
      Array.from({ length: tries }, () => channels.admit(id, nowMs)).filter((isIn) => isIn).length;
    expect(admitted(7, 2 * CHANNEL_BURST, 1000)).toBe(CHANNEL_BURST);
    expect(admitted(8, 1, 1000)).toBe(1);
    expect(admitted(7, 10, 1000 + 1000 / CHANNEL_RATE)).toBe(1);
    expect(admitted(7, 2 * CHANNEL_BURST, 2020)).toBe(CHANNEL_RATE);
    expect(admitted(7, 2 * CHANNEL_BURST, 60_000)).toBe(CHANNEL_BURST);
  });

  test("is not admitted where no channel was negotiated", () => {
    const { channels } = newChannels();
    channels.add(sessionParameters({ localSessionId: 7, receiveSublayer: "default" }), 0);
    expect([channels.admit(7, 0), channels.admit(9, 0), channels.nextMs]).toEqual([false, false, undefined]);
  });
});

describe("the deadlines of protocols", () => {
  test("the earliest of all sessions is next, and each that is over is called once", () => {
    const { channels, take } = newChannels();
    channels.add(withChannel(7), 0);
    channels.add(withChannel(8), 100);
    expect(channels.nextMs).toBe(INTERVAL_MS);
    channels.expire(INTERVAL_MS - 1);
    expect(take()).toEqual([]);
    channels.expire(INTERVAL_MS);
    expect([take(), channels.nextMs]).toEqual([["sent 7 7ff0: 1"], 100 + INTERVAL_MS]);
    channels.expire(10_000);
    expect([take(), channels.nextMs]).toEqual([["sent 8 7ff0: 1", "sent 7 7ff0: 2"], 10_000 + INTERVAL_MS]);
  });

  test("a protocol whose next deadline is over already does not hold the others up", () => {
    const handled: string[] = [];
    const hasty: ChannelProtocolKind = {
      channelTypes: [],
      create: () => ({
        deadlineMs: 0,
        handle({ kind }) {
          handled.push(kind);
          return [];
        },
      }),
    };
    const { channels } = newChannels([hasty]);
    channels.add(withChannel(7), 0);
    channels.expire(5);
    expect([handled, channels.nextMs]).toEqual([["begin", "deadline"], 0]);
  });

  test("end with the session, and begin again with it", () => {
    const { channels, take } = newChannels();
    channels.add(withChannel(7), 0);
    channels.add(withChannel(7), 100);
    expect(channels.nextMs).toBe(100 + INTERVAL_MS);
    channels.remove(7);
    channels.expire(10_000);
    expect([take(), channels.nextMs]).toEqual([[], undefined]);
  });
});
