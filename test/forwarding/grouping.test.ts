import { constants } from "node:os";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { discardIndex } from "../../src/forwarding/discard-reasons.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import { PsnSender } from "../../src/forwarding/userspace/psn-sender.ts";
import { counterCells } from "../../src/forwarding/userspace/session-record.ts";
import { type ForwardedSession, Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { leastOf } from "../support/effort.ts";
import { FakeKernel, type Refuse } from "../support/fake-kernel.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { assertProperty } from "../support/seeds.ts";
import { attachment, pathOver, sessionParameters } from "../support/sessions.ts";

const MOST_FRAME = 9000;
const SESSIONS = 3;
/** Traffic class of what does not say otherwise. */
const OF_SOCKET = 0x28;
const random = new SeededRandom(103).octets(MOST_FRAME * 2);

interface Sent {
  readonly name: string;
  readonly text: string;
  readonly trafficClass: number;
}

/** The sender of a PSN socket with three sessions, and a kernel that keeps what is sent. */
class TestBed {
  readonly kernel: FakeKernel;
  readonly sessions: readonly ForwardedSession[];
  readonly cells: Float64Array;
  readonly #sender: PsnSender;
  readonly #arena = new Arena();
  readonly #frames = this.#arena.take(random.length);
  /** The messages that should be sent, one by one. */
  readonly wanted: Sent[] = [];

  constructor(takesSegments: boolean, refuse?: Refuse) {
    const counters = new SharedArrayBuffer((SESSIONS + 1) * CELLS_A_SESSION * 8);
    this.cells = new Float64Array(counters);
    this.kernel = new FakeKernel(this.#arena, refuse);
    const tables = new Tables(this.#arena);
    tables.openCircuit({ fd: 9, readFd: 9, kind: "interface", name: "eth1", sendsBy: "eth1" });
    tables.endpoints.set(3, {
      fd: 3,
      encapsulation: "udp",
      isV6: false,
      address: "192.0.2.1",
      port: 1701,
      takesSegments,
      trafficClass: OF_SOCKET,
    });
    for (let row = 1; row <= SESSIONS; row += 1) {
      const path = { ...pathOver("udp"), remotePort: 1701 + row };
      tables.addSession(row, 3, sessionParameters({ localSessionId: row, path }), attachment());
    }
    this.sessions = [...tables.sessions.values()];
    this.#sender = new PsnSender(this.#arena, new CounterWriter(counters), this.kernel);
    this.#arena.octets.set(random, this.#frames);
  }

  /** Sends a message whose header and frame are random octets, in one or two vectors. */
  send(which: number, frameOctets: number, from: number, inTwo: boolean, trafficClass = 0): void {
    const session = this.sessions[which]!;
    const octets = session.transmitHeaderOctets + frameOctets;
    const start = this.#frames + from;
    const first = inTwo ? Math.floor(octets / 2) : octets;
    this.#sender.setTarget(session);
    this.#sender.addVector(start, first);
    if (inTwo) this.#sender.addVector(start + first, octets - first);
    this.#sender.push(session, frameOctets, trafficClass);
    const text = textOf(random.subarray(from, from + octets));
    this.wanted.push({ name: this.#nameOf(session), text, trafficClass });
  }

  flush(): void {
    this.#sender.flush();
  }

  sent(): readonly Sent[] {
    return this.kernel.departed.map(({ name, octets, trafficClass = OF_SOCKET }) => {
      return { name, text: textOf(octets), trafficClass };
    });
  }

  count(row: number, cell: number): number {
    return this.cells[row * CELLS_A_SESSION + cell]!;
  }

  #nameOf({ name, nameOctets }: ForwardedSession): string {
    return textOf(this.#arena.tables.octets.slice(name, name + nameOctets));
  }
}

function textOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}

const frameOctets = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(60, 1514, 1514, 1514, 1518, 9000 - 8) },
  { weight: 1, arbitrary: fc.integer({ min: 14, max: 2000 }) },
);
const bursts = fc.array(
  fc.record({
    which: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(SESSIONS - 1) }),
    frameOctets,
    times: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 150 })),
    last: fc.oneof(fc.constant(0), frameOctets),
    from: fc.nat(MOST_FRAME - 1),
    inTwo: fc.boolean(),
    trafficClass: fc.constantFrom(0, OF_SOCKET, 0xb8),
    flush: fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
  }),
  { minLength: 1, maxLength: 12 },
);

