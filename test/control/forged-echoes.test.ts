import { describe, expect, test } from "vitest";
import type { PeerSettings } from "../../src/control/settings.ts";
import { digestAuthentication } from "../simulation/world.ts";
import { type Bench, lan } from "../support/bench.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";
import { called } from "../support/set-up.ts";

/**
 * Somebody on the path hears its packets and can send: so he can answer echo requests, in the control channel
 * of a session too, of any size. He cannot keep packets from coming, and does not know the secret.
 */

/** Headers of IPv4 and UDP. */
const HEADERS = 28;
const limits = { interfaceOctets: 1500, reportedOctets: undefined };
const MINUTE_MS = 60_000;
const STEP_MS = 50;
const SECRET = "a secret";
const protection = {
  digestType: "hmac-sha1",
  secrets: [new TextEncoder().encode(SECRET)],
  nonce: Uint8Array.from({ length: 16 }, (_, index) => 200 + index),
} as const;
const offered = {
  l2SpecificSublayer: 1,
  vccvCapability: { controlChannelTypes: 1, connectivityVerificationTypes: 1 },
} as const;

/** TABLE: what the attacker answers of the echo requests that he hears. */
const attacks = {
  "all of them": () => true,
  "the small ones alone": (octets: number) => octets < 1000,
  none: () => false,
} as const;
type Attack = keyof typeof attacks;

/** A path between two ends with a secret, of which one is scripted. */
class AttackedPath {
  readonly bench: Bench;
  readonly #peer: ScriptedPeer;
  readonly #session: number;
  /** The longest packet that the path takes, and the longest with a control message that the peer does. */
  takes: number;
  takesControl = 65_535;
  attack: Attack;
  /** Echo requests that were sent. */
  echoes = 0;

  constructor(takes: number, attack: Attack, changes: Partial<PeerSettings> = {}) {
    const wanted = { ...lan, sublayer: "default", vccv: "echo" } as const;
    const settings = { authentication: digestAuthentication(SECRET), ...changes };
    const isSecret = settings.authentication.mode === "digest";
    const { bench, peer, ids } = called(wanted, offered, settings, isSecret ? protection : undefined);
    [this.bench, this.#peer, this.#session] = [bench, peer, ids.remoteSessionId];
    this.takes = takes;
    this.attack = attack;
    bench.plane.splice(0);
    bench.input({ kind: "path-limits", peer: "peer", limits });
  }

  get known() {
    return this.bench.lcce.snapshot().connections[0]?.pathMtu;
  }

  /** What was told of the path. */
  get told(): readonly (number | undefined)[] {
    return this.bench.events.flatMap((event) => (event.event === "path-mtu" ? [event.octets] : []));
  }

  /** Data flows all the while. */
  run(forMs: number): this {
    const endMs = this.bench.nowMs + forMs;
    while (this.bench.nowMs < endMs) {
      this.bench.input({ kind: "data-sent", localSessionId: this.#session });
      this.#answerMessages();
      this.#answerEchoes();
      this.bench.advance(STEP_MS);
    }
    expect(this.bench.connectionState).toBe("established");
    return this;
  }

  #answerMessages(): void {
    const { nr } = this.#peer;
    const heard = this.#peer.heard();
    const most = Math.min(this.takes, this.takesControl);
    if (heard.some(({ octets }) => octets.length + HEADERS > most)) this.#peer.nr = nr;
    else if (heard.length > 0) this.#peer.acknowledge();
  }

  #answerEchoes(): void {
    for (const effect of this.bench.plane.splice(0)) {
      if (effect.kind !== "echo-request") continue;
      this.echoes += 1;
      if (effect.octets <= this.takes || attacks[this.attack](effect.octets))
        this.bench.input({ kind: "echo-reply", peer: "peer", nonce: effect.nonce });
    }
  }
}

const rows = (Object.keys(attacks) as Attack[]).flatMap((attack) =>
  [1280, 1400, 1492, 1500].map((takes) => ({ attack, takes })),
);

describe("with a secret, HELLO alone says what a path takes, whoever answers echo requests", () => {
  test.each(rows)("a path of $takes, he answers $attack", ({ attack, takes }) => {
    const path = new AttackedPath(takes, attack).run(2 * MINUTE_MS);
    expect(path.known).toMatchObject({ state: "search-complete", octets: takes, by: "hello" });
    expect([path.told, path.echoes]).toEqual([[takes], 0]);
  });

  test.each(rows)("it takes $takes from now on, he answers $attack", ({ attack, takes }) => {
    const path = new AttackedPath(1500, attack).run(MINUTE_MS);
    path.takes = takes;
    path.run(2 * MINUTE_MS);
    expect(path.known).toMatchObject({ state: "search-complete", octets: takes, by: "hello" });
    expect(path.echoes).toBe(0);
  });

  test.each(Object.keys(attacks) as Attack[])(
    "long messages are lost for a while: less is believed, and no echo, he answers %s",
    (attack) => {
      const path = new AttackedPath(1500, attack).run(MINUTE_MS);
      path.takes = 600;
      path.run(3 * MINUTE_MS);
      expect(path.known).toMatchObject({ state: "error", octets: 1200 });
      expect(path.told).toEqual([1500, 1200]);
      path.takes = 1400;
      path.run(10 * MINUTE_MS);
      expect(path.known).toMatchObject({ state: "search-complete", octets: 1400, by: "hello" });
      expect(path.echoes).toBe(0);
    },
  );

  test("a peer that takes no long HELLOs is asked in the control channel", () => {
    const path = new AttackedPath(1492, "none");
    path.takesControl = 600;
    path.run(2 * MINUTE_MS);
    expect(path.known).toMatchObject({ state: "search-complete", octets: 1492, by: "vccv" });
  });

  test("without a secret, acknowledgements can be forged like replies: echo goes first", () => {
    const none = { mode: "none", digestType: "hmac-md5", secrets: [], hideAvps: false } as const;
    const path = new AttackedPath(1492, "none", { authentication: none }).run(2 * MINUTE_MS);
    expect(path.known).toMatchObject({ state: "search-complete", octets: 1492, by: "vccv" });
  });
});
