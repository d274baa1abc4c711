import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { counterTable } from "../../src/forwarding/counters-table.ts";
import { type DiscardReason, discardReasons } from "../../src/forwarding/discard-reasons.ts";
import { newSequenceState } from "../../src/forwarding/encapsulation.ts";
import { decapsulateFragments, encapsulateInFragments } from "../../src/forwarding/fragments.ts";
import type { AttachmentCircuit } from "../../src/forwarding/plane.ts";
import { Arena, NAME_OCTETS } from "../../src/forwarding/userspace/arena.ts";
import { CircuitSender } from "../../src/forwarding/userspace/circuit-sender.ts";
import { checkFrame } from "../../src/forwarding/userspace/fast-path.ts";
import { Fragmenter } from "../../src/forwarding/userspace/fragmenter.ts";
import { PsnReceiver } from "../../src/forwarding/userspace/psn-receiver.ts";
import { PsnSender } from "../../src/forwarding/userspace/psn-sender.ts";
import { slotKinds } from "../../src/forwarding/userspace/reassembly-slots.ts";
import { NO_SLOT } from "../../src/forwarding/userspace/session-record.ts";
import { type ForwardedSession, Tables } from "../../src/forwarding/userspace/tables.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { writeSocketAddress } from "../../src/os/sockets.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { assertProperty } from "../support/seeds.ts";
import { attachment, sessionParameters } from "../support/sessions.ts";

/** The worker's fragments, beside the reference's. */

const names = [...counterTable, ...discardReasons].map(({ name }) => name);
const VNET_OCTETS = 10;
const EMSGSIZE = 90;
const EAGAIN = 11;

function parameters(row: number, mrru: number, changes: Partial<SessionParameters> = {}): SessionParameters {
  return sessionParameters({
    localSessionId: row,
    remoteSessionId: row,
    receiveSublayer: "default",
    transmitSublayer: "default",
    receiveSequencing: "all",
    transmitSequencing: "all",
    receiveMrru: mrru,
    transmitFragments: { mru: 65_507, mrru },
    ...changes,
  });
}

/** Sessions of the worker between a socket and a circuit that tests stand for. */
class TestBed {
  readonly kernel: FakeKernel;
  readonly tables: Tables;
  readonly receiver: PsnReceiver;
  readonly circuitSender: CircuitSender;
  readonly #psnSender: PsnSender;
  readonly #fragmenter: Fragmenter;
  readonly #arena = new Arena();
  readonly #frames = this.#arena.take(400_000);
  #used = 0;
  readonly #buffer = this.#arena.take(70_000);
  readonly #name = this.#arena.tables.take(NAME_OCTETS);
  readonly #cells: Float64Array;
  /** By which IP was let fragment, and not. */
  readonly allowed: boolean[] = [];
  refusals: number[] = [];

