import { describe, expect, test } from "vitest";
import type { Probe } from "../../src/control/delivery-messages.ts";
import { type FoundPathMtu, PathMtuMemory } from "../../src/control/path-mtu-memory.ts";
import { type EchoRequest, PathProber, type ProberPort } from "../../src/control/path-prober.ts";
import type { ProbeCarrier } from "../../src/control/probe-carriers.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const path: PsnPath = {
  encapsulation: "udp",
  localAddress: "192.0.2.1",
  localPort: 1701,
  remoteAddress: "192.0.2.2",
  remotePort: 1701,
};
const ROUND_TRIP_MS = 20;
const SMALL = 100;
const MINUTE_MS = 60_000;

/** A path, and a peer that answers what of it comes through, as long as it wants to. */
class Bed {
  prober: PathProber;
  readonly memory = new PathMtuMemory();
  readonly #port: ProberPort;
  readonly found: FoundPathMtu[] = [];
  readonly helloes: number[] = [];
  readonly echoes: number[] = [];
  /** Of the echo requests, those in the control channel of a session. */
  readonly inChannel: number[] = [];
  nowMs = 0;
  takes = 1500;
  /** The longest message of each kind that the peer answers. */
  answers = { vccv: 65_535, hello: 65_535, echo: 65_535 };
  path = path;
  carriers: readonly ProbeCarrier[] = ["hello", "echo"];
  limits = { interfaceOctets: 1500, reportedOctets: undefined as number | undefined };
  hasData = true;
  #due: { readonly atMs: number; readonly act: () => void }[] = [];
  /** Whether a HELLO is on its way. */
  #isSending = false;

  constructor(seed = 1) {
    const bed = this;
    this.#port = {
      get nowMs() {
        return bed.nowMs;
      },
      random: new SeededRandom(seed),
      sendHello: (probe) => this.#sendHello(probe),
      sendEcho: (request) => this.sendEcho(request),
      found: (found) => this.found.push(found),
    };
    this.prober = new PathProber(this.#port, this.memory);
  }

  /** The connection ended, or its tunnel was replaced: another prober goes on with what is remembered. */
  replaceProber(): this {
    this.prober.update(undefined);
    this.prober = new PathProber(this.#port, this.memory);
    this.#due = [];
    this.#isSending = false;
    return this;
  }

  get known() {
    return this.prober.snapshot;
  }

  run(forMs: number): this {
    const endMs = this.nowMs + forMs;
    for (;;) {
      if (this.hasData) this.prober.dataPassed();
      this.prober.update({ path: this.path, limits: this.limits, carriers: this.carriers });
      const nextMs = Math.min(this.#due[0]?.atMs ?? endMs, this.prober.deadlineMs ?? endMs);
      if (nextMs >= endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      if ((this.#due[0]?.atMs ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.#due.shift()?.act();
      else this.prober.expire();
    }
    this.nowMs = endMs;
    return this;
  }

  sendEcho({ octets, by, nonce }: EchoRequest): void {
    (by === "vccv" ? this.inChannel : this.echoes).push(octets);
    if (octets > this.takes || octets > this.answers[by]) return;
    this.#after(ROUND_TRIP_MS, () => this.prober.answered(nonce.slice()));
  }

  #sendHello({ paddedTo, waitMs, ended }: Probe): boolean {
    if (this.#isSending) return false;
    const octets = paddedTo + 28;
    this.helloes.push(octets);
    this.#isSending = true;
    const isAnswered = octets <= this.takes && octets <= this.answers.hello;
    this.#after(isAnswered ? ROUND_TRIP_MS : waitMs, () => {
      this.#isSending = false;
      ended(isAnswered ? "acknowledged" : "lost");
    });
    return true;
  }

  #after(waitMs: number, act: () => void): void {
    this.#due.push({ atMs: this.nowMs + waitMs, act });
    this.#due.sort((one, other) => one.atMs - other.atMs);
  }
}

test("where the peer acknowledges padded HELLOs, no echo request is sent", () => {
  const bed = new Bed().run(MINUTE_MS);
  expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500, by: "hello" });
  expect(bed.echoes).toEqual([]);
});

