import { expect, test } from "vitest";
import { CELLS_A_SESSION } from "../../src/forwarding/counter-cells.ts";
import { counterTable } from "../../src/forwarding/counters-table.ts";
import { discardReasons } from "../../src/forwarding/discard-reasons.ts";
import { BUFFER_OCTETS, HEADROOM_OCTETS, NAME_OCTETS } from "../../src/forwarding/userspace/arena.ts";
import { CircuitReceiver } from "../../src/forwarding/userspace/circuit-receiver.ts";
import { CircuitSender } from "../../src/forwarding/userspace/circuit-sender.ts";
import type { WorkerEndpoint } from "../../src/forwarding/userspace/commands.ts";
import { MmsghdrTable, VectorTable } from "../../src/forwarding/userspace/mmsghdr-table.ts";
import { PsnReceiver } from "../../src/forwarding/userspace/psn-receiver.ts";
import { PsnSender } from "../../src/forwarding/userspace/psn-sender.ts";
import { counterCells, NO_SLOT } from "../../src/forwarding/userspace/session-record.ts";
import { type DeviceRecord, Tables } from "../../src/forwarding/userspace/tables.ts";
import { TooBigAnswers } from "../../src/forwarding/userspace/too-big-answers.ts";
import { CounterWriter } from "../../src/forwarding/userspace/transmitter.ts";
import { addressOf, close, getsockopt, ioctl, linux, read, sendmmsg } from "../../src/os/libc.ts";
import { openPsnSocket, type PsnSocket, writeSocketAddress } from "../../src/os/sockets.ts";
import { setSegmentOctets, UDP_OFFLOAD_OCTETS, writeSegmentControl } from "../../src/os/udp-offload.ts";
import type { SessionParameters } from "../../src/wire/session-parameters.ts";
import { effort, scaled } from "../support/effort.ts";
import { HostileFrames } from "../support/hostile-frames.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { seedOr } from "../support/seeds.ts";
import { attachment, sessionParameters, vlanAttachment } from "../support/sessions.ts";
import { refusals, WatchedArena, WatchingKernel } from "../support/watching-kernel.ts";

/** Frames and datagrams; `npm run fuzz` takes more, and other seeds. */
const INPUTS = scaled(1_000_000);
const SEED = seedOr(3931);

const FIONBIO = 0x5421;
/** Octets sent in one round, where sockets have room for it. */
const MOST_IN_ROUND = 1_500_000;
const MOST_DATAGRAM = 60_000;
const BATCH = 63;
const open = (coalesces: boolean): PsnSocket =>
  openPsnSocket({
    encapsulation: "udp",
    address: "127.0.0.1",
    port: 0,
    fragmentation: "outer",
    checksum: "auto",
    coalesces,
  });

const cookie = new Uint8Array(8).fill(0x5c);
const COOKIES = [0, 4, 8];
/** Rows of sessions that take and send pseudowire fragments. */
const FRAGMENTING: readonly number[] = [1, 5];
const fragmented = { receiveMrru: 9022, transmitFragments: { mru: 1400, mrru: 9022 } } as const;
const FRAGMENTS = [0, 0x1000_0000, 0x2000_0000, 0x3000_0000];
const numbered = {
  receiveSublayer: "default",
  receiveSequencing: "all",
  transmitSublayer: "default",
  transmitSequencing: "all",
} as const;

/** Octets that a socket has room for, as the kernel counts them. */
function receiveBuffer(fd: number): number {
  const value = new Int32Array(1);
  const length = Int32Array.of(4);
  const addresses = [value, length].map((cell) => addressOf(new Uint8Array(cell.buffer))) as [number, number];
  getsockopt(fd, linux.SOL_SOCKET, linux.SO_RCVBUF, ...addresses);
  return value[0]!;
}