  constructor(
    sessions: readonly SessionParameters[],
    at: AttachmentCircuit,
    fragmentation: "outer" | "pseudowire" = "pseudowire",
  ) {
    const counters = new SharedArrayBuffer((sessions.length + 1) * CELLS_A_SESSION * 8);
    this.#cells = new Float64Array(counters);
    this.kernel = new FakeKernel(this.#arena, () => this.refusals.shift() ?? 0);
    this.tables = new Tables(this.#arena);
    const endpoint = { fd: 3, encapsulation: "udp", isV6: false, address: "192.0.2.1", port: 1701 } as const;
    this.tables.endpoints.set(3, { ...endpoint, takesSegments: true, trafficClass: 0, fragmentation });
    this.tables.openCircuit({ fd: 9, readFd: 9, kind: "interface", name: "eth1", sendsBy: "eth1" });
    for (const [index, session] of sessions.entries()) this.tables.addSession(index + 1, 3, session, at);
    const writer = new CounterWriter(counters);
    this.circuitSender = new CircuitSender(this.#arena, writer, this.kernel);
    this.#psnSender = new PsnSender(this.#arena, writer, this.kernel, (_fd, _isV6, allowed) => {
      this.allowed.push(allowed);
    });
    this.#fragmenter = new Fragmenter(this.#arena, this.#psnSender);
    const ignore = () => undefined;
    this.receiver = new PsnReceiver(
      this.#arena,
      this.tables,
      writer,
      this.circuitSender,
      ignore,
      ignore,
      ignore,
    );
  }

  session(row = 1): ForwardedSession {
    return this.tables.sessions.get(row)!;
  }

  /** Sends a frame in two pieces of the worker's memory, the first of so many octets. */
  send(frame: Uint8Array, headOctets: number, row = 1): void {
    const at = this.#frames + this.#used;
    this.#used += frame.length;
    this.#arena.octets.set(frame, at);
    const session = this.session(row);
    this.#psnSender.setTarget(session);
    this.#psnSender.reserve(this.#fragmenter.count(session, frame.length));
    const rest = frame.length - headOctets;
    this.#fragmenter.send(session, at, headOctets, at + headOctets, rest, 0);
  }

  /** Sends what is queued; returns the datagrams. */
  flush(): readonly Uint8Array[] {
    this.#psnSender.flush();
    return this.kernel.departed.splice(0).map(({ octets }) => octets);
  }

  receive(datagram: Uint8Array): void {
    const { path } = sessionParameters();
    const name = this.#arena.tables.octets.subarray(this.#name, this.#name + NAME_OCTETS);
    writeSocketAddress(name, path.remoteAddress, path.remotePort);
    this.#arena.octets.set(datagram, this.#buffer);
    const endpoint = this.tables.endpoints.get(3)!;
    this.receiver.processMessage(endpoint, this.#buffer, datagram.length, 0, this.#name);
  }

  /** Frames that went to the circuit. */
  delivered(): readonly Uint8Array[] {
    this.circuitSender.flush();
    this.receiver.reassembler.sent();
    return this.kernel.departed.splice(0).map(({ octets }) => octets.subarray(VNET_OCTETS));
  }

  /** What was counted of a session, without what is 0. */
  counted(row = 1): Readonly<Record<string, number>> {
    const cells = this.#cells.subarray(row * CELLS_A_SESSION, (row + 1) * CELLS_A_SESSION);
    return Object.fromEntries(
      names.flatMap((name, cell) => (cells[cell] === 0 ? [] : [[name, cells[cell] as number]])),
    );
  }
}

function frameOf(octets: number, salt = 0): Uint8Array {
  const frame = new Uint8Array(octets);
  for (let index = 0; index < octets; index += 1) frame[index] = index * 7 + (index >>> 8) * 13 + salt * 31;
  return frame;
}

const textOf = (octets: Uint8Array) => Buffer.from(octets).toString("latin1");
const lengths = fc.array(fc.oneof(fc.integer({ min: 61, max: 2000 }), fc.constantFrom(1514, 9014, 60_000)), {
  minLength: 1,
  maxLength: 6,
});

test("what is sent equals the reference, in octets, order and counters", () => {
  const rooms = fc.constantFrom(60, 500, 514, 1452, 8000);
  assertProperty(
    fc.property(lengths, rooms, fc.nat(100), (octets, room, head) => {
      const at = attachment({ mtu: 65_000, wholeFrameOctets: room });
      const bed = new TestBed([parameters(1, 65_022)], at);
      const state = newSequenceState();
      const frames = octets.filter((one) => one > room && one <= room * 128).map(frameOf);
      const wanted = frames.flatMap(
        (frame) => encapsulateInFragments(frame, parameters(1, 65_022), at, state) as Uint8Array[],
      );
      for (const frame of frames) bed.send(frame, Math.min(head, frame.length));
      const sent = bed.flush();
      expect(sent.map(textOf)).toEqual(wanted.map(textOf));
      const sum = frames.reduce((all, { length }) => all + length, 0);
      const { transmittedFrames = 0, transmittedOctets = 0, transmittedFragmented = 0 } = bed.counted();
      expect([transmittedFrames, transmittedOctets, transmittedFragmented]).toEqual([
        frames.length,
        sum,
        frames.length,
      ]);
      expect(bed.counted()["transmittedFragments"] ?? 0).toBe(wanted.length);
    }),
    { seed: 46_231, runs: 100 },
  );
});

test("a frame of which the kernel refuses fragments is counted once, as discarded", () => {
  const at = attachment({ mtu: 65_000, wholeFrameOctets: 500 });
  const bed = new TestBed([parameters(1, 65_022)], at);
  // Groups are refused first, and then some datagrams of them.
  bed.refusals = [EMSGSIZE, 0, EAGAIN, EAGAIN];
  for (let salt = 0; salt < 3; salt += 1) bed.send(frameOf(1600, salt), 0);
  bed.flush();
  const { transmittedFrames = 0, "path-mtu": refused = 0, "psn-congestion": full = 0 } = bed.counted();
  expect(transmittedFrames + refused + full).toBe(3);
  expect(full).toBeGreaterThan(0);
});

test("what is received equals the reference, in frames, numbers and counters", () => {
  const seen = new Set<string>();
  const events = fc.array(
    fc.record({
      skip: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2),
      again: fc.integer({ min: 0, max: 11 }),
      whole: fc.integer({ min: 0, max: 11 }).map((number) => number === 0),
    }),
    { minLength: 1, maxLength: 30 },
  );
  assertProperty(
    fc.property(lengths, events, fc.constantFrom(1522, 9022, 65_022), (octets, happened, mrru) => {
      const at = attachment({ mtu: 65_000, wholeFrameOctets: 700 });
      const session = parameters(1, mrru);
      const [bed, numbers, state] = [new TestBed([session], at), newSequenceState(), newSequenceState()];
      const sending = { ...session, transmitFragments: { mru: 65_507, mrru: 65_022 } };
      const messages = octets.flatMap(
        (length, salt) => encapsulateInFragments(frameOf(length, salt), sending, at, numbers) as Uint8Array[],
      );
      const arrivals: Uint8Array[] = [];
      for (let next = 0, turn = 0; next < messages.length; turn += 1) {
        const { skip, again, whole } = happened[turn % happened.length]!;
        next += skip;
        if (next < messages.length) arrivals.push(messages[next]!);
        const earlier = again < 3 ? messages[next - again] : undefined;
        if (earlier !== undefined) arrivals.push(earlier);
        if (whole && next > 0) {
          const word = encapsulateInFragments(frameOf(64), session, at, { ...numbers, next }) as Uint8Array[];
          arrivals.push(word[0]!);
        }
        next += 1;
      }
      const wanted: Record<string, number> = {};
      const count = (name: string, by = 1) => {
        wanted[name] = (wanted[name] ?? 0) + by;
        seen.add(name);
      };
      const frames: Uint8Array[] = [];
      const delivered: Uint8Array[] = [];
      const reassembly = {};
      for (const message of arrivals) {
        bed.receive(message);
        delivered.push(...bed.delivered());
        const { outcome, lost, together } = decapsulateFragments(message, session, at, state, reassembly);
        if (lost > 0) count("reassembly-lost", lost);
        if (outcome instanceof Uint8Array) frames.push(outcome);
        else if (outcome !== "kept") count(outcome, Math.max(1, together));
        if (outcome instanceof Uint8Array && together > 0) {
          count("receivedReassembled");
          count("receivedFragments", together);
        }
      }
      for (const { length } of frames) {
        count("receivedFrames");
        count("receivedOctets", length);
      }
      expect(delivered.map(textOf)).toEqual(frames.map(textOf));
      expect(bed.counted()).toEqual(wanted);
      const { expected, oldRun, oldNext } = bed.session();
      expect({ expected, oldRun, oldNext }).toEqual(state.received);
    }),
    { seed: 46_232, runs: 200 },
  );
  for (const name of ["receivedReassembled", "reassembly-lost", "reassembly-too-long", "out-of-sequence"])
    expect(seen, name).toContain(name);
});

describe("memory is bounded", () => {
  const first = (row: number, mrru: number) => {
    const at = attachment({ mtu: 65_000, wholeFrameOctets: 700 });
    const sent = encapsulateInFragments(frameOf(1500, row), parameters(row, mrru), at, newSequenceState());
    return sent as Uint8Array[];
  };

  test.each(slotKinds)(
    "of frames up to $octets octets, $count are incomplete at a time",
    ({ octets, count }) => {
      const mrru = Math.min(octets, 65_022);
      const sessions = Array.from({ length: count + 3 }, (_, index) => parameters(index + 1, mrru));
      const bed = new TestBed(sessions, attachment({ mtu: 65_000 }));
      for (let row = 1; row <= count + 3; row += 1) bed.receive(first(row, mrru)[0]!);
      const rows = Array.from({ length: count + 3 }, (_, index) => index + 1);
      const given = rows.filter((row) => bed.counted(row)["reassembly-overflow"] === 1);
      expect(given).toHaveLength(3);
      for (const row of rows) for (const message of first(row, mrru).slice(1)) bed.receive(message);
      const whole = rows.filter((row) => !given.includes(row));
      expect(bed.delivered().map(textOf)).toEqual(whole.map((row) => textOf(frameOf(1500, row))));
    },
  );

  test("any number of frames may be complete before they are sent to the circuit", () => {
    const bed = new TestBed([parameters(1, 9022)], attachment({ mtu: 9000 }));
    const at = attachment({ mtu: 9000, wholeFrameOctets: 700 });
    const state = newSequenceState();
    const frames = Array.from({ length: 1000 }, (_, salt) => frameOf(1500, salt));
    for (const frame of frames)
      for (const message of encapsulateInFragments(frame, parameters(1, 9022), at, state) as Uint8Array[])
        bed.receive(message);
    expect(bed.delivered().map(textOf)).toEqual(frames.map(textOf));
  });
});

test("E-F08: a frame that stays incomplete for a second is given up", () => {
  const bed = new TestBed([parameters(1, 1522)], attachment());
  const at = attachment({ wholeFrameOctets: 700 });
  const messages = encapsulateInFragments(frameOf(1500), parameters(1, 1522), at, newSequenceState());
  const [one, two, three] = messages as Uint8Array[];
  bed.receiver.reassembler.expire(10_000);
  bed.receive(one!);
  bed.receive(two!);
  bed.receiver.reassembler.expire(10_900);
  expect(bed.counted()).toEqual({});
  bed.receiver.reassembler.expire(11_200);
  expect(bed.counted()).toEqual({ "reassembly-lost": 2 });
  expect(bed.session().incomplete.slot).toBe(NO_SLOT);
  bed.receive(three!);
  expect(bed.counted()).toEqual({ "reassembly-lost": 3 });
  expect(bed.delivered()).toEqual([]);
});

test("E-F01: frames that the peer does not put together are discarded, and others are not", () => {
  const { view, octets } = new Arena();
  octets.fill(0, 0, 4000);
  const tables = new Tables(new Arena());
  tables.openCircuit({ fd: 9, readFd: 9, kind: "interface", name: "eth1", sendsBy: "eth1" });
  for (const mrru of [500, 1522, 3000])
    for (const wholeFrameOctets of [16, 700, 2000]) {
      const at = attachment({ mtu: 2500, wholeFrameOctets });
      const session = parameters(1, mrru);
      tables.addSession(1, 3, session, at);
      for (const length of [60, 500, 501, 700, 701, 1522, 1523, 2000, 2001, 2048, 2049, 2514, 2515]) {
        const verdict = checkFrame(view, 0, length, length, tables.sessions.get(1)!);
        const wanted = encapsulateInFragments(new Uint8Array(length), session, at, newSequenceState());
        expect(verdict < 0 ? discardReasons[-1 - verdict]?.name : "sent").toBe(
          typeof wanted === "string" ? wanted : "sent",
        );
      }
      tables.removeSession(1);
    }
  const reason: DiscardReason = "peer-mrru";
  expect(
    encapsulateInFragments(
      new Uint8Array(1514),
      parameters(1, 500),
      attachment({ wholeFrameOctets: 700 }),
      newSequenceState(),
    ),
  ).toBe(reason);
});

test("a session without MRRU, and a fragment without number: discarded as such", () => {
  const { receiveMrru: _none, ...plain } = parameters(1, 1522);
  const at = attachment({ wholeFrameOctets: 700 });
  const messages = encapsulateInFragments(frameOf(1500), parameters(1, 1522), at, newSequenceState());
  const other = new TestBed([plain], at);
  const bed = new TestBed([parameters(1, 1522)], at);
  const reason: DiscardReason = "fragment";
  for (const message of messages as Uint8Array[]) {
    other.receive(message);
    const unnumbered = message.slice();
    unnumbered[8]! &= 0x3f;
    bed.receive(unnumbered);
  }
  expect([other.counted(), bed.counted()]).toEqual([{ [reason]: 3 }, { [reason]: 3 }]);
});

test("E-F03: IP may fragment only what goes to a peer without fragments, on the same socket", () => {
  const { transmitFragments: _none, ...outer } = parameters(2, 1522);
  const at = attachment({ wholeFrameOctets: 700 });
  const bed = new TestBed([parameters(1, 1522), outer], at);
  bed.send(frameOf(1500), 0, 1);
  bed.flush();
  expect(bed.allowed).toEqual([]);
  bed.send(frameOf(600), 0, 2);
  bed.flush();
  expect(bed.allowed).toEqual([true, false]);
  bed.send(frameOf(1500), 0, 1);
  bed.send(frameOf(600), 0, 2);
  bed.send(frameOf(1500), 0, 1);
  bed.flush();
  expect(bed.allowed).toEqual([true, false, true, false]);
  const outside = new TestBed([parameters(1, 1522), outer], at, "outer");
  outside.send(frameOf(600), 0, 2);
  outside.flush();
  expect(outside.allowed).toEqual([]);
});
