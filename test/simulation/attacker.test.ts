import { expect, test } from "vitest";
import type { PeerSettings } from "../../src/control/settings.ts";
import { effort } from "../support/effort.ts";
import { seeds } from "../support/seeds.ts";
import { Attacker } from "./attacker.ts";
import {
  agreedSessions,
  digestAuthentication,
  type Node,
  pathBetween,
  peerSettings,
  pseudowireSettings,
  World,
} from "./world.ts";

/** `npm run test:attacker` takes 10 000; ordinarily as many as fit beside the other tests. */
const SEEDS = 500;

/** Within so long two LCCEs without an attacker come up on such a path. */
const UP_MS = 300_000;
const HELLO_MS = 60_000;
/** HELLO and its retransmissions, and a few messages that were sent before the death and come late. */
const DEATH_MS = 2 * HELLO_MS + 71_000;

const lossy = { loss: 0.2, duplicate: 0.1, corrupt: 0, delayMs: 300 };

type Role = PeerSettings["role"];
const roles: readonly (readonly [Role, Role])[] = [
  ["initiator", "responder"],
  ["responder", "initiator"],
  ["either", "either"],
  ["either", "responder"],
  ["responder", "either"],
  ["either", "initiator"],
  ["initiator", "either"],
];

class Duel {
  readonly world: World;
  readonly left: Node;
  readonly right: Node;
  readonly attacker: Attacker;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.world = new World(seed, lossy);
    this.left = this.world.add("left", "192.0.2.1");
    this.right = this.world.add("right", "192.0.2.2");
    this.attacker = new Attacker(this.world, seed);
  }

  get isRoaming(): boolean {
    return this.#seed % 3 > 0;
  }

  /** Attempts of long ago under the same secret, of which nobody but the attacker knows any more. */
  prehistory(): void {
    this.world.path = { ...lossy, loss: 1 };
    for (let day = this.#seed % 8; day > 0; day -= 1) {
      this.open(this.left);
      this.open(this.right);
      this.world.run(20_000);
      this.world.restart(this.left);
      this.world.restart(this.right);
    }
    this.world.path = lossy;
  }

  open(node: Node): void {
    const [left, right] = roles[this.#seed % roles.length] ?? ["either", "either"];
    const other = node === this.left ? this.right : this.left;
    const path = pathBetween(node.address, other.address);
    const { delivery } = peerSettings("peer", path);
    const peer = peerSettings("peer", path, {
      role: node === this.left ? left : right,
      authentication: digestAuthentication("secret"),
      helloIntervalMs: HELLO_MS,
      roaming: this.isRoaming ? "control" : "off",
      delivery: { ...delivery, silenceMs: this.#seed % 2 === 0 ? 0 : 24_000 },
    });
    this.world.input(node, { kind: "open-connection", peer });
    const pseudowire = pseudowireSettings("lan");
    this.world.input(node, { kind: "open-session", peer: "peer", pseudowire, circuitActive: true });
  }

  get isUp(): boolean {
    const { left, right } = this;
    return (
      left.forwarding.size === 1 && right.forwarding.size === 1 && agreedSessions(left, right).length === 1
    );
  }

  get story(): string {
    return [...this.left.reports, "--", ...this.right.reports]
      .filter((line) => !line.includes("discard"))
      .slice(-40)
      .join("\n");
  }
}

/** One life: up under attack, up for as long as both live, gone when one is dead, up again. */
function live(seed: number): number {
  const duel = new Duel(seed);
  const { world, left, right, attacker } = duel;
  const told = (what: string) => `TEST_SEED=${seed}: ${what}\n${duel.story}`;
  duel.prehistory();
  const fromMs = world.nowMs;
  duel.open(left);
  duel.open(right);
  const isUp = attacker.runUntil(() => duel.isUp, UP_MS);
  if (!isUp) throw new Error(told("does not come up"));
  const tookMs = world.nowMs - fromMs;
  world.path = { ...lossy, loss: 0.05 };
  const before = [...left.forwarding.keys(), ...right.forwarding.keys()];
  attacker.run(3 * HELLO_MS);
  const after = [...left.forwarding.keys(), ...right.forwarding.keys()];
  if (!duel.isUp || before.join() !== after.join()) throw new Error(told("does not stay up"));
  right.alive = false;
  if (!attacker.runUntil(() => left.forwarding.size === 0, DEATH_MS))
    throw new Error(told("does not notice a death"));
  world.restart(right);
  right.alive = true;
  duel.open(right);
  if (!attacker.runUntil(() => duel.isUp, UP_MS)) throw new Error(told("does not come up again"));
  // Of a peer that may roam, what an attacker relays faster than the path is answered by a HELLO.
  if (duel.isRoaming ? world.unaskedOctets > 0 : world.strayOctets > 0)
    throw new Error(told("answers strangers"));
  return tookMs;
}

test("an attacker who sees, replays, reflects and forges all, but has no secret, keeps no tunnel down", {
  timeout: 7_200_000,
}, () => {
  const took: number[] = [];
  const failures: string[] = [];
  for (const seed of seeds(SEEDS)) {
    try {
      took.push(live(seed));
    } catch (error) {
      failures.push(String(error));
    }
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.floor(share * (took.length - 1))];
  if (effort > 1) console.log(`up after ${at(0.5)} ms (median), ${at(0.9)} ms (90 %), ${at(1)} ms (all)`);
  expect(
    failures.slice(0, 3).join("\n\n"),
    `${failures.length} of ${took.length + failures.length} failed`,
  ).toBe("");
});
