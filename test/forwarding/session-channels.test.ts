import { describe, expect, test } from "vitest";
import {
  CHANNEL_BURST,
  CHANNEL_RATE,
  type ChannelEffect,
  type ChannelInput,
  type ChannelProtocol,
  type ChannelProtocolKind,
  channelOptions,
  SessionChannels,
} from "../../src/forwarding/channel.ts";
import type { DiscardReason } from "../../src/forwarding/discard-reasons.ts";
import type { ChannelMessage } from "../../src/forwarding/encapsulation.ts";
import type { ChannelStatus } from "../../src/wire/session-parameters.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

const HEARTBEAT_TYPE = 0x7ff0;
const INTERVAL_MS = 250;
const SEED = 7;

const message = (channelType: number, ...octets: number[]): ChannelMessage => ({
  channelType,
  payload: Uint8Array.from(octets),
});

const send = (...octets: number[]): ChannelEffect => ({
  kind: "send",
  message: message(HEARTBEAT_TYPE, ...octets),
});
const tell = (status: ChannelStatus): ChannelEffect => ({ kind: "status", status });

interface HeartbeatOptions {
  readonly intervalMs: number;
}

/** Sends a number each interval, and answers a message with what it said. */
class Heartbeat implements ChannelProtocol {
  readonly #intervalMs: number;
  deadlineMs: number | undefined;
  #beats = 0;

  constructor({ intervalMs }: HeartbeatOptions = { intervalMs: INTERVAL_MS }) {
    this.#intervalMs = intervalMs;
  }

