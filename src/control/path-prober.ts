import { equalOctets } from "../bytes/hex.ts";
import type { Random } from "../environment.ts";
import { type PsnPath, pathKey } from "../wire/session-parameters.ts";
import type { Probe } from "./delivery-messages.ts";
import { type PathLimits, PathMtuSearch, type PathMtuSnapshot, pathMtuConstants } from "./path-mtu.ts";
import type { FoundPathMtu, PathMtuMemory } from "./path-mtu-memory.ts";
import type { FormerOctets, PathMtuEffect, PathMtuInput } from "./path-mtu-messages.ts";
import type { EchoCarrier, ProbeCarrier } from "./probe-carriers.ts";

/** TABLE: headers in front of a control message, in octets (RFC 3931 §4.1.1.2, §4.1.2.1). */
const headerOctets = { ipv4: 20, ipv6: 40, udp: 8, zeroWord: 4 } as const;
/** The longest IPv4 packet, and more than any interface but loopback takes. */
const MOST_OCTETS = 65_535;
/** TABLE: octets of an IP packet that each path takes, with room for all headers and the nonce. */
const smallOctets = { vccv: 160, echo: 100 } as const satisfies Readonly<Record<EchoCarrier, number>>;
/** Octets by which a reply is told to be that to a request of ours. */
export const NONCE_OCTETS = 16;
/** How long after its acknowledgement of a padded HELLO a peer may still refuse it. */
const SECOND_THOUGHT_MS = 200;

/** What is probed: a path, what limits packets on it, and the carriers that there are, the best first. */
export interface ProbedPath {
  readonly path: PsnPath;
  readonly limits: PathLimits;
  readonly carriers: readonly ProbeCarrier[];
}

/** An ICMP echo request in an IP packet of so many octets, header included, whose data end with the nonce. */
export interface EchoRequest {
  readonly path: PsnPath;
  /** In the control channel of a session, or to the peer's address. */
  readonly by: EchoCarrier;
  readonly octets: number;
  readonly nonce: Uint8Array;
}

/** What a prober works by. */
export interface ProberPort {
  readonly nowMs: number;
  readonly random: Random;
  /** Sends a padded HELLO; false while other messages are on their way. */
  sendHello(probe: Probe): boolean;
  sendEcho(request: EchoRequest): void;
  /** What the path is known to take changed. */
  found(found: FoundPathMtu): void;
}

/** Two echo requests on their way: one of the size that is probed, and a small one. */
interface Echo {
  readonly by: EchoCarrier;
  readonly probed: Uint8Array;
  readonly small: Uint8Array;
  readonly sentMs: number;
  readonly dueMs: number;
  isSmallAnswered: boolean;
}

/**
 * The search for the MTU of one path, with the carriers of its probes: each goes by the first carrier that
 * has not failed. Carriers fail by what they leave unanswered at a size that each path takes; when none is
 * left, all are tried again in the intervals of the search's error state.
 *
 * An echo that is not answered proves nothing of its size: with each goes a small one, and only where that is
 * answered the other counts as lost. Pure.
 */
export class PathProber {
  readonly #port: ProberPort;
  readonly #memory: PathMtuMemory;
  #search: PathMtuSearch | undefined;
  #probed: ProbedPath | undefined;
  /** The limits that the search knows. */
  #limits: PathLimits | undefined;
  #wanted: (PathMtuEffect & { readonly kind: "probe" }) | undefined;
  #echo: Echo | undefined;
  /** Pairs of echo requests in a row of which nothing was answered. */
  #unanswered = 0;
  #sentBy: ProbeCarrier | undefined;
  #by: ProbeCarrier | undefined;
  #takesHellos = false;
  readonly #failed = new Set<ProbeCarrier>();
  /** Until when the peer may answer the last padded HELLO. */
  #helloUntilMs = Number.NEGATIVE_INFINITY;

  /** `memory` has what a prober before found of the path, and gets what this one finds. */
  constructor(port: ProberPort, memory: PathMtuMemory) {
    this.#port = port;
    this.#memory = memory;
  }

