import { expect, test } from "vitest";
import type { AvpValues } from "../../src/wire/avp-table.ts";
import { type MessageName, messageNames, messageTable } from "../../src/wire/message-table.ts";
import { Bench } from "../support/bench.ts";
import { circuitStatus, type Protection, rawAvp, ScriptedPeer } from "../support/scripted-peer.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { forEachSeed } from "../support/seeds.ts";
import { digestAuthentication, peerSettings, pseudowireSettings } from "./world.ts";

const protection: Protection = {
  digestType: "hmac-sha1",
  secrets: [new TextEncoder().encode("secret")],
  nonce: new Uint8Array(16).fill(3),
};
const counters = { hardwareOverruns: 0, bufferOverruns: 0, timeoutErrors: 0, alignmentErrors: 0 };
const pseudowires = ["one", "two", "three"].map((name) => pseudowireSettings(name));

/** A peer without sense and an operator without patience, both at the mercy of a seed. */
class Chaos {
  readonly random: SeededRandom;
  readonly bench: Bench;
  readonly peers: ScriptedPeer[];
  readonly #authenticates: boolean;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.#authenticates = seed % 4 === 0;
    const role = this.pick(["either", "initiator", "responder"] as const);
    const authentication = this.#authenticates
      ? digestAuthentication("secret")
      : peerSettings("peer", new Bench().settings.path).authentication;
    this.bench = new Bench({ role, authentication }, seed);
    this.peers = [this.#newPeer()];
    this.bench.open(...pseudowires);
  }

  step(): void {
    const choice = this.random.next();
    if (choice < 0.7) this.#say();
    else if (choice < 0.8) this.#operate();
    else if (choice < 0.95) this.bench.advance(Math.floor(this.random.next() * 3000));
    else this.bench.advance(Math.floor(this.random.next() * 90_000));
    for (const peer of this.peers) peer.heard();
    this.bench.transmissions = [];
  }

  pick<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.random.next() * values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }

  #newPeer(): ScriptedPeer {
    const id = 1 + Math.floor(this.random.next() * 0xffff);
    return new ScriptedPeer(this.bench, id, this.#authenticates ? protection : undefined);
  }

  /** One message: mostly with the right numbers, so that it is looked at; its content is anything. */
  #say(): void {
    if (this.random.next() < 0.1) this.peers.push(this.#newPeer());
    if (this.peers.length > 4) this.peers.shift();
    const peer = this.pick(this.peers);
    const name = this.pick(this.#fitting());
    const fresh = name === "SCCRQ" && this.random.next() < 0.9;
    if (fresh) Object.assign(peer, { lcceId: 0, ns: 0, nr: 0 });
    const raw = this.random.next() < 0.05 ? [rawAvp(5000)] : [];
    const wrongNs = this.random.next() < 0.05 ? { ns: this.pick([0, peer.ns + 1, 40_000]) } : {};
    peer.say(name, this.#content(name, peer), { raw, ...wrongNs });
  }

  /** Messages of the level that the connection has reached; now and then any at all. */
  #fitting(): readonly MessageName[] {
    if (this.random.next() < 0.1) return messageNames;
    if (this.bench.connectionState !== "established") return ["SCCRQ", "SCCRP", "SCCCN"];
    return messageNames.filter((name) => messageTable[name].level === "session");
  }

  #content(name: MessageName, peer: ScriptedPeer): AvpValues {
    if (name === "SCCRQ" || name === "SCCRP") return { ...peer.openingAvps, ...this.#tieBreaker() };
    if (name === "StopCCN") return { resultCode: { resultCode: 1 }, assignedControlConnectionId: peer.id };
    if (["SCCCN", "HELLO", "ACK"].includes(name)) return {};
    const known = this.bench.lcce.snapshot().pseudowires.map(({ session }) => session?.localSessionId ?? 0);
    const isCall = name === "ICRQ" || name === "OCRQ";
    return {
      localSessionId: this.pick([1, 2, 3, 4, 0]),
      remoteSessionId: isCall ? 0 : this.pick([...known, ...known, 0, 99]),
      ...(isCall ? { pseudowireType: this.pick([5, 5, 5, 4]), ...this.#tieBreaker() } : {}),
      ...(isCall
        ? { remoteEndId: new TextEncoder().encode(this.pick(["one", "two", "three", "four"])) }
        : {}),
      circuitStatus: circuitStatus(this.random.next() < 0.7),
      ...(this.random.next() < 0.1 ? { dataSequencing: 1 } : {}),
      ...(name === "WEN" && this.random.next() < 0.8 ? { circuitErrors: counters } : {}),
      ...(name === "CDN" ? { resultCode: { resultCode: this.pick([1, 3, 13]) } } : {}),
    };
  }

  #tieBreaker(): AvpValues {
    return this.random.next() < 0.3 ? {} : { tieBreaker: new Uint8Array(8).fill(this.pick([0, 0x80, 0xff])) };
  }

  #operate(): void {
    const { bench } = this;
    const pseudowire = this.pick(pseudowires);
    const localSessionId = this.pick([...bench.forwarded.map((session) => session.localSessionId), 5]);
    const operations = [
      () => bench.input({ kind: "close-session", pseudowire: pseudowire.name }),
      () =>
        bench.input({
          kind: "circuit-status",
          pseudowire: pseudowire.name,
          active: this.random.next() < 0.5,
        }),
      () => bench.input({ kind: "forwarding-failed", localSessionId, problem: "no" }),
      () => bench.input({ kind: "data-received", localSessionId }),
      () => bench.input({ kind: "update-connection", peer: bench.settings }),
      () => this.reopen(),
      () => {
        if (!bench.lcce.snapshot().pseudowires.some(({ pseudowire: name }) => name === pseudowire.name))
          bench.openSession(pseudowire);
      },
    ];
    this.pick(operations)();
  }

  reopen(): void {
    this.bench.input({ kind: "close-connection", peer: "peer", resultCode: this.pick([1, 6] as const) });
    this.bench.open(...pseudowires);
  }
}

test("whatever peer and operator do, the plane forwards established sessions and no others", () => {
  const reached = new Set<string>();
  forEachSeed(500, (seed) => {
    const chaos = new Chaos(seed);
    const { bench } = chaos;
    for (let step = 0; step < 60; step += 1) {
      chaos.step();
      const { connections, pseudowires: states } = bench.lcce.snapshot();
      const established = states.filter(({ state }) => state === "established");
      const agreed = established.map(({ session }) => session?.localSessionId).sort();
      expect(bench.forwarded.map(({ localSessionId }) => localSessionId).sort()).toEqual(agreed);
      expect(new Set(bench.forwarded.map(({ pseudowire }) => pseudowire)).size).toBe(agreed.length);
      for (const { state } of [...connections, ...states]) reached.add(state);
    }
    bench.input({ kind: "close-connection", peer: "peer", resultCode: 6 });
    bench.advance(200_000);
    expect([bench.forwarded, bench.lcce.hasNoConnections, bench.lcce.deadlineMs]).toEqual([
      [],
      true,
      undefined,
    ]);
  });
  expect([...reached].sort()).toEqual([
    "established",
    "idle",
    "wait-connect",
    "wait-control-conn",
    "wait-ctl-conn",
    "wait-ctl-reply",
    "wait-reply",
  ]);
});
