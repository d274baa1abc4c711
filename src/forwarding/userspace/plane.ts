import { isIPv6 } from "node:net";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { SystemError } from "../../os/errors.ts";
import { interfaceIndexOf } from "../../os/interface-index.ts";
import { addressOf, close, write } from "../../os/libc.ts";
import { openEventDescriptor, setInterfaceMtu, socketDrops, totalSocketDrops } from "../../os/sockets.ts";
import { trafficClassOf } from "../../wire/dscp.ts";
import type { SessionParameters } from "../../wire/session-parameters.ts";
import { CELLS_A_SESSION } from "../counter-cells.ts";
import { type DiscardReason, discardReasons } from "../discard-reasons.ts";
import type { ExceptionPath, SharedSequences } from "../exception-path.ts";
import type {
  AttachmentCircuit,
  CircuitDevice,
  LastPlane,
  OpenedCircuit,
  PlaneCounters,
  PlaneEvents,
  SessionCounters,
} from "../plane.ts";
import { beginSequences, resumeSequences, SEQUENCE_WORDS } from "../sequencing.ts";
import { SessionIndexes } from "../session-indexes.ts";
import type { OpenEndpoint, PsnSocketSource, SocketReader } from "../transport.ts";
import { circuitDescriptorsOf, openDevice } from "./circuit-descriptors.ts";
import {
  type Command,
  sharedFlags,
  type WorkerDevice,
  type WorkerMessage,
  type WorkerStart,
} from "./commands.ts";
import { CounterReader } from "./counter-reader.ts";
import { WorkerRecordings } from "./recordings.ts";
import { MOST_SESSIONS, UNATTRIBUTED_ROW } from "./session-record.ts";

interface PendingCommand {
  resolve(): void;
  reject(error: Error): void;
}

type CommandBody = Command extends infer C ? (C extends { id: number } ? Omit<C, "id"> : never) : never;

/** Prepares an interface to which frames are sent; disposing of the result undoes that. */
export type PrepareInterface = (interfaceName: string) => Promise<Disposable | undefined>;

export interface UserspacePlaneOptions {
  /** Default: nothing. */
  readonly prepare?: PrepareInterface;
  /** Memory of sequence numbers that programs share; default: memory of the plane's own. */
  readonly sequences?: SharedSequences;
  /** Whether it takes datagrams that the kernel coalesced; default true. */
  readonly takesCoalesced?: boolean;
  /** The module that runs as worker; default worker.js, which has the protocols of `channelProtocols`. */
  readonly worker?: URL;
}

/**
 * The plane that needs no privilege but the sockets: a Worker that moves frames in batches
 * (docs/userspace-plane.md).
 */