test.each([1280, 1400, 1492, 1500])("by ICMP echo alone, a path of %d is found", (takes) => {
  const bed = new Bed();
  bed.takes = takes;
  bed.carriers = ["echo"];
  bed.run(MINUTE_MS);
  expect(bed.known).toMatchObject({ state: "search-complete", octets: takes, by: "echo" });
  expect(bed.helloes).toEqual([]);
  expect(bed.found).toEqual([{ path, octets: takes, state: "search-complete", by: "echo" }]);
});

test("a peer that answers no padded HELLO is asked by ICMP echo", () => {
  const bed = new Bed();
  bed.takes = 1492;
  bed.answers.hello = 300;
  bed.run(MINUTE_MS);
  expect(bed.known).toMatchObject({ state: "search-complete", octets: 1492, by: "echo" });
  expect(bed.helloes).toEqual([1200, 1200, 1200]);
});

test("a peer that answers nothing leaves the path MTU unknown; both carriers are tried again", () => {
  const bed = new Bed();
  bed.answers = { vccv: 0, hello: 0, echo: 0 };
  bed.run(MINUTE_MS / 2);
  expect(bed.known).toMatchObject({ state: "error", octets: undefined, by: undefined });
  expect(bed.found).toEqual([]);
  const asked = bed.helloes.length;
  bed.answers = { vccv: 0, hello: 0, echo: 65_535 };
  bed.run(2 * MINUTE_MS);
  expect(bed.helloes.length).toBeGreaterThan(asked);
  expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500, by: "echo" });
});

describe("RFC 8899 §3: an echo that is not answered proves nothing of its size", () => {
  test("where small ones are not answered either, what was found stays", () => {
    const bed = new Bed();
    bed.carriers = ["echo"];
    bed.run(1000);
    bed.answers.echo = 0;
    bed.run(10 * MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500, by: "echo" });
    expect(bed.found).toHaveLength(1);
    expect(bed.known?.measuredMs).toBeLessThan(1000);
  });

  test("but a router that says less is believed then", () => {
    const bed = new Bed();
    bed.carriers = ["echo"];
    bed.run(MINUTE_MS);
    bed.answers.echo = 0;
    bed.limits = { interfaceOctets: 1500, reportedOctets: 1400 };
    bed.run(MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "error", octets: undefined });
    bed.answers.echo = 65_535;
    bed.run(10 * MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500 });
  });

  test("where small ones are, a black hole is noticed and measured", () => {
    const bed = new Bed();
    bed.carriers = ["echo"];
    bed.run(1000);
    bed.takes = 1400;
    bed.run(2 * MINUTE_MS);
    expect(bed.found.map(({ octets, state }) => [octets, state])).toEqual([
      [1500, "search-complete"],
      [1200, "base"],
      ...bed.found.slice(2).map(({ octets, state }) => [octets, state]),
    ]);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1400 });
  });

  test("the size is asked again where both were lost", () => {
    const bed = new Bed();
    bed.carriers = ["echo"];
    bed.answers.echo = 0;
    bed.run(4000);
    bed.answers.echo = 65_535;
    bed.run(4000);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500 });
    expect(bed.echoes.filter((octets) => octets === 1200)).toHaveLength(3);
  });
});

test("each probe by echo is one request of its size and a small one, with nonces of their own", () => {
  const bed = new Bed();
  bed.carriers = ["echo"];
  const nonces: string[] = [];
  const send = bed.sendEcho.bind(bed);
  bed.sendEcho = (request) => {
    nonces.push(request.nonce.join(" "));
    send(request);
  };
  bed.run(1000);
  expect(bed.echoes).toEqual([1200, SMALL, 1500, SMALL]);
  expect(new Set(nonces).size).toBe(4);
});

