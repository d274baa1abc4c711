import { expect, test } from "vitest";
import { fromHex } from "../../src/bytes/hex.ts";
import { pathBetween } from "../simulation/world.ts";
import { Bench, peerPath } from "../support/bench.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";
import { answered, initiated, opening } from "../support/set-up.ts";
import { vectors } from "../vectors/vectors.ts";

const otherPort = { ...peerPath, remotePort: 40_000 };
const otherAddress = { ...peerPath, remoteAddress: "198.51.100.7" };

test("RFC 3931 §4.1.2.2: our SCCRQ goes to port 1701; the peer may answer from another and keep it", () => {
  const { bench, peer, sccrq } = opening();
  expect(sccrq.path).toEqual(peerPath);
  peer.say("SCCRP", peer.openingAvps, { path: otherPort });
  expect(peer.hear("SCCCN").path).toEqual(otherPort);
  peer.say("HELLO", {}, { path: otherPort });
  expect(peer.hear("ZLB").path).toEqual(otherPort);
  peer.say("HELLO");
  expect([peer.heard(), bench.discards]).toEqual([[], { "wrong-path": 1 }]);
  expect(bench.lcce.snapshot().connections[0]?.path).toEqual(otherPort);
});

test("RFC 3931 §4.1.2.2: an SCCRQ is answered to the address and port it came from", () => {
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench);
  bench.open();
  peer.say("SCCRQ", peer.openingAvps, { path: otherPort });
  expect(peer.hear("SCCRP").path).toEqual(otherPort);
  peer.say("SCCCN", {}, { path: otherPort });
  expect(peer.hear("ZLB").path).toEqual(otherPort);
});

test("RFC 3931 §4.1.2.2: messages from another address or port do not change a connection's path", () => {
  const { bench, peer } = answered();
  for (const path of [otherPort, otherAddress, { ...peerPath, encapsulation: "ip" as const }]) {
    peer.say("StopCCN", { resultCode: { resultCode: 1 } }, { path });
  }
  expect([peer.heard(), bench.discards]).toEqual([[], { "wrong-path": 3 }]);
  const { bench: waiting, peer: stranger } = opening();
  stranger.say("SCCRP", stranger.openingAvps, { path: otherAddress });
  expect([stranger.heard(), waiting.discards]).toEqual([[], { "wrong-path": 1 }]);
});

test("an SCCRQ from an unknown address is dropped; of tunnels with one address the port decides", () => {
  const bench = new Bench({ role: "responder" });
  const second = { ...bench.settings, name: "second", path: otherPort };
  const peer = new ScriptedPeer(bench);
  bench.open();
  bench.input({ kind: "open-connection", peer: second });
  peer.say("SCCRQ", peer.openingAvps, { path: otherAddress });
  expect([peer.heard(), bench.discards]).toEqual([[], { "unknown-peer": 1 }]);
  peer.say("SCCRQ", peer.openingAvps, { path: otherPort, ns: 0 });
  peer.hear("SCCRP");
  const states = () => bench.lcce.snapshot().connections.map(({ peer: name, state }) => `${name} ${state}`);
  expect(states()).toEqual(["peer idle", "second wait-ctl-conn"]);
});

test("RFC 3931 §5.4.3: id 0 in the header is for SCCRQ and StopCCN only; an unknown id is dropped", () => {
  const { bench, peer } = answered();
  peer.say("HELLO", {}, { controlConnectionId: 0 });
  peer.say("HELLO", {}, { controlConnectionId: (peer.lcceId ^ 1) >>> 0 });
  peer.acknowledge({ controlConnectionId: 0 });
  expect([peer.heard(), bench.discards]).toEqual([[], { "unknown-connection": 3 }]);
});

test("RFC 3931 §4.1.1: over IP there are no ports, and all else is the same", () => {
  const path = pathBetween("2001:db8::1", "2001:db8::2", "ip");
  const { bench, peer } = initiated({ path });
  peer.say("HELLO");
  expect(peer.hear("ZLB").path).toEqual(path);
  expect(bench.connectionState).toBe("established");
});

test.each(vectors.malformed.filter(({ id }) => Number(id.slice(2)) <= 7))(
  "RFC 3931 §7.1: $id is discarded without an answer ($why)",
  ({ payload_hex, transport }) => {
    const bench = new Bench({ role: "responder" });
    bench.open();
    bench.input({
      kind: "datagram",
      path: peerPath,
      octets: fromHex(payload_hex).subarray(transport === "ip" ? 4 : 0),
    });
    expect(bench.discards).toEqual({ malformed: 1 });
    expect(bench.transmissions).toEqual([]);
  },
);

test("RFC 3931 §7.1: reserved bits and trailing octets are ignored; a damaged AVP drops the message", () => {
  const { bench, peer } = answered();
  const hello = peer.compose("HELLO");
  const longer = new Uint8Array(hello.length + 5);
  longer.set(hello);
  longer[0] = 0xff;
  longer[1] = 0xf3;
  peer.deliver(longer);
  peer.ns += 1;
  peer.hear("ZLB");
  const damaged = peer.compose("HELLO");
  damaged[13] = 7;
  peer.deliver(damaged);
  expect([peer.heard(), bench.discards]).toEqual([[], { malformed: 1 }]);
  const headless = peer.compose("HELLO");
  headless[17] = 7;
  peer.deliver(headless);
  expect([peer.heard(), bench.discards]).toEqual([[], { malformed: 2 }]);
});

test("RFC 3931 §7.1: an SCCRQ that cannot be read, or does not begin at Ns 0, is dropped", () => {
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench);
  bench.open();
  peer.say("SCCRQ", peer.openingAvps, { ns: 1 });
  const hidden = peer.compose("SCCRQ", peer.openingAvps);
  hidden[12] = 0xc0;
  peer.deliver(hidden);
  expect([peer.heard(), bench.discards]).toEqual([[], { malformed: 2 }]);
});

test("RFC 3931 §4.7.3: an SCCRQ of version 2 with AVPs of 2 and 3 gets an SCCRP of 3, over UDP only", () => {
  const probe = vectors.messages.find(({ id }) => id === "S13-01");
  const bench = new Bench({ role: "responder" });
  const peer = new ScriptedPeer(bench);
  bench.open();
  bench.input({ kind: "datagram", path: peerPath, octets: fromHex(probe?.payload_hex ?? "") });
  const sccrp = peer.hear("SCCRP");
  expect([sccrp.octets[0], sccrp.octets[1]]).toEqual([0xc8, 3]);
  const other = peer.compose("HELLO");
  other[1] = 2;
  peer.deliver(other);
  expect([peer.heard(), bench.discards]).toEqual([[], { version: 1 }]);

  const path = pathBetween("192.0.2.1", "192.0.2.2", "ip");
  const overIp = new Bench({ role: "responder", path });
  overIp.open();
  overIp.input({ kind: "datagram", path, octets: fromHex(probe?.message_hex ?? "") });
  expect(overIp.discards).toEqual({ version: 1 });
});