function play(testBed: TestBed, happened: typeof bursts extends fc.Arbitrary<infer T> ? T : never): void {
  for (const { which, frameOctets, times, last, from, inTwo, trafficClass, flush } of happened) {
    for (let time = 0; time < times; time += 1)
      testBed.send(which, frameOctets, (from + time) % MOST_FRAME, inTwo, trafficClass);
    if (last > 0) testBed.send(which, last, from, inTwo, trafficClass);
    if (flush) testBed.flush();
  }
  testBed.flush();
}

function expectCounted(testBed: TestBed, dropped = 0): void {
  const cells = [1, 2, 3].map((row) => testBed.count(row, counterCells.transmittedFrames));
  expect(cells.reduce((sum, count) => sum + count, 0)).toBe(testBed.wanted.length - dropped);
}

test("segmented groups are the single messages: octets, order, receiver, traffic class", () => {
  let grouped = 0;
  assertProperty(
    fc.property(bursts, (happened) => {
      const testBed = new TestBed(true);
      play(testBed, happened);
      expect(testBed.sent()).toEqual(testBed.wanted);
      expectCounted(testBed);
      grouped += testBed.wanted.length - testBed.kernel.messages;
    }),
    { seed: 103, runs: 400 },
  );
  expect(grouped).toBeGreaterThan(leastOf(10_000));
});

test("without the kernel's support every message is sent by itself", () => {
  assertProperty(
    fc.property(bursts, (happened) => {
      const testBed = new TestBed(false);
      play(testBed, happened);
      expect(testBed.sent()).toEqual(testBed.wanted);
      expect(testBed.kernel.messages).toBe(testBed.wanted.length);
    }),
    { seed: 104, runs: 50 },
  );
});

test("a group is at most 64 datagrams and 65 507 octets", () => {
  const sizes: number[] = [];
  const testBed = new TestBed(true, (octets, size) => {
    expect(octets.length).toBeLessThanOrEqual(65_507);
    sizes.push(size === 0 ? 1 : Math.ceil(octets.length / size));
    return 0;
  });
  for (let time = 0; time < 130; time += 1) testBed.send(0, 60, time, false);
  testBed.flush();
  expect(sizes.splice(0)).toEqual([64, 64, 2]);
  for (let time = 0; time < 90; time += 1) testBed.send(0, 1514, time, true);
  testBed.flush();
  expect(sizes).toEqual([43, 43, 4]);
});

test("a group has one traffic class, given to the kernel only if it is not the socket's own", () => {
  const testBed = new TestBed(true);
  for (const trafficClass of [0xb8, 0xb8, OF_SOCKET, OF_SOCKET, 0, 0, 0xb8])
    testBed.send(0, 1514, 0, false, trafficClass);
  testBed.flush();
  expect(testBed.kernel.messages).toBe(4);
  expect(testBed.kernel.departed.map(({ trafficClass }) => trafficClass)).toEqual([
    ...[0xb8, 0xb8, undefined, undefined, 0, 0, 0xb8],
  ]);
});

test.each(["EINVAL", "EMSGSIZE", "EIO"] as const)(
  "a group over the path's MTU, refused by %s, is sent one by one, and shorter ones stay grouped",
  (name) => {
    const error = constants.errno[name];
    assertProperty(
      fc.property(bursts, (happened) => {
        const testBed = new TestBed(true, (_octets, size) => (size > 1400 ? error : 0));
        play(testBed, happened);
        expect(testBed.sent()).toEqual(testBed.wanted);
        expectCounted(testBed);
      }),
      { seed: 105, runs: 100 },
    );
  },
);

