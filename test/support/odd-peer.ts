import type { Effect, Input } from "../../src/control/effects.ts";
import type { AvpValues } from "../../src/wire/avp-table.ts";
import {
  type DecodedControlMessage,
  decodeControlMessage,
  encodeControlMessage,
  type MessageName,
} from "../../src/wire/message.ts";
import type { PsnPath } from "../../src/wire/session-parameters.ts";
import { anyMessage } from "./any-message.ts";
import { circuitStatus } from "./scripted-peer.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** How a peer differs from RFC 3931; all of these differences were seen in real peers. */
export interface Oddity {
  /**
   * It opens the control connection itself, and again after each end of it, after this pause in ms; absent:
   * it only answers.
   */
  readonly redialMs?: number;
  /** It takes no SCCRQ. */
  readonly isDeaf?: boolean;
  /** It waits for our call; else, having dialled, it calls itself, after this pause in ms. */
  readonly callAfterMs?: number;
  /** It looks only at addresses and Ns, never at ids: whatever comes belongs to its one connection. */
  readonly ignoresIds?: boolean;
  /** Its control connection id, the same for ever; else random ones. */
  readonly fixedId?: number;
  /** "highest" is a constant, fffffffffffffff0. */
  readonly tieBreaker?: "none" | "highest";
  /**
   * An SCCRQ for a connection that it holds is out of sequence: it goes unanswered, and counts as a sign of
   * life.
   */
  readonly keepsState?: boolean;
  /** Not knowing a connection, it acknowledges by a ZLB with id 0 and Nr 0. */
  readonly acknowledgesNothing?: boolean;
  /**
   * It has room for one unread message, reads after 2 ms, and is stuck for 50 s when another overwrote an
   * unread one.
   */
  readonly hasOneSlot?: boolean;
  /** Retransmissions each 5 s, 8 of them; else after 1, 2, 4, 8 and 16 s. */
  readonly isSlow?: boolean;
}

interface Queued {
  readonly name: MessageName;
  readonly avps: AvpValues;
  readonly ns: number;
}

const HELLO_MS = 25_000;
const READ_MS = 2;
const STUCK_MS = 50_000;

/**
 * A peer with one connection and one session that sends one message at a time, sans IO as an LCCE is: inputs
 * and a time to effects.
 */
export class OddPeer {
  readonly #oddity: Oddity;
  readonly #random: SeededRandom;
  readonly #path: PsnPath;
  readonly #remoteEndId: Uint8Array;
  #effects: Effect[] = [];
  #nowMs = 0;
  #state: "idle" | "wait" | "established" = "idle";
  #id = 0;
  #remoteId = 0;
  #ns = 0;
  #nr = 0;
  #queue: Queued[] = [];
  #tries = 0;
  #retransmitMs: number | undefined;
  #heardMs = 0;
  #dialMs: number | undefined;
  #callMs: number | undefined;
  #unread: { readonly atMs: number; readonly octets: Uint8Array } | undefined;
  #stuckMs: number | undefined;
  /** Until then what it began must be up, or it begins anew. */
  #patienceMs: number | undefined;
  #ids: { local: number; remote: number } | undefined;
  /** Ids of its session, seen from it, while it holds it to be established. */
  session: { readonly local: number; readonly remote: number } | undefined;

  constructor(oddity: Oddity, path: PsnPath, remoteEndId: Uint8Array, random: SeededRandom) {
    this.#oddity = oddity;
    this.#path = path;
    this.#remoteEndId = remoteEndId;
    this.#random = random;
    if (oddity.redialMs !== undefined) this.#dialMs = 0;
  }