export class UserspacePlane implements LastPlane, ExceptionPath, SocketReader {
  readonly name = "userspace";
  readonly counts: ReadonlySet<DiscardReason> = new Set(discardReasons.map(({ name }) => name));
  readonly takesCoalesced: boolean;
  readonly recordings = new WorkerRecordings((command) => this.#ask(command));
  readonly #sockets: PsnSocketSource;
  readonly #events: PlaneEvents;
  readonly #prepare: PrepareInterface;
  readonly #worker: Worker;
  readonly #commands: MessagePort;
  readonly #eventFd: number;
  readonly #flags: Int32Array;
  readonly #counters: CounterReader;
  readonly #waiting = new Map<number, PendingCommand>();
  /** Descriptors of the sockets that it reads. */
  readonly #endpoints = new Set<number>();
  readonly #circuits = new Map<string, WorkerDevice>();
  readonly #prepared = new Map<string, Disposable | undefined>();
  /** Row of each session in the counters, by its local id. */
  readonly #rows = new SessionIndexes(MOST_SESSIONS + 1, UNATTRIBUTED_ROW + 1);
  readonly #sharedSequences: SharedSequences | undefined;
  /** Sequence numbers of sessions, by row, when eBPF programs do not share them. */
  readonly #ownSequences: Int32Array | undefined;
  #nextId = 1;
  #isWaking = false;
  #lostAtEndpoints = 0;
  #lostAtCircuits = 0;
  #closing = false;

  private constructor(
    sockets: PsnSocketSource,
    events: PlaneEvents,
    eventFd: number,
    options: UserspacePlaneOptions,
  ) {
    const { prepare = async () => undefined, sequences, takesCoalesced = true } = options;
    const { port1, port2 } = new MessageChannel();
    const counters = new SharedArrayBuffer((MOST_SESSIONS + 1) * CELLS_A_SESSION * 8);
    const flags = new SharedArrayBuffer(sharedFlags.cells * 4);
    const own = new SharedArrayBuffer(sequences === undefined ? (MOST_SESSIONS + 1) * SEQUENCE_WORDS * 4 : 0);
    this.#ownSequences = sequences === undefined ? new Int32Array(own) : undefined;
    const start: WorkerStart = {
      counters,
      flags,
      sequences: sequences?.memory ?? own,
      eventFd,
      commands: port2,
      takesUnknownChannel: events.channel !== undefined,
      takesHints: events.elsewhere !== undefined,
    };
    this.#sockets = sockets;
    this.takesCoalesced = takesCoalesced;
    this.#sharedSequences = sequences;
    this.#events = events;
    this.#prepare = prepare;
    this.#eventFd = eventFd;
    this.#commands = port1;
    this.#counters = new CounterReader(counters);
    this.#flags = new Int32Array(flags);
    this.#worker = new Worker(options.worker ?? new URL("worker.js", import.meta.url), {
      workerData: start,
      transferList: [port2],
    });
  }

  /** Starts the worker. */
  static async open(
    sockets: PsnSocketSource,
    events: PlaneEvents,
    options: UserspacePlaneOptions = {},
  ): Promise<UserspacePlane> {
    const plane = new UserspacePlane(sockets, events, openEventDescriptor(), options);
    await plane.#started();
    sockets.setReader(plane);
    return plane;
  }

  async startReading(endpoint: OpenEndpoint): Promise<void> {
    const { fd, takesSegments, encapsulation, address, port, controlDscp, fragmentation } = endpoint;
    await this.#ask({
      kind: "open-endpoint",
      endpoint: {
        fd,
        takesSegments,
        fragmentation,
        encapsulation,
        isV6: isIPv6(address),
        address,
        port,
        trafficClass: trafficClassOf(controlDscp),
      },
    });
    this.#endpoints.add(fd);
  }

  async stopReading({ fd }: OpenEndpoint): Promise<void> {
    if (!this.#endpoints.delete(fd)) return;
    await this.#ask({ kind: "close-endpoint", fd });
    this.#lostAtEndpoints += socketDrops(fd);
  }

  async openCircuit(device: CircuitDevice): Promise<OpenedCircuit> {
    const circuit = openDevice(device);
    let index: number;
    try {
      index = interfaceIndexOf(device.name);
      await this.#ask({ kind: "open-circuit", circuit });
    } catch (error) {
      for (const fd of circuitDescriptorsOf(circuit)) close(fd);
      throw error;
    }
    this.#circuits.set(device.name, circuit);
    if (device.kind === "interface")
      this.#prepared.set(device.name, await this.#prepare(device.proxyInterfaces?.transmit ?? device.name));
    return { interfaceIndex: index, below: device };
  }

  async resizeCircuit({ name, mtu }: CircuitDevice): Promise<void> {
    setInterfaceMtu(name, mtu);
  }

  async closeCircuit(deviceName: string): Promise<void> {
    const circuit = this.#circuits.get(deviceName);
    if (circuit === undefined) return;
    this.#circuits.delete(deviceName);
    await this.#ask({ kind: "close-circuit", name: deviceName });
    this.#prepared.get(deviceName)?.[Symbol.dispose]();
    this.#prepared.delete(deviceName);
    this.#lostAtCircuits += socketDrops(circuit.readFd);
    for (const fd of circuitDescriptorsOf(circuit)) close(fd);
  }

  /** None: it forwards every session. */
  async obstacle(): Promise<undefined> {}

  async addSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void> {
    const { localSessionId } = session;
    const target = `session ${localSessionId} of pseudowire ${session.pseudowire}`;
    const fd = this.#descriptorOf(session);
    const allocated = this.#rows.allocate(localSessionId);
    if (allocated === undefined) throw new SystemError("add a session", { errno: "ENOSPC", target });
    const { index: row } = allocated;
    const sequences = this.#allocateSequences(localSessionId, allocated);
    this.#counters.clear(row);
    try {
      await this.#ask({ kind: "add-session", row, sequences, fd, session, attachment });
    } catch (error) {
      this.#releaseSession(localSessionId);
      throw error;
    }
  }

  async updateSession(session: SessionParameters, attachment: AttachmentCircuit): Promise<void> {
    if (this.#rows.of(session.localSessionId) === undefined) return;
    const fd = this.#descriptorOf(session);
    await this.#ask({ kind: "update-session", fd, session, attachment });
  }

  /** Does nothing: no plane is below it. */
  async passSession(): Promise<void> {}

  async removeSession(localSessionId: number): Promise<void> {
    await this.#ask({ kind: "remove-session", localSessionId });
    this.#releaseSession(localSessionId);
  }

  async bindCircuit(_attachment: AttachmentCircuit, localSessionId: number): Promise<void> {
    await this.#ask({ kind: "bind-circuit", localSessionId });
  }

  sendChannel(localSessionId: number, channelType: number, payload: Uint8Array): void {
    const message = { channelType, payload };
    this.#command({ kind: "send-channel", localSessionId, message });
  }

  async releaseNumbers(localSessionId: number): Promise<void> {
    await this.#ask({ kind: "release-numbers", localSessionId });
  }

  async outdated(): Promise<readonly number[]> {
    return [];
  }

  watch(): void {}

  gsoHandling(): undefined {}

  /** Throws SystemError where the local end of the session's path is not open. */
  #descriptorOf({ path, localSessionId, pseudowire }: SessionParameters): number {
    const fd = this.#sockets.endpointOf(path)?.fd;
    const target = `session ${localSessionId} of pseudowire ${pseudowire}`;
    if (fd === undefined) throw new SystemError("find a local address", { errno: "ENOTCONN", target });
    return fd;
  }

  /**
   * Allocates a session's sequence numbers in the worker's memory, and prepares them to begin or to continue;
   * returns their offset in words, undefined when there is no room.
   */
  #allocateSequences(
    localSessionId: number,
    { index: row, isNew }: { readonly index: number; readonly isNew: boolean },
  ): number | undefined {
    if (this.#sharedSequences !== undefined) {
      const index = this.#sharedSequences.allocate(localSessionId);
      return index === undefined ? undefined : index * SEQUENCE_WORDS;
    }
    const own = this.#ownSequences?.subarray(row * SEQUENCE_WORDS, (row + 1) * SEQUENCE_WORDS);
    if (own !== undefined && isNew) beginSequences(own, localSessionId);
    else if (own !== undefined) resumeSequences(own);
    return row * SEQUENCE_WORDS;
  }

  #releaseSession(localSessionId: number): void {
    this.#rows.release(localSessionId);
    this.#sharedSequences?.release(localSessionId);
  }

  counters(): PlaneCounters {
    const sessions = [...this.#rows.allocated].map(([id, row]) => this.#counters.session(id, row));
    const discards = { ...this.#counters.discards(UNATTRIBUTED_ROW), ...this.#overflows() };
    return { sessions, discards };
  }

  sessionCounters(localSessionId: number): SessionCounters | undefined {
    const row = this.#rows.of(localSessionId);
    return row === undefined ? undefined : this.#counters.session(localSessionId, row);
  }

  /** Does nothing: sockets and TAP devices end with the process, so a crash leaves none. */
  async removeLeftovers(): Promise<void> {}

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    const ended = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    Atomics.store(this.#flags, sharedFlags.stop, 1);
    this.#wake();
    await ended;
    this.#commands.close();
    for (const prepared of this.#prepared.values()) prepared?.[Symbol.dispose]();
    this.#prepared.clear();
    const circuits = [...this.#circuits.values()].flatMap(circuitDescriptorsOf);
    for (const fd of [...circuits, this.#eventFd]) close(fd);
    this.#endpoints.clear();
    this.#circuits.clear();
  }

  #started(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#worker.on("message", (answer: WorkerMessage) => {
        if (answer.kind === "ready") resolve();
        else this.#received(answer);
      });
      this.#worker.on("error", (error) => {
        reject(error);
        this.#workerFailed(error);
      });
      this.#worker.on("exit", () => this.#workerFailed(new Error("the forwarding worker ended")));
    });
  }

  #workerFailed(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    if (!this.#closing) this.#events.failed(error);
  }

  #received(answer: Exclude<WorkerMessage, { kind: "ready" }>): void {
    if (answer.kind === "control") {
      Atomics.add(this.#flags, sharedFlags.controlHandled, 1);
      return this.#sockets.receivedControl(answer.path, answer.octets);
    }
    if (answer.kind === "channel" || answer.kind === "echo-reply") {
      Atomics.add(this.#flags, sharedFlags.channelHandled, 1);
      const { channelType, payload } = answer.message;
      const listener = answer.kind === "channel" ? this.#events.channel : this.#events.echoReply;
      return listener?.(answer.localSessionId, channelType, payload);
    }
    if (answer.kind === "elsewhere") {
      Atomics.add(this.#flags, sharedFlags.hintsHandled, 1);
      const { localSessionId, path, octets, messages } = answer.hint;
      return this.#events.elsewhere?.(localSessionId, path, octets, messages);
    }
    if (answer.kind === "channel-statuses") {
      for (const [id, status] of answer.statuses) this.#events.channelStatus?.(id, status);
      Atomics.store(this.#flags, sharedFlags.statusesPosted, 0);
      // The next ones wait for that.
      return this.#wakeSoon();
    }
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.problem === undefined) waiting?.resolve();
    else waiting?.reject(new SystemError(answer.problem.operation, answer.problem));
  }

  /** Sends a command and waits for its answer. */
  #ask(body: CommandBody): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.set(this.#command(body), { resolve, reject });
    });
  }

  /** Sends a command, and returns its id; its answer is ignored unless somebody waits for it. */
  #command(body: CommandBody): number {
    const id = this.#nextId++;
    if (this.#closing) return id;
    this.#commands.postMessage({ ...body, id } as Command);
    this.#wakeSoon();
    return id;
  }

  /** Wakes the worker once for all commands of one turn of the event loop. */
  #wakeSoon(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    setImmediate(() => {
      this.#isWaking = false;
      if (!this.#closing) this.#wake();
    });
  }

  #wake(): void {
    const one = new Uint8Array(new BigUint64Array([1n]).buffer);
    write(this.#eventFd, addressOf(one), 8);
  }

  /** Frames and messages that the kernel dropped before they were read, also at sockets closed since. */
  #overflows(): Partial<Record<DiscardReason, number>> {
    const psn = this.#lostAtEndpoints + totalSocketDrops(this.#endpoints);
    const circuits =
      this.#lostAtCircuits + totalSocketDrops([...this.#circuits.values()].map(({ readFd }) => readFd));
    return {
      ...(psn === 0 ? {} : { "psn-overflow": psn }),
      ...(circuits === 0 ? {} : { "circuit-overflow": circuits }),
    };
  }
}
