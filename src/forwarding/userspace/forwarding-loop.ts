import { parentPort, receiveMessageOnPort } from "node:worker_threads";
import { noCaseFor } from "../../bytes/errors.ts";
import { SystemError } from "../../os/errors.ts";
import { linux, ppoll, read } from "../../os/libc.ts";
import { memoryOf } from "../../os/memory.ts";
import type { ChannelProtocolKind } from "../channel.ts";
import { type DiscardReason, discardIndex } from "../discard-reasons.ts";
import type { ChannelMessage } from "../encapsulation.ts";
import { SEQUENCE_WORDS } from "../sequencing.ts";
import { Arena } from "./arena.ts";
import { CircuitReceiver } from "./circuit-receiver.ts";
import { CircuitSendCalls } from "./circuit-send-calls.ts";
import { CircuitSender } from "./circuit-sender.ts";
import {
  type Command,
  type Hint,
  MOST_WAITING_CHANNEL,
  MOST_WAITING_CONTROL,
  MOST_WAITING_HINTS,
  type SessionStatus,
  sharedFlags,
  type WorkerDevice,
  type WorkerEndpoint,
  type WorkerMessage,
  type WorkerStart,
} from "./commands.ts";
import { FrameRecorder } from "./frame-recorder.ts";
import { PsnReceiver } from "./psn-receiver.ts";
import { PsnSender } from "./psn-sender.ts";
import { Readiness } from "./readiness.ts";
import { newSequences, UNATTRIBUTED_ROW } from "./session-record.ts";
import { type DeviceRecord, type ForwardedSession, Tables } from "./tables.ts";
import { TooBigAnswers } from "./too-big-answers.ts";
import { CounterWriter } from "./transmitter.ts";
import { WorkerChannels } from "./worker-channels.ts";
import { pathFrom, WorkerHints } from "./worker-hints.ts";

/** A missed wake-up costs no more than this. */
const POLL_MS = 500;
/**
 * How long bulk data that comes one datagram at a time is left to gather. Each pass costs a wake-up, a
 * GSO packet and, at the other end, an acknowledgement, whatever it carries: reading at once, passes of four
 * or five segments were measured. The kernel adds up to 50 us, the slack of its timers (ADR 3).
 */
const GATHERING_NS = 30_000;
const POLLFD_OCTETS = 8;
const TIMESPEC_OCTETS = 16;
const CONTROL_OVERFLOW = -1 - discardIndex["control-overflow"];

type Source = "commands" | WorkerEndpoint | DeviceRecord;

/**
 * The loop of the userspace plane, on a thread of its own: it waits for frames, datagrams, commands and the
 * deadlines of protocols on control channels, and never returns to the event loop until it is told to stop.
 */
export class ForwardingLoop {
  readonly #start: WorkerStart;
  readonly #flags: Int32Array;
  readonly #sequences: Int32Array;
  readonly #arena = new Arena();
  readonly #tables: Tables;
  readonly #counters: CounterWriter;
  readonly #circuitSendCalls = new CircuitSendCalls(this.#arena);
  readonly #circuitReceiver: CircuitReceiver;
  readonly #psnReceiver: PsnReceiver;
  readonly #channels: WorkerChannels;
  readonly #recorder: FrameRecorder;
  readonly #readiness: Readiness<Source>;
  /** A struct pollfd of the wake-up alone. */
  readonly #wakeUp: number;
  readonly #scratch: number;
  /** A struct timespec of GATHERING_NS. */
  readonly #gathering: number;

