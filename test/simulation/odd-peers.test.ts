import { expect, test } from "vitest";
import type { PeerSettings } from "../../src/control/settings.ts";
import { effort } from "../support/effort.ts";
import { type Oddity, OddPeer } from "../support/odd-peer.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { forEachSeed } from "../support/seeds.ts";
import { type Node, pathBetween, peerSettings, perfect, pseudowireSettings, World } from "./world.ts";

const OURS = "192.0.2.1";
const THEIRS = "192.0.2.2";

/** `npm run test:odd-peers` takes ten times as many. */
const SEEDS = 150;

interface Row {
  readonly oddity: Oddity;
  readonly role?: PeerSettings["role"];
  /** Longest time in s until the session is up, without loss and with 10 % of it each way. */
  readonly boundS: readonly [clean: number, lossy: number];
}

/**
 * TABLE: real peers by what is odd with them, and how soon we are up again with each. All of them ignore the
 * cookie that we assign.
 */
const rows: Readonly<Record<string, Row>> = {
  "a server that knows us by our address, keeps state for 65 s and answers HELLO for nothing": {
    oddity: { ignoresIds: true, keepsState: true, acknowledgesNothing: true, isSlow: true },
    boundS: [150, 200],
  },
  "the same with ids": { oddity: { keepsState: true, isSlow: true }, boundS: [150, 200] },
  "stop and wait, ids ignored, it dials, calls after 5 s, and answers nobody": {
    oddity: { redialMs: 1000, isDeaf: true, callAfterMs: 5000, ignoresIds: true, isSlow: true },
    boundS: [150, 300],
  },
  "the same, told to answer it": {
    oddity: { redialMs: 1000, isDeaf: true, callAfterMs: 5000, ignoresIds: true, isSlow: true },
    role: "responder",
    boundS: [150, 300],
  },
  "one id for ever, no tie breaker, it dials and calls": {
    oddity: { redialMs: 3000, isDeaf: true, callAfterMs: 0, fixedId: 700, tieBreaker: "none" },
    boundS: [150, 200],
  },
  "the same, waiting for our call": {
    oddity: { redialMs: 3000, isDeaf: true, fixedId: 700, tieBreaker: "none" },
    role: "responder",
    boundS: [150, 200],
  },
  "one id for ever and a constant tie breaker, it dials and answers": {
    oddity: { redialMs: 3000, callAfterMs: 0, fixedId: 700 },
    boundS: [150, 200],
  },
  "one slot for unread messages": { oddity: { hasOneSlot: true, isSlow: true }, boundS: [150, 200] },
};

class Run {
  readonly world: World;
  readonly ours: Node;
  readonly peer: OddPeer;
  readonly #role: PeerSettings["role"];

  constructor(seed: number, { oddity, role = "either" }: Row) {
    this.world = new World(seed, { ...perfect, delayMs: 20 });
    this.#role = role;
    this.ours = this.world.add("ours", OURS);
    const path = pathBetween(THEIRS, OURS);
    this.peer = new OddPeer(oddity, path, new TextEncoder().encode("lan"), new SeededRandom(seed));
    this.world.place("theirs", THEIRS, this.peer);
  }

  open(): void {
    const settings = peerSettings("peer", pathBetween(OURS, THEIRS), {
      role: this.#role,
      helloIntervalMs: 5000,
      delivery: { initialMs: 1000, capMs: 8000, limit: 10, silenceMs: 24_000, receiveWindowSize: 8 },
    });
    this.world.input(this.ours, { kind: "open-connection", peer: settings });
    const pseudowire = pseudowireSettings("lan", { cookieOctets: 8 });
    this.world.input(this.ours, { kind: "open-session", peer: "peer", pseudowire, circuitActive: true });
  }

  get isUp(): boolean {
    const [session, more] = this.ours.forwarding.values();
    const { session: theirs } = this.peer;
    return (
      more === undefined &&
      theirs !== undefined &&
      session?.localSessionId === theirs.remote &&
      session.remoteSessionId === theirs.local
    );
  }

  /** Seconds until the session is up at both ends; undefined when it is not within the bound. */
  secondsUntilUp(boundS: number): number | undefined {
    const fromMs = this.world.nowMs;
    return this.world.runUntil(() => this.isUp, boundS * 1000)
      ? (this.world.nowMs - fromMs) / 1000
      : undefined;
  }

  /** One of the ends goes and comes again. */
  disturb(): string {
    const { world, ours, peer } = this;
    const pauseMs = Math.floor(world.random.next() * 5000);
    const choice = world.random.next();
    if (choice < 0.4) {
      ours.alive = false;
      world.run(pauseMs);
      ours.alive = true;
      world.restart(ours);
      this.open();
      return "our crash";
    }
    if (choice < 0.8) {
      world.run(pauseMs);
      peer.crash(world.nowMs);
      return "the peer's crash";
    }
    world.input(ours, { kind: "close-connection", peer: "peer", resultCode: 6 });
    world.run(2000);
    ours.forwarding.clear();
    world.restart(ours);
    this.open();
    return "our restart";
  }
}

test.each(Object.entries(rows))(
  "%s: up within its bound, after crashes and restarts as well, and stays up",
  (_name, row) => {
    const longest = [0, 0];
    forEachSeed(SEEDS, (seed) => {
      const run = new Run(seed, row);
      const lossy = seed % 2;
      run.world.path = { ...run.world.path, loss: lossy * 0.1 };
      const boundS = row.boundS[lossy] ?? 0;
      run.open();
      let what = "the first start";
      for (let round = 0; round < 3; round += 1) {
        const tookS = run.secondsUntilUp(boundS);
        expect(tookS, `after ${what}, ${run.ours.reports.slice(-6).join("\n")}`).toBeDefined();
        longest[lossy] = Math.max(longest[lossy] ?? 0, tookS ?? 0);
        run.world.run(Math.floor(run.world.random.next() * 60_000));
        what = run.disturb();
      }
      run.world.path = { ...perfect, delayMs: 20 };
      expect(run.secondsUntilUp(boundS), `last, ${run.ours.reports.slice(-6).join("\n")}`).toBeDefined();
      run.world.run(30_000);
      const before = [...run.ours.forwarding.keys()];
      run.world.run(300_000);
      expect(
        [run.isUp, [...run.ours.forwarding.keys()]],
        `later, ${run.ours.reports.slice(-14).join("\n")}`,
      ).toEqual([true, before]);
    });
    if (effort > 1) console.log(`${_name}: at most ${longest.join(" and ")} s`);
  },
);
