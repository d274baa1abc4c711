import { release } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { operationalMessage } from "../bytes/errors.ts";
import { linkTypes, PcapngWriter } from "../capture/pcapng.ts";
import type { CaptureTime } from "../capture/pcapng-time.ts";
import { circuitFramesKey } from "../config/circuits.ts";
import type { PseudowireConfig } from "../config/config.ts";
import type { FrameCapture } from "../forwarding/frame-capture.ts";
import type { FrameSource, FramesWanted } from "../forwarding/frame-source.ts";
import type { PsnPath, SessionParameters } from "../wire/session-parameters.ts";
import type { CaptureRequest } from "./capture-request.ts";
import type { CaptureEnd, CaptureOutput, RunningCapture } from "./capture-service.ts";
import { circuitText } from "./pseudowire-report.ts";
import { PsnCapture } from "./psn-capture.ts";
import { attachmentOf } from "./settings.ts";
import { version } from "./version.ts";

/** What a capture needs to know of its pseudowire, as it is now. */
export interface CaptureSubject {
  readonly config: PseudowireConfig;
  readonly tunnel: string;
  /** Its sessions that planes have: none, one, or two while one replaces the other. */
  readonly sessions: readonly SessionParameters[];
  /** The path to its peer; undefined while there is none. */
  readonly path: PsnPath | undefined;
}

/** Where a capture gets its frames, and what it asks. */
export interface CaptureContext {
  /** Undefined for a pseudowire that the configuration does not have. */
  subjectOf(pseudowire: string): CaptureSubject | undefined;
  captureFrames(wanted: FramesWanted): Promise<FrameCapture>;
}

/** Pause between looks at what has come. */
const PAUSE_MS = 10;
/** At most so long the capture works before others have their turn. */
const WORK_MS = 4;
/** How often sessions, planes and routes are looked at. */
const FOLLOW_MS = 200;
/** Frames wait so long for older ones of other sources: the kernel gives packets away in blocks. */
const SORTING_MS = 15;
const STATISTICS_MS = 1000;
const MOST_WRITTEN = 128 * 1024;
/** Packets between two looks at the time. */
const AT_ONCE = 32;
/** At the end, what is there is still written for so long. */
const LAST_MS = 200;

/** An interface of the file: whose packets, and its number there. */
interface Part {
  readonly source: () => readonly FrameSource[];
  readonly counts: () => { readonly received: number; readonly dropped: number };
  number: number;
  /** What was last written as dropped. */
  dropped: number;
}

/**
 * One capture, from its first block to its last: follows its pseudowire through sessions, planes and paths.
 */
export class PseudowireCapture implements RunningCapture {
  readonly id: number;
  readonly #request: CaptureRequest;
  readonly #context: CaptureContext;
  readonly #writer = new PcapngWriter();
  readonly #start: CaptureTime = timeOf(Date.now());
  readonly #parts: Part[] = [];
  readonly #psn: PsnCapture | undefined;
  #frames: FrameCapture | undefined;
  #framesKey = "";
  #framesPart: Part | undefined;
  #psnPart: Part | undefined;
  #psnIndex: number | undefined;
  #interfaces = 0;
  #written = 0;
  #ended: CaptureEnd | undefined;
  #followedMs = 0;
  #statisticsMs = 0;
  #isClosed: () => void = () => undefined;
  /** Resolves when nothing is left of it in planes and kernel. */
  readonly closed = new Promise<void>((resolve) => {
    this.#isClosed = resolve;
  });

  private constructor(id: number, request: CaptureRequest, context: CaptureContext) {
    this.id = id;
    this.#request = request;
    this.#context = context;
    this.#psn = request.psn ? new PsnCapture(request.snapOctets) : undefined;
  }

  /** Begins to capture. Rejects with OperationalError, and then nothing is left of it. */
  static async open(
    id: number,
    request: CaptureRequest,
    context: CaptureContext,
  ): Promise<PseudowireCapture> {
    const capture = new PseudowireCapture(id, request, context);
    const machine = { hardware: process.arch, system: `Linux ${release()}` };
    capture.#writer.section(`wirespan ${version}`, machine);
    try {
      await capture.#follow();
      return capture;
    } catch (error) {
      await capture.#close();
      throw error;
    }
  }

  /** Has it end; the first reason counts. */
  end(reason: string, isAsked = false): void {
    this.#ended ??= { reason, isAsked };
  }

  /** Writes until it ends, and resolves to why it did. */
  async run(output: CaptureOutput): Promise<CaptureEnd> {
    const { durationMs } = this.#request;
    const timer =
      durationMs === undefined ? undefined : setTimeout(() => this.end("the time is over", true), durationMs);
    try {
      output.write(this.#writer.take());
      for (let isEmpty = true; this.#ended === undefined; ) {
        await delay(isEmpty ? PAUSE_MS : 1);
        if (performance.now() - this.#followedMs >= FOLLOW_MS)
          await this.#follow().catch((error) => this.#fail(error));
        isEmpty = this.#pump(output, Date.now() - SORTING_MS, WORK_MS);
        this.#writeStatistics(output, false);
      }
      this.#pump(output, Number.POSITIVE_INFINITY, LAST_MS);
      this.#writeStatistics(output, true);
      return this.#ended;
    } finally {
      clearTimeout(timer);
      await this.#close();
    }
  }

  #fail(error: unknown): void {
    this.end(operationalMessage(error));
  }

  async #close(): Promise<void> {
    this.#psn?.[Symbol.dispose]();
    await this.#frames?.close();
    this.#frames = undefined;
    this.#isClosed();
  }

