import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { messageOf } from "../../bytes/errors.ts";
import { linux, poll, ppoll, read } from "../../os/libc.ts";
import { addressText } from "../../os/sockets.ts";
import { discardIndex } from "../discard-reasons.ts";
import { Arena } from "./arena.ts";
import { CircuitOutlet } from "./circuit-outlet.ts";
import { CircuitSide } from "./circuit-side.ts";
import {
  type Answer,
  type Command,
  MOST_WAITING_CONTROL,
  sharedFlags,
  type WorkerEndpoint,
  type WorkerStart,
} from "./commands.ts";
import { PeerOutlet } from "./peer-outlet.ts";
import { PeerSide } from "./peer-side.ts";
import { ReceiveSlots } from "./receive-slots.ts";
import { UNCHARGED_ROW } from "./session-row.ts";
import { type Circuit, Tables } from "./tables.ts";
import { Charges } from "./transmitter.ts";

/** A missed wake-up costs no more than this. */
const POLL_MS = 500;
/**
 * How long bulk data that comes one datagram at a time is left to gather. Each pass costs a wake-up, a super-frame and, at the
 * far end, an acknowledgement, whatever it carries: reading at once, passes of four or five segments were measured. The
 * kernel adds up to 50 us, the slack of its timers (ADR 3).
 */
const GATHERING_NS = 30_000;
const POLLFD_OCTETS = 8;
const TIMESPEC_OCTETS = 16;
const MOST_DESCRIPTORS = 1024;
const CONTROL_OVERFLOW = -1 - discardIndex["control-overflow"];

/**
 * The loop of the userspace plane, on a thread of its own: it waits for frames, datagrams and commands, and never returns to
 * the event loop until it is told to stop.
 */
class ForwardingLoop {
  readonly #start: WorkerStart;
  readonly #flags: Int32Array;
  readonly #arena = new Arena();
  readonly #tables: Tables;
  readonly #charges: Charges;
  readonly #circuitSide: CircuitSide;
  readonly #peerSide: PeerSide;
  readonly #descriptors: number;
  readonly #scratch: number;
  /** A struct timespec of GATHERING_NS. */
  readonly #gathering: number;
  /** What each polled descriptor is, in the order polled; the first is the wake-up. */
  #polled: (WorkerEndpoint | Circuit | undefined)[] = [];