/** Both sides of the plane with real sockets to read from, and a kernel that looks at what leaves. */
class TestBed {
  readonly arena = new WatchedArena();
  readonly kernel: WatchingKernel;
  readonly frames: HostileFrames;
  readonly random: SeededRandom;
  readonly cells: Float64Array;
  readonly #sender = open(false);
  readonly #own = open(true);
  /** Datagram sockets stand for circuits: they are read by the same calls. */
  readonly #circuitSocket = open(false);
  readonly #circuits: readonly DeviceRecord[];
  readonly #circuitReceiver: CircuitReceiver;
  readonly #psnReceiver: PsnReceiver;
  readonly #circuitRegions;
  readonly #psnRegions;
  /** What is sent, and its tables. */
  readonly #out = new WatchedArena();
  readonly #region = this.#out.take(4 * 1024 * 1024);
  readonly #vectors = new VectorTable(this.#out, BATCH);
  readonly #messages = new MmsghdrTable(this.#out, BATCH);
  readonly #names = this.#out.tables.take(2 * NAME_OCTETS);
  readonly #controls = this.#out.tables.take(BATCH * UDP_OFFLOAD_OCTETS);
  #nowMs = 0;
  #leastTags = 0;
  #roundOctets = 0;
  #used = 0;
  /** Octets sent in one round, so that all of them find room in a socket's buffer. */
  readonly #mostInRound = Math.min(MOST_IN_ROUND, Math.floor(receiveBuffer(this.#own.fd) / 4));
  #filled: number[] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.frames = new HostileFrames(this.random, this.#out.octets);
    this.kernel = new WatchingKernel(this.arena, () => this.#mood());
    const counters = new SharedArrayBuffer(20 * CELLS_A_SESSION * 8);
    this.cells = new Float64Array(counters);
    const tables = new Tables(this.arena);
    const counterWriter = new CounterWriter(counters);
    const psnSender = new PsnSender(this.arena, counterWriter, this.kernel);
    const circuitSender = new CircuitSender(this.arena, counterWriter, this.kernel);
    // By a clock that goes on with each: answers are both given and refused.
    const answers = new TooBigAnswers(this.arena, counterWriter, this.kernel, () => (this.#nowMs += 1));
    const before = this.arena.taken.length;
    this.#circuitReceiver = new CircuitReceiver(this.arena, counterWriter, psnSender, answers);
    const countControl = () => {
      this.control += 1;
    };
    this.#psnReceiver = new PsnReceiver(
      this.arena,
      tables,
      counterWriter,
      circuitSender,
      countControl,
      () => undefined,
      () => undefined,
    );
    this.#circuitRegions = this.arena.taken.slice(before, before + 64);
    this.#psnRegions = this.arena.taken.slice(before + 64, before + 128);
    this.#circuits = this.#openCircuits(tables);
    this.#addSessions(tables);
    this.#tables = tables;
    ioctl(this.#circuitSocket.fd, FIONBIO, addressOf(new Uint8Array(Int32Array.of(1).buffer)));
    for (const [index, port] of [this.#circuitSocket.port, this.#own.port].entries()) {
      const name = this.#names + index * NAME_OCTETS;
      writeSocketAddress(this.#out.tables.octets.subarray(name, name + NAME_OCTETS), "127.0.0.1", port);
    }
    for (let index = 0; index < BATCH; index += 1)
      writeSegmentControl(this.#out.tables.view, this.#controls + index * UDP_OFFLOAD_OCTETS);
  }

  control = 0;
  /** Number of the next message of the sessions that fragment, by their row. */
  readonly #next = new Map(FRAGMENTING.map((row) => [row, 0]));
  #tables: Tables | undefined;

  /** Frames from the circuit: with any virtio-net header, truncated or not. Returns how many. */
  fromCircuit(): number {
    const circuit = this.frames.one(this.#circuits);
    this.#leastTags = 0;
    this.#begin();
    while (this.#hasRoom()) {
      const at = this.#region + this.#used;
      const big = this.frames.chance(0.02);
      const frame = this.frames.write(at + 10, big ? MOST_DATAGRAM : 2000);
      this.frames.writeOffload(at, frame);
      this.#push(10 + frame.length, 0, 0);
      if (this.frames.chance(0.03)) break;
    }
    const count = this.#send(0);
    this.kernel.expectFrom(this.#circuitRegions, this.#filled);
    this.#circuitReceiver.serve(circuit);
    while (this.#circuitReceiver.hasWaiting) this.#circuitReceiver.resume();
    // A turn of a TAP device may end before all was read.
    while (read(this.#circuitSocket.fd, this.#out.address(this.#region, MOST_IN_ROUND), MOST_IN_ROUND) >= 0);
    this.arena.checkGuards();
    return count;
  }

  /**
   * Datagrams from the peer's address: single ones, and many that the kernel has coalesced. Returns how many.
   */
  fromPeer(): number {
    // Some rounds have little but long headers to be merged.
    this.#leastTags = this.frames.chance(0.05) ? 46 + this.frames.below(300) : 0;
    this.#begin();
    let count = 0;
    while (this.#hasRoom())
      count += this.frames.chance(this.#leastTags > 0 ? 0.95 : 0.3) ? this.#pushFlow() : this.#pushDatagram();
    this.#send(1);
    this.kernel.expectFrom(this.#psnRegions, this.#filled);
    const { fd, port } = this.#own;
    const endpoint: WorkerEndpoint = {
      fd,
      isV6: false,
      encapsulation: "udp",
      address: "127.0.0.1",
      port,
      takesSegments: true,
      trafficClass: 0,
    };
    const before = this.#counted();
    this.#psnReceiver.serve(endpoint);
    this.arena.checkGuards();
    expect(this.#counted() - before, "each datagram is delivered, or counted under a reason").toBe(count);
    return count;
  }

  /** What was counted, of all sessions, by the names of the cells that are not 0. */
  totals(): Readonly<Record<string, number>> {
    const cells = [...counterTable, ...discardReasons].map(({ name }) => name);
    const totals: Record<string, number> = { control: this.control };
    for (const [cell, name] of cells.entries()) {
      for (let row = 0; row < 20; row += 1)
        totals[name] = (totals[name] ?? 0) + this.cells[row * CELLS_A_SESSION + cell]!;
    }
    return totals;
  }

  [Symbol.dispose](): void {
    for (const { fd } of [this.#sender, this.#own, this.#circuitSocket]) close(fd);
  }

  #counted(): number {
    let total = this.control;
    for (const { incomplete } of this.#tables?.sessions.values() ?? [])
      if (incomplete.slot !== NO_SLOT) total += incomplete.fragments;
    for (let row = 0; row < 20; row += 1) {
      const at = row * CELLS_A_SESSION;
      total += this.cells[at + counterCells.receivedFrames]!;
      total += this.cells[at + counterCells.receivedFragments]!;
      total -= this.cells[at + counterCells.receivedReassembled]!;
      for (let cell = at + counterCells.discards; cell < at + CELLS_A_SESSION; cell += 1)
        total += this.cells[cell]!;
    }
    return total;
  }

  #mood() {
    if (this.random.next() < 0.9) return undefined;
    return this.random.next() < 0.5
      ? { most: 1 + this.frames.below(20) }
      : { errno: this.frames.one(refusals) };
  }

  #begin(): void {
    this.#roundOctets =
      this.frames.chance(0.1) || this.#leastTags > 0
        ? this.#mostInRound
        : Math.min(this.#mostInRound, 100_000);
    this.#used = 0;
    this.#filled = [];
  }

  #hasRoom(): boolean {
    return this.#filled.length < BATCH && this.#used < this.#roundOctets;
  }

  /** Queues the next `octets` octets of the region, as one datagram or as several of `size` octets. */
  #push(octets: number, size: number, name: number): void {
    const index = this.#filled.length;
    const control = this.#controls + index * UDP_OFFLOAD_OCTETS;
    if (size > 0) setSegmentOctets(this.#out.tables.view, control, size);
    this.#vectors.set(index, this.#region + this.#used, octets);
    this.#messages.setVectors(index, this.#vectors, index, 1);
    this.#messages.setControl(index, control, size > 0 ? UDP_OFFLOAD_OCTETS : 0);
    this.#messages.setName(index, this.#names + name * NAME_OCTETS, 16);
    this.#filled.push(octets);
    this.#used += (octets + 7) & ~7;
  }

  #send(name: number): number {
    const count = this.#filled.length;
    for (let index = 0; index < count; index += 1)
      this.#messages.setName(index, this.#names + name * NAME_OCTETS, 16);
    expect(sendmmsg(this.#sender.fd, this.#messages.address(0, count), count, 0)).toBe(count);
    return count;
  }

  /** Writes a data message's header for a session; returns its octets. */
  #header(at: number, row: number): number {
    const { view, octets } = this.#out;
    view.setUint32(at, 0x0003_0000);
    view.setUint32(at + 4, row);
    const cookieOctets = COOKIES[row % 3]!;
    octets.set(cookie.subarray(0, cookieOctets), at + 8);
    const end = at + 8 + cookieOctets;
    if (row % 2 === 0) return end - at;
    const next = this.#next.get(row);
    if (next !== undefined) {
      view.setUint32(end, 0x4000_0000 + this.frames.one(FRAGMENTS) + next);
      this.#next.set(row, (next + 1) % 0x100_0000);
      return end + 4 - at;
    }
    view.setUint32(
      end,
      this.frames.one([0, 0x4000_0000 + this.frames.below(0x100_0000), 0x8000_0000, 0x1000_0000]),
    );
    return end + 4 - at;
  }

  #pushDatagram(): number {
    const at = this.#region + this.#used;
    const header = this.#header(at, 1 + this.frames.below(19));
    const { length } = this.frames.write(at + header, this.frames.chance(0.02) ? MOST_DATAGRAM : 2000);
    const octets = this.frames.chance(0.05) ? this.frames.below(header + length) : header + length;
    if (this.frames.chance(0.03)) this.frames.noise(at, Math.min(octets, 12));
    this.#push(octets, 0, 1);
    return 1;
  }

  /** Segments of a flow, which the kernel gives us in one buffer, or one by one. */
  #pushFlow(): number {
    const jumbo = this.frames.chance(0.1);
    const flow = this.frames.flow(jumbo ? 9000 : 1500, this.#leastTags);
    const row = 1 + this.frames.below(18);
    const segments = 2 + this.frames.below(this.#leastTags > 0 || this.frames.chance(0.2) ? 60 : 8);
    const isCoalesced = this.frames.chance(0.7);
    // Pairs: of as many flows as there can be, each with headers of its own.
    const inOne = this.#leastTags > 0 || this.frames.chance(0.1) ? 2 : segments;
    const start = this.#region + this.#used;
    let octets = 0;
    let count = 0;
    let size = 0;
    for (let index = 0; index < segments; index += 1) {
      const at = isCoalesced ? start + octets : this.#region + this.#used;
      const header = this.#header(at, row);
      const one = { ...flow, id: flow.id + Math.floor(index / inOne) };
      const payload = index === segments - 1 ? 1 + this.frames.below(flow.size) : flow.size;
      const length = header + this.frames.writeSegment(at + header, one, index % inOne, payload);
      if (this.frames.chance(0.01)) this.frames.noise(at + this.frames.below(length - 4), 4);
      if (isCoalesced && octets + length > MOST_DATAGRAM) break;
      if (!isCoalesced && !this.#hasRoom()) break;
      size = Math.max(size, length);
      octets += length;
      count += 1;
      if (!isCoalesced) this.#push(length, 0, 1);
    }
    if (isCoalesced && count > 0) this.#push(octets, count > 1 ? size : 0, 1);
    return count;
  }

  #openCircuits(tables: Tables): readonly DeviceRecord[] {
    const { fd } = this.#circuitSocket;
    const of = (name: string, kind: "tap" | "interface") =>
      tables.openCircuit({ fd, readFd: fd, kind, name, sendsBy: name });
    return [of("eth1", "interface"), of("tap0", "tap"), of("eth2", "interface")];
  }

  /** Nineteen sessions: ports, VLANs, all cookies, with numbers and without. */
  #addSessions(tables: Tables): void {
    const { fd, port, takesSegments } = this.#own;
    tables.endpoints.set(fd, {
      fd,
      isV6: false,
      encapsulation: "udp",
      address: "127.0.0.1",
      port,
      takesSegments,
      trafficClass: 0,
    });
    const path = {
      encapsulation: "udp",
      localAddress: "127.0.0.1",
      localPort: port,
      remoteAddress: "127.0.0.1",
      remotePort: this.#sender.port,
    } as const;
    for (let row = 1; row < 20; row += 1) {
      const own = cookie.subarray(0, COOKIES[row % 3]);
      const parameters: SessionParameters = sessionParameters({
        path,
        localSessionId: row,
        receiveCookie: own,
        transmitCookie: own,
        ...(row % 2 === 0 ? {} : numbered),
        ...(FRAGMENTING.includes(row) ? fragmented : {}),
      });
      const clamp = row % 3 === 0 ? {} : ({ mssClamp: "auto", wholeFrameOctets: 500 + row } as const);
      const answers = row % 2 === 0 ? ({ packetTooBig: "answer", wholeFrameOctets: 300 + row } as const) : {};
      const changes = {
        dscp: row % 4 === 0 ? "copy" : 0,
        mtu: row % 5 === 0 ? 60_000 : 9000,
        ...clamp,
        ...answers,
      } as const;
      if (row < 3)
        tables.addSession(
          row,
          fd,
          parameters,
          attachment({ ...changes, device: row === 1 ? "eth1" : "tap0" }),
        );
      else
        tables.addSession(
          row,
          fd,
          parameters,
          vlanAttachment(row === 3 ? 0x141 : row, row, row % 2 ? 0x8100 : 0x88a8, {
            ...changes,
            device: "eth2",
          }),
        );
      tables.bindCircuit(parameters.localSessionId);
    }
  }
}

test(
  `hostile input: no access outside regions, and each lost frame is counted: ${INPUTS} inputs, seed ${SEED}`,
  () => {
    using testBed = new TestBed(SEED);
    let inputs = 0;
    while (inputs < INPUTS) {
      inputs += testBed.frames.chance(0.5) ? testBed.fromCircuit() : testBed.fromPeer();
    }
    // Many of them were forwarded.
    const totals = testBed.totals();
    expect(totals["receivedFrames"]).toBeGreaterThan(INPUTS / 4);
    expect(totals["transmittedFrames"]).toBeGreaterThan(INPUTS / 4);
    for (const { name } of counterTable) expect(totals[name], name).toBeGreaterThan(0);
    const reasons = ["bad-offload", "truncated", "too-big-answered", "circuit-congestion", "psn-congestion"];
    for (const reason of reasons) expect(totals[reason], reason).toBeGreaterThanOrEqual(effort < 1 ? 0 : 1);
    expect(testBed.kernel.messages).toBeGreaterThan(INPUTS / 10);
    expect(HEADROOM_OCTETS + MOST_DATAGRAM).toBeLessThan(BUFFER_OCTETS);
  },
  120_000 + INPUTS / 10,
);