describe("a peer, or somebody else, that lies", () => {
  test("a nonce that was not sent, or of a small or former request, is no answer", () => {
    const bed = new Bed();
    bed.carriers = ["echo"];
    bed.takes = 1400;
    const [heard, nonces]: [Uint8Array[], Uint8Array[]] = [[], []];
    const send = bed.sendEcho.bind(bed);
    bed.sendEcho = (request) => {
      for (const nonce of heard) bed.prober.answered(nonce);
      bed.prober.answered(new Uint8Array(16));
      bed.prober.answered(new Uint8Array(0));
      send(request);
      // Those of the pair before: the small one of this is answered by the peer.
      if (request.octets === SMALL) heard.push(...nonces.splice(0));
      nonces.push(request.nonce);
    };
    bed.run(2 * MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1400 });
  });

  test("an answer when nothing was asked changes nothing", () => {
    const bed = new Bed();
    bed.prober.answered(new Uint8Array(16));
    expect(bed.known).toBeUndefined();
    bed.run(1000);
    bed.prober.answered(new Uint8Array(16));
    expect(bed.known).toMatchObject({ octets: 1500, by: "hello" });
  });
});

test("another path begins anew, with all carriers", () => {
  const bed = new Bed();
  bed.answers.hello = 300;
  bed.run(MINUTE_MS);
  expect(bed.known?.by).toBe("echo");
  bed.answers.hello = 65_535;
  const moved = { ...path, remoteAddress: "198.51.100.7" };
  bed.prober.update({ path: moved, limits: bed.limits, carriers: bed.carriers });
  expect(bed.known).toMatchObject({ state: "base", octets: undefined });
  bed.found.length = 0;
  bed.run(1000);
  expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500, by: "hello" });
});

test("without carriers nothing is searched for", () => {
  const bed = new Bed().run(1000);
  bed.carriers = [];
  bed.run(1000);
  expect(bed.known).toBeUndefined();
  expect(bed.found.at(-1)).toMatchObject({ octets: undefined });
  expect(bed.prober.deadlineMs).toBeUndefined();
});

describe("what was measured before is where the next search begins", () => {
  const carriers = ["vccv", "hello", "echo"] as const satisfies readonly ProbeCarrier[];
  /** Paths of less than the interface's MTU, with what each carrier found of them. */
  const rows = carriers.flatMap((by) => [1280, 1400, 1492].map((takes) => ({ by, takes })));

  function measured(by: ProbeCarrier, takes: number): Bed {
    const bed = new Bed();
    bed.carriers = [by];
    bed.takes = takes;
    bed.run(MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: takes, by });
    bed.found.length = 0;
    return bed;
  }

  test.each(rows)("$takes by $by: it holds from the first moment, and is probed at once", ({ by, takes }) => {
    const bed = measured(by, takes).replaceProber();
    const begunMs = bed.nowMs;
    expect(bed.found).toMatchObject([{ octets: undefined, state: "disabled" }]);
    bed.run(0);
    expect(bed.known).toMatchObject({ octets: takes, by });
    expect(bed.known?.measuredMs).toBeLessThan(begunMs);
    bed.run(ROUND_TRIP_MS + 1);
    expect(bed.known).toMatchObject({ octets: takes, by, measuredMs: begunMs + ROUND_TRIP_MS });
    bed.run(MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: takes, by });
    expect(bed.found.slice(1).map(({ octets }) => octets)).toEqual([takes]);
  });

  test.each(carriers)("a path that takes more since is found at once, by %s", (by) => {
    const bed = measured(by, 1400).replaceProber();
    bed.takes = 1500;
    bed.run(4 * ROUND_TRIP_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500, by });
  });

  test.each(carriers)("one that takes less since is noticed as otherwise, by %s", (by) => {
    const bed = measured(by, 1492).replaceProber();
    bed.takes = 1400;
    bed.run(2 * MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1400, by });
    expect(Math.max(...bed.found.slice(2).map(({ octets }) => octets ?? 1500))).toBeLessThanOrEqual(1400);
  });

  test("a search that had not come to its end goes on upwards", () => {
    const bed = measured("hello", 1500);
    bed.takes = 1200;
    while (bed.known?.octets !== 1200) bed.run(1000);
    bed.replaceProber().takes = 1500;
    bed.run(4 * ROUND_TRIP_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500 });
  });

  test("another port of the peer is the same path, another address is not", () => {
    const bed = measured("hello", 1400);
    bed.path = { ...path, remotePort: 4711 };
    bed.run(MINUTE_MS);
    expect(bed.found).toEqual([]);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1400 });
    bed.path = { ...path, remoteAddress: "198.51.100.7" };
    bed.run(0);
    expect(bed.known).toMatchObject({ state: "base", octets: undefined });
    bed.replaceProber();
    bed.path = path;
    bed.run(0);
    expect(bed.known).toMatchObject({ state: "base", octets: undefined });
  });

  test("more than the interface takes now is no beginning", () => {
    const bed = measured("hello", 1492).replaceProber();
    bed.limits = { interfaceOctets: 1400, reportedOctets: undefined };
    bed.run(1000);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1400 });
  });

  test("where nothing is answered, it stays", () => {
    const bed = measured("echo", 1400).replaceProber();
    bed.answers.echo = 0;
    bed.run(10 * MINUTE_MS);
    expect(bed.known).toMatchObject({ octets: 1400, by: "echo" });
  });
});