  /** As after kill -9 and a start: it knows nothing. */
  crash(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#forget();
    this.#unread = undefined;
    this.#stuckMs = undefined;
    if (this.#dialMs !== undefined) this.#dialMs = nowMs;
  }

  get deadlineMs(): number | undefined {
    const hello =
      this.#state === "established" && this.#queue.length === 0 ? this.#heardMs + HELLO_MS : undefined;
    const all = [
      this.#retransmitMs,
      this.#dialMs,
      this.#callMs,
      this.#unread?.atMs,
      this.#stuckMs,
      this.#patienceMs,
      hello,
    ];
    const some = all.filter((atMs) => atMs !== undefined);
    return some.length === 0 ? undefined : Math.min(...some);
  }

  handle(input: Input, nowMs: number): readonly Effect[] {
    this.#nowMs = nowMs;
    if (input.kind === "datagram") this.#arrive(input.octets);
    return this.#finish();
  }

  expire(nowMs: number): readonly Effect[] {
    this.#nowMs = nowMs;
    if (this.#isDue(this.#stuckMs)) this.crash(nowMs);
    if (this.#isDue(this.#patienceMs)) this.#forget();
    if (this.#unread !== undefined && this.#isDue(this.#unread.atMs)) {
      const { octets } = this.#unread;
      this.#unread = undefined;
      this.#read(octets);
    }
    if (this.#isDue(this.#dialMs)) this.#dial();
    if (this.#isDue(this.#callMs)) this.#call();
    if (this.#isDue(this.#retransmitMs)) this.#retransmit();
    if (this.#state === "established" && this.#queue.length === 0 && this.#isDue(this.#heardMs + HELLO_MS))
      this.#send("HELLO", {});
    return this.#finish();
  }

  #isDue(atMs: number | undefined): boolean {
    return atMs !== undefined && atMs <= this.#nowMs;
  }

  #finish(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #arrive(octets: Uint8Array): void {
    if (!this.#oddity.hasOneSlot) return this.#read(octets);
    if (this.#stuckMs !== undefined) return;
    if (this.#unread !== undefined) this.#stuckMs = this.#nowMs + STUCK_MS;
    else this.#unread = { atMs: this.#nowMs + READ_MS, octets };
  }

  #read(octets: Uint8Array): void {
    const decoded = decodeControlMessage(octets);
    const { controlConnectionId, ns } = decoded.header;
    const name = decoded.kind === "message" ? decoded.message.name : undefined;
    if (name === "SCCRQ") return this.#takeSccrq(decoded);
    if (this.#state === "idle" || (!this.#oddity.ignoresIds && controlConnectionId !== this.#id)) {
      const answers = this.#oddity.acknowledgesNothing && name !== undefined && this.#state === "idle";
      if (answers) this.#transmit(encodeControlMessage({ controlConnectionId: 0, ns: 0, nr: 0 }, undefined));
      return;
    }
    this.#heardMs = this.#nowMs;
    this.#acknowledged(decoded.header.nr);
    if (decoded.kind !== "message" || name === "ACK") return;
    if (ns === this.#nr) {
      this.#nr += 1;
      this.#acknowledge();
      this.#take(decoded.message.name, decoded.message.avps);
    } else if (ns < this.#nr) this.#acknowledge();
  }

  #takeSccrq(decoded: DecodedControlMessage): void {
    if (decoded.kind !== "message" || this.#oddity.isDeaf) return;
    if (this.#oddity.keepsState && this.#state !== "idle") {
      this.#heardMs = this.#nowMs;
      return;
    }
    const remoteId = decoded.message.avps.assignedControlConnectionId ?? 0;
    if (this.#state !== "idle" && remoteId === this.#remoteId) return this.#acknowledge();
    this.#begin();
    this.#remoteId = remoteId;
    this.#nr = 1;
    this.#send("SCCRP", this.#openingAvps());
  }

  #take(name: MessageName, avps: AvpValues): void {
    const remote = avps.localSessionId ?? 0;
    const ids = this.#ids;
    if (name === "SCCRP") {
      this.#remoteId = avps.assignedControlConnectionId ?? 0;
      this.#send("SCCCN", {});
      this.#establish();
    } else if (name === "SCCCN") this.#establish();
    else if (name === "StopCCN") this.#forget();
    else if (name === "ICRQ") {
      this.session = undefined;
      this.#callMs = undefined;
      this.#ids = { local: 1 + Math.floor(this.#random.next() * 0x7fff_fffe), remote };
      this.#send("ICRP", { ...this.#sessionIds(), circuitStatus: circuitStatus(true) });
    } else if (name === "ICRP" && ids !== undefined) {
      ids.remote = remote;
      this.#patienceMs = undefined;
      this.#send("ICCN", { ...this.#sessionIds(), circuitStatus: circuitStatus(true) });
      this.session = { ...ids };
    } else if (name === "ICCN" && ids !== undefined) {
      this.#patienceMs = undefined;
      this.session = { ...ids };
    } else if (name === "CDN" && avps.remoteSessionId === ids?.local) this.#disconnected();
  }

  /** Those that dial give the whole connection up when their session ends. */
  #disconnected(): void {
    this.session = undefined;
    this.#ids = undefined;
    if (this.#oddity.callAfterMs !== undefined) this.#forget();
  }

  #establish(): void {
    this.#state = "established";
    const { callAfterMs } = this.#oddity;
    this.#patienceMs = callAfterMs === undefined ? undefined : this.#nowMs + callAfterMs + STUCK_MS;
    if (callAfterMs !== undefined) this.#callMs = this.#nowMs + callAfterMs;
  }

  #call(): void {
    this.#callMs = undefined;
    this.#ids = { local: 1 + Math.floor(this.#random.next() * 0x7fff_fffe), remote: 0 };
    this.#send("ICRQ", {
      ...this.#sessionIds(),
      pseudowireType: 5,
      remoteEndId: this.#remoteEndId,
      circuitStatus: circuitStatus(true),
      ...this.#tieBreaker(),
    });
  }

  #dial(): void {
    this.#dialMs = undefined;
    this.#begin();
    this.#send("SCCRQ", { ...this.#openingAvps(), ...this.#tieBreaker() });
  }

  #begin(): void {
    this.#reset();
    this.#dialMs = undefined;
    this.#state = "wait";
    this.#patienceMs = this.#nowMs + STUCK_MS;
    this.#heardMs = this.#nowMs;
    this.#id = this.#oddity.fixedId ?? 1 + Math.floor(this.#random.next() * 0x7fff_fffe);
  }

  #forget(): void {
    this.#reset();
    if (this.#oddity.redialMs !== undefined) this.#dialMs = this.#nowMs + this.#oddity.redialMs;
  }

  #reset(): void {
    this.#state = "idle";
    this.#ns = 0;
    this.#nr = 0;
    this.#remoteId = 0;
    this.#queue = [];
    this.#tries = 0;
    this.#retransmitMs = undefined;
    this.#callMs = undefined;
    this.#patienceMs = undefined;
    this.#ids = undefined;
    this.session = undefined;
  }

  #openingAvps(): AvpValues {
    return {
      hostName: "odd",
      routerId: 1,
      assignedControlConnectionId: this.#id,
      pseudowireCapabilitiesList: [5, 4],
      receiveWindowSize: 4,
    };
  }

