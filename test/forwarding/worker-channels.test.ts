import { expect, test } from "vitest";
import type { ChannelProtocolKind } from "../../src/forwarding/channel.ts";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import { MOST_STATUSES, type SessionStatus } from "../../src/forwarding/userspace/commands.ts";
import { Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { WorkerChannels } from "../../src/forwarding/userspace/worker-channels.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

/** Says that a session is up when it begins, and follows its circuit from then on. */
const follower: ChannelProtocolKind = {
  name: "follower",
  channelTypes: [],
  create: () => ({
    deadlineMs: undefined,
    handle: (input) =>
      "circuitActive" in input
        ? [{ kind: "status", status: { state: input.circuitActive ? "up" : "down" } }]
        : [],
  }),
};

const circuit = attachment();
const withChannel = (localSessionId: number) =>
  sessionParameters({ localSessionId, vccvControlChannel: "l2-specific-sublayer" });

/** The channels of a worker whose main thread takes statuses only when it is told to. */
function newWorkerChannels() {
  const arena = new Arena();
  const counters = new CounterWriter(new SharedArrayBuffer(CELLS_A_SESSION * 8));
  let isBusy = false;
  const posted: (readonly SessionStatus[])[] = [];
  const channels = new WorkerChannels(arena, new Tables(arena), counters, [follower], {
    postMessage: () => undefined,
    postStatuses: (take) => {
      if (!isBusy) posted.push(take());
    },
  });
  const post = () => {
    channels.postStatuses();
    return posted.splice(0);
  };
  return { channels, post, setBusy: (busy: boolean) => (isBusy = busy) };
}

test("statuses wait for a busy main thread, of each session the last one", () => {
  const { channels, post, setBusy } = newWorkerChannels();
  expect(post()).toEqual([]);
  setBusy(true);
  for (const id of [7, 8, 9]) channels.add(withChannel(id), circuit);
  expect(post()).toEqual([]);
  for (const active of [false, true, false]) channels.update(8, { ...circuit, active });
  channels.remove(9);
  setBusy(false);
  expect(post()).toEqual([
    [
      [7, { state: "up" }],
      [8, { state: "down" }],
    ],
  ]);
  expect(post()).toEqual([]);
});

test("what was said of a session that went is not said of the next one with its local id", () => {
  const { channels, post } = newWorkerChannels();
  channels.add(withChannel(7), { ...circuit, active: false });
  channels.add(sessionParameters({ localSessionId: 7 }), circuit);
  expect(post()).toEqual([]);
});

test("many statuses come in several messages, each once", () => {
  const { channels, post } = newWorkerChannels();
  const ids = Array.from({ length: MOST_STATUSES + 3 }, (_, index) => index + 1);
  for (const id of ids) channels.add(withChannel(id), circuit);
  const messages = [...post(), ...post(), ...post()];
  expect(messages.map(({ length }) => length)).toEqual([MOST_STATUSES, 3]);
  expect(messages.flat().map(([id]) => id)).toEqual(ids);
});
