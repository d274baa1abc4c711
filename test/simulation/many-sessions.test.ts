import { expect, test } from "vitest";
import { rawMessageName, splitControlMessage } from "../../src/wire/raw-message.ts";
import { effort, sampled } from "../support/effort.ts";
import { agreedSessions, type Node, pathBetween, peerSettings, pseudowireSettings, World } from "./world.ts";

const A = "192.0.2.1";
const B = "192.0.2.2";
const SLOW_START_MS = 60_000;

interface Case {
  readonly sessions: number;
  readonly window: number;
  readonly roundTripMs: number;
  readonly loss: number;
}

/** What an effort of up to 1 takes: corners, and where set-up collapsed when its timers ran in the queue. */
const corners: readonly Case[] = [
  { sessions: 700, window: 4, roundTripMs: 200, loss: 0 },
  { sessions: 1000, window: 8, roundTripMs: 300, loss: 0 },
  { sessions: 3000, window: 8, roundTripMs: 100, loss: 0.01 },
  { sessions: 1000, window: 1, roundTripMs: 500, loss: 0.1 },
  { sessions: 10_000, window: 64, roundTripMs: 500, loss: 0 },
  { sessions: 10_000, window: 1, roundTripMs: 500, loss: 0 },
  { sessions: 10_000, window: 8, roundTripMs: 500, loss: 0.1 },
];

/** What a greater effort takes, in some minutes. */
const all: readonly Case[] = [1000, 10_000].flatMap((sessions) =>
  [1, 4, 8, 64].flatMap((window) =>
    [10, 500].flatMap((roundTripMs) =>
      [0, 0.01, 0.1].map((loss) => ({ sessions, window, roundTripMs, loss })),
    ),
  ),
);

const cases = effort > 1 ? all : sampled(corners);

/**
 * What set-up may take. A session costs its caller two messages, an ICRQ and an ICCN, and a window of them
 * passes in a round trip. What gets lost waits for a retransmission, at first after a second, with one
 * message in flight: each message gets lost or has its acknowledgement lost with a chance of 2 x loss, which
 * costs a second and more each.
 */
function boundMs({ sessions, window, roundTripMs, loss }: Case): number {
  const messages = 2 * sessions;
  const perfectMs = (messages / window) * (roundTripMs + 2);
  const lostMs = messages * 2 * loss * (2000 + 2 * roundTripMs);
  return SLOW_START_MS + 1.5 * perfectMs + 2 * lostMs;
}

function open(world: World, node: Node, remote: string, { sessions, window }: Case): void {
  const settings = peerSettings("peer", pathBetween(node.address, remote));
  const delivery = { ...settings.delivery, receiveWindowSize: window };
  world.input(node, { kind: "open-connection", peer: { ...settings, delivery } });
  for (let index = 0; index < sessions; index += 1) {
    const pseudowire = pseudowireSettings(`pw${index}`);
    world.input(node, { kind: "open-session", peer: "peer", pseudowire, circuitActive: true });
  }
}

function cdns(node: Node): number {
  return node.sent.filter(({ octets }) => rawMessageName(splitControlMessage(octets)) === "CDN").length;
}

test.each(cases)(
  "RFC 3931 §7.3: $sessions sessions, window $window, $roundTripMs ms, loss $loss: all up, without CDN",
  (set) => {
    const world = new World(1, {
      loss: set.loss,
      duplicate: 0,
      corrupt: 0,
      delayMs: 2,
      latencyMs: set.roundTripMs / 2 - 1,
    });
    const left = world.add("left", A);
    const right = world.add("right", B);
    open(world, left, B, set);
    open(world, right, A, set);
    const isUp = () => left.forwarding.size === set.sessions && right.forwarding.size === set.sessions;
    const came = world.runUntil(isUp, boundMs(set));
    const held = { left: left.forwarding.size, right: right.forwarding.size, afterMs: world.nowMs };
    expect(came, JSON.stringify(held)).toBe(true);
    if (effort > 1) console.info(JSON.stringify({ ...set, upMs: world.nowMs, boundMs: boundMs(set) }));
    world.run(600_000);
    expect(agreedSessions(left, right)).toHaveLength(set.sessions);
    expect([cdns(left), cdns(right)]).toEqual([0, 0]);
    expect(left.reports.filter((report) => report.includes('"control-connection"')).length).toBeLessThan(6);
  },
);
