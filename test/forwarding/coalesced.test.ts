import fc from "fast-check";
import { expect, test } from "vitest";
import { concat } from "../../src/bytes/hex.ts";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { discardIndex } from "../../src/forwarding/discard-reasons.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import { CircuitSender } from "../../src/forwarding/userspace/circuit-sender.ts";
import type { WorkerEndpoint } from "../../src/forwarding/userspace/commands.ts";
import { PsnReceiver } from "../../src/forwarding/userspace/psn-receiver.ts";
import { counterCells } from "../../src/forwarding/userspace/session-record.ts";
import { Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { linux } from "../../src/os/libc.ts";
import { coalescedOctets } from "../../src/os/udp-offload.ts";
import { encodeDataMessage } from "../../src/wire/data-header.ts";
import { leastOf } from "../support/effort.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { frameOf } from "../support/frames.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { assertProperty } from "../support/seeds.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

const VNET_OCTETS = 10;
const endpoint: WorkerEndpoint = {
  fd: 3,
  encapsulation: "udp",
  isV6: false,
  address: "192.0.2.1",
  port: 1701,
  takesSegments: true,
  trafficClass: 0,
};

/** Where datagrams come in, with two sessions: one with a cookie of 8 octets, one with none. */
class TestBed {
  readonly kernel: FakeKernel;
  readonly control: string[] = [];
  readonly cells: Float64Array;
  readonly #arena = new Arena();
  readonly #buffer = this.#arena.take(72 * 1024) + 64;
  readonly #receiver: PsnReceiver;
  readonly #sender: CircuitSender;
  readonly #name: number;

  constructor() {
    const counters = new SharedArrayBuffer(3 * CELLS_A_SESSION * 8);
    this.cells = new Float64Array(counters);
    this.kernel = new FakeKernel(this.#arena);
    const tables = new Tables(this.#arena);
    tables.openCircuit({ fd: 9, readFd: 9, kind: "interface", name: "eth1", sendsBy: "eth1" });
    tables.endpoints.set(3, endpoint);
    tables.addSession(1, 3, sessionParameters({ localSessionId: 1, receiveCookie: cookie }), attachment());
    tables.addSession(2, 3, sessionParameters({ localSessionId: 2 }), attachment());
    this.#name = tables.sessions.get(1)!.name;
    const counterWriter = new CounterWriter(counters);
    this.#sender = new CircuitSender(this.#arena, counterWriter, this.kernel);
    this.#receiver = new PsnReceiver(
      this.#arena,
      tables,
      counterWriter,
      this.#sender,
      (_endpoint, start, length) =>
        this.control.push(textOf(this.#arena.octets.slice(start, start + length))),
      () => undefined,
      () => undefined,
    );
  }

  /** Takes octets as the kernel gives them; what lies behind them must not matter. */
  take(octets: Uint8Array, size: number, filler = 0xee): void {
    this.#arena.octets.fill(filler, this.#buffer - 64, this.#buffer + octets.length + 64);
    this.#arena.octets.set(octets, this.#buffer);
    this.#receiver.processMessage(endpoint, this.#buffer, octets.length, size, this.#name);
    this.#sender.flush();
  }

  /** What came of it, for comparison. */
  result(): unknown {
    const frames = this.kernel.departed.map(({ octets }) => textOf(octets));
    return { frames, control: this.control, cells: [...this.cells] };
  }
}

function textOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}

const cookie = new SeededRandom(8).octets(8);
const frame = frameOf({ length: 100 });

function message(session: number, cookieOctets: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeDataMessage("udp", { sessionId: session, cookie: cookieOctets }, payload);
}

const wrongCookie = cookie.map((octet, index) => (index === 5 ? octet ^ 1 : octet));
const kinds: Readonly<Record<string, Uint8Array>> = {
  good: message(1, cookie, frame),
  withoutCookie: message(2, new Uint8Array(0), frameOf({ length: 108 })),
  wrongCookie: message(1, wrongCookie, frame),
  unknown: message(77, cookie, frame),
  control: concat(Uint8Array.of(0xc8, 0x03), new SeededRandom(1).octets(114)),
  version: concat(Uint8Array.of(0x00, 0x02), new SeededRandom(2).octets(114)),
};

const datagrams = fc.oneof(
  fc.constantFrom(...Object.values(kinds)),
  fc.nat(0xffff).map((seed) => new SeededRandom(seed).octets(116)),
  fc
    .tuple(fc.constantFrom(...Object.values(kinds)), fc.nat(115), fc.nat(255))
    .map(([octets, at, value]) => octets.map((octet, index) => (index === at ? value : octet))),
);

test("each datagram of a coalesced buffer, also a hostile one, is treated as if alone", () => {
  let passed = 0;
  assertProperty(
    fc.property(
      fc.array(datagrams, { minLength: 1, maxLength: 64 }),
      fc.integer({ min: 1, max: 116 }),
      (all, last) => {
        const parts = [...all.slice(0, -1), all.at(-1)!.subarray(0, last)];
        const together = new TestBed();
        together.take(concat(...parts), 116);
        const alone = new TestBed();
        for (const part of parts) alone.take(part, 0, 0x11);
        expect(together.result()).toEqual(alone.result());
        passed += together.kernel.departed.length;
      },
    ),
    { seed: 104, runs: 1_000 },
  );
  expect(passed).toBeGreaterThan(leastOf(1_000));
});

test("each datagram of a buffer is counted for its own reason, and control messages are passed on", () => {
  const testBed = new TestBed();
  const names = ["good", "wrongCookie", "control", "good", "unknown", "version", "withoutCookie", "control"];
  testBed.take(concat(...names.map((name) => kinds[name]!)), 116);
  expect(testBed.kernel.departed.length).toBe(3);
  expect(testBed.control).toEqual([textOf(kinds["control"]!), textOf(kinds["control"]!)]);
  const at = (row: number, name: keyof typeof discardIndex) =>
    testBed.cells[row * CELLS_A_SESSION + counterCells.discards + discardIndex[name]];
  expect([at(1, "wrong-cookie"), at(0, "unknown-session"), at(0, "bad-version")]).toEqual([1, 1, 1]);
});

test("whatever segment size is given, no octet outside the buffer is taken for part of a datagram", () => {
  assertProperty(
    fc.property(
      fc.array(fc.constantFrom(...Object.values(kinds)), { minLength: 1, maxLength: 8 }),
      fc.oneof(fc.constantFrom(-1, 0, 1, 7, 115, 117, 0x7fff_ffff), fc.integer({ min: -5, max: 1000 })),
      (all, size) => {
        const [one, other] = [new TestBed(), new TestBed()];
        one.take(concat(...all), size, 0x00);
        other.take(concat(...all), size, 0xff);
        expect(one.result()).toEqual(other.result());
      },
    ),
    { seed: 105, runs: 500 },
  );
});

test("a frame of a message without a cookie does not overwrite the datagram in front of it", () => {
  const testBed = new TestBed();
  testBed.take(concat(kinds["withoutCookie"]!, kinds["withoutCookie"]!), 116);
  const frames = testBed.kernel.departed.map(({ octets }) => textOf(octets.subarray(VNET_OCTETS)));
  expect(frames).toEqual([textOf(frameOf({ length: 108 })), textOf(frameOf({ length: 108 }))]);
});

test("the size of coalesced datagrams is read from UDP_GRO ancillary data alone", () => {
  const view = new DataView(new ArrayBuffer(64));
  const write = (level: number, type: number, value: number) => {
    view.setBigUint64(0, 20n, true);
    view.setInt32(8, level, true);
    view.setInt32(12, type, true);
    view.setInt32(16, value, true);
  };
  write(linux.SOL_UDP, linux.UDP_GRO, 1530);
  expect([coalescedOctets(view, 0, 24), coalescedOctets(view, 0, 0)]).toEqual([1530, 0]);
  write(linux.SOL_UDP, linux.UDP_SEGMENT, 1530);
  expect(coalescedOctets(view, 0, 24)).toBe(0);
  write(linux.SOL_SOCKET, linux.UDP_GRO, 1530);
  expect(coalescedOctets(view, 0, 24)).toBe(0);
});
