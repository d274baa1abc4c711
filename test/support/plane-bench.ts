import { closeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { toHex } from "../../src/bytes/hex.ts";
import { counterTable } from "../../src/forwarding/counters-table.ts";
import type { AttachmentCircuit, CircuitDevice, SessionCounters } from "../../src/forwarding/plane.ts";
import type { PlaneStack } from "../../src/forwarding/stack.ts";
import type { PsnEndpoint, PsnTransport } from "../../src/forwarding/transport.ts";
import type { FrameSocket } from "../../src/lab/frame-socket.ts";
import type { PsnPath, SessionParameters } from "../../src/wire/session-parameters.ts";
import type { BuiltPlane, BuiltPlaneEvents } from "./built-planes.ts";
import type { PeerSocket, PlaneTestBed } from "./plane-test-bed.ts";

const LIMIT_MS = 10_000;

/** Opens a plane. */
export type OpenPlane = (events: BuiltPlaneEvents) => Promise<BuiltPlane>;

/** What sends and hears: a site, or a peer. */
interface Sender {
  send(octets: Uint8Array): unknown;
}
interface Receiver {
  receive(): Uint8Array | undefined;
}

export interface BenchOptions {
  readonly path: PsnPath;
  readonly device: CircuitDevice;
  readonly checksum?: "auto" | "full" | "zero";
  readonly fragmentation?: "outer" | "none";
  /** Whether somebody takes what no protocol of the plane takes; default true. */
  readonly takesChannel?: boolean;
}

/** A message with the session's cookie that came from elsewhere than its peer. */
export interface Hint {
  readonly id: number;
  readonly path: PsnPath;
  readonly octets: number;
  readonly messages: number;
}

interface Parts extends BuiltPlane {
  readonly device: CircuitDevice;
  readonly site: FrameSocket;
  readonly peer: PeerSocket;
  readonly control: readonly (readonly [PsnPath, string])[];
  readonly channel: readonly string[];
  readonly statuses: readonly string[];
  readonly hints: readonly Hint[];
  readonly failures: readonly Error[];
}

/** An open plane with one circuit and one endpoint, and what stands on both sides of it. */
export class PlaneBench implements AsyncDisposable {
  readonly plane: PlaneStack;
  readonly transport: PsnTransport;
  readonly testBed: PlaneTestBed;
  readonly peer: PeerSocket;
  /** Control messages that the plane handed over. */
  readonly control: readonly (readonly [PsnPath, string])[];
  /**
   * Messages of control channels that the plane handed over: the session, the channel type, and the octets.
   */
  readonly channel: readonly string[];
  /** What protocols on control channels said of sessions: the session, the state, and the diagnostic. */
  readonly statuses: readonly string[];
  /** What the plane told of messages from elsewhere. */
  readonly hints: readonly Hint[];
  readonly #failures: readonly Error[];
  readonly #device: CircuitDevice;
  #site: FrameSocket;
  /** Counters of each session as they were seen last. */
  readonly #seen = new Map<number, SessionCounters>();

  private constructor(testBed: PlaneTestBed, parts: Parts) {
    this.testBed = testBed;
    this.plane = parts.plane;
    this.transport = parts.transport;
    this.#device = parts.device;
    this.#site = parts.site;
    this.peer = parts.peer;
    this.control = parts.control;
    this.channel = parts.channel;
    this.statuses = parts.statuses;
    this.hints = parts.hints;
    this.#failures = parts.failures;
  }

  static async open(testBed: PlaneTestBed, openPlane: OpenPlane, options: BenchOptions): Promise<PlaneBench> {
    const { path, device, checksum = "auto", fragmentation = "none", takesChannel = true } = options;
    const control: (readonly [PsnPath, string])[] = [];
    const channel: string[] = [];
    const statuses: string[] = [];
    const hints: Hint[] = [];
    const failures: Error[] = [];
    const write = (id: number, type: number, octets: Uint8Array) =>
      void channel.push(`${id} ${type.toString(16)}: ${toHex(octets)}`);
    const { plane, transport } = await openPlane({
      control: (from, octets) => control.push([from, toHex(octets)]),
      problem: (text) => failures.push(new Error(text)),
      failed: (error) => failures.push(error),
      ...(takesChannel ? { channel: write } : {}),
      elsewhere: (id, from, octets, messages) => hints.push({ id, path: from, octets, messages }),
      echoReply: write,
      channelStatus: (id, { state, diagnostic }) => statuses.push(`${id} ${state}: ${diagnostic}`),
    });
    try {
      await transport.openEndpoint(endpointOf(path, { checksum, fragmentation }));
      await plane.openCircuit(device);
      const site = await testBed.site(device.kind, device.name);
      return new PlaneBench(testBed, {
        plane,
        transport,
        device,
        site,
        peer: testBed.peer(path),
        control,
        channel,
        statuses,
        hints,
        failures,
      });
    } catch (error) {
      await plane.close();
      transport.close();
      throw error;
    }
  }

  /** The hosts attached to the circuit. */
  get site(): FrameSocket {
    return this.#site;
  }

  /** After the circuit was made anew. */
  async reopenSite(): Promise<void> {
    closeSync(this.#site.fd);
    this.#site = await this.testBed.site(this.#device.kind, this.#device.name);
  }

  /** A session's counters; none may ever fall. */
  counted(localSessionId: number): SessionCounters {
    const now = this.plane.counters().sessions.find((session) => session.localSessionId === localSessionId);
    if (now === undefined) throw new Error(`the plane counts no session ${localSessionId}`);
    const alone = this.plane.sessionCounters(localSessionId);
    if (alone === undefined) throw new Error(`the plane has no counters of session ${localSessionId}`);
    expect(flat(alone), "counters of one session").toEqual(atLeast(flat(alone), flat(now)));
    const before = this.#seen.get(localSessionId);
    if (before !== undefined) expect(flat(now), "counters").toEqual(atLeast(flat(now), flat(before)));
    this.#seen.set(localSessionId, now);
    if (this.plane.forwardedBy(localSessionId).plane === this.plane.name)
      for (const { name } of counterTable) if (now[name] > 0) this.testBed.counters.add(name);
    return now;
  }

  /** The plane holds a session no more: if its number comes again, it counts from 0. */
  forget(localSessionId: number): void {
    this.#seen.delete(localSessionId);
  }

  /**
   * Each reason so far, with how often: of sessions by their numbers, of the plane by itself. What no
   * pseudowire carries is the host's where programs are, and nobody's discard.
   */
  discards(): ReadonlyMap<string, number> {
    const { sessions, discards: all } = this.plane.counters();
    for (const each of [all, ...sessions.map((session) => session.discards)])
      for (const reason of Object.keys(each)) this.testBed.reasons.add(reason);
    const { "no-pseudowire": _, ...discards } = all;
    const entries = (whose: string, counts: object): [string, number][] =>
      Object.entries(counts as Record<string, number>).map(([reason, count]) => [
        `${whose}: ${reason}`,
        count,
      ]);
    return new Map([
      ...entries("plane", discards),
      ...sessions.flatMap((session) => entries(`session ${session.localSessionId}`, session.discards)),
    ]);
  }

  /** Opens the local end of another path too. */
  async openEndpoint(path: PsnPath): Promise<void> {
    await this.transport.openEndpoint(endpointOf(path, { checksum: "auto", fragmentation: "none" }));
  }

  /** Adds a session and binds its circuit to it. */
  async add(session: SessionParameters, circuit: AttachmentCircuit): Promise<void> {
    await this.plane.addSession(session, circuit);
    await this.plane.bindCircuit(circuit, session.localSessionId);
  }

  /** Sends at the site; resolves to what became of it at the peer, or at another socket of its network. */
  fromSite(frame: Uint8Array, at = this.peer): Promise<string> {
    return this.#outcomeOf(this.site, frame, at);
  }

  /** Sends at the peer, or at another socket of its network; resolves to what became of it at the site. */
  fromPeer(message: Uint8Array, from = this.peer): Promise<string> {
    return this.#outcomeOf(from, message, this.site);
  }

  /** What comes out, in hexadecimal; or the session of a discard, and the reason. Waits for either. */
  async #outcomeOf(from: Sender, octets: Uint8Array, at: Receiver): Promise<string> {
    const before = this.discards();
    // A program at the egress that gives a frame up has the kernel tell its sender so.
    if (from.send(octets) === false && this.#site.problem !== "ENOBUFS")
      return `not sent: ${this.site.problem}`;
    const endMs = performance.now() + LIMIT_MS;
    while (performance.now() < endMs) {
      const heard = at.receive();
      if (heard !== undefined) return toHex(heard);
      const counted = [...this.discards()].filter(([reason, count]) => count !== (before.get(reason) ?? 0));
      if (counted.length > 0) {
        expect(counted.map(([reason, count]) => count - (before.get(reason) ?? 0))).toEqual([1]);
        return counted[0]?.[0] ?? "";
      }
      await setImmediate();
    }
    return "lost without a trace";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.site.fd);
    this.peer[Symbol.dispose]();
    await this.plane.close();
    this.transport.close();
    expect(this.#failures).toEqual([]);
  }
}

function endpointOf(
  { encapsulation, localAddress, localPort }: PsnPath,
  settings: Pick<PsnEndpoint, "checksum" | "fragmentation">,
): PsnEndpoint {
  const local = { encapsulation, address: localAddress, port: localPort };
  return { ...local, ...settings, gso: "offload", control: true, controlDscp: 0 };
}

function flat({ discards, ...passed }: SessionCounters): Readonly<Record<string, number>> {
  return { ...passed, ...discards };
}

/** `now`, with whatever fell as it was before. */
function atLeast(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const kept = Object.entries(before).map(
    ([name, count]) => [name, Math.max(count, now[name] ?? 0)] as const,
  );
  return { ...now, ...Object.fromEntries(kept) };
}
