import { encodeControlMessage } from "../../src/wire/message.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { type Node, pathBetween, type World } from "./world.ts";

interface Recording {
  readonly to: Node;
  readonly path: PsnPath;
  readonly octets: Uint8Array;
}

/** Kept of what was heard; older recordings are thinned out by chance. */
const MOST_RECORDINGS = 300;
const DIGEST_OFFSET = 20;

/**
 * Hears everything that two LCCEs send, and sends what he likes from any address and port as often as he
 * likes: recordings, to either of them, at once or late; recordings with octets changed or without their
 * digest; messages of his own. He does not know the secret.
 */
export class Attacker {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #recordings: Recording[] = [];
  /** Control connection ids and nonces heard, newest last. */
  readonly #ids: number[] = [0];
  readonly #nonces: Uint8Array[] = [new Uint8Array(16)];

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = new SeededRandom(seed ^ 0x5eed);
    world.tap = (to, path, octets) => this.#hear({ to, path, octets });
  }

  /** Lets so much time pass and disturbs it: each of some moments brings a few datagrams. */
  run(forMs: number): void {
    const endMs = this.#world.nowMs + forMs;
    while (this.#world.nowMs < endMs) {
      for (let count = this.#below(6); count >= 0; count -= 1) this.#act();
      this.#world.run(Math.min(this.#pause(), endMs - this.#world.nowMs));
    }
  }

  /** Disturbs until `done`, for at most `forMs`; true when it came about. */
  runUntil(done: () => boolean, forMs: number): boolean {
    const endMs = this.#world.nowMs + forMs;
    while (!done() && this.#world.nowMs < endMs) {
      for (let count = this.#below(6); count >= 0; count -= 1) this.#act();
      const isDone = this.#world.runUntil(done, this.#pause());
      if (!isDone) this.#world.run(1);
    }
    return done();
  }

  /** Mostly within a round trip, now and then a long silence. */
  #pause(): number {
    return this.#random.next() < 0.3 ? 1 + this.#below(50) : 1 + this.#below(4000);
  }

  #hear(recording: Recording): void {
    this.#recordings.push(recording);
    if (this.#recordings.length > MOST_RECORDINGS) this.#recordings.splice(this.#below(MOST_RECORDINGS), 1);
    const view = new DataView(recording.octets.buffer);
    this.#ids.push(view.getUint32(4));
    this.#collect(recording.octets);
    // An attacker who hears an SCCRQ may be faster than its sender.
    if (this.#random.next() < 0.2) this.#send(recording, 1);
  }

  /** What AVPs 61 and 73 hold, wherever they stand. */
  #collect(octets: Uint8Array): void {
    const view = new DataView(octets.buffer);
    for (let at = 12; at + 10 <= octets.length; at += Math.max(6, view.getUint16(at) & 0x3ff)) {
      const type = view.getUint16(at + 4);
      if (type === 61) this.#ids.push(view.getUint32(at + 6));
      if (type === 73) this.#nonces.push(octets.slice(at + 6, at + (view.getUint16(at) & 0x3ff)));
    }
  }

  #act(): void {
    const recording = this.#recorded();
    const choice = this.#random.next();
    if (choice < 0.55) return this.#send(recording);
    if (choice < 0.65) return this.#send({ ...recording, to: this.#other(recording.to) });
    if (choice < 0.75) return this.#send({ ...recording, octets: this.#spoilt(recording.octets) });
    if (choice < 0.85) return this.#send({ ...recording, octets: withoutDigest(recording.octets) });
    this.#send({ ...recording, octets: this.#forged() });
  }

  #recorded(): Recording {
    const all = this.#recordings;
    const recent = this.#random.next() < 0.5 ? Math.max(0, all.length - 8) : 0;
    const chosen = all[recent + this.#below(all.length - recent)];
    const [to] = this.#world.nodes.values();
    if (to === undefined) throw new Error("nobody to attack");
    return chosen ?? { to, path: pathBetween(to.address, "198.51.100.9"), octets: this.#forged() };
  }

  /** From the address and port of the peer, from another port of it, or from elsewhere. */
  #send({ to, octets }: Recording, afterMs = this.#below(200)): void {
    const usual = pathBetween(to.address, this.#other(to).address);
    const source = this.#random.next();
    const port = 1 + this.#below(source < 0.9 ? 40 : 65_535);
    const stranger = `198.51.100.${this.#below(256)}`;
    const path =
      source < 0.5
        ? usual
        : { ...usual, remotePort: port, ...(source < 0.95 ? {} : { remoteAddress: stranger }) };
    this.#world.inject(to, path, octets.slice(), afterMs);
  }

  #other(node: Node): Node {
    return [...this.#world.nodes.values()].find((other) => other !== node) ?? node;
  }

  #spoilt(octets: Uint8Array): Uint8Array {
    const copy = octets.slice();
    const at = this.#random.next() < 0.5 ? this.#below(12) : this.#below(copy.length);
    copy[at] = this.#below(256);
    return copy;
  }

  /** A message of his own, with ids and nonces that he heard, and without a digest. */
  #forged(): Uint8Array {
    const id = this.#pick(this.#ids, 0);
    const numbers = { controlConnectionId: id, ns: this.#below(4), nr: this.#below(4) };
    const choice = this.#random.next();
    if (choice < 0.2) return encodeControlMessage(numbers, undefined);
    if (choice < 0.5) {
      const avps = { resultCode: { resultCode: 1 }, assignedControlConnectionId: this.#pick(this.#ids, 0) };
      return encodeControlMessage(numbers, { name: "StopCCN", avps });
    }
    const opening = {
      controlMessageAuthenticationNonce: this.#pick(this.#nonces, new Uint8Array(16)),
      hostName: "right",
      routerId: 1,
      assignedControlConnectionId: this.#pick(this.#ids, 0),
      pseudowireCapabilitiesList: [5, 4],
      receiveWindowSize: this.#below(2),
      tieBreaker: new Uint8Array(8),
    };
    const name = choice < 0.9 ? "SCCRQ" : "SCCRP";
    const to = name === "SCCRQ" ? { controlConnectionId: 0, ns: 0, nr: 0 } : numbers;
    return encodeControlMessage(to, { name, avps: opening });
  }

  #pick<T>(values: readonly T[], otherwise: T): T {
    const recent = this.#random.next() < 0.7 ? Math.max(0, values.length - 6) : 0;
    return values[recent + this.#below(values.length - recent)] ?? otherwise;
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * Math.max(1, limit));
  }
}

/**
 * The message without the AVP behind its Message Type, which is the Message Digest where there is one.
 */
function withoutDigest(octets: Uint8Array): Uint8Array {
  if (octets.length < DIGEST_OFFSET + 6) return octets;
  const length = new DataView(octets.buffer).getUint16(DIGEST_OFFSET) & 0x3ff;
  const without = new Uint8Array([
    ...octets.subarray(0, DIGEST_OFFSET),
    ...octets.subarray(DIGEST_OFFSET + length),
  ]);
  new DataView(without.buffer).setUint16(2, without.length);
  return without;
}
