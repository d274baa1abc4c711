import { constants } from "node:os";
import fc from "fast-check";
import { expect, test } from "vitest";
import { discardIndex } from "../../src/forwarding/discard-reasons.ts";
import { Arena } from "../../src/forwarding/userspace/arena.ts";
import { PsnSender } from "../../src/forwarding/userspace/psn-sender.ts";
import { CELLS_A_SESSION, counterCells } from "../../src/forwarding/userspace/session-record.ts";
import { type ForwardedSession, Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { FakeKernel, type Refuse } from "../support/fake-kernel.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { attachment, pathOver, sessionParameters } from "../support/sessions.ts";

const MOST_FRAME = 9000;
const SESSIONS = 3;
/** Traffic class of what does not say otherwise. */
const OF_SOCKET = 0x28;
const random = new SeededRandom(103).octets(MOST_FRAME * 2);

interface Left {
  readonly name: string;
  readonly text: string;
  readonly trafficClass: number;
}

/** A plane's way to its peers, of three sessions on one socket. */
class Ground {
  readonly kernel: FakeKernel;
  readonly sessions: readonly ForwardedSession[];
  readonly cells: Float64Array;
  readonly #outlet: PsnSender;
  readonly #arena = new Arena();
  readonly #frames = this.#arena.take(random.length);
  /** What should leave, one by one. */
  readonly wanted: Left[] = [];

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
    this.#outlet = new PsnSender(this.#arena, new CounterWriter(counters), this.kernel);
    this.#arena.octets.set(random, this.#frames);
  }

  /** Sends a message whose header and frame are random octets, in one or two vectors. */
  send(which: number, frameOctets: number, from: number, inTwo: boolean, trafficClass = 0): void {
    const session = this.sessions[which]!;
    const octets = session.transmitHeaderOctets + frameOctets;
    const start = this.#frames + from;
    const first = inTwo ? Math.floor(octets / 2) : octets;
    this.#outlet.setTarget(session);
    this.#outlet.addVector(start, first);
    if (inTwo) this.#outlet.addVector(start + first, octets - first);
    this.#outlet.push(session, frameOctets, trafficClass);
    const text = textOf(random.subarray(from, from + octets));
    this.wanted.push({ name: this.#nameOf(session), text, trafficClass });
  }

  flush(): void {
    this.#outlet.flush();
  }

  left(): readonly Left[] {
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

function play(ground: Ground, happened: typeof bursts extends fc.Arbitrary<infer T> ? T : never): void {
  for (const { which, frameOctets, times, last, from, inTwo, trafficClass, flush } of happened) {
    for (let time = 0; time < times; time += 1)
      ground.send(which, frameOctets, (from + time) % MOST_FRAME, inTwo, trafficClass);
    if (last > 0) ground.send(which, last, from, inTwo, trafficClass);
    if (flush) ground.flush();
  }
  ground.flush();
}

function expectCharges(ground: Ground, dropped = 0): void {
  const cells = [1, 2, 3].map((row) => ground.count(row, counterCells.transmittedFrames));
  expect(cells.reduce((sum, count) => sum + count, 0)).toBe(ground.wanted.length - dropped);
}

test("groups, cut as the kernel cuts them, are the messages one by one: same octets, order, receivers and traffic class: 400 bursts", () => {
  let grouped = 0;
  fc.assert(
    fc.property(bursts, (happened) => {
      const ground = new Ground(true);
      play(ground, happened);
      expect(ground.left()).toEqual(ground.wanted);
      expectCharges(ground);
      grouped += ground.wanted.length - ground.kernel.messages;
    }),
    { numRuns: 400, seed: 103 },
  );
  expect(grouped).toBeGreaterThan(10_000);
});

test("without the kernel's support every message is sent by itself", () => {
  fc.assert(
    fc.property(bursts, (happened) => {
      const ground = new Ground(false);
      play(ground, happened);
      expect(ground.left()).toEqual(ground.wanted);
      expect(ground.kernel.messages).toBe(ground.wanted.length);
    }),
    { numRuns: 50, seed: 104 },
  );
});

test("a group is at most 64 datagrams and 65 507 octets", () => {
  const sizes: number[] = [];
  const ground = new Ground(true, (octets, size) => {
    expect(octets.length).toBeLessThanOrEqual(65_507);
    sizes.push(size === 0 ? 1 : Math.ceil(octets.length / size));
    return 0;
  });
  for (let time = 0; time < 130; time += 1) ground.send(0, 60, time, false);
  ground.flush();
  expect(sizes.splice(0)).toEqual([64, 64, 2]);
  for (let time = 0; time < 90; time += 1) ground.send(0, 1514, time, true);
  ground.flush();
  expect(sizes).toEqual([43, 43, 4]);
});

test("a group is of one traffic class, which the socket's own needs no word for", () => {
  const ground = new Ground(true);
  for (const trafficClass of [0xb8, 0xb8, OF_SOCKET, OF_SOCKET, 0, 0, 0xb8])
    ground.send(0, 1514, 0, false, trafficClass);
  ground.flush();
  expect(ground.kernel.messages).toBe(4);
  expect(ground.kernel.departed.map(({ trafficClass }) => trafficClass)).toEqual([
    ...[0xb8, 0xb8, undefined, undefined, 0, 0, 0xb8],
  ]);
});

test.each(["EINVAL", "EMSGSIZE", "EIO"] as const)(
  "a group over the path's MTU, refused by %s, is sent one by one, and shorter ones stay grouped",
  (name) => {
    const error = constants.errno[name];
    fc.assert(
      fc.property(bursts, (happened) => {
        const ground = new Ground(true, (_octets, size) => (size > 1400 ? error : 0));
        play(ground, happened);
        expect(ground.left()).toEqual(ground.wanted);
        expectCharges(ground);
      }),
      { numRuns: 100, seed: 105 },
    );
  },
);

test("what does not fit even alone is charged by the frame, and the rest leaves", () => {
  const ground = new Ground(true, (octets, size) =>
    (size || octets.length) > 1500 ? constants.errno.EMSGSIZE : 0,
  );
  for (let time = 0; time < 40; time += 1) ground.send(0, 1514, time, true);
  for (let time = 0; time < 40; time += 1) ground.send(1, 100, time, true);
  ground.flush();
  expect(ground.left()).toEqual(ground.wanted.slice(40));
  expect(ground.count(1, counterCells.discards + discardIndex["path-mtu"])).toBe(40);
  expect(ground.count(2, counterCells.transmittedFrames)).toBe(40);
  expect(ground.count(2, counterCells.transmittedOctets)).toBe(4000);
});

test("an error that has nothing to do with the group is charged for each of its frames, and nothing is sent twice", () => {
  let failing = true;
  const ground = new Ground(true, () => (failing ? constants.errno.ENETUNREACH : 0));
  for (let time = 0; time < 70; time += 1) ground.send(0, 1514, time, false);
  ground.flush();
  failing = false;
  ground.send(0, 60, 0, false);
  ground.flush();
  expect(ground.kernel.refusals).toBe(2);
  expect(ground.count(1, counterCells.discards + discardIndex["psn-error"])).toBe(70);
  expect(ground.left()).toEqual(ground.wanted.slice(70));
});

test("a full send buffer costs what finds no room in it, in one call, and nothing waits", () => {
  let isFull = false;
  const ground = new Ground(true, () => (isFull ? constants.errno.EAGAIN : 0));
  for (let time = 0; time < 100; time += 1) ground.send(0, 1514, time, false);
  ground.flush();
  isFull = true;
  for (let time = 0; time < 250; time += 1) ground.send(time % 3, 1514, time, false);
  ground.flush();
  expect(ground.kernel.refusals).toBe(1);
  const congestion = counterCells.discards + discardIndex["psn-congestion"];
  expect([1, 2, 3].map((row) => ground.count(row, congestion))).toEqual([84, 83, 83]);
  isFull = false;
  ground.send(0, 60, 0, false);
  ground.flush();
  expect(ground.left()).toEqual([...ground.wanted.slice(0, 100), ...ground.wanted.slice(350)]);
});

test("a group that leaves one by one stops at a full send buffer", () => {
  let taken = 0;
  const refuse = (_octets: Uint8Array, size: number) => {
    if (size > 0) return constants.errno.EINVAL;
    taken += 1;
    return taken > 10 ? constants.errno.EAGAIN : 0;
  };
  const ground = new Ground(true, refuse);
  for (let time = 0; time < 40; time += 1) ground.send(0, 1514, time, false);
  ground.flush();
  expect(ground.left()).toEqual(ground.wanted.slice(0, 10));
  expect(ground.count(1, counterCells.transmittedFrames)).toBe(10);
  expect(ground.count(1, counterCells.discards + discardIndex["psn-congestion"])).toBe(30);
  // The group, what ends the first call, and the next one.
  expect(ground.kernel.refusals).toBe(3);
});

test("after a while a group is tried again: the path may have changed", () => {
  let narrow = true;
  const ground = new Ground(true, (_octets, size) => (narrow && size > 1400 ? constants.errno.EINVAL : 0));
  const send = (count: number) => {
    for (let time = 0; time < count; time += 1) ground.send(0, 1514, time % 100, true);
    ground.flush();
  };
  send(43);
  expect(ground.kernel.refusals).toBe(1);
  send(96);
  expect(ground.kernel.refusals).toBe(1);
  narrow = false;
  send(4000);
  const before = ground.kernel.messages;
  send(43);
  expect(ground.kernel.messages).toBe(before + 1);
  expect(ground.left()).toEqual(ground.wanted);
});
