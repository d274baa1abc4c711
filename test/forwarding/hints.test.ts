import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { concat, hex } from "../../src/bytes/hex.ts";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { isHintOfPeer } from "../../src/forwarding/encapsulation.ts";
import { Arena, NAME_OCTETS } from "../../src/forwarding/userspace/arena.ts";
import { CircuitSender } from "../../src/forwarding/userspace/circuit-sender.ts";
import type { Hint, WorkerEndpoint } from "../../src/forwarding/userspace/commands.ts";
import { isHintInPlace } from "../../src/forwarding/userspace/fast-path.ts";
import { PsnReceiver } from "../../src/forwarding/userspace/psn-receiver.ts";
import { Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { MOST_HINTS_A_SECOND, WorkerHints } from "../../src/forwarding/userspace/worker-hints.ts";
import { writeSocketAddress } from "../../src/os/sockets.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import type { Encapsulation } from "../../src/wire/session-parameters.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { frameOf } from "../support/frames.ts";
import { assertProperty } from "../support/seeds.ts";
import { attachment, pathOver, sessionParameters } from "../support/sessions.ts";

/** What the worker of the userspace plane tells of messages from elsewhere, in virtual time. */

const COOKIE = hex`0102030405060708`;
const SESSIONS = 2000;
const frame = frameOf({ length: 60 });

/** The receiving side with sessions 1 to SESSIONS, all of the peer 192.0.2.2 port 1701, and 0x8000_0000. */
class TestBed {
  readonly hints: Hint[] = [];
  nowMs = 5000;
  isBusy = false;
  readonly #arena = new Arena();
  readonly #buffer = this.#arena.take(70_000);
  readonly #name = this.#arena.tables.take(NAME_OCTETS);
  readonly #receiver: PsnReceiver;
  readonly #endpoint: WorkerEndpoint;
  readonly sender: CircuitSender;
  readonly kernel: FakeKernel;

  constructor(encapsulation: Encapsulation = "udp") {
    const tables = new Tables(this.#arena);
    this.kernel = new FakeKernel(this.#arena);
    const counters = new CounterWriter(new SharedArrayBuffer((SESSIONS + 2) * CELLS_A_SESSION * 8));
    const local = { fd: 3, encapsulation, isV6: false, address: "192.0.2.1" } as const;
    this.#endpoint = {
      ...local,
      port: encapsulation === "udp" ? 1701 : 0,
      takesSegments: true,
      trafficClass: 0,
    };
    tables.endpoints.set(3, this.#endpoint);
    tables.openCircuit({ fd: 9, readFd: 9, kind: "interface", name: "eth1", sendsBy: "eth1" });
    for (let row = 1; row <= SESSIONS + 1; row += 1) {
      const localSessionId = row > SESSIONS ? 0x8000_0000 : row;
      const session = { localSessionId, receiveCookie: COOKIE, path: pathOver(encapsulation) };
      tables.addSession(row, 3, sessionParameters(session), attachment());
    }
    this.sender = new CircuitSender(this.#arena, counters, this.kernel);
    const hints = new WorkerHints(
      this.#arena,
      { takesHint: () => !this.isBusy, postHint: (hint) => this.hints.push(hint) },
      () => this.nowMs,
    );
    const ignore = () => undefined;
    this.#receiver = new PsnReceiver(this.#arena, tables, counters, this.sender, ignore, ignore, (...found) =>
      hints.receive(...found),
    );
  }

  /** A datagram from an address; `size` octets of each, if the kernel coalesced several. */
  receive(octets: Uint8Array, from: string, port: number, size = 0): void {
    const name = this.#arena.tables.octets.subarray(this.#name, this.#name + NAME_OCTETS);
    writeSocketAddress(name, from, port);
    this.#arena.octets.set(octets, this.#buffer);
    this.#receiver.processMessage(this.#endpoint, this.#buffer, octets.length, size, this.#name);
  }

  from(port: number, sessionId = 1, address = "198.51.100.7"): void {
    this.receive(message(sessionId), address, port);
  }
}

function message(sessionId: number, cookie = COOKIE): Uint8Array {
  return encodeDataMessage("udp", { sessionId, cookie }, frame);
}

let bed: TestBed;
beforeEach(() => {
  bed = new TestBed();
});

test("the first is told at once, the next of that sender after a second, with how many there were", () => {
  for (const [atMs, port] of [
    [0, 4000],
    [1, 4000],
    [2, 4001],
    [600, 4000],
    [999, 4000],
  ] as const) {
    bed.nowMs = 5000 + atMs;
    bed.from(port);
  }
  expect(bed.hints).toEqual([
    {
      localSessionId: 1,
      path: {
        encapsulation: "udp",
        localAddress: "192.0.2.1",
        localPort: 1701,
        remoteAddress: "198.51.100.7",
        remotePort: 4000,
      },
      octets: message(1).length,
      messages: 1,
    },
  ]);
  bed.nowMs = 6000;
  bed.from(4000);
  bed.nowMs = 7000;
  bed.from(4001);
  bed.nowMs = 8000;
  bed.from(4001, 1, "198.51.100.8");
  expect(bed.hints.map(({ path, messages }) => [path.remotePort, messages])).toEqual([
    [4000, 1],
    [4000, 4],
    [4001, 1],
    [4001, 1],
  ]);
});

test("a count of long ago says nothing", () => {
  for (let count = 0; count < 5; count += 1) bed.from(4000);
  bed.nowMs += 2000;
  bed.from(4000);
  expect(bed.hints.map(({ messages }) => messages)).toEqual([1, 1]);
});

test("datagrams that the kernel coalesced are counted one by one", () => {
  const one = message(1);
  bed.receive(concat(one, one, one, one), "198.51.100.7", 4000, one.length);
  bed.nowMs += 1000;
  bed.receive(concat(one, message(2)), "198.51.100.7", 4000, one.length);
  expect(bed.hints.map(({ localSessionId, octets, messages }) => [localSessionId, octets, messages])).toEqual(
    [
      [1, one.length, 1],
      [1, one.length, 4],
      [2, one.length, 1],
    ],
  );
});

test("the peer itself, another cookie and port 0 are no hint; from elsewhere nothing arrives", () => {
  bed.receive(message(1), "192.0.2.2", 1701);
  bed.receive(message(1, hex`0102030405060709`), "198.51.100.7", 4000);
  bed.receive(message(1, hex`0002030405060708`), "198.51.100.7", 4000);
  bed.receive(message(99_999), "198.51.100.7", 4000);
  bed.from(0);
  expect(bed.hints).toEqual([]);
  bed.from(4000);
  bed.sender.flush();
  expect(bed.kernel.departed).toHaveLength(1);
  expect(bed.hints).toHaveLength(1);
});

test("session ids are told unsigned; over IP a path has no ports", () => {
  const overIp = new TestBed("ip");
  const inIp = encodeDataMessage("ip", { sessionId: 0x8000_0000, cookie: COOKIE }, frame);
  // A raw socket of IPv4 gives the IP header too; the port of its sender means nothing.
  overIp.receive(concat(Uint8Array.of(0x45), new Uint8Array(19), inIp), "198.51.100.7", 115);
  expect(overIp.hints).toMatchObject([
    { localSessionId: 0x8000_0000, octets: inIp.length, path: { localPort: 0, remotePort: 0 } },
  ]);
});

test("of many sessions so many are told in a second and no more, the others in the next one", () => {
  for (let round = 0; round < 3; round += 1)
    for (let id = 1; id <= SESSIONS; id += 1) bed.from(4000 + round, id);
  expect(bed.hints).toHaveLength(MOST_HINTS_A_SECOND);
  bed.nowMs += 1000;
  for (let id = SESSIONS; id >= 1; id -= 1) bed.from(4000, id);
  expect(bed.hints).toHaveLength(2 * MOST_HINTS_A_SECOND);
  expect(new Set(bed.hints.map(({ localSessionId }) => localSessionId)).size).toBe(SESSIONS);
});

test("nothing is told while the main thread is busy, and then the next one is", () => {
  bed.isBusy = true;
  for (let count = 0; count < 5; count += 1) bed.from(4000);
  expect(bed.hints).toEqual([]);
  bed.isBusy = false;
  bed.from(4001);
  expect(bed.hints).toMatchObject([{ path: { remotePort: 4001 }, messages: 1 }]);
});

test("the worker takes for a hint what the reference does", () => {
  const arena = new Arena();
  const start = arena.take(256);
  const tables = new Tables(arena);
  tables.openCircuit({ fd: 7, readFd: 7, kind: "interface", name: "eth1", sendsBy: "eth1" });
  const seen = { true: 0, false: 0 };
  const cases = fc.record({
    receiveCookie: fc.constantFrom(hex``, hex`01020304`, COOKIE, COOKIE, COOKIE),
    receiveSublayer: fc.constantFrom("none", "default"),
    encapsulation: fc.constantFrom("udp", "ip"),
    length: fc.integer({ min: 8, max: 40 }),
    flipped: fc.option(fc.nat({ max: 20 }), { nil: undefined }),
  });
  assertProperty(
    fc.property(cases, ({ receiveCookie, receiveSublayer, encapsulation, length, flipped }) => {
      const session = sessionParameters({
        localSessionId: 5,
        receiveCookie,
        receiveSublayer,
        path: pathOver(encapsulation),
      });
      tables.addSession(1, 7, session, attachment());
      const sublayer = { sequenceNumber: undefined };
      const header = {
        sessionId: 5,
        cookie: receiveCookie,
        ...(receiveSublayer === "none" ? {} : { sublayer }),
      };
      const octets = encodeDataMessage(encapsulation, header, frame).slice(0, length);
      const idOctets = encapsulation === "udp" ? 8 : 4;
      if (flipped !== undefined && idOctets + flipped < octets.length) octets[idOctets + flipped]! ^= 1;
      arena.octets.fill(0x01, start, start + 256);
      arena.octets.set(octets, start);
      const record = tables.sessions.get(5)!;
      const isHint = isHintInPlace(arena.view, start + idOctets, octets.length - idOctets, record);
      expect(isHint).toBe(isHintOfPeer(octets, session));
      seen[`${isHint}`] += 1;
    }),
    { seed: 16, runs: 2000 },
  );
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(10);
});