test("a frame over the path's MTU is counted as discarded, and the others are sent", () => {
  const testBed = new TestBed(true, (octets, size) =>
    (size || octets.length) > 1500 ? constants.errno.EMSGSIZE : 0,
  );
  for (let time = 0; time < 40; time += 1) testBed.send(0, 1514, time, true);
  for (let time = 0; time < 40; time += 1) testBed.send(1, 100, time, true);
  testBed.flush();
  expect(testBed.sent()).toEqual(testBed.wanted.slice(40));
  expect(testBed.count(1, counterCells.discards + discardIndex["path-mtu"])).toBe(40);
  expect(testBed.count(2, counterCells.transmittedFrames)).toBe(40);
  expect(testBed.count(2, counterCells.transmittedOctets)).toBe(4000);
});

test("a message that was too long for a moment is sent, and counted as sent", () => {
  let calls = 0;
  const testBed = new TestBed(false, () => {
    calls += 1;
    return calls % 2 === 1 ? constants.errno.EMSGSIZE : 0;
  });
  for (let time = 0; time < 40; time += 1) testBed.send(0, 1514, time, false);
  testBed.flush();
  expect(testBed.sent()).toEqual(testBed.wanted);
  expect(testBed.count(1, counterCells.transmittedFrames)).toBe(40);
  expect(testBed.count(1, counterCells.discards + discardIndex["path-mtu"])).toBe(0);
});

test("an error not of the group's size is counted for each frame, and none is sent twice", () => {
  let failing = true;
  const testBed = new TestBed(true, () => (failing ? constants.errno.ENETUNREACH : 0));
  for (let time = 0; time < 70; time += 1) testBed.send(0, 1514, time, false);
  testBed.flush();
  failing = false;
  testBed.send(0, 60, 0, false);
  testBed.flush();
  expect(testBed.kernel.refusals).toBe(2);
  expect(testBed.count(1, counterCells.discards + discardIndex["psn-error"])).toBe(70);
  expect(testBed.sent()).toEqual(testBed.wanted.slice(70));
});

test("a full send buffer discards the messages without room, in one call, and none waits", () => {
  let isFull = false;
  const testBed = new TestBed(true, () => (isFull ? constants.errno.EAGAIN : 0));
  for (let time = 0; time < 100; time += 1) testBed.send(0, 1514, time, false);
  testBed.flush();
  isFull = true;
  for (let time = 0; time < 250; time += 1) testBed.send(time % 3, 1514, time, false);
  testBed.flush();
  expect(testBed.kernel.refusals).toBe(1);
  const congestion = counterCells.discards + discardIndex["psn-congestion"];
  expect([1, 2, 3].map((row) => testBed.count(row, congestion))).toEqual([84, 83, 83]);
  isFull = false;
  testBed.send(0, 60, 0, false);
  testBed.flush();
  expect(testBed.sent()).toEqual([...testBed.wanted.slice(0, 100), ...testBed.wanted.slice(350)]);
});

test("a group that is sent message by message stops at a full send buffer", () => {
  let taken = 0;
  const refuse = (_octets: Uint8Array, size: number) => {
    if (size > 0) return constants.errno.EINVAL;
    taken += 1;
    return taken > 10 ? constants.errno.EAGAIN : 0;
  };
  const testBed = new TestBed(true, refuse);
  for (let time = 0; time < 40; time += 1) testBed.send(0, 1514, time, false);
  testBed.flush();
  expect(testBed.sent()).toEqual(testBed.wanted.slice(0, 10));
  expect(testBed.count(1, counterCells.transmittedFrames)).toBe(10);
  expect(testBed.count(1, counterCells.discards + discardIndex["psn-congestion"])).toBe(30);
  // The group, what ends the first call, and the next one.
  expect(testBed.kernel.refusals).toBe(3);
});

test("after a while a group is tried again: the path may have changed", () => {
  let narrow = true;
  const testBed = new TestBed(true, (_octets, size) => (narrow && size > 1400 ? constants.errno.EINVAL : 0));
  const send = (count: number) => {
    for (let time = 0; time < count; time += 1) testBed.send(0, 1514, time % 100, true);
    testBed.flush();
  };
  send(43);
  expect(testBed.kernel.refusals).toBe(1);
  send(96);
  expect(testBed.kernel.refusals).toBe(1);
  narrow = false;
  send(4000);
  const before = testBed.kernel.messages;
  send(43);
  expect(testBed.kernel.messages).toBe(before + 1);
  expect(testBed.sent()).toEqual(testBed.wanted);
});