  handle(input: ChannelInput, nowMs: number): readonly ChannelEffect[] {
    if (input.kind === "message") return [send(...input.message.payload)];
    if (input.kind === "circuit-status") return [];
    this.deadlineMs = nowMs + this.#intervalMs;
    return input.kind === "begin" ? [] : [send(++this.#beats)];
  }
}

const heartbeat: ChannelProtocolKind<HeartbeatOptions> = {
  name: "heartbeat",
  channelTypes: [HEARTBEAT_TYPE],
  create: ({ pseudowire }, options) => (pseudowire === "silent" ? undefined : new Heartbeat(options)),
};

/**
 * A detector: the session is up with each message, and down after an interval without one. It sends 1 while
 * the circuit is up, and 0 while it is down.
 */
const detector: ChannelProtocolKind = {
  name: "detector",
  channelTypes: [HEARTBEAT_TYPE],
  create: () => {
    const protocol = {
      deadlineMs: undefined as number | undefined,
      handle(input: ChannelInput, nowMs: number): readonly ChannelEffect[] {
        switch (input.kind) {
          case "begin":
          case "circuit-status":
            return [send(input.circuitActive ? 1 : 0)];
          case "message":
            protocol.deadlineMs = nowMs + INTERVAL_MS;
            return [tell({ state: "up" })];
          case "deadline":
            protocol.deadlineMs = undefined;
            return [tell({ state: "down", diagnostic: "nothing came" })];
        }
      },
    };
    return protocol;
  },
};

const circuit = attachment();

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
 * octet; and the statuses that were told.
 */
function newChannels(kinds: readonly ChannelProtocolKind[] = [heartbeat]) {
  const happened: string[] = [];
  const write =
    (what: string) =>
    (id: number, { channelType, payload }: ChannelMessage) =>
      happened.push(`${what} ${id} ${channelType.toString(16)}: ${payload[0]}`);
  const target = {
    send: write("sent"),
    deliver: write("passed on"),
    deliverUnknown: write("delivered"),
    discard: (id: number, reason: DiscardReason) => happened.push(`discarded ${id}: ${reason}`),
    tell: (id: number, { state, diagnostic }: ChannelStatus) =>
      happened.push([`told ${id} ${state}`, diagnostic].filter((part) => part !== undefined).join(": ")),
  };
  return {
    channels: new SessionChannels(kinds, target, new SeededRandom(SEED)),
    take: () => happened.splice(0),
  };
}

describe("a message of a control channel", () => {
  test("goes to the protocol of its type, and else to the main thread", () => {
    const { channels, take } = newChannels();
    channels.add(withChannel(7), circuit, 0);
    channels.receive(7, message(HEARTBEAT_TYPE, 9), 1);
    channels.receive(7, message(0x21, 8), 1);
    expect(take()).toEqual(["sent 7 7ff0: 9", "delivered 7 21: 8"]);
  });

  test("goes to the main thread in a session that does not use the protocol", () => {
    const { channels, take } = newChannels();
    channels.add(withChannel(7, "silent"), circuit, 0);
    channels.receive(7, message(HEARTBEAT_TYPE, 9), 1);
    expect(take()).toEqual(["delivered 7 7ff0: 9"]);
    expect(channels.nextMs).toBeUndefined();
  });

  test("RFC 5085 §10: is admitted up to a burst, and then at a rate, for each session by itself", () => {
    const { channels } = newChannels();
    channels.add(withChannel(7), circuit, 1000);
    channels.add(withChannel(8), circuit, 1000);
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
    channels.add(sessionParameters({ localSessionId: 7, receiveSublayer: "default" }), circuit, 0);
    expect([channels.admit(7, 0), channels.admit(9, 0), channels.nextMs]).toEqual([false, false, undefined]);
  });
});

describe("the deadlines of protocols", () => {
  test("the earliest of all sessions is next, and each that is over is called once", () => {
    const { channels, take } = newChannels();
    channels.add(withChannel(7), circuit, 0);
    channels.add(withChannel(8), circuit, 100);
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
      name: "hasty",
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
    channels.add(withChannel(7), circuit, 0);
    channels.expire(5);
    expect([handled, channels.nextMs]).toEqual([["begin", "deadline"], 0]);
  });

  test("end with the session, and begin again with it", () => {
    const { channels, take } = newChannels();
    channels.add(withChannel(7), circuit, 0);
    channels.add(withChannel(7), circuit, 100);
    expect(channels.nextMs).toBe(100 + INTERVAL_MS);
    channels.remove(7);
    channels.expire(10_000);
    expect([take(), channels.nextMs]).toEqual([[], undefined]);
  });
});

describe("what a protocol learns and tells", () => {
  test("it has the options of its own row for as long as the session is there", () => {
    const { channels, take } = newChannels();
    const withOptions = attachment({ channelOptions: channelOptions(heartbeat, { intervalMs: 10 }) });
    channels.add(withChannel(7), withOptions, 0);
    channels.add(withChannel(8), attachment({ channelOptions: channelOptions(detector, {}) }), 0);
    expect(channels.nextMs).toBe(10);
    channels.expire(10);
    expect([take(), channels.nextMs]).toEqual([["sent 7 7ff0: 1"], 20]);
    channels.remove(7);
    expect(channels.nextMs).toBe(INTERVAL_MS);
  });

  test("it has randomness of its own, so that the intervals of sessions do not fall into step", () => {
    const jittery: ChannelProtocolKind = {
      name: "jittery",
      channelTypes: [],
      create: (_session, _options, random) => ({
        deadlineMs: INTERVAL_MS + (random.octets(1)[0] ?? 0),
        handle: () => [],
      }),
    };
    const { channels } = newChannels([jittery]);
    const deadlines = [7, 8, 9].map((id) => {
      channels.add(withChannel(id), circuit, 0);
      const { nextMs } = channels;
      channels.remove(id);
      return nextMs;
    });
    const random = new SeededRandom(SEED);
    expect(deadlines).toEqual([7, 8, 9].map(() => INTERVAL_MS + (random.octets(1)[0] ?? 0)));
    expect(new Set(deadlines).size).toBe(3);
  });

  test("it hears how the circuit is at the beginning, and of each change", () => {
    const { channels, take } = newChannels([detector]);
    const down = attachment({ active: false });
    channels.add(withChannel(7), down, 0);
    channels.add(withChannel(8), circuit, 0);
    expect(take()).toEqual(["sent 7 7ff0: 0", "sent 8 7ff0: 1"]);
    for (const changed of [down, circuit, circuit, { ...down, dscp: 5 }]) channels.update(7, changed, 1);
    expect(take()).toEqual(["sent 7 7ff0: 1", "sent 7 7ff0: 0"]);
    channels.update(9, down, 2);
    expect(take()).toEqual([]);
  });

  test("what it says of the session is told at each change, and no more of a session that went", () => {
    const { channels, take } = newChannels([detector]);
    channels.add(withChannel(7), circuit, 0);
    take();
    const beat = (nowMs: number) => channels.receive(7, message(HEARTBEAT_TYPE, 1), nowMs);
    for (const nowMs of [0, 100, 300]) beat(nowMs);
    expect(take()).toEqual(["told 7 up"]);
    channels.expire(300 + INTERVAL_MS);
    expect([take(), channels.nextMs]).toEqual([["told 7 down: nothing came"], undefined]);
    beat(1000);
    channels.remove(7);
    channels.expire(5000);
    expect(take()).toEqual(["told 7 up"]);
    channels.add(withChannel(7), circuit, 6000);
    beat(6001);
    expect(take()).toEqual(["sent 7 7ff0: 1", "told 7 up"]);
  });

  test("another diagnostic is another status", () => {
    const statuses: readonly ChannelStatus[] = [
      { state: "down", diagnostic: "nothing came" },
      { state: "down", diagnostic: "nothing came" },
      { state: "down", diagnostic: "the peer says so" },
      { state: "admin-down" },
    ];
    const talkative: ChannelProtocolKind = {
      name: "talkative",
      channelTypes: [],
      create: () => ({ deadlineMs: undefined, handle: () => statuses.map(tell) }),
    };
    const { channels, take } = newChannels([talkative]);
    channels.add(withChannel(7), circuit, 0);
    expect(take()).toEqual([
      "told 7 down: nothing came",
      "told 7 down: the peer says so",
      "told 7 admin-down",
    ]);
  });
});