  constructor(start: WorkerStart) {
    this.#start = start;
    this.#flags = new Int32Array(start.flags);
    this.#tables = new Tables(this.#arena);
    this.#charges = new Charges(start.counters);
    const slots = ReceiveSlots.takeSlots(this.#arena);
    const toPeers = new PeerOutlet(this.#arena, this.#charges);
    const toCircuits = new CircuitOutlet(this.#arena, this.#charges);
    this.#circuitSide = new CircuitSide(this.#arena, slots, this.#charges, toPeers);
    this.#peerSide = new PeerSide(this.#arena, slots, this.#tables, this.#charges, toCircuits, (...found) =>
      this.#handOver(...found),
    );
    this.#descriptors = this.#arena.take(MOST_DESCRIPTORS * POLLFD_OCTETS);
    this.#scratch = this.#arena.take(8);
    this.#gathering = this.#arena.take(TIMESPEC_OCTETS);
    this.#arena.view.setBigInt64(this.#gathering + 8, BigInt(GATHERING_NS), true);
  }

  run(): void {
    this.#answer({ kind: "ready" });
    this.#listDescriptors();
    while (Atomics.load(this.#flags, sharedFlags.stop) === 0) {
      const ready = poll(this.#arena.address(this.#descriptors), this.#polled.length, POLL_MS);
      if (ready <= 0) continue;
      let isGathering = false;
      for (let index = 0; index < this.#polled.length; index += 1) {
        const found = this.#arena.view.getUint16(this.#descriptors + index * POLLFD_OCTETS + 6, true);
        if (found !== 0 && this.#serve(this.#polled[index])) isGathering = true;
      }
      if (isGathering) this.#pause();
    }
    this.#start.commands.close();
  }

  /** Waits for nothing but a command. */
  #pause(): void {
    ppoll(this.#arena.address(this.#descriptors), 1, this.#arena.address(this.#gathering), 0);
  }

  /** Says whether more of the same is worth a pause. */
  #serve(source: WorkerEndpoint | Circuit | undefined): boolean {
    if (source !== undefined && !("kind" in source)) return this.#peerSide.serve(source);
    if (source === undefined) {
      this.#takeCommands();
    } else {
      this.#circuitSide.serve(source);
      if (!source.isAlive) this.#listDescriptors();
    }
    return false;
  }

  #takeCommands(): void {
    read(this.#start.eventFd, this.#arena.address(this.#scratch), 8);
    for (;;) {
      const received = receiveMessageOnPort(this.#start.commands);
      if (received === undefined) break;
      const command = received.message as Command;
      try {
        this.#carryOut(command);
        this.#answer({ kind: "done", id: command.id });
      } catch (error) {
        const problem = messageOf(error);
        this.#answer({ kind: "done", id: command.id, problem });
      }
    }
    this.#listDescriptors();
  }

  #carryOut(command: Command): void {
    switch (command.kind) {
      case "open-endpoint":
        this.#tables.endpoints.set(command.endpoint.fd, command.endpoint);
        return;
      case "close-endpoint":
        this.#tables.endpoints.delete(command.fd);
        return;
      case "open-circuit":
        return this.#tables.openCircuit(command.circuit);
      case "close-circuit":
        return this.#tables.closeCircuit(command.name);
      case "add-session":
        return this.#tables.addSession(command.row, command.fd, command.session, command.attachment);
      case "update-session":
        return this.#tables.updateSession(command.session, command.attachment);
      case "remove-session":
        return this.#tables.removeSession(command.localSessionId);
    }
  }

  #listDescriptors(): void {
    const circuits = [...this.#tables.circuits.values()].filter(({ isAlive }) => isAlive);
    this.#polled = [undefined, ...this.#tables.endpoints.values(), ...circuits].slice(0, MOST_DESCRIPTORS);
    const { view } = this.#arena;
    for (const [index, source] of this.#polled.entries()) {
      const at = this.#descriptors + index * POLLFD_OCTETS;
      view.setInt32(at, this.#readFdOf(source), true);
      view.setUint16(at + 4, linux.POLLIN, true);
      view.setUint16(at + 6, 0, true);
    }
  }

  #readFdOf(source: WorkerEndpoint | Circuit | undefined): number {
    if (source === undefined) return this.#start.eventFd;
    return "readFd" in source ? source.readFd : source.fd;
  }

  /** Gives a control message to the main thread, as long as that keeps up. */
  #handOver(endpoint: WorkerEndpoint, start: number, length: number, name: number): void {
    const waiting =
      Atomics.load(this.#flags, sharedFlags.controlPosted) -
      Atomics.load(this.#flags, sharedFlags.controlHandled);
    if (waiting >= MOST_WAITING_CONTROL) return this.#charges.discarded(UNCHARGED_ROW, CONTROL_OVERFLOW);
    Atomics.add(this.#flags, sharedFlags.controlPosted, 1);
    const { octets, view } = this.#arena;
    const address = endpoint.isV6
      ? octets.subarray(name + 8, name + 24)
      : octets.subarray(name + 4, name + 8);
    this.#answer({
      kind: "control",
      localAddress: endpoint.address,
      localPort: endpoint.port,
      remoteAddress: addressText(address),
      remotePort: view.getUint16(name + 2),
      octets: octets.slice(start, start + length),
    });
  }

  #answer(answer: Answer): void {
    parentPort?.postMessage(answer);
  }
}

new ForwardingLoop(workerData as WorkerStart).run();