  #tieBreaker(): AvpValues {
    if (this.#oddity.tieBreaker === "none") return {};
    return { tieBreaker: Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 0xf0) };
  }

  #sessionIds(): AvpValues {
    return { localSessionId: this.#ids?.local ?? 0, remoteSessionId: this.#ids?.remote ?? 0 };
  }

  #send(name: MessageName, avps: AvpValues): void {
    this.#queue.push({ name, avps, ns: this.#ns });
    this.#ns += 1;
    if (this.#queue.length === 1) this.#transmitFirst();
  }

  #transmitFirst(): void {
    const [first] = this.#queue;
    if (first === undefined) return;
    const { name, avps, ns } = first;
    this.#transmit(
      encodeControlMessage({ controlConnectionId: this.#remoteId, ns, nr: this.#nr }, anyMessage(name, avps)),
    );
    this.#retransmitMs = this.#nowMs + (this.#oddity.isSlow ? 5000 : 1000 * 2 ** this.#tries);
  }

  #retransmit(): void {
    this.#tries += 1;
    if (this.#tries > (this.#oddity.isSlow ? 8 : 5)) return this.#forget();
    this.#transmitFirst();
  }

  #acknowledged(nr: number): void {
    const [first] = this.#queue;
    if (first === undefined || nr <= first.ns) return;
    this.#queue.shift();
    this.#tries = 0;
    this.#retransmitMs = undefined;
    this.#transmitFirst();
  }

  #acknowledge(): void {
    this.#transmit(
      encodeControlMessage({ controlConnectionId: this.#remoteId, ns: this.#ns, nr: this.#nr }, undefined),
    );
  }

  #transmit(octets: Uint8Array): void {
    this.#effects.push({ kind: "transmit", path: this.#path, octets });
  }
}
