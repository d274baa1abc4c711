import { describe, expect, test } from "vitest";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { digestAuthentication, pathBetween, peerSettings } from "../simulation/world.ts";
import { Bench, lan } from "../support/bench.ts";
import { type Protection, ScriptedPeer } from "../support/scripted-peer.ts";

/** Connections of a tunnel that take over: of machines with one configuration, or of a peer that moves. */

const anyEnd = pathBetween("192.0.2.1", "0.0.0.0");
const protection: Protection = {
  digestType: "hmac-sha1",
  secrets: [new TextEncoder().encode("secret")],
  nonce: new Uint8Array(16).fill(3),
};

/** What a hub notes of a tunnel whose peer connects from these ends, one after the other. */
function hub(isProtected: boolean) {
  const authentication = isProtected ? { authentication: digestAuthentication("secret") } : {};
  const bench = new Bench();
  bench.input({
    kind: "open-connection",
    peer: peerSettings("peer", anyEnd, { from: [], ...authentication }),
  });
  bench.openSession(lan);
  let id = 0x100;
  const connect = (remoteAddress: string, remotePort = 1701): ScriptedPeer => {
    const path: PsnPath = { ...anyEnd, remoteAddress, remotePort };
    id += 1;
    const nonce = new Uint8Array(16).fill(id);
    const peer = new ScriptedPeer(bench, id, isProtected ? { ...protection, nonce } : undefined);
    peer.say("SCCRQ", { ...peer.openingAvps, tieBreaker: new Uint8Array(8).fill(id) }, { path });
    peer.hear("SCCRP");
    peer.say("SCCCN", {}, { path });
    peer.heard();
    expect(bench.lcce.snapshot().connections[0]?.path).toEqual(path);
    return peer;
  };
  const notes = () => bench.lcce.snapshot().connections[0]?.notes;
  return { bench, connect, notes };
}

const question = "do two machines have the same configuration?";

describe.each([true, false])("with a secret: %s", (isProtected) => {
  test.each([
    ["two addresses", ["198.51.100.9", "203.0.113.7"], "198.51.100.9 and 203.0.113.7"],
    [
      "three addresses",
      ["2001:db8::1", "2001:db8::2", "2001:db8::3"],
      "2001:db8::1, 2001:db8::2 and 2001:db8::3",
    ],
  ])(
    "machines at %s that take the tunnel from each other are noted at the third time",
    (_what, from, words) => {
      const { connect, notes } = hub(isProtected);
      for (let count = 0; count < 3; count += 1) connect(from[count % from.length] ?? "");
      expect(notes()).toEqual([]);
      connect(from[3 % from.length] ?? "");
      expect(notes()).toEqual([`it is taken over in turn from ${words}: ${question}`]);
    },
  );

  test("machines behind one NAT are told apart by their ports", () => {
    const { connect, notes } = hub(isProtected);
    for (const port of [1701, 40_000, 1701, 40_000]) connect("203.0.113.7", port);
    expect(notes()?.join()).toContain("from 203.0.113.7 port 1701 and 203.0.113.7 port 40000: ");
  });

  test("a peer that moves on, starts again, or comes back after its connection ended is not", () => {
    const moving = hub(isProtected);
    for (const host of [1, 2, 3, 4, 5, 6]) moving.connect(`198.51.100.${host}`);
    expect(moving.notes()).toEqual([]);
    const restarted = hub(isProtected);
    for (let count = 0; count < 6; count += 1) restarted.connect("198.51.100.1");
    expect(restarted.notes()).toEqual([]);
    const ended = hub(isProtected);
    for (const host of [1, 2, 1, 2, 1, 2]) {
      const remoteAddress = `198.51.100.${host}`;
      const peer = ended.connect(remoteAddress);
      peer.say(
        "StopCCN",
        { resultCode: { resultCode: 6 }, assignedControlConnectionId: peer.id },
        {
          path: { ...anyEnd, remoteAddress },
        },
      );
      peer.heard();
    }
    expect(ended.notes()).toEqual([]);
  });

  test("the note goes ten minutes after the first of three, and take-overs far apart make none", () => {
    const { bench, connect, notes } = hub(isProtected);
    for (const host of [1, 2, 1, 2]) connect(`198.51.100.${host}`);
    expect(notes()).toHaveLength(1);
    bench.nowMs += 600_000;
    bench.input({ kind: "circuit-status", pseudowire: "lan", active: true });
    expect(notes()).toEqual([]);
    for (const host of [1, 2, 1, 2]) {
      bench.nowMs += 300_000;
      connect(`198.51.100.${host}`);
    }
    expect(notes()).toEqual([]);
  });
});
