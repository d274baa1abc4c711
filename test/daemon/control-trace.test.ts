import { expect, test } from "vitest";
import { ControlTrace } from "../../src/daemon/control-trace.ts";
import { EventFeed, type PublishedEvent } from "../../src/daemon/events.ts";
import { encodeControlMessage } from "../../src/wire/message.ts";
import { anyMessage } from "../support/any-message.ts";
import { Bench, lan, peerPath } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

const hello = encodeControlMessage({ controlConnectionId: 7, ns: 1, nr: 2 }, anyMessage("HELLO"));

/** A trace that knows a tunnel by the id 7 alone, and what it wrote while somebody reads it. */
function tracing({ isRead = true } = {}) {
  const feed = new EventFeed();
  const lines: PublishedEvent[] = [];
  const clock = { nowMs: 0 };
  let asked = 0;
  feed.listen(
    (event) => lines.push(event),
    () => (isRead ? "trace" : "debug"),
  );
  const trace = new ControlTrace(feed, { nowMs: () => clock.nowMs }, (_direction, _path, id) => {
    asked += 1;
    return id === 7 ? "hq" : undefined;
  });
  return { trace, lines, clock, feed, asked: () => asked };
}

test("a message is one line, with its tunnel, ends, numbers and AVPs; none stays in the ring", () => {
  const { trace, lines, feed } = tracing();
  trace.tell("received", peerPath, hello);
  const stop = anyMessage("StopCCN", { resultCode: { resultCode: 1 }, assignedControlConnectionId: 9 });
  trace.tell("sent", peerPath, encodeControlMessage({ controlConnectionId: 5, ns: 0, nr: 0 }, stop));
  trace.tell("received", peerPath, hello.subarray(0, 9));
  expect(lines.map(({ text }) => text)).toEqual([
    "tunnel hq: received HELLO from 192.0.2.2:1701: connection 0x00000007, Ns 1, Nr 2",
    "sent StopCCN to 192.0.2.2:1701: connection 0x00000005, Ns 0, Nr 0; " +
      "Result Code: closed by its operator (1); Assigned Control Connection ID: 0x00000009",
    expect.stringMatching(/^tunnel hq: received what cannot be read from 192\.0\.2\.2:1701: /),
  ]);
  expect(lines[0]?.fields).toMatchObject({
    ...{ event: "control-message", tunnel: "hq", direction: "received", message: "HELLO" },
    ...{ from: "192.0.2.2:1701", to: "192.0.2.1:1701", controlConnectionId: 7, ns: 1, nr: 2, avps: [] },
  });
  expect(feed.last).toBe(0);
});

test("where nobody reads trace, nothing is looked up or made", () => {
  const { trace, lines, asked } = tracing({ isRead: false });
  for (let count = 0; count < 1000; count += 1) trace.tell("received", peerPath, hello);
  expect([lines.length, asked()]).toEqual([0, 0]);
});

test("a flood of strangers is a few lines, and keeps none of a tunnel out, which are bounded too", () => {
  const { trace, lines, clock } = tracing();
  const stranger = hello.slice();
  stranger[7] = 8;
  for (let count = 0; count < 50_000; count += 1) trace.tell("received", peerPath, stranger);
  expect(lines).toHaveLength(20);
  clock.nowMs += 1000;
  trace.tell("received", peerPath, stranger);
  expect(lines.at(-1)?.text).toMatch(/\(49980 messages before this one were left out\)$/);
  lines.length = 0;
  for (let count = 0; count < 50_000; count += 1) trace.tell("received", peerPath, hello);
  expect(lines).toHaveLength(1000);
});

test("the tunnel of a message is known by its ids, and by its path where it has none", () => {
  const bench = new Bench({ role: "initiator" });
  const peer = new ScriptedPeer(bench);
  bench.open(lan);
  peer.hear("SCCRQ");
  peer.say("SCCRP", peer.openingAvps);
  const { localControlConnectionId: ours = 0, remoteControlConnectionId: theirs = 0 } =
    bench.lcce.snapshot().connections[0] ?? {};
  const elsewhere = { ...peerPath, remoteAddress: "198.51.100.1" };
  expect([
    bench.lcce.peerOf("received", peerPath, ours),
    bench.lcce.peerOf("sent", peerPath, theirs),
    bench.lcce.peerOf("received", peerPath, 0),
    bench.lcce.peerOf("received", elsewhere, 0),
    bench.lcce.peerOf("sent", elsewhere, theirs),
  ]).toEqual(["peer", "peer", "peer", undefined, undefined]);
});
