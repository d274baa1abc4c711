import { expect, test } from "vitest";
import type { Effect, Input } from "../../src/control/effects.ts";
import { Lcce } from "../../src/control/lcce.ts";
import { countVisits } from "../support/count-visits.ts";
import { scaled } from "../support/effort.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { pathBetween, peerSettings, pseudowireSettings } from "./world.ts";

/**
 * Two LCCEs with a wire of no delay between them, and nothing beside them that could cost more with more
 * sessions.
 */
class Pair {
  readonly established = new Set<number>();
  readonly #ends = ["192.0.2.1", "192.0.2.2"].map((address, index) => ({
    lcce: new Lcce(
      { hostName: address, routerId: index + 1, vendorName: "Wirespan" },
      new SeededRandom(index),
    ),
    path: pathBetween(address, index === 0 ? "192.0.2.2" : "192.0.2.1"),
  }));
  #effects: { readonly from: number; readonly effect: Effect }[] = [];

  open(sessions: number): void {
    for (const end of [0, 1]) {
      const { path } = this.#end(end);
      this.#input(end, { kind: "open-connection", peer: peerSettings("peer", path) });
      for (let index = 0; index < sessions; index += 1) {
        const pseudowire = pseudowireSettings(`pw${index}`);
        this.#input(end, { kind: "open-session", peer: "peer", pseudowire, circuitActive: true });
      }
    }
    for (let effects = this.#take(); effects.length > 0; effects = this.#take()) {
      for (let index = 0; index < effects.length; index += 1) this.#perform(effects[index]);
    }
  }

  #end(index: number) {
    const end = this.#ends[index];
    if (end === undefined) throw new Error("two ends");
    return end;
  }

  #take() {
    const taken = this.#effects;
    this.#effects = [];
    return taken;
  }

  #perform(taken: { readonly from: number; readonly effect: Effect } | undefined): void {
    const effect = taken?.effect;
    if (effect?.kind === "forwarding-add") this.established.add(effect.session.localSessionId);
    if (effect?.kind !== "transmit") return;
    const to = taken?.from === 0 ? 1 : 0;
    this.#input(to, { kind: "datagram", path: this.#end(to).path, octets: effect.octets });
  }

  #input(end: number, input: Input): void {
    const effects = this.#end(end).lcce.handle(input, 0);
    for (let index = 0; index < effects.length; index += 1) {
      const effect = effects[index];
      if (effect !== undefined) this.#effects.push({ from: end, effect });
    }
  }
}

test("RFC 3931 §7.3: set-up work is linear: four times the sessions, at most 4.5 times the work", () => {
  // With fewer what does not grow would be seen, too.
  const fewest = Math.max(1000, scaled(2000));
  const [few = 0, many = 0] = [fewest, 4 * fewest].map((sessions) => {
    const pair = new Pair();
    const visits = countVisits(() => pair.open(sessions));
    expect(pair.established.size).toBe(2 * sessions);
    // Each session is looked at, at both ends.
    expect(visits).toBeGreaterThan(2 * sessions);
    return visits;
  });
  expect(many / few).toBeLessThanOrEqual(4.5);
});