  constructor(start: WorkerStart, kinds: readonly ChannelProtocolKind[]) {
    this.#start = start;
    this.#flags = new Int32Array(start.flags);
    const { sequences } = start;
    this.#sequences = new Int32Array("address" in sequences ? memoryOf(sequences) : sequences);
    this.#tables = new Tables(this.#arena);
    this.#counters = new CounterWriter(start.counters);
    const psnSender = new PsnSender(this.#arena, this.#counters);
    const circuitSender = new CircuitSender(this.#arena, this.#counters, this.#circuitSendCalls);
    const answers = new TooBigAnswers(this.#arena, this.#counters, this.#circuitSendCalls);
    this.#recorder = new FrameRecorder(this.#arena);
    this.#circuitReceiver = new CircuitReceiver(
      ...([this.#arena, this.#counters, psnSender, answers, this.#recorder] as const),
    );
    this.#channels = new WorkerChannels(this.#arena, this.#tables, this.#counters, kinds, {
      postMessage: (...message) => this.#postChannel(...message),
      postStatuses: (take) => this.#postStatuses(take),
    });
    const hints = new WorkerHints(this.#arena, {
      takesHint: () => this.#takesHint(),
      postHint: (hint) => this.#postHint(hint),
    });
    this.#psnReceiver = new PsnReceiver(
      this.#arena,
      this.#tables,
      this.#counters,
      circuitSender,
      (...found) => this.#postControl(...found),
      (...found) => this.#channels.receive(...found),
      (...found) => hints.receive(...found),
      this.#recorder,
    );
    this.#readiness = new Readiness(this.#arena);
    this.#readiness.add(start.eventFd, "commands");
    const { view } = this.#arena.tables;
    this.#wakeUp = this.#arena.tables.take(POLLFD_OCTETS);
    view.setInt32(this.#wakeUp, start.eventFd, true);
    view.setUint16(this.#wakeUp + 4, linux.POLLIN, true);
    this.#scratch = this.#arena.tables.take(8);
    this.#gathering = this.#arena.tables.take(TIMESPEC_OCTETS);
    view.setBigInt64(this.#gathering + 8, BigInt(GATHERING_NS), true);
  }

  run(): void {
    this.#answer({ kind: "ready" });
    while (Atomics.load(this.#flags, sharedFlags.stop) === 0) {
      const timeoutMs = this.#circuitReceiver.hasWaiting ? 0 : this.#channels.remainingMs(POLL_MS);
      const ready = this.#readiness.wait(timeoutMs);
      if (ready === 0 && timeoutMs === POLL_MS) this.#arena.checkGuards();
      let isGathering = false;
      for (let index = 0; index < ready; index += 1) {
        if (this.#serve(this.#readiness.ready(index))) isGathering = true;
      }
      this.#channels.expire();
      this.#psnReceiver.reassembler.expire(performance.now());
      this.#channels.postStatuses();
      if (this.#circuitReceiver.hasWaiting) this.#circuitReceiver.resume();
      else if (isGathering) this.#pause();
    }
    this.#readiness.close();
    this.#circuitSendCalls[Symbol.dispose]();
    this.#start.commands.close();
  }

  /** Waits for nothing but a command. */
  #pause(): void {
    const { tables } = this.#arena;
    const timeout = tables.address(this.#gathering, TIMESPEC_OCTETS);
    ppoll(tables.address(this.#wakeUp, POLLFD_OCTETS), 1, timeout, 0);
  }

  /** Returns whether a pause before the next read pays. */
  #serve(source: Source | undefined): boolean {
    if (source === undefined) return false;
    if (source === "commands") {
      this.#readCommands();
      return false;
    }
    if (!("kind" in source)) return this.#psnReceiver.serve(source);
    this.#circuitReceiver.serve(source);
    if (!source.isAlive) this.#readiness.remove(source.readFd);
    return false;
  }

  #readCommands(): void {
    read(this.#start.eventFd, this.#arena.tables.address(this.#scratch, 8), 8);
    for (;;) {
      const received = receiveMessageOnPort(this.#start.commands);
      if (received === undefined) break;
      const command = received.message as Command;
      try {
        this.#execute(command);
        this.#answer({ kind: "done", id: command.id });
      } catch (error) {
        // Any other error is our own bug: it ends the worker, and the plane is broken.
        if (!(error instanceof SystemError)) throw error;
        const { operation, errno, target } = error;
        this.#answer({ kind: "done", id: command.id, problem: { operation, errno, target } });
      }
    }
  }

  #execute(command: Command): void {
    switch (command.kind) {
      case "open-endpoint":
        this.#readiness.add(command.endpoint.fd, command.endpoint);
        this.#tables.endpoints.set(command.endpoint.fd, command.endpoint);
        return;
      case "close-endpoint":
        this.#readiness.remove(command.fd);
        this.#tables.endpoints.delete(command.fd);
        return;
      case "open-circuit":
        return this.#openCircuit(command.circuit);
      case "close-circuit":
        return this.#closeCircuit(command.name);
      case "add-session":
        return this.#addSession(command);
      case "update-session":
        this.#tables.updateSession(command.fd, command.session, command.attachment);
        return this.#channels.update(command.session.localSessionId, command.attachment);
      case "release-numbers":
        return this.#tables.releaseNumbers(command.localSessionId);
      case "bind-circuit":
        return this.#tables.bindCircuit(command.localSessionId);
      case "start-recording":
        return this.#recorder.start(command.recording);
      case "stop-recording":
        return this.#recorder.stop(command.recordingId);
      case "send-channel":
        return this.#channels.send(command.localSessionId, command.message);
      case "remove-session":
        this.#channels.remove(command.localSessionId);
        this.#abandonFrame(this.#tables.sessions.get(command.localSessionId | 0));
        return this.#tables.removeSession(command.localSessionId);
      default:
        return noCaseFor(command);
    }
  }

  #addSession({ row, sequences, fd, session, attachment }: Extract<Command, { kind: "add-session" }>): void {
    const words =
      sequences === undefined
        ? newSequences(session.localSessionId)
        : this.#sequences.subarray(sequences, sequences + SEQUENCE_WORDS);
    this.#tables.addSession(row, fd, session, attachment, words);
    this.#channels.add(session, attachment);
  }

  #openCircuit(opened: WorkerDevice): void {
    const circuit = this.#tables.openCircuit(opened);
    try {
      this.#readiness.add(circuit.readFd, circuit);
    } catch (error) {
      this.#tables.closeCircuit(circuit.name);
      throw error;
    }
  }

  #closeCircuit(name: string): void {
    const circuit = this.#tables.circuits.get(name);
    if (circuit !== undefined) this.#readiness.remove(circuit.readFd);
    for (const session of this.#tables.sessions.values())
      if (session.circuit === circuit) {
        this.#channels.remove(session.localSessionId >>> 0);
        this.#abandonFrame(session);
      }
    this.#tables.closeCircuit(name);
  }

  #abandonFrame(session: ForwardedSession | undefined): void {
    if (session !== undefined) this.#psnReceiver.reassembler.abandon(session);
  }

  /** Gives a control message to the main thread, unless too many wait there. */
  #postControl(endpoint: WorkerEndpoint, start: number, length: number, name: number): void {
    const waiting =
      Atomics.load(this.#flags, sharedFlags.controlPosted) -
      Atomics.load(this.#flags, sharedFlags.controlHandled);
    if (waiting >= MOST_WAITING_CONTROL) return this.#counters.discarded(UNATTRIBUTED_ROW, CONTROL_OVERFLOW);
    Atomics.add(this.#flags, sharedFlags.controlPosted, 1);
    const octets = this.#arena.octets.slice(start, start + length);
    this.#answer({ kind: "control", path: pathFrom(this.#arena.tables, endpoint, name), octets });
  }

  /** Gives a channel message to the main thread, unless nobody takes it or too many wait there. */
  #postChannel(
    localSessionId: number,
    message: ChannelMessage,
    of: "protocol" | "unknown",
  ): DiscardReason | undefined {
    if (of === "unknown" && !this.#start.takesUnknownChannel) return "unknown-channel-type";
    const waiting =
      Atomics.load(this.#flags, sharedFlags.channelPosted) -
      Atomics.load(this.#flags, sharedFlags.channelHandled);
    if (waiting >= MOST_WAITING_CHANNEL) return "channel-overflow";
    Atomics.add(this.#flags, sharedFlags.channelPosted, 1);
    this.#answer({ kind: of === "unknown" ? "channel" : "echo-reply", localSessionId, message });
    return undefined;
  }

  /** Whether the main thread takes hints, and not too many wait there. */
  #takesHint(): boolean {
    const waiting =
      Atomics.load(this.#flags, sharedFlags.hintsPosted) -
      Atomics.load(this.#flags, sharedFlags.hintsHandled);
    return this.#start.takesHints && waiting < MOST_WAITING_HINTS;
  }

  #postHint(hint: Hint): void {
    Atomics.add(this.#flags, sharedFlags.hintsPosted, 1);
    this.#answer({ kind: "elsewhere", hint });
  }

  /** Gives statuses to the main thread, unless it has not handled the last ones. */
  #postStatuses(take: () => readonly SessionStatus[]): void {
    if (Atomics.exchange(this.#flags, sharedFlags.statusesPosted, 1) === 1) return;
    this.#answer({ kind: "channel-statuses", statuses: take() });
  }

  #answer(answer: WorkerMessage): void {
    parentPort?.postMessage(answer);
  }
}