  /** Looks at the pseudowire, and captures what it is now. Rejects with OperationalError. */
  async #follow(): Promise<void> {
    const { pseudowire } = this.#request;
    this.#followedMs = performance.now();
    const subject = this.#context.subjectOf(pseudowire);
    if (subject === undefined) return this.end(`pseudowire ${pseudowire} was removed from the configuration`);
    if (this.#request.frames) await this.#followFrames(subject);
    if (this.#psn !== undefined) await this.#followPsn(this.#psn, subject);
  }

  async #followFrames(subject: CaptureSubject): Promise<void> {
    const { config, tunnel, sessions } = subject;
    const { snapOctets, filter, filterText } = this.#request;
    const key = `${config.circuit.kind} ${circuitFramesKey(config.circuit)}`;
    if (key !== this.#framesKey) {
      await this.#frames?.close();
      const circuit = attachmentOf(config);
      this.#frames = await this.#context.captureFrames({
        pseudowire: config.name,
        circuit,
        snapOctets,
        filter,
      });
      this.#framesKey = key;
      this.#framesPart = this.#addPart(this.#frames, () => this.#frames?.sources ?? [], {
        name: config.name,
        description:
          `pseudowire ${config.name} of tunnel ${tunnel}, circuit ${circuitText(config)}; ` +
          "inbound frames come from the circuit, outbound ones go there",
        linkType: linkTypes.ethernet,
        filter: filterText,
      });
    }
    await this.#frames?.follow(sessions.length > 0);
  }

  async #followPsn(psn: PsnCapture, { config, tunnel, sessions, path }: CaptureSubject): Promise<void> {
    await psn.follow(path, sessions);
    const found = psn.interface;
    if (found === undefined || path === undefined || found.index === this.#psnIndex) return;
    this.#psnIndex = found.index;
    const { localAddress, remoteAddress, encapsulation } = path;
    const over = encapsulation === "udp" ? "UDP" : "IP protocol 115";
    this.#psnPart = this.#addPart(psn, () => [psn], {
      name: found.name,
      description:
        `L2TPv3 of tunnel ${tunnel}, ${localAddress} and ${remoteAddress} over ${over}: ` +
        `control messages, and data of pseudowire ${config.name}`,
      linkType: found.isEthernet ? linkTypes.ethernet : linkTypes.ip,
      filter: undefined,
    });
  }

  /** Writes the description of an interface; it takes the place of the former one of its kind. */
  #addPart(
    counted: { readonly received: number; readonly dropped: number },
    source: Part["source"],
    described: { name: string; description: string; linkType: number; filter: string | undefined },
  ): Part {
    const former = counted === this.#psn ? this.#psnPart : this.#framesPart;
    if (former !== undefined) this.#parts.splice(this.#parts.indexOf(former), 1);
    this.#writer.interface({ ...described, snapOctets: this.#request.snapOctets });
    const part = { source, counts: () => counted, number: this.#interfaces, dropped: 0 };
    this.#interfaces += 1;
    this.#parts.push(part);
    return part;
  }

  /** Writes what has come until a time, in its order; true if nothing is left. */
  #pump(output: CaptureOutput, untilMs: number, workMs: number): boolean {
    const stopMs = performance.now() + workMs;
    let isEmpty = false;
    while (!isEmpty && !output.isFull && performance.now() < stopMs) {
      for (let index = 0; index < AT_ONCE && !isEmpty; index += 1) isEmpty = !this.#writeNext(untilMs);
      if (this.#writer.length >= MOST_WRITTEN) output.write(this.#writer.take());
    }
    if (this.#writer.length > 0) output.write(this.#writer.take());
    return isEmpty || output.isFull;
  }

  /** Writes the oldest packet; false without one. */
  #writeNext(untilMs: number): boolean {
    const { count = Number.POSITIVE_INFINITY } = this.#request;
    if (this.#written >= count) return false;
    let oldest:
      | { readonly source: FrameSource; readonly number: number; readonly time: CaptureTime }
      | undefined;
    for (const { source: sources, number } of this.#parts) {
      for (const source of sources()) {
        const time = source.peek();
        if (time === undefined || (oldest !== undefined && !isBefore(time, oldest.time))) continue;
        oldest = { source, number, time };
      }
    }
    if (oldest === undefined || msOf(oldest.time) > untilMs) return false;
    const frame = oldest.source.peek();
    if (frame === undefined) return false;
    const { discarded } = frame;
    this.#writer.packet(
      oldest.number,
      frame,
      discarded === undefined ? undefined : `discarded: ${discarded}`,
    );
    oldest.source.skip();
    this.#written += 1;
    if (this.#written >= count) this.end("the count is reached", true);
    return true;
  }

  /** Writes what was seen and dropped: once a second where more was dropped, and at the end. */
  #writeStatistics(output: CaptureOutput, isLast: boolean): void {
    const nowMs = Date.now();
    if (!isLast && (output.isFull || nowMs - this.#statisticsMs < STATISTICS_MS)) return;
    this.#statisticsMs = nowMs;
    for (const part of this.#parts) {
      const { received, dropped } = part.counts();
      if (!isLast && dropped === part.dropped) continue;
      part.dropped = dropped;
      this.#writer.statistics(part.number, { start: this.#start, end: timeOf(nowMs), received, dropped });
    }
    if (this.#writer.length > 0) output.write(this.#writer.take());
  }
}

function timeOf(ms: number): CaptureTime {
  return { seconds: Math.floor(ms / 1000), nanoseconds: (ms % 1000) * 1_000_000 };
}

function msOf({ seconds, nanoseconds }: CaptureTime): number {
  return seconds * 1000 + nanoseconds / 1_000_000;
}

function isBefore(one: CaptureTime, other: CaptureTime): boolean {
  return (
    one.seconds < other.seconds || (one.seconds === other.seconds && one.nanoseconds < other.nanoseconds)
  );
}