describe("RFC 5085 §6.2.1: ICMP echo in the control channel of a session is the preferred carrier", () => {
  const all: readonly ProbeCarrier[] = ["vccv", "hello", "echo"];
  const without: readonly ProbeCarrier[] = ["hello", "echo"];

  test.each([1280, 1492, 1500])("a path of %d is found by it alone", (takes) => {
    const bed = new Bed();
    bed.takes = takes;
    bed.carriers = all;
    bed.run(MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: takes, by: "vccv" });
    expect([bed.helloes, bed.echoes]).toEqual([[], []]);
    expect(new Set(bed.inChannel.filter((octets) => octets < 1200))).toEqual(new Set([160]));
  });

  test.each(["hello", "echo"] as const)("what %s measured before is confirmed by it, once", (before) => {
    const bed = new Bed();
    bed.hasData = false;
    bed.carriers = before === "hello" ? without : ["echo"];
    bed.run(10_000);
    expect(bed.known).toMatchObject({ octets: 1500, by: before });
    bed.carriers = all;
    bed.run(10_000);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1500, by: "vccv" });
    expect(bed.inChannel).toEqual([1500, 160]);
    expect(bed.found).toHaveLength(1);
  });

  test("frames may take less than HELLOs do: then what was found falls, and is measured anew", () => {
    const bed = new Bed().run(10_000);
    expect(bed.known).toMatchObject({ octets: 1500, by: "hello" });
    bed.answers.vccv = 1400;
    bed.carriers = all;
    bed.run(2 * MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1400, by: "vccv" });
  });

  test("where it is not answered, HELLO measures the path, and what was found stays", () => {
    const bed = new Bed();
    bed.carriers = all;
    bed.answers.vccv = 0;
    bed.takes = 1492;
    bed.run(MINUTE_MS);
    expect(bed.known).toMatchObject({ state: "search-complete", octets: 1492, by: "hello" });
    expect(bed.inChannel).toHaveLength(6);
    bed.run(MINUTE_MS);
    expect(bed.inChannel).toHaveLength(6);
  });

  test("it is tried again in another session", () => {
    const bed = new Bed();
    bed.carriers = all;
    bed.answers.vccv = 0;
    bed.run(MINUTE_MS);
    bed.carriers = without;
    bed.run(1000);
    bed.carriers = all;
    bed.answers.vccv = 65_535;
    bed.run(10_000);
    expect(bed.known).toMatchObject({ octets: 1500, by: "vccv" });
  });

  test("a session that goes while a request is out leaves it to the others", () => {
    const bed = new Bed();
    bed.carriers = all;
    bed.answers.vccv = 0;
    bed.run(1);
    bed.carriers = without;
    bed.run(MINUTE_MS);
    expect(bed.known).toMatchObject({ octets: 1500, by: "hello" });
  });
});
