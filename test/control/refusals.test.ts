import { expect, test } from "vitest";
import { digestAuthentication } from "../simulation/world.ts";
import { Bench, lan } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { answered } from "../support/set-up.ts";

/** Why a peer was refused is told as long as it may be why there is no connection, and no longer. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const refusal = expect.stringMatching(/^refused the peer's SCCRQ: /);

const whyNot = (bench: Bench) => bench.lcce.snapshot(bench.nowMs).connections[0]?.whyNot;

/** An LCCE that waits for a peer, and refused one for its name. */
function refused() {
  const bench = new Bench({ role: "responder", peerHostName: "another" });
  const peer = new ScriptedPeer(bench);
  bench.open(lan);
  expect(whyNot(bench)).toBe("waiting for the peer to connect");
  peer.say("SCCRQ", peer.openingAvps);
  peer.heard();
  expect(whyNot(bench)).toEqual(refusal);
  return { bench, peer };
}

test.each([
  [10 * MINUTE - 1, refusal],
  [
    10 * MINUTE,
    expect.stringMatching(/^waiting for the peer to connect; before, 10 min ago: refused the peer's SCCRQ: /),
  ],
  [119 * MINUTE, expect.stringContaining("; before, 119 min ago: refused")],
  [24 * HOUR - 1, expect.stringContaining("; before, 23 h ago: refused")],
  [24 * HOUR, "waiting for the peer to connect"],
])("after %d ms in which nothing came at all a refusal is told with its age, or not any more", (ms, told) => {
  const { bench } = refused();
  bench.advance(ms);
  expect(whyNot(bench)).toEqual(told);
});

test("a peer that is refused again is refused now", () => {
  const { bench } = refused();
  bench.advance(HOUR);
  const again = new ScriptedPeer(bench, 77);
  again.say("SCCRQ", again.openingAvps);
  expect(whyNot(bench)).toEqual(refusal);
});

test("what was refused while a connection was there is not why it ended", () => {
  const { bench } = answered({ role: "responder", peerHostName: "peer" });
  const other = new ScriptedPeer(bench, 77);
  other.say("SCCRQ", { ...other.openingAvps, hostName: "another" });
  expect(bench.events).toContainEqual(expect.objectContaining({ event: "refused" }));
  bench.advance(5 * MINUTE);
  expect(whyNot(bench)).toBe("the peer does not answer");
});

test("a message that failed authentication long ago is not why the peer is silent", () => {
  const authentication = digestAuthentication("secret");
  const bench = new Bench({ role: "either", authentication });
  const secrets = [new TextEncoder().encode("another")];
  const nonce = new Uint8Array(16).fill(7);
  const peer = new ScriptedPeer(bench, undefined, { digestType: "hmac-sha1", secrets, nonce });
  bench.open();
  peer.heard();
  peer.say("SCCRP", peer.openingAvps);
  const lastLost = () => bench.events.findLast((event) => "detail" in event && "to" in event);
  bench.advance(2 * MINUTE);
  expect(lastLost()).toMatchObject({ detail: expect.stringMatching(/^no valid answer came: messages from/) });
  bench.advance(15 * MINUTE);
  expect(lastLost()).toMatchObject({ detail: expect.stringContaining("the peer does not answer") });
  expect(whyNot(bench)).toMatch(
    /^the peer does not answer.*; before, 17 min ago: messages from 192\.0\.2\.2 fail/,
  );
});

test("once a connection was there, what was refused before it is told no more", () => {
  const { bench } = refused();
  const peer = new ScriptedPeer(bench, 77);
  peer.say("SCCRQ", { ...peer.openingAvps, hostName: "another" });
  peer.hear("SCCRP");
  peer.say("SCCCN");
  expect(whyNot(bench)).toBeUndefined();
  peer.say("StopCCN", { resultCode: { resultCode: 6 }, assignedControlConnectionId: peer.id });
  expect(whyNot(bench)).toMatch(/^the peer stopped it/);
  bench.advance(HOUR);
  expect(whyNot(bench)).toMatch(/^the peer stopped it[^;]*$/);
});