  /** What is known; undefined while nothing is searched for. */
  get snapshot(): PathMtuSnapshot | undefined {
    if (this.#search === undefined || this.#search.state === "disabled") return undefined;
    const { state, octets, measuredMs } = this.#search;
    return { state, octets, measuredMs, by: octets === undefined ? undefined : this.#by };
  }

  /** When `expire` is next due, in ms of the clock; undefined for never. */
  get deadlineMs(): number | undefined {
    return this.#echo?.dueMs ?? this.#search?.deadlineMs;
  }

  /** Whether the peer acknowledged a padded HELLO as it came, once at least. */
  get takesHellos(): boolean {
    return this.#takesHellos;
  }

  /** Whether what the peer does now may be its answer to a padded HELLO. */
  get isUponHello(): boolean {
    return this.#port.nowMs <= this.#helloUntilMs;
  }

  /** A data message of a session came or went. */
  dataPassed(): void {
    this.#input({ kind: "data" });
  }

  expire(): void {
    const { deadlineMs } = this;
    if (deadlineMs === undefined || this.#port.nowMs < deadlineMs) return;
    if (this.#echo !== undefined) return this.#echoOver();
    if (this.#search?.state === "error") this.#failed.clear();
    this.#input({ kind: "time" });
  }

  /** An echo reply came whose data end with this nonce. */
  answered(nonce: Uint8Array): void {
    const echo = this.#echo;
    if (echo === undefined) return;
    if (equalOctets(nonce, echo.small)) echo.isSmallAnswered = true;
    if (!equalOctets(nonce, echo.probed)) return;
    this.#echo = undefined;
    this.#unanswered = 0;
    this.#acknowledged(echo.by, echo.sentMs);
  }

  /**
   * Follows the path, its limits and its carriers, and sends the probe that is wanted, if it can be sent now.
   * Undefined, or no carriers: nothing is probed.
   */
  update(probed: ProbedPath | undefined): void {
    if (probed === undefined || probed.carriers.length === 0) return this.#stop();
    const before = this.#probed;
    this.#probed = probed;
    for (const carrier of this.#failed) if (!probed.carriers.includes(carrier)) this.#failed.delete(carrier);
    this.#followPath(before?.path, probed);
    this.#followLimits(probed.limits);
    this.#followCarriers();
    this.#send(probed);
  }

  #stop(): void {
    this.#wanted = undefined;
    this.#echo = undefined;
    this.#failed.clear();
    if (this.#search === undefined || this.#search.state === "disabled") return;
    this.#input({ kind: "unreachable" });
  }

  #followPath(before: PsnPath | undefined, { path, limits }: ProbedPath): void {
    if (before === undefined || isV6(before) !== isV6(path)) {
      if (before !== undefined) this.#stop();
      this.#search = new PathMtuSearch(isV6(path) ? 6 : 4);
    } else if (before !== path && pathKey(before) !== pathKey(path)) {
      this.#echo = undefined;
      this.#failed.clear();
      this.#input({ kind: "path-changed", ...this.#formerOf(path) });
    }
    if (this.#search?.state !== "disabled") return;
    this.#limits = undefined;
    this.#input({ kind: "reachable", interfaceOctets: mostOctets(limits), ...this.#formerOf(path) });
  }

  #formerOf(path: PsnPath): { readonly former?: FormerOctets } {
    const former = this.#memory.of(path);
    if (former === undefined) return {};
    this.#by = former.by;
    return { former };
  }

  #followLimits(limits: PathLimits): void {
    const before = this.#limits;
    this.#limits = limits;
    if (before !== undefined && before.interfaceOctets !== limits.interfaceOctets)
      this.#input({ kind: "interface", octets: mostOctets(limits) });
    const octets = limits.reportedOctets;
    const formerOctets = before?.reportedOctets;
    if (octets === formerOctets) return;
    const isMore = formerOctets !== undefined && (octets === undefined || octets > formerOctets);
    if (isMore) this.#input({ kind: "report-ended" });
    if (octets !== undefined) this.#input({ kind: "reported", octets });
  }

  /** What a lesser carrier measured is confirmed by a better one, which came later. */
  #followCarriers(): void {
    const [best] = this.#carriers;
    const all = this.#probed?.carriers ?? [];
    if (best === undefined || this.#by === undefined || all.indexOf(best) >= all.indexOf(this.#by)) return;
    if (this.#wanted === undefined && this.#echo === undefined) this.#input({ kind: "confirm" });
  }

  /** Carriers that may be answered, in order. */
  get #carriers(): readonly ProbeCarrier[] {
    return this.#probed?.carriers.filter((carrier) => !this.#failed.has(carrier)) ?? [];
  }

  #send({ path, carriers }: ProbedPath): void {
    const wanted = this.#wanted;
    const carrier = this.#carriers[0] ?? carriers[0];
    if (wanted === undefined || carrier === undefined || this.#echo !== undefined) return;
    if (carrier === "hello" && !this.#sendHello(path, wanted)) return;
    this.#sentBy = carrier;
    this.#wanted = undefined;
    if (carrier !== "hello") this.#sendEchoes(carrier, path, wanted);
  }

  #sendHello(path: PsnPath, { octets, waitMs }: PathMtuEffect & { readonly kind: "probe" }): boolean {
    const { nowMs: sentMs } = this.#port;
    const ended: Probe["ended"] = (how) => {
      // Some acknowledge first and then look at what they got.
      this.#helloUntilMs = this.#port.nowMs + (how === "acknowledged" ? SECOND_THOUGHT_MS : -1);
      if (how === "acknowledged") this.#acknowledged("hello", sentMs);
      else this.#input({ kind: how });
    };
    const isSent = this.#port.sendHello({ paddedTo: octets - headersOf(path), waitMs, ended });
    if (isSent) this.#helloUntilMs = sentMs + waitMs;
    return isSent;
  }

  #sendEchoes(
    by: EchoCarrier,
    path: PsnPath,
    { octets, waitMs }: PathMtuEffect & { readonly kind: "probe" },
  ): void {
    const { nowMs: sentMs, random } = this.#port;
    const [probed, small] = [random.octets(NONCE_OCTETS), random.octets(NONCE_OCTETS)];
    this.#echo = { by, probed, small, sentMs, dueMs: sentMs + waitMs, isSmallAnswered: false };
    this.#port.sendEcho({ path, by, octets, nonce: probed });
    this.#port.sendEcho({ path, by, octets: smallOctets[by], nonce: small });
  }

  #acknowledged(by: ProbeCarrier, sentMs: number): void {
    this.#by = by;
    if (by === "hello") this.#takesHellos = true;
    this.#input({ kind: "acknowledged", roundTripMs: this.#port.nowMs - sentMs });
  }

  /** No answer came in time to an echo request of the probed size. */
  #echoOver(): void {
    const { isSmallAnswered = false, by = "echo" } = this.#echo ?? {};
    this.#echo = undefined;
    this.#unanswered = isSmallAnswered ? 0 : this.#unanswered + 1;
    if (isSmallAnswered) return this.#input({ kind: "lost" });
    if (this.#unanswered < pathMtuConstants.probes) return this.#input({ kind: "withdrawn" });
    this.#unanswered = 0;
    this.#failed.add(by);
    this.#input({ kind: this.#carriers.length === 0 ? "unanswered" : "withdrawn" });
  }

  #input(input: PathMtuInput): void {
    const search = this.#search;
    if (search === undefined) return;
    const effects = search.handle(input, this.#port.nowMs);
    if (search.state === "disabled") this.#wanted = undefined;
    for (const effect of effects) {
      if (effect.kind === "probe") this.#wanted = effect;
      else this.#report(effect.octets, search);
    }
    const isGivenUp = search.state === "error" && this.#wanted === undefined;
    if (isGivenUp && input.kind === "lost") this.#giveUpCarrier();
  }

  /** Probes of a size that each path takes were lost: the next carrier may do better. */
  #giveUpCarrier(): void {
    if (this.#sentBy !== undefined) this.#failed.add(this.#sentBy);
    if (this.#carriers.length > 0) this.#input({ kind: "carrier-changed" });
  }

  #report(octets: number | undefined, { state }: PathMtuSearch): void {
    if (this.#probed === undefined) return;
    const by = octets === undefined ? undefined : this.#by;
    const found = { path: this.#probed.path, octets, state, by };
    this.#memory.note(found, this.#port.nowMs);
    this.#port.found(found);
  }
}

function mostOctets({ interfaceOctets }: PathLimits): number {
  return Math.min(interfaceOctets, MOST_OCTETS);
}

function isV6({ remoteAddress }: PsnPath): boolean {
  return remoteAddress.includes(":");
}

/** Octets in front of a control message in the IP packet. */
function headersOf(path: PsnPath): number {
  const { ipv4, ipv6, udp, zeroWord } = headerOctets;
  return (isV6(path) ? ipv6 : ipv4) + (path.encapsulation === "udp" ? udp : zeroWord);
}
